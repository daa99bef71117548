"""Parents, depths and sums over subtrees, by dictionary and walking up."""

from collections.abc import Iterator, Sequence

Key = tuple[str, str, str]
"""Trace id, span id, parent span id ('' for none)."""


def parents(rows: Sequence[Key]) -> list[int]:
    """The row of each row's parent, -1 for none; each cycle is cut above its lowest row."""
    first: dict[tuple[str, str], int] = {}
    for number, (trace, span, _) in enumerate(rows):
        first.setdefault((trace, span), number)
    parent = [first.get((trace, above), -1) if above else -1 for trace, _, above in rows]
    for row in range(len(rows)):
        if comes_back(parent, row):
            parent[row] = -1
    return parent


def comes_back(parent: Sequence[int], row: int) -> bool:
    """Whether the way up from `row` leads to `row`."""
    seen: set[int] = set()
    at = parent[row]
    while at >= 0 and at not in seen:
        if at == row:
            return True
        seen.add(at)
        at = parent[at]
    return False


def above(parent: Sequence[int], row: int) -> Iterator[int]:
    """The rows on the way up, nearest first."""
    at = parent[row]
    while at >= 0:
        yield at
        at = parent[at]


def depths(parent: Sequence[int]) -> list[int]:
    return [len(list(above(parent, row))) for row in range(len(parent))]


def nearest(parent: Sequence[int], marked: Sequence[bool], row: int) -> int:
    """The nearest marked row above, -1 where there is none."""
    return next((at for at in above(parent, row) if marked[at]), -1)


def subtree_sums(parent: Sequence[int], values: Sequence[int]) -> list[int]:
    total = list(values)
    for row, value in enumerate(values):
        for at in above(parent, row):
            total[at] += value
    return total
