"""The critical path of each trace: the chain of spans that decides when it ends.

Strategy: whoever holds pieces (pieces.py) waits for the one that ends last; before that one began,
for the one that had ended last by then; and so on back to its own start. A piece that ended in the
very moment in which another began comes before it. Of pieces that end together the one that began
first is waited for, then the one that comes first in the order of spans. What is waited for is on
the path as long as its holder is. So each moment of a trace belongs to one piece, or to the trace
itself, where nothing ran.

All chains of all traces are found at once: pieces are sorted by (holder, end), the one before each
is looked up by (holder, start), and the chains are then walked by doubling, so that neither a chain
of 100,000 calls nor a span in a span in a span takes more than some rounds.
"""

from dataclasses import dataclass

import numpy as np

from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.pieces import Pieces

__all__ = ["CriticalPath", "critical_path", "drag", "limits", "slack"]

_NS_MAX = 2**62


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """One row a piece: whether it is `on` the path, and how much of the path is its `own`, ns.

    `before` is the piece that its holder waited for before it, `last` the one that it waited for
    last itself, `rival` the one besides the path whose end comes next before its own while the
    holder waited for this one: -1 where there is none, or the piece is waited for by nobody.
    """

    pieces: Pieces
    on: Mask
    own: Ints
    before: Ints
    last: Ints
    rival: Ints

    @property
    def leads(self) -> Ints:
        """How long the holder of each piece on the path did without others before it began, ns."""
        pieces = self.pieces
        began = pieces.start[np.maximum(pieces.holder, 0)]
        ended = np.where(self.before >= 0, pieces.end[np.maximum(self.before, 0)], began)
        return np.where(self.on & (pieces.holder >= 0), pieces.start - ended, 0)

    @property
    def closes(self) -> Ints:
        """How long each piece on the path did without others until it ended, ns."""
        pieces = self.pieces
        left = np.where(self.last >= 0, pieces.end[np.maximum(self.last, 0)], pieces.start)
        return np.where(self.on, pieces.end - left, 0)


def critical_path(pieces: Pieces) -> CriticalPath:
    """Find the critical path of every trace.

    In:     Pieces, m rows.
    Out:    CriticalPath, m rows. Of each trace the `own` of all pieces, the trace's included, add
            up to its length; the trace's own is when nothing ran, or nothing that was waited for.
    Edge:   A piece that takes no time is on no path.
    Cost:   O(m log m).
    Source: Zhang et al., "CRISP: Critical Path Analysis of Large-Scale Microservice Architectures",
            USENIX ATC 2022, without its allowance for overlaps, since clocks are set right before;
            equal moments as asked for in jaeger issue 9173.
    """
    length = pieces.length
    kids, ends, starts = _sorted(pieces, length)
    holder = pieces.holder[kids]
    new = np.append(True, ends[1:] != ends[:-1])[: len(kids)]
    # of those that end together the first one: they are in order of start
    first = np.maximum.accumulate(np.where(new, np.arange(len(kids)), 0))
    found = np.searchsorted(ends, starts, side="right") - 1
    before = np.where(found >= 0, first[np.maximum(found, 0)], -1)
    before[holder[np.maximum(before, 0)] != holder] = -1
    is_last = np.append(holder[1:] != holder[:-1], True)[: len(kids)]
    last = first[is_last]
    waited = _walked(before, last)
    chained = np.zeros(len(length), dtype=bool)
    chained[kids[waited]] = True
    on = _all_the_way_up(chained | (pieces.holder < 0), pieces.holder)
    own = np.where(on, length, 0)
    path = kids[on[kids]]
    np.subtract.at(own, pieces.holder[path], length[path])
    before_of, last_of = (np.full(len(length), -1, dtype=np.int64) for _ in range(2))
    before_of[kids] = np.where(before >= 0, kids[np.maximum(before, 0)], -1)
    last_of[holder[is_last]] = kids[last]
    rival = _rivals(kids, waited, new, pieces)
    return CriticalPath(pieces, on, own, before_of, last_of, rival)


def limits(path: CriticalPath) -> Ints:
    """By how much what happens up to the end of a piece may shrink before a rival decides, ns.

    In:     CriticalPath, m rows.
    Out:    m rows; _NS_MAX where nothing else can decide, or off the path.
    Edge:   The end of a piece, and of all that is waited for after it, and of all that holds it,
            has a rival each: the least of the times between them counts.
    Cost:   O(m log m), nothing where nothing runs besides the path.
    """
    pieces, rival, on = path.pieces, path.rival, path.on
    gap = np.full(len(on), _NS_MAX)
    rows = np.flatnonzero(on & (rival >= 0))
    gap[rows] = pieces.end[rows] - pieces.end[rival[rows]]
    if not len(rows):
        return gap
    onward = np.where(on, pieces.holder, -1)
    waited = np.flatnonzero(on & (path.before >= 0))
    onward[path.before[waited]] = waited
    while len(rows := np.flatnonzero(onward >= 0)):
        target = onward[rows]
        gap[rows] = np.minimum(gap[rows], gap[target])
        onward[rows] = onward[target]
    return gap


def drag(path: CriticalPath) -> Ints:
    """How much sooner its trace would end, at the least, if a piece's own work took no time, ns.

    In:     CriticalPath, m rows.
    Out:    m rows: at most `own`, 0 off the path.
    Edge:   Everything else takes as long as it did, and begins as long after what it waited for;
            nothing that runs besides the path begins any sooner.
    Cost:   O(m log m).
    Source: Devaux, "Total Project Control", 1999: the drag of an activity on the critical path.
    """
    pieces, rival = path.pieces, path.rival
    held = np.flatnonzero(path.on & (pieces.holder >= 0))
    held = held[np.lexsort((pieces.end[held], pieces.holder[held]))]
    holder = pieces.holder[held]
    saved = np.cumsum(path.leads[held])
    begins = np.flatnonzero(np.append(True, holder[1:] != holder[:-1])[: len(held)])
    sizes = np.diff(np.append(begins, len(held)))
    saved -= np.repeat(saved[begins] - path.leads[held][begins], sizes)
    rivalled = rival[held] >= 0
    gap = np.where(rivalled, pieces.end[held] - pieces.end[np.maximum(rival[held], 0)], _NS_MAX)
    least = np.minimum(path.own, limits(path))
    if len(held):
        over = np.minimum(np.minimum.reduceat(gap - saved, begins), 0)
        inside = holder[begins]
        least[inside] = np.minimum(least[inside], path.own[inside] + over)
    return np.where(path.on, least, 0)


def slack(path: CriticalPath) -> Ints:
    """How much later a piece could end before anything that waited for it is later, ns.

    In:     CriticalPath, m rows.
    Out:    m rows, 0 on the path.
    Edge:   Whatever began after a piece had ended, in the same holder, may have waited for it.
            A piece that takes no time has none.
    Cost:   O(m log m).
    Source: Kelley and Walker, "Critical-Path Planning and Scheduling", 1959: free float.
    """
    pieces = path.pieces
    kids, ends, starts = _sorted(pieces, pieces.length)
    holder = pieces.holder[kids]
    by_start = np.argsort(starts, kind="stable")
    following = np.searchsorted(starts[by_start], ends, side="left")
    after = by_start[np.minimum(following, len(kids) - 1)]
    inside = (following < len(kids)) & (holder[after] == holder)
    until = np.where(inside, path.before[kids[after]], path.last[holder])
    free = np.zeros(len(pieces.row), dtype=np.int64)
    free[kids] = pieces.end[until] - pieces.end[kids]
    return np.where(path.on, 0, free)


def _sorted(pieces: Pieces, length: Ints) -> tuple[Ints, Ints, Ints]:
    """Pieces that are held for some time, by (holder, end, start); keys of their ends and starts.

    A key is the time within the holder, with all holders laid end to end.
    """
    kids = np.flatnonzero((length > 0) & (pieces.holder >= 0))
    start, end = pieces.start, pieces.end
    if float(length.sum(dtype=np.float64)) + len(length) > _NS_MAX:
        # clocks that say 1970 or 2262: only the order of times counts, so their ranks do as well
        both = np.unique(np.concatenate([start, end]), return_inverse=True)[1]
        start, end = both[: len(start)], both[len(start) :]
    base = np.cumsum(end - start + 1) - 1 - end
    kids = kids[np.argsort(start[kids], kind="stable")]
    place = base[pieces.holder[kids]]
    ends = end[kids] + place
    order = np.argsort(ends, kind="stable")
    return kids[order], ends[order], (start[kids] + place)[order]


def _walked(before: Ints, last: Ints) -> Mask:
    """What is reached from `last` by going back: after k rounds all that is below 2**k steps."""
    reached = np.zeros(len(before), dtype=bool)
    reached[last] = True
    steps = before.copy()
    found = last
    while len(found):
        further = steps[found]
        found = np.concatenate([found, further[further >= 0]])
        reached[found] = True
        known = steps >= 0
        if not known.any():
            break
        steps[known] = steps[steps[known]]
    return reached


def _all_the_way_up(marked: Mask, holder: Ints) -> Mask:
    """Pieces that are marked and are held by marked ones only."""
    if marked.all():
        return marked
    good, jump = marked.copy(), holder.copy()
    while len(rows := np.flatnonzero(good & (jump >= 0))):
        target = jump[rows]
        good[rows] &= good[target]
        jump[rows] = jump[target]
    return good


def _rivals(kids: Ints, chained: Mask, new: Mask, pieces: Pieces) -> Ints:
    """Of each piece that is waited for, the one besides the chain that ends last before it does.

    One that had ended before it began is no rival of its: it is one of what was waited for before.
    """
    rival = np.full(len(pieces.row), -1, dtype=np.int64)
    places = np.flatnonzero(chained)
    # one that ends together with it stands behind it, one that ends sooner before it
    together = np.append(~new[1:], False)[places] if len(kids) else places
    beside = np.where(together, places + 1, places - 1)
    own, other = kids[places], kids[beside]
    real = (
        (beside >= 0)
        & ~chained[beside]
        & (pieces.holder[own] == pieces.holder[other])
        & (pieces.end[other] > pieces.start[own])
    )
    rival[own[real]] = other[real]
    return rival
