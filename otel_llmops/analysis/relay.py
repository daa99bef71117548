"""Whose work it is where only the hand-overs are told.

Strategy: some instrumentations show model and tool calls side by side and no agent around them,
but a handoff tool among them, or now and then the name of the agent that acts. Within such a scope
(a workflow, or the parent of spans that name who acts) the name said last holds until the next one;
before the first, the agent that the session made first holds, if it made any.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.applications import instructions_of, same_instructions
from otel_llmops.analysis.columns import codes, filled
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.names import plain, plumbing
from otel_llmops.analysis.readings import Readings
from otel_llmops.semconv import PLUMBING, Kind

__all__ = ["Created", "created", "relayed"]


@dataclass(frozen=True, slots=True)
class Created:
    """Agents that sessions are seen to make, in order of time."""

    session: Ints
    name: pa.Array


def created(readings: Readings, session: Ints) -> Created:
    """The agents that `create_agent` spans name, or list as the members of a graph."""
    rows = np.flatnonzero(readings.is_kind(Kind.CREATION))
    place = pa.array(rows)
    names = readings.agent_name.take(place).to_pylist()
    members = readings.concept("members").take(place).to_pylist()
    found = [
        (int(session[row]), name)
        for row, own, listed in zip(rows.tolist(), names, members, strict=True)
        for name in [own, *listed.split(", ")]
        if name.strip().lower() not in PLUMBING
    ]
    return Created(
        np.array([number for number, _ in found], dtype=np.int64),
        pa.array([name for _, name in found], type=pa.string()),
    )


def relayed(
    readings: Readings, name: pa.Array, head: Mask, head_of: Ints, made: Created, session: Ints
) -> tuple[pa.Array, Mask]:
    """Names for the operations that no activation owns, and which heads are pieces of work.

    In:   Readings (n rows), the marks so far, the heads they make, each row's head (-1: none).
    Out:  string array of n rows, '' where there is no name; and a mask of n rows: in these scopes
          an activation is told in pieces, which may be one where they follow each other.
    Edge: A handoff to an agent whose own span is in the scope says nothing: that span does.
    Cost: O(n log n) for the rows of scopes that qualify, nothing elsewhere.
    """
    nobody = pa.array(np.full(len(head), ""), type=pa.string())
    scope = _scopes(readings)
    free = (head_of < 0) & (scope >= 0)
    instructions = instructions_of(readings.attributes)
    told = _told(readings, free, scope, instructions)
    acting = ~plumbing(readings.acting_agent)
    qualified = np.isin(scope, np.unique(scope[(told | acting) & (scope >= 0)]))
    pieces = head & qualified
    operation = free & readings.is_kind(Kind.LLM, Kind.TOOL) & qualified
    rows = np.flatnonzero(operation)
    if not len(rows):
        return nobody, pieces
    names = pc.if_else(pa.array(acting & ~head), readings.acting_agent, name)
    names = pc.if_else(pa.array(told), readings.hints.target, names)
    events = _events(readings, pieces, (told, acting & free), scope, plain(names))
    speaker = _speakers(readings, rows, scope, events)
    speaker = _by_instructions(instructions.take(pa.array(rows)), scope[rows], speaker)
    early = _first_made(made, session[rows])
    early = pc.if_else(pa.array(np.isin(scope[rows], scope[told])), early, None)
    spoken = names.take(pa.array(speaker, mask=speaker < 0))
    place = np.full(len(head), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    found = pc.fill_null(pc.coalesce(spoken, early), "")
    relay = pc.fill_null(found.take(pa.array(place, mask=place < 0)), "")
    return relay, pieces | operation


def _told(readings: Readings, free: Mask, scope: Ints, instructions: pa.Array) -> Mask:
    """Words that hand over to somebody: not those after which the same agent goes on."""
    word = readings.hints.said & readings.is_kind(Kind.TOOL, Kind.HANDOFF)
    rows = np.flatnonzero(free & word & ~plumbing(readings.hints.target))
    call = np.flatnonzero(free & readings.is_kind(Kind.LLM) & filled(instructions))
    said, _ = codes(instructions)
    known, same = same_instructions(rows, call, scope, said, readings.start)
    told = np.zeros(len(free), dtype=bool)
    told[rows[~(known & same)]] = True
    return told


def _by_instructions(instructions: pa.Array, scope: Ints, speaker: Ints) -> Ints:
    """Before the first word: whoever acts later with the same instructions.

    In:   Of the operations of scopes their instructions ('': unknown), scope, and the row that
          names who acts (-1: none).
    Out:  The row that names who acts.
    """
    said, _ = codes(instructions)
    has = filled(instructions)
    key = scope * (int(said.max(initial=0)) + 1) + said
    later = np.flatnonzero(has & (speaker >= 0))
    known, first = np.unique(key[later], return_index=True)
    early = np.flatnonzero(has & (speaker < 0) & np.isin(key, known))
    if not len(early):
        return speaker
    where, opening = np.unique(scope[early], return_index=True)
    opener = speaker[later[first[np.searchsorted(known, key[early[opening]])]]]
    place = np.minimum(np.searchsorted(where, scope), len(where) - 1)
    opened = (speaker < 0) & (where[place] == scope)
    return np.where(opened, opener[place], speaker)


@dataclass(frozen=True, slots=True)
class _Events:
    """What is said in a scope: `row` names who acts from `time` on, -1 the first one again."""

    scope: Ints
    time: Ints
    row: Ints


def _events(
    readings: Readings, heads: Mask, words: tuple[Mask, Mask], scope: Ints, names: pa.Array
) -> _Events:
    """In order of how much they weigh where two are said at once: the last one holds."""
    told, acting = words
    who, _ = codes(names)
    seen, asked, idle = np.flatnonzero(heads), np.flatnonzero(told), np.flatnonzero(acting)
    stride = int(who.max(initial=0)) + 1
    shown = np.unique(scope[seen] * stride + who[seen])
    asked = asked[~np.isin(scope[asked] * stride + who[asked], shown)]
    ended = seen[plumbing(readings.acting_agent)[seen]]
    # No scope has the number -1: with it there is always an event to find
    return _Events(
        np.concatenate([[-1], scope[ended], scope[seen], scope[idle], scope[asked]]),
        np.concatenate(
            [
                [np.iinfo(np.int64).min],
                readings.end[ended],
                readings.start[seen],
                readings.start[idle],
                # The tool, and what runs beside it, is still the work of the one who asked
                np.maximum(readings.end[asked], readings.start[asked] + 1),
            ]
        ),
        np.concatenate([[-1], np.full(len(ended), -1), seen, idle, asked]),
    )


def _speakers(readings: Readings, rows: Ints, scope: Ints, events: _Events) -> Ints:
    """For each of `rows` the row that names who acts at its start, -1 where none does."""
    times = np.concatenate([events.time, readings.start[rows]])
    _, rank = np.unique(times, return_inverse=True)
    stride = len(rank) + 1
    order = np.lexsort((rank[: len(events.time)], events.scope))
    key = (events.scope * stride + rank[: len(events.time)])[order]
    place = np.searchsorted(key, scope[rows] * stride + rank[len(events.time) :], side="right") - 1
    number = order[place]
    return np.where(events.scope[number] == scope[rows], events.row[number], -1)


def _scopes(readings: Readings) -> Ints:
    """For each row the nearest span above it within which names hold."""
    parent = readings.forest.parent
    border = readings.is_kind(Kind.WORKFLOW) | (parent < 0)
    acting = ~plumbing(readings.acting_agent) & (parent >= 0)
    border[parent[acting]] = True
    return readings.forest.nearest(border, inclusive=False)


def _first_made(made: Created, session: Ints) -> pa.Array:
    """For each session the agent that it made first, null where it made none."""
    known, first = np.unique(made.session, return_index=True)
    place = pc.index_in(pa.array(session), value_set=pa.array(known))
    return made.name.take(pa.array(first)).take(place)
