"""Spans as a forest: parents, depth, nearest marked ancestor, sums over subtrees.

Strategy: everything is an int64 array of row numbers, -1 for none, and a fixed number of whole-
array steps: pointer doubling (log2 of the depth rounds) upward, one pass a level downward. No
recursion, so a chain of 100,000 spans is as safe as a tree of three.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Forest", "Ints", "Mask", "forest"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Forest:
    """Rows as nodes: `parent` (-1: a root), `depth` (0: a root)."""

    parent: Ints
    depth: Ints

    def nearest(self, marked: Mask, *, inclusive: bool = True) -> Ints:
        """For each row the nearest marked row on the way up, -1 where there is none.

        Cost: O(n log depth).
        """
        found = np.where(marked, np.arange(len(marked)), -1)
        jump = self.parent.copy()
        result = found.copy()
        while True:
            open_rows = np.flatnonzero((result < 0) & (jump >= 0))
            if not len(open_rows):
                break
            target = jump[open_rows]
            result[open_rows] = result[target]
            jump[open_rows] = jump[target]
        if inclusive:
            return result
        up = self.parent
        return np.where(up >= 0, result[np.maximum(up, 0)], -1)

    def root(self) -> Ints:
        """For each row the root above it."""
        return self.nearest(self.parent < 0)

    def subtree_sum(self, values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """For each row the sum of `values` over itself and all below it.

        Cost: O(n + depth) steps, one numpy pass a level.
        """
        total = values.astype(np.int64, copy=True)
        order = np.argsort(self.depth, kind="stable")
        bounds = np.searchsorted(self.depth[order], np.arange(int(self.depth.max(initial=0)) + 2))
        for level in range(len(bounds) - 2, 0, -1):
            rows = order[bounds[level] : bounds[level + 1]]
            np.add.at(total, self.parent[rows], total[rows])
        return total


def forest(trace_id: pa.Array, span_id: pa.Array, parent_span_id: pa.Array) -> Forest:
    """Parents by (trace id, span id); of two spans with one id, the first row is the parent.

    In:   three string arrays of n rows, unique enough: see above.
    Out:  Forest of n rows.
    Edge: Whose parent is not among the rows is a root. A cycle (a span that is its own parent
          included) is opened at its first row.
    Cost: O(n log depth).
    """
    own = pc.binary_join_element_wise(trace_id, span_id, "")
    above = pc.binary_join_element_wise(trace_id, parent_span_id, "")
    has_parent = np.asarray(pc.not_equal(parent_span_id, ""))
    found = pc.fill_null(pc.index_in(above, value_set=own), -1)
    parent = np.where(has_parent, np.asarray(found).astype(np.int64), -1)
    parent = _open_cycles(parent)
    return Forest(parent, _depth(parent))


def _open_cycles(parent: Ints) -> Ints:
    """Make the lowest row of every cycle a root."""
    jump = parent.copy()
    lowest = np.arange(len(parent))
    for _ in range(max(1, len(parent)).bit_length() + 1):
        alive = jump >= 0
        if not alive.any():
            return parent
        target = np.maximum(jump, 0)
        lowest = np.where(alive, np.minimum(lowest, lowest[target]), lowest)
        jump = np.where(alive, jump[target], -1)
    # After n steps only rows of cycles are reached, not those that hang below one.
    on_cycle = np.isin(np.arange(len(parent)), jump[jump >= 0])
    opened = parent.copy()
    opened[on_cycle & (lowest == np.arange(len(parent)))] = -1
    return opened


def _depth(parent: Ints) -> Ints:
    depth = (parent >= 0).astype(np.int64)
    jump = parent.copy()
    while (jump >= 0).any():
        alive = jump >= 0
        target = np.maximum(jump, 0)
        depth = np.where(alive, depth + depth[target], depth)
        jump = np.where(alive, jump[target], -1)
    return depth
