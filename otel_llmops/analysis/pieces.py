"""Spans cut to the time in which something holds them: what a critical path is made of.

Strategy: a span is a piece of the span that holds it: its parent, or the next one up that shares
time with it, for contexts leak. A piece is cut to its holder, as whoever waits for a call waits no
longer than it lasts itself. What goes on after its root has ended (work behind a request that was
answered at once) is a piece of its own, held by the trace, since it still decides when the trace
ends. So the pieces are a forest whose roots are the traces, in which nothing sticks out.
"""

from dataclasses import dataclass, replace

import numpy as np

from otel_llmops.analysis.columns import codes, whole
from otel_llmops.analysis.forest import Ints
from otel_llmops.analysis.readings import Readings

__all__ = ["Pieces", "one_by_one", "pieces_of"]

_ANCESTORS_UP = 64
"""So many spans above are asked whether they share time with one that its parent does not hold;
then its root does. The bound keeps the search linear."""

_OVERLAP = 0.5
"""Two that share no more than this part of the shorter one follow each other: spans close a little
after the next one opens, and clocks of services differ by a part of a short call."""

_FOLLOWERS = 16
"""So many that begin after a piece are asked whether they follow it. The bound keeps the search
linear where thousands begin at once."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """One row a piece: first the spans in their order, then what outlives its root, then traces.

    `row` is the span (-1: a trace), `holder` the piece that holds it (-1: a trace), `trace` the
    trace's number; `start` and `end` in ns, equal where nothing of the span is held.
    """

    row: Ints
    holder: Ints
    trace: Ints
    start: Ints
    end: Ints
    traces: int

    @property
    def length(self) -> Ints:
        """How long each piece lasts, ns."""
        return self.end - self.start


def pieces_of(readings: Readings) -> Pieces:
    """Cut spans to what holds them.

    In:   Readings, n rows; times without the skew of clocks.
    Out:  Pieces: n, and one for each span that outlives its root, and one for each trace, which
          lasts from the start of its first root to the end of its last span.
    Edge: A span that takes no time, or shares none with any span above, is held for no time.
    Cost: O(n log depth).
    """
    tree, start, end = readings.forest, readings.start, readings.end
    root = tree.root()
    outlives = np.flatnonzero(end > np.maximum(start, end[root]))
    roots = np.flatnonzero(tree.parent < 0)
    trace_of_root, names = codes(whole(readings.spans.column("trace_id").take(roots)))
    count, traces = len(start), len(names)
    trace = np.zeros(count, dtype=np.int64)
    trace[roots] = trace_of_root
    trace = trace[root]
    first = np.full(traces, np.iinfo(np.int64).max)
    np.minimum.at(first, trace_of_root, start[roots])
    last = np.full(traces, np.iinfo(np.int64).min)
    np.maximum.at(last, trace, end)
    top = count + len(outlives)
    held = _held(tree.parent, root, start, end)
    held[roots] = top + trace[roots]
    after = _held_after(tree.parent, outlives, end)
    after = np.where(after >= 0, count + after, top + trace[outlives])
    made = Pieces(
        row=np.concatenate([np.arange(count), outlives, np.full(traces, -1)]),
        holder=np.concatenate([held, after, np.full(traces, -1)]),
        trace=np.concatenate([trace, trace[outlives], np.arange(traces)]),
        start=np.concatenate([start, np.maximum(start, end[root])[outlives], first]),
        end=np.concatenate([end, end[outlives], last]),
        traces=traces,
    )
    _cut(made)
    return made


def one_by_one(pieces: Pieces) -> Pieces:
    """Cut pieces that run on into the next one to where it begins.

    In:   Pieces, m rows.
    Out:  Pieces, m rows; those that share more than half of the shorter one stay side by side.
    Edge: Strictly, who began a moment before another had ended did not wait for it; then all that
          the other one took would be waited away by the one that came after it.
    Cost: O(m log m).
    """
    start, end, holder = pieces.start, pieces.end, pieces.holder
    length = pieces.length
    held = np.flatnonzero((holder >= 0) & (length > 0))
    held = held[np.lexsort((start[held], holder[held]))]
    cut = end.copy()
    place = np.arange(len(held))
    for step in range(1, _FOLLOWERS + 1):
        place = place[place + step < len(held)]
        one, other = held[place], held[place + step]
        inside = (holder[one] == holder[other]) & (start[other] < end[one])
        place, one, other = place[inside], one[inside], other[inside]
        if not len(place):
            break
        shared = np.minimum(end[one], end[other]) - start[other]
        follows = shared <= _OVERLAP * np.minimum(length[one], length[other])
        follows &= start[other] > start[one]
        cut[one[follows]] = np.minimum(cut[one], start[other])[follows]
        place = place[~follows]
    if np.array_equal(cut, end):
        return pieces
    made = replace(pieces, start=start.copy(), end=cut)
    _cut(made)
    return made


def _held(parent: Ints, root: Ints, start: Ints, end: Ints) -> Ints:
    """For each span the nearest one above that shares time with it, else its root."""
    held = parent.copy()
    above = np.maximum(parent, 0)
    apart = np.flatnonzero(
        (parent >= 0) & (start < end) & (_shared(start, end, start[above], end[above]) <= 0)
    )
    for _ in range(_ANCESTORS_UP):
        if not len(apart):
            return held
        held[apart] = parent[held[apart]]
        lost = apart[held[apart] < 0]
        held[lost] = root[lost]
        apart = apart[held[apart] != root[apart]]
        above = held[apart]
        apart = apart[_shared(start[apart], end[apart], start[above], end[above]) <= 0]
    held[apart] = root[apart]
    return held


def _shared(start: Ints, end: Ints, other_start: Ints, other_end: Ints) -> Ints:
    """How much time two spans share, ns; not above 0 where it is none."""
    return np.minimum(end, other_end) - np.maximum(start, other_start)


def _held_after(parent: Ints, outlives: Ints, end: Ints) -> Ints:
    """Of what outlives its root the number of its parent among these, -1 where that ends first."""
    number = np.full(len(parent), -1, dtype=np.int64)
    number[outlives] = np.arange(len(outlives))
    above = np.maximum(parent[outlives], 0)
    return np.where(end[above] >= end[outlives], number[above], -1)


def _cut(made: Pieces) -> None:
    """Cut each piece to all that hold it."""
    held = made.holder >= 0
    above = np.maximum(made.holder, 0)
    out = held & ((made.start < made.start[above]) | (made.end > made.end[above]))
    if out.any():
        jump = made.holder.copy()
        while len(open_rows := np.flatnonzero(jump >= 0)):
            target = jump[open_rows]
            made.start[open_rows] = np.maximum(made.start[open_rows], made.start[target])
            made.end[open_rows] = np.minimum(made.end[open_rows], made.end[target])
            jump[open_rows] = jump[target]
    np.maximum(made.start, made.end, out=made.end)
