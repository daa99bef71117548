"""Whose time the critical path is: by agent, and by what it calls.

Strategy: a group is what one agent (or nobody) does with one thing: a model, a tool, a retrieval, a
function of its own; or by itself, when nothing that it calls runs. A moment of the path in which a
call runs is the call's (`self`). One in which nothing runs is waited away (`wait`): between a call
that failed and the next try it is the call's; before an agent begins, or where nobody holds it, it
is of the agent that begins; else of the agent in whose time it falls.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from otel_llmops.analysis.attempts import Attempts, attempts
from otel_llmops.analysis.columns import codes, whole
from otel_llmops.analysis.critical_path import CriticalPath
from otel_llmops.analysis.findings import Findings
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.kinds import CODE
from otel_llmops.analysis.names import first_filled
from otel_llmops.analysis.usual import of_others
from otel_llmops.semconv import Kind

__all__ = [
    "BY_ITSELF",
    "CALLS",
    "Groups",
    "Moments",
    "Work",
    "groups_of",
    "models_of",
    "moments_of",
    "work_of",
]

CALLS = (Kind.LLM, Kind.EMBEDDINGS, Kind.TOOL, Kind.RETRIEVAL)
"""What is called; all else that runs is an agent's own."""

_SORTS = len(CALLS) + 1
_LATE = 2.0
"""Up to so many times as late as the others is usual."""
BY_ITSELF = 0
"""The label of what an agent does when nothing runs that it calls."""


@dataclass(frozen=True, slots=True)
class Work:
    """One row a span: which `call` it is or belongs to, by a number for (actor, what is called).

    `actor` is the agent whose work it is, or from `agents` on the session whose work is nobody's.
    `label` says what is called (BY_ITSELF: nothing is), `is_call` whether the span is the call
    itself, `holder` the row of the call that it belongs to, -1 for none.
    """

    actor: Ints
    agents: int
    label: Ints
    is_call: Mask
    holder: Ints
    tried: Attempts

    def key(self, actor: Ints, label: Ints) -> Ints:
        """One number for an actor and a label."""
        return actor * (int(self.label.max(initial=0)) + 1) + label


@dataclass(frozen=True, slots=True)
class Moments:
    """Parts of the critical path, in no order: whose each is, how long, on which piece it ends.

    `opens` tells parts before a piece begins from parts before one ends.
    """

    actor: Ints
    label: Ints
    ns: Ints
    piece: Ints
    waits: Mask
    opens: Mask


@dataclass(frozen=True, slots=True)
class Groups:
    """One row a group; `of_moment` and `of_span` are the group of each moment and span (-1: none).

    `calls` counts calls, for what an agent does by itself its activations, `on_path` those of them
    on the path; `call_ns` is how long all calls lasted.
    """

    actor: Ints
    label: Ints
    of_moment: Ints
    of_span: Ints
    self_ns: Ints
    wait_ns: Ints
    calls: Ints
    call_ns: Ints
    on_path: Ints

    @property
    def count(self) -> int:
        """How many groups there are."""
        return len(self.actor)


def work_of(found: Findings) -> Work:
    """Say of every span whose work it is and what is called.

    In:   Findings, n spans.
    Out:  Work, n rows.
    Cost: O(n log depth).
    """
    readings, acts = found.readings, found.acts
    agents = len(acts.names)
    owned = acts.owner >= 0
    actor = agents + found.sessions.session
    actor[owned] = acts.agent[acts.owner[owned]]
    head = np.zeros(len(actor), dtype=bool)
    head[acts.head] = True
    is_call = readings.is_kind(*CALLS) & ~head
    # a tool by which another agent is called takes as long as that agent does
    around = readings.forest.nearest(is_call, inclusive=False)[acts.head]
    is_call[around[around >= 0]] = False
    label = _labels(found, is_call)
    stops = is_call | head | readings.is_kind(Kind.AGENT, Kind.WORKFLOW)
    holder = readings.forest.nearest(stops)
    holder[(holder >= 0) & ~is_call[np.maximum(holder, 0)]] = -1
    work = Work(actor, agents, label, is_call, holder, _NOTHING)
    number, _ = codes(pa.array(work.key(actor, label)))
    tried = attempts(readings, found.failure, np.where(is_call, number, -1))
    return Work(actor, agents, label, is_call, holder, tried)


_NOTHING = Attempts(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool))


def _labels(found: Findings, is_call: Mask) -> Ints:
    """A number for the model, the tool or the name of each span, by what sort of span it is."""
    readings = found.readings
    names, _ = codes(whole(readings.spans.column("name")))
    tools, _ = codes(readings.tool)
    models, _ = codes(models_of(found))
    label = 1 + names * _SORTS + len(CALLS)
    by_kind = {Kind.LLM: models, Kind.EMBEDDINGS: models, Kind.TOOL: tools, Kind.RETRIEVAL: names}
    for sort, kind in enumerate(CALLS):
        rows = np.flatnonzero(is_call & (readings.kind == CODE[kind]))
        label[rows] = 1 + by_kind[kind][rows] * _SORTS + sort
    return label


def models_of(found: Findings) -> pa.Array:
    """The model that each span asked for, which a failed call tells as well; else the one used."""
    concept = found.readings.concept
    return first_filled(concept("requested_model"), concept("model"))


def moments_of(found: Findings, work: Work, path: CriticalPath) -> Moments:
    """Part the critical path among those who work or are waited for.

    In:   Findings, n spans, their Work and CriticalPath.
    Out:  Moments; their ns add up to those of the path that are not its traces' own, and what its
          traces wait before an agent begins.
    Cost: O(n).
    """
    agents_alone = _agents_alone(found, work)
    opened = _before_pieces(found, work, path, agents_alone)
    closed = _in_pieces(found, work, path, agents_alone)
    actor, label, ns, piece = (np.concatenate([opened[at], closed[at]]) for at in range(4))
    waits = np.concatenate([opened[4], closed[4]])
    return Moments(actor, label, ns, piece, waits, opens=np.arange(len(ns)) < len(opened[0]))


_Parts = tuple[Ints, Ints, Ints, Ints, Mask]
"""actor, label, ns, piece, waits."""


def _agents_alone(found: Findings, work: Work) -> Mask:
    """Agents' spans of sessions that show no call of anything: their time is work, not waiting."""
    session = found.sessions.session
    called = np.zeros(len(found.sessions.ids), dtype=bool)
    called[session[work.is_call]] = True
    alone: Mask = ~called[session] & (work.actor < work.agents) & ~found.readings.placeholder
    return alone


def _in_pieces(found: Findings, work: Work, path: CriticalPath, agents_alone: Mask) -> _Parts:
    """What lies between the last piece that a piece waits for, or its start, and its end."""
    pieces, closes = path.pieces, path.closes
    piece = np.flatnonzero((closes > 0) & (pieces.row >= 0))
    row = pieces.row[piece]
    call = work.holder[row]
    called = call >= 0
    alone = path.last[piece] < 0
    label = np.where(called, work.label[np.maximum(call, 0)], BY_ITSELF)
    names_itself = (
        found.readings.is_kind(Kind.STEP, Kind.OTHER)[row] & ~found.readings.placeholder[row]
    )
    own_name = ~called & alone & names_itself
    label = np.where(own_name, work.label[row], label)
    # an agent below which nothing is traced works, as far as anybody can tell
    works = called | own_name | (alone & ~found.readings.placeholder[row]) | agents_alone[row]
    return work.actor[row], label, closes[piece], piece, ~works


def _before_pieces(found: Findings, work: Work, path: CriticalPath, agents_alone: Mask) -> _Parts:
    """What lies before a piece begins, in which its holder does without others."""
    pieces, leads, acts = path.pieces, path.leads, found.acts
    piece = np.flatnonzero(leads > 0)
    row, above = pieces.row[piece], pieces.row[pieces.holder[piece]]
    before = pieces.row[np.maximum(path.before[piece], 0)]
    again = (path.before[piece] >= 0) & (work.tried.again[before] == row)
    head = np.zeros(len(work.actor), dtype=bool)
    head[acts.head] = True
    call = np.where(above >= 0, work.holder[np.maximum(above, 0)], -1)
    held_by_nobody = (above < 0) | (work.actor[np.maximum(above, 0)] >= work.agents)
    works = (above >= 0) & agents_alone[np.maximum(above, 0)] & ~again
    # one that began much later after the one before than others did was waited for itself
    usual = of_others(pieces.holder[piece], leads[piece].astype(np.float64))
    works &= ~(leads[piece] > _LATE * usual)
    begins = (head[row] | held_by_nobody) & (work.actor[row] < work.agents) & ~works
    called = (call >= 0) & ~begins
    actor = np.where(
        again | begins | (above < 0), work.actor[row], work.actor[np.maximum(above, 0)]
    )
    label = np.where(called, work.label[np.maximum(call, 0)], BY_ITSELF)
    label = np.where(again, work.label[row], label)
    return actor, label, leads[piece], piece, again | ~(called | works)


def groups_of(found: Findings, work: Work, path: CriticalPath, moments: Moments) -> Groups:
    """Add up moments and calls by who does what.

    In:   Findings, n spans, their Work, CriticalPath and Moments, m of them.
    Out:  Groups, in no order that matters.
    Cost: O(n + m).
    """
    readings, acts = found.readings, found.acts
    call_rows = np.flatnonzero(work.is_call)
    parts = (
        work.key(moments.actor, moments.label),
        work.key(work.actor[call_rows], work.label[call_rows]),
        work.key(work.actor[acts.head], np.full(acts.count, BY_ITSELF)),
    )
    number, known = codes(pa.array(np.concatenate(parts)))
    of_moment, of_call, of_head = np.split(number, np.cumsum([len(p) for p in parts[:-1]]))
    count, span_count = len(known), len(work.actor)
    of_span = np.full(span_count, -1, dtype=np.int64)
    of_span[acts.head] = of_head
    of_span[call_rows] = of_call
    on = path.on[:span_count]
    stride = int(work.label.max(initial=0)) + 1
    keys = np.asarray(known)

    def added(group: Ints, ns: Ints) -> Ints:
        total = np.zeros(count, dtype=np.int64)
        np.add.at(total, group, ns)
        return total

    units = np.concatenate([call_rows, acts.head])
    return Groups(
        actor=keys // stride,
        label=keys % stride,
        of_moment=of_moment,
        of_span=of_span,
        self_ns=added(of_moment, np.where(moments.waits, 0, moments.ns)),
        wait_ns=added(of_moment, np.where(moments.waits, moments.ns, 0)),
        calls=np.bincount(of_span[units], minlength=count),
        call_ns=added(of_call, (readings.end - readings.start)[call_rows]),
        on_path=np.bincount(of_span[units[on[units]]], minlength=count),
    )
