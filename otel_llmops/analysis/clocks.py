"""Clock skew between services: how far the spans of one are moved so that causes come first.

Strategy: a span of one service below a span of another one says which clock is ahead. What starts
before its cause is moved to start with it; the server's side of a call that is not within the
client's side is moved into its middle, as nobody knows which half of the way took longer (Cristian,
"Probabilistic clock synchronization", 1989). All that hangs below is moved along. Within one
service nothing is moved: there is one clock.
"""

import numpy as np

from otel_llmops.analysis.forest import Forest, Ints

__all__ = ["skew"]

_SERVER, _CLIENT = 2, 3
"""OTLP's SpanKind."""


def skew(forest: Forest, service: Ints, kind: Ints, start: Ints, end: Ints) -> Ints:
    """How many ns each span is to be moved.

    In:   n rows: the forest, a number for each service, OTLP span kinds, start and end, ns.
    Out:  int64 ns, 0 nearly everywhere.
    Edge: A child that ends after its parent is no fault of a clock, unless the two are the ends of
          one call: work may go on after its cause has ended.
    Cost: O(n), and a pass over the crossings for each one that lies below another.
    """
    parent = forest.parent
    above = np.maximum(parent, 0)
    crossing = (parent >= 0) & (service != service[above])
    moved = np.zeros(len(parent), dtype=np.int64)
    if not crossing.any():
        return moved
    call = crossing & (kind == _SERVER) & (kind[above] == _CLIENT)
    inner = forest.nearest(crossing)
    outer = np.where(parent >= 0, inner[above], -1)
    for rows in _levels(np.flatnonzero(crossing), outer):
        cause = parent[rows]
        ahead = np.where(outer[rows] >= 0, moved[np.maximum(outer[rows], 0)], 0)
        # by how much a span has to move at least, and may at most, to lie within its cause
        least = start[cause] + ahead - start[rows]
        most = end[cause] + ahead - end[rows]
        outside = call[rows] & (least <= most) & ((least > 0) | (most < 0))
        middle = least + (most - least) // 2
        moved[rows] = np.where(outside, middle, np.maximum(least, 0))
    return np.where(inner >= 0, moved[np.maximum(inner, 0)], 0)


def _levels(rows: Ints, outer: Ints) -> list[Ints]:
    """Crossings in an order in which those above come first."""
    depth = np.zeros(len(outer), dtype=np.int64)
    jump = outer.copy()
    depth[rows] = jump[rows] >= 0
    while len(alive := rows[jump[rows] >= 0]):
        target = jump[alive]
        depth[alive] += depth[target]
        jump[alive] = jump[target]
    order = rows[np.argsort(depth[rows], kind="stable")]
    return np.split(order, np.flatnonzero(np.diff(depth[order])) + 1)
