"""Where each row of a forest stands in a walk through it, so that "inside of" is a comparison.

Strategy: numbered in pre-order, a row's descendants are the numbers right after its own. A sum over
a subtree is then the difference of two running sums, and "is there one of my kind above me" is a
running maximum over the rows of one kind: no walk upward, whatever the depth.
"""

from dataclasses import dataclass

import numpy as np

from otel_llmops.analysis.forest import Forest, Ints, Mask

__all__ = ["Nesting", "nesting"]


@dataclass(frozen=True, slots=True)
class Nesting:
    """`first` numbers the rows in pre-order; what is below a row has numbers up to `end`."""

    first: Ints
    end: Ints

    def sums(self, values: Ints) -> Ints:
        """For each row the sum of `values` over itself and all below it."""
        running = np.zeros(len(values) + 1, dtype=np.int64)
        ordered = np.empty(len(values), dtype=np.int64)
        ordered[self.first] = values
        np.cumsum(ordered, out=running[1:])
        return running[self.end] - running[self.first]

    def outermost(self, rows: Ints, label: Ints) -> Mask:
        """Which of `rows` are below none of the others that has their label.

        In:   row numbers, each once, and a label (0 or more) for each of them.
        Cost: O(m log m) for m rows.
        """
        width = len(self.first) + 1
        first = label * width + self.first[rows]
        order = np.argsort(first, kind="stable")
        last = np.maximum.accumulate((label * width + self.end[rows])[order])
        inside = np.zeros(len(rows), dtype=bool)
        inside[order[1:]] = last[:-1] > first[order[1:]]
        return ~inside


def nesting(forest: Forest) -> Nesting:
    """Number the rows of a forest.

    In:   Forest, n rows.
    Out:  Nesting, n rows; roots and siblings in the order of their rows.
    Cost: O(n log n), and a numpy pass for each level.
    """
    parent = forest.parent
    size = forest.subtree_sum(np.ones(len(parent), dtype=np.int64))
    order = np.argsort(parent, kind="stable")
    before = np.cumsum(size[order]) - size[order]
    siblings = np.searchsorted(parent[order], parent[order], side="left")
    step = np.empty(len(parent), dtype=np.int64)
    step[order] = before - before[siblings]
    step[parent >= 0] += 1
    first, jump = step, parent
    while (jump >= 0).any():
        above = np.maximum(jump, 0)
        first = np.where(jump >= 0, first + first[above], first)
        jump = np.where(jump >= 0, jump[above], -1)
    return Nesting(first, first + size)
