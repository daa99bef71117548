"""Which spans say what a handoff's two sides knew: chosen by time and owner, before a word is read.

Strategy: an activation is told what to do by the first model call of its own that shows what it
received, or by its own span where no call shows anything, or by the tool call that started it. What
the source had is what its last call before the handoff received, and what it made of it is what
that call answered, with the arguments of the tool that started the target. The request is the first
thing received in the run.
"""

from dataclasses import dataclass, fields

import numpy as np

from otel_llmops.analysis.agents import Activations
from otel_llmops.analysis.edges import Edges
from otel_llmops.analysis.forest import Ints
from otel_llmops.analysis.messages import Messages
from otel_llmops.analysis.readings import Readings
from otel_llmops.semconv import Kind, Side

__all__ = ["Sides", "sides_of"]


@dataclass(frozen=True, slots=True)
class Sides:
    """For each handoff the rows to read, -1 where there is none.

    `request`, `had` and `given` are read for what they received; `answer`, `made` for what they
    answered; `asked` is the tool call that started the target, read for its arguments.
    """

    request: Ints
    had: Ints
    answer: Ints
    asked: Ints
    given: Ints
    made: Ints

    def select(self, piece: slice) -> "Sides":
        """The handoffs of a piece."""
        return Sides(*(getattr(self, field.name)[piece] for field in fields(self)))


def sides_of(
    readings: Readings, acts: Activations, edges: Edges, run: Ints, messages: Messages
) -> Sides:
    """Choose the rows of each handoff.

    In:   as `handoffs`; `run` is the number of the run of each span.
    Cost: O(n log n) for n spans with messages and handoffs.
    """
    received, answered = messages.rows(Side.RECEIVED), messages.rows(Side.ANSWERED)
    began = readings.start[acts.head[edges.target]]
    given = _first(readings, acts, received)
    container = acts.container[edges.target]
    is_tool = readings.is_kind(Kind.TOOL)
    asked = np.where((container >= 0) & is_tool[np.maximum(container, 0)], container, -1)
    asked = np.where(np.isin(asked, received), asked, -1)
    target_given = given[edges.target]
    return Sides(
        request=_requests(readings, acts, edges, run, received),
        had=_last(readings, acts, received, edges.source, began),
        answer=_last(readings, acts, answered, edges.source, began),
        asked=asked,
        given=np.where(target_given >= 0, target_given, asked),
        made=_last(readings, acts, answered, edges.target, acts.end[edges.target]),
    )


def _ranked(readings: Readings, acts: Activations, rows: Ints) -> tuple[Ints, Ints]:
    """Rows that some activation owns or heads, and how good a witness each is: calls first."""
    head = np.full(len(readings.start), -1, dtype=np.int64)
    head[acts.head] = np.arange(acts.count)
    owner = np.where(head[rows] >= 0, head[rows], acts.owner[rows])
    llm = readings.is_kind(Kind.LLM)[rows]
    rank = np.where(llm, 0, np.where(head[rows] >= 0, 1, 2))
    rank = np.where(owner < 0, 3, rank)
    return owner, rank


def _first(readings: Readings, acts: Activations, rows: Ints) -> Ints:
    """For each activation its first row of the best kind of witness."""
    owner, rank = _ranked(readings, acts, rows)
    kept = owner >= 0
    rows, owner, rank = rows[kept], owner[kept], rank[kept]
    order = np.lexsort((rows, readings.start[rows], rank, owner))
    found = np.full(acts.count, -1, dtype=np.int64)
    _, place = np.unique(owner[order], return_index=True)
    found[owner[order][place]] = rows[order][place]
    return found


def _last(readings: Readings, acts: Activations, rows: Ints, who: Ints, until: Ints) -> Ints:
    """For each asked activation its last row that ended by then, of the best kind of witness."""
    owner, rank = _ranked(readings, acts, rows)
    found = np.full(len(who), -1, dtype=np.int64)
    for wanted in (0, 1, 2):
        chosen = np.flatnonzero((rank == wanted) & (owner >= 0))
        if not len(chosen):
            continue
        of, row = owner[chosen], rows[chosen]
        _, moment = np.unique(np.concatenate([readings.end[row], until]), return_inverse=True)
        stride = len(moment) + 1
        key = of * stride + moment[: len(of)]
        order = np.argsort(key, kind="stable")
        place = np.searchsorted(key[order], who * stride + moment[len(of) :], side="right") - 1
        best = order[np.maximum(place, 0)]
        known = (place >= 0) & (of[best] == who) & (found < 0)
        found[known] = row[best[known]]
    return found


def _requests(
    readings: Readings, acts: Activations, edges: Edges, run: Ints, received: Ints
) -> Ints:
    """For each handoff the first row that received anything in the run where it all began.

    A run that another one handed over to goes on with that one's request.
    """
    source, target = run[acts.head[edges.source]], run[acts.head[edges.target]]
    across = np.flatnonzero(source != target)
    runs = int(run.max(initial=-1)) + 1
    before = np.arange(runs)
    began = readings.start[acts.head[edges.target[across]]]
    order = across[np.argsort(-began, kind="stable")]
    before[target[order]] = source[order]
    for _ in range(max(1, runs).bit_length()):
        before = before[before]
    order = np.lexsort((received, readings.start[received], run[received]))
    first = np.full(runs, -1, dtype=np.int64)
    known, place = np.unique(run[received][order], return_index=True)
    first[known] = received[order][place]
    asked = first[before[source]] if runs else source
    return np.where(asked >= 0, asked, first[source] if runs else source)
