"""Which traces make one session, and what the session is called.

Strategy: traces are nodes; a span link to another trace and a conversation id that two traces
share are edges; a session is a connected component. It is named by the root-most conversation id,
or by its earliest trace where no conversation id is known. Links, and ids that say so, make a
*run*: one piece of work in several traces, within which one agent may hand over to the next.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.attributes import Attributes
from otel_llmops.analysis.columns import (
    by_distinct,
    codes,
    distinct_pairs,
    filled,
    places,
    whole,
)
from otel_llmops.analysis.forest import Ints
from otel_llmops.analysis.readings import Readings
from otel_llmops.semconv import CONCEPTS, NO_ID

__all__ = [
    "Sessions",
    "components",
    "conversation_ids",
    "linked_traces",
    "sessions",
    "through",
    "usable",
]


_ID_BYTES_MAX = 1024
"""A longer id says nothing: its trace is a session by itself. Ids are keys of every table and
stand in statements by the thousand; 1,200 of 100 KB stopped the store for good."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """`session` and `run` are numbers for each span; `ids` the sessions' names by number.

    `key`, `key_kind`, `key_session` list what leads to each session: trace and conversation ids.
    """

    session: Ints
    run: Ints
    ids: pa.Array
    key: pa.Array
    key_kind: pa.Array
    key_session: Ints


def conversation_ids(spans: pa.Table) -> pa.Array:
    """The distinct conversation ids on the spans."""
    places = CONCEPTS["conversation"]
    said = Attributes(spans, np.arange(spans.num_rows), places=places).text(places)
    ids = pc.unique(usable(said))
    return ids.filter(pc.not_equal(ids, ""))


def linked_traces(spans: pa.Table) -> pa.Array:
    """The distinct trace ids that span links lead to."""
    links = whole(spans.column("links")).flatten()
    return pc.unique(links.field("trace_id")) if len(links) else pa.array([], type=pa.string())


def sessions(readings: Readings) -> Sessions:
    """Tie traces together.

    In:   Readings, n rows.
    Out:  Sessions.
    Edge: A link to a trace that is not among the rows ties nothing.
    Cost: O((traces + edges) log traces).
    """
    spans = readings.spans
    trace, trace_ids = codes(whole(spans.column("trace_id")))
    conversation = usable(readings.concept("conversation"))
    spoken, spoken_ids = codes(conversation)
    has = filled(conversation)
    links = np.vstack([_link_edges(readings, trace, trace_ids), _run_edges(readings, trace)])
    run = components(len(trace_ids), links)
    talk = np.column_stack(distinct_pairs(trace[has], spoken[has]))
    tied = through(talk), _named_after(talk, spoken_ids, trace_ids)
    bridged = np.vstack([links, *tied]) if len(talk) else links
    joined = components(len(trace_ids), bridged)
    session = joined[trace]
    ids = _names(readings, session, conversation, has, trace_ids)
    # Each conversation id once, and not those that are the id of a trace here: that leads there too
    told, first = np.unique(talk[:, 1], return_index=True)
    fresh = ~np.asarray(pc.is_in(spoken_ids.take(pa.array(told)), value_set=trace_ids))
    told, owner = told[fresh], joined[talk[first[fresh], 0]]
    kinds = np.repeat(["trace", "conversation"], [len(trace_ids), len(told)])
    return Sessions(
        session=session,
        run=run[trace],
        ids=ids,
        key=pa.concat_arrays([trace_ids, spoken_ids.take(pa.array(told))]),
        key_kind=pa.array(kinds.tolist(), type=pa.string()),
        key_session=np.concatenate([joined, owner]),
    )


def _names(
    readings: Readings, session: Ints, conversation: pa.Array, has: np.ndarray, trace_ids: pa.Array
) -> pa.Array:
    """The session's name: of its conversation ids the root-most, else its earliest trace's id."""
    count = int(session.max(initial=-1)) + 1
    start, depth = readings.start, readings.forest.depth
    rows = np.flatnonzero(has)
    order = rows[np.lexsort((rows, start[rows], depth[rows], session[rows]))]
    named, first = np.unique(session[order], return_index=True)
    every = np.lexsort((np.arange(len(session)), start, session))
    _, earliest = np.unique(session[every], return_index=True)
    trace = whole(readings.spans.column("trace_id"))
    text = trace.take(pa.array(every[earliest])).to_pylist()
    spoken = conversation.take(pa.array(order[first])).to_pylist()
    for number, name in zip(named.tolist(), spoken, strict=True):
        text[number] = name
    assert len(text) == count  # noqa: S101 - every session has spans
    return pa.array(text, type=pa.string())


def _link_edges(readings: Readings, trace: Ints, trace_ids: pa.Array) -> Ints:
    target = places(readings.link_trace, trace_ids)
    known = target >= 0
    return np.column_stack([trace[readings.link_owner[known]], target[known]])


def _run_edges(readings: Readings, trace: Ints) -> Ints:
    """Edges between traces that say that they are one piece of work."""
    said = usable(readings.concept("run"))
    has = filled(said)
    number, _ = codes(said)
    return through(np.column_stack(distinct_pairs(trace[has], number[has])))


def through(pairs: Ints) -> Ints:
    """Edges between traces that share an id: each to the first one with it."""
    order = np.lexsort((pairs[:, 0], pairs[:, 1]))
    trace, shared = pairs[order, 0], pairs[order, 1]
    _, first, place = np.unique(shared, return_index=True, return_inverse=True)
    return np.column_stack([trace, trace[first][place]])


def _named_after(talk: Ints, spoken_ids: pa.Array, trace_ids: pa.Array) -> Ints:
    """Edges to traces whose id is used as a conversation id: both would have the same name."""
    target = places(spoken_ids, trace_ids)[talk[:, 1]]
    known = target >= 0
    return np.column_stack([talk[known, 0], target[known]])


def usable(conversation: pa.Array) -> pa.Array:
    """Conversation ids as they are, '' for those that no program means as one."""
    return by_distinct(conversation, _usable_ones)


def _usable_ones(conversation: pa.Array) -> pa.Array:
    short = pc.less_equal(pc.binary_length(conversation), _ID_BYTES_MAX)
    absent = pc.is_in(pc.utf8_lower(conversation), value_set=pa.array(sorted(NO_ID)))
    return pc.if_else(pc.and_not(short, absent), conversation, "")


def components(count: int, edges: Ints) -> Ints:
    """A number, from 0 without gaps, for each connected component.

    Label propagation with pointer jumping: the lowest number spreads, and jumps on to what it
    finds, so a chain of n traces takes log n rounds.
    """
    label = np.arange(count)
    while len(edges):
        before = label.copy()
        low = np.minimum(label[edges[:, 0]], label[edges[:, 1]])
        for side in (0, 1):
            np.minimum.at(label, label[edges[:, side]], low)
            np.minimum.at(label, edges[:, side], low)
        label = label[label]
        if np.array_equal(before, label):
            break
    return np.unique(label, return_inverse=True)[1].astype(np.int64)
