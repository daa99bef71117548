"""The whole chain: spans of any number of whole sessions in, every derived table out."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis import tables
from otel_llmops.analysis.agent_rows import agent_rows
from otel_llmops.analysis.agents import activations
from otel_llmops.analysis.bottlenecks import bottlenecks
from otel_llmops.analysis.coalition_rows import coalition_rows
from otel_llmops.analysis.code import code_of
from otel_llmops.analysis.columns import codes, whole
from otel_llmops.analysis.coordination_rows import coordination_rows, with_spending
from otel_llmops.analysis.drift import Embed, drift
from otel_llmops.analysis.drift_rows import drift_rows
from otel_llmops.analysis.findings import Findings
from otel_llmops.analysis.forest import Mask
from otel_llmops.analysis.functions import function_tables
from otel_llmops.analysis.handoffs import handoffs, in_order
from otel_llmops.analysis.readings import Readings, read
from otel_llmops.analysis.sessions import Sessions, sessions
from otel_llmops.analysis.tokens import ledger
from otel_llmops.model.schemas import DERIVED, SPANS, empty, require
from otel_llmops.semconv import Kind

__all__ = ["Derived", "analyse", "once"]

Derived = Mapping[str, pa.Table]
"""Table name -> rows; names and schemas of model.schemas.DERIVED."""


def analyse(
    spans: pa.Table, *, open_traces: pa.Array | None = None, embed: Embed | None = None
) -> Derived:
    """Analyse whole sessions.

    In:     SPANS, n rows in any order: all spans of the sessions they belong to. `open_traces`
            are trace ids that may still grow; their sessions' rows say `final: false`. `embed`
            lends context drift its sense for other words.
    Out:    every table of DERIVED, in the order of their sessions' first spans.
    Raises: SchemaError, if a column of SPANS is missing or mistyped.
    Edge:   A span that came twice counts once, in whatever bytes; two different spans with one id
            both count.
    Cost:   O(n log n).
    """
    spans = once(require(spans, SPANS))
    if not spans.num_rows:
        return {name: empty(schema) for name, schema in DERIVED.items()}
    readings = read(spans)
    tied = sessions(readings)
    acts = activations(readings, tied.session)
    edges = in_order(readings, acts, handoffs(readings, acts, tied.run), tied.session)
    found = Findings(
        readings=readings,
        sessions=tied,
        acts=acts,
        ledger=ledger(readings, tied.session),
        edges=edges,
        drift=drift(readings, acts, edges, tied.run, embed=embed),
        code=code_of(readings),
        failure=_failures(readings),
        final=_final(readings, tied, open_traces),
    )
    operations = tables.operations(found)
    agents = agent_rows(found, operations)
    passed = with_spending(tables.handoff_rows(found), found, operations)
    session_rows = tables.session_rows(found, operations, passed, agents)
    made = {
        "agent_operations": operations,
        "agent_handoffs": passed,
        "agents": agents,
        "sessions": session_rows,
        "session_keys": tables.session_keys(found),
        "token_ledger": tables.ledger_rows(found),
        "coordination_graphs": coordination_rows(passed, agents),
        "coalitions": coalition_rows(found, agents, session_rows),
        "context_drift": drift_rows(found, passed),
        "bottlenecks": bottlenecks(found),
        **function_tables(found, operations),
    }
    return {
        name: require(made[name], schema) if name in made else empty(schema)
        for name, schema in DERIVED.items()
    }


def once(spans: pa.Table) -> pa.Table:
    """Leave out spans that came twice: byte for byte, or written in another way.

    In:   SPANS, n rows in any order.
    Out:  SPANS, the first of each.
    Cost: O(n log n) where any came twice, else O(n).
    """
    key = ["trace_id", "span_id"]
    numbered = spans.select([*key, "span_wire"])
    numbered = numbered.append_column("row", pa.array(np.arange(spans.num_rows)))
    by_id = numbered.group_by(key, use_threads=False).aggregate([("row", "min")])
    if by_id.num_rows == spans.num_rows:
        return spans
    first = numbered.group_by([*key, "span_wire"], use_threads=False).aggregate([("row", "min")])
    once = spans.take(first.column("row_min"))
    return once if by_id.num_rows == once.num_rows else _once_by_content(once)


_SAID = (
    "parent_span_id",
    "name",
    "kind",
    "status_code",
    "status_message",
    "service",
    "scope_name",
    "attributes",
    "links",
)


def _once_by_content(spans: pa.Table) -> pa.Table:
    """Of spans with one id that say the same, the one whose bytes come first.

    One way to a collector may write protobuf, another JSON, and none keeps the order of attributes.
    """
    order = [(name, "ascending") for name in ("trace_id", "span_id", "span_wire")]
    spans = spans.sort_by(order)
    trace, own = (whole(spans.column(name)) for name in ("trace_id", "span_id"))
    ids, _ = codes(pc.binary_join_element_wise(trace, own, " "))
    shared = np.flatnonzero(np.bincount(ids)[ids] > 1)
    said = _said(spans.take(pa.array(shared)))
    seen: set[tuple[int, str]] = set()
    kept = np.ones(spans.num_rows, dtype=bool)
    for place, number, content in zip(shared.tolist(), ids[shared].tolist(), said, strict=True):
        kept[place] = (number, content) not in seen
        seen.add((number, content))
    return spans.filter(pa.array(kept))


def _said(spans: pa.Table) -> list[str]:
    """All that a span says, but for the order of its attributes."""
    rows = spans.select(_SAID).to_pylist()
    times = [spans.column(name).cast(pa.int64()).to_pylist() for name in ("start_time", "end_time")]
    events = whole(spans.column("events"))
    flat = events.flatten()
    happened = list(
        zip(
            flat.field("time").cast(pa.int64()).to_pylist(),
            flat.field("name").to_pylist(),
            map(sorted, flat.field("attributes").to_pylist()),
            strict=True,
        )
    )
    ends = np.cumsum(pc.list_value_length(events)).tolist()
    starts = [0, *ends]
    return [
        repr((sorted(row.pop("attributes")), row, start, end, happened[first:last]))
        for row, start, end, first, last in zip(rows, *times, starts[:-1], ends, strict=True)
    ]


def _failures(readings: Readings) -> Mask:
    """Operations that failed on their own account: none below them failed first."""
    operation = readings.is_kind(Kind.LLM, Kind.TOOL, Kind.AGENT, Kind.RETRIEVAL, Kind.EMBEDDINGS)
    failed = readings.failed & operation
    below = readings.forest.subtree_sum(failed.astype(np.int64)) - failed
    first: Mask = failed & (below == 0)
    return first


def _final(readings: Readings, tied: Sessions, open_traces: pa.Array | None) -> Mask:
    """For each session whether all its traces have settled."""
    final = np.ones(len(tied.ids), dtype=bool)
    if open_traces is not None and len(open_traces):
        trace, trace_ids = codes(whole(readings.spans.column("trace_id")))
        growing = np.asarray(pc.is_in(trace_ids, value_set=open_traces))
        final[np.unique(tied.session[growing[trace]])] = False
    return final
