"""Spans that are too many for one memory, in parts that can be analysed each alone.

Strategy: what ties traces together is a small table, made of any spans at a time (`ties`). From all
of it follow the traces of each part (`parts`): no session is in two of them, so the analysis of all
spans is the analyses of the parts, one after the other.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.attributes import Attributes
from otel_llmops.analysis.columns import codes, whole
from otel_llmops.analysis.sessions import components, through, usable
from otel_llmops.model.schemas import SPANS, require
from otel_llmops.semconv import CONCEPTS

__all__ = ["TIES", "parts", "ties"]

TIES = pa.schema(
    [
        pa.field("trace_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("key", pa.string(), nullable=False),
        pa.field("spans", pa.int64(), nullable=False),
    ]
)
"""What ties a trace to others, once for each: `kind` is trace (its own id), conversation, run or
link; `spans` is how many spans say so."""


def ties(spans: pa.Table) -> pa.Table:
    """What ties the traces of these spans together.

    In:     SPANS, n rows in any order: any part of all spans.
    Out:    TIES, in no order that means anything.
    Raises: SchemaError, if a column of SPANS is missing or mistyped.
    Cost:   O(n).
    """
    spans = require(spans, SPANS)
    trace = whole(spans.column("trace_id"))
    rows = np.arange(spans.num_rows)
    said = CONCEPTS["conversation"] + CONCEPTS["run"]
    attributes = Attributes(spans, rows, places=said)
    links = whole(spans.column("links"))
    linking = trace.take(pc.list_parent_indices(links))
    found = [
        (trace, "trace", trace),
        (trace, "conversation", usable(attributes.text(CONCEPTS["conversation"]))),
        (trace, "run", usable(attributes.text(CONCEPTS["run"]))),
        (linking, "link", links.flatten().field("trace_id")),
    ]
    every = pa.concat_tables(_tie(*each) for each in found)
    every = every.filter(pc.not_equal(every["key"], ""))
    return _once(every)


def parts(tied: pa.Table, *, spans_max: int) -> Sequence[pa.Array]:
    """The trace ids of each part.

    In:   TIES of all spans, of one trace any number of times; `spans_max` of a part {span}.
    Out:  trace ids, every one in one part; a session is in the part of all its traces.
    Edge: A session of more spans is a part by itself.
    Cost: O(n log n).
    """
    tied = _once(tied)
    own = tied.filter(pc.equal(tied["kind"], "trace"))
    trace_ids, sizes = whole(own["trace_id"]), np.asarray(own["spans"])
    is_link = pc.equal(tied["kind"], "link")
    # a link to a trace that nobody has ties nothing (sessions.sessions)
    tied = tied.filter(pc.or_(pc.invert(is_link), pc.is_in(tied["key"], value_set=trace_ids)))
    # the id of a conversation may be that of a trace, and then it is one; that of a run is not
    sort = pc.if_else(pc.equal(tied["kind"], "run"), "run", "id")
    shared, _ = codes(whole(pc.binary_join_element_wise(sort, tied["key"], " ")))
    trace = np.asarray(pc.index_in(tied["trace_id"], value_set=trace_ids)).astype(np.int64)
    session = components(len(trace_ids), through(np.column_stack([trace, shared])))
    spans = np.bincount(session, weights=sizes).astype(np.int64)
    part = _filled(spans.tolist(), spans_max)
    of_trace = np.asarray(part, dtype=np.int64)[session]
    return [
        trace_ids.filter(pa.array(of_trace == number))
        for number in range(max(part, default=-1) + 1)
    ]


def _filled(sizes: Sequence[int], size_max: int) -> list[int]:
    """The part of each session: parts are filled one after the other."""
    part, number, size = [], 0, 0
    for each in sizes:
        if size and size + each > size_max:
            number, size = number + 1, 0
        part.append(number)
        size += each
    return part


def _tie(trace: pa.Array, kind: str, key: pa.Array) -> pa.Table:
    kinds = pa.repeat(pa.scalar(kind, pa.string()), len(trace))
    ones = pa.repeat(pa.scalar(1, pa.int64()), len(trace))
    return pa.table([trace, kinds, key, ones], schema=TIES)


def _once(tied: pa.Table) -> pa.Table:
    grouped = tied.group_by(TIES.names[:3], use_threads=False).aggregate([("spans", "sum")])
    return grouped.rename_columns(TIES.names).cast(TIES)
