"""The ledger of a session as a tree: which report stands below which, and how they add up."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["REPEATS", "Entry", "Placed", "in_tree"]

Entry = Mapping[str, Any]

REPEATS = "roll-up of calls that report for themselves"
"""The rule by which a report counts nothing, because calls below it count."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry in its place.

    `differs` is, for an entry that repeats others, by how much it reports more than count at and
    below it; 0 for any other.
    """

    entry: Entry
    depth: int
    differs: int


def in_tree(ledger: Sequence[Entry]) -> Iterator[Placed]:
    """Entries trace by trace in order of start, each followed by what is below it.

    Two spans may have one id: what is below either is then shown below the first.
    """
    above = _above(ledger)
    below: dict[int, list[int]] = {}
    for number, holder in enumerate(above):
        below.setdefault(holder, []).append(number)
    order = list(_preorder(below, _by_trace(ledger, below.get(-1, []))))
    count = [entry["own_tokens"] for entry in ledger]
    for number, _ in reversed(order):
        if above[number] >= 0:
            count[above[number]] += count[number]
    for number, depth in order:
        entry = ledger[number]
        repeats = entry["rule"] == REPEATS
        yield Placed(entry, depth, entry["reported_tokens"] - count[number] if repeats else 0)


def _above(ledger: Sequence[Entry]) -> list[int]:
    """For each entry the number of the one above it, -1 for none."""
    first: dict[tuple[str, str], int] = {}
    for number, entry in enumerate(ledger):
        first.setdefault((entry["trace_id"], entry["span_id"]), number)
    above = [first.get((entry["trace_id"], entry["above_span_id"] or ""), -1) for entry in ledger]
    for number in range(len(above)) if len(first) < len(ledger) else ():
        if _comes_back(above, number):
            above[number] = -1
    return above


def _comes_back(above: Sequence[int], number: int) -> bool:
    """Whether the way up leads in a circle: only spans that share an id can make one."""
    at, steps = above[number], 0
    while at >= 0 and at != number and steps <= len(above):
        at, steps = above[at], steps + 1
    return at == number


def _by_trace(ledger: Sequence[Entry], roots: Sequence[int]) -> list[int]:
    """Roots with those of one trace together, traces in the order of their first."""
    seen: dict[str, int] = {}
    for number in roots:
        seen.setdefault(ledger[number]["trace_id"], len(seen))
    return sorted(roots, key=lambda number: seen[ledger[number]["trace_id"]])


def _preorder(
    below: Mapping[int, Sequence[int]], roots: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """(number, depth), each before what is below it; without recursion, for trees of any depth."""
    open_rows = [(number, 0) for number in reversed(roots)]
    while open_rows:
        number, depth = open_rows.pop()
        yield number, depth
        open_rows += [(each, depth + 1) for each in reversed(below.get(number, ()))]
