"""Tokens that the ledger cannot place, by asking each span what lies in it."""

from collections.abc import Sequence

from tests.oracles.forest import above
from tests.oracles.ledger import own_tokens
from tests.support.tree import Node

_CALLS = {"llm", "embeddings"}


def residuals(nodes: Sequence[Node], parent: Sequence[int]) -> list[int]:
    """For each span the tokens that it cannot account for, input and output together."""
    classes = [_class_of(nodes, row) for row in range(len(nodes))]
    both = [(way, own_tokens(nodes, parent, way)) for way in ("in", "out")]
    return [
        sum(_left_over(nodes, parent, classes, row, way, own) for way, own in both)
        for row in range(len(nodes))
    ]


def _left_over(
    nodes: Sequence[Node],
    parent: Sequence[int],
    classes: Sequence[str],
    row: int,
    way: str,
    own: Sequence[int],
) -> int:
    told = nodes[row].tokens(way)
    if classes[row] in {"call", "alone"} and _outermost(nodes, parent, classes, row) == row:
        inside = [
            own[other]
            for other in range(len(nodes))
            if classes[other] == classes[row] and _outermost(nodes, parent, classes, other) == row
        ]
        return abs(told - sum(inside))
    if _is_witness(nodes, parent, classes, row) and not any(
        _is_witness(nodes, parent, classes, at) for at in above(parent, row)
    ):
        below = [own[other] for other in range(len(nodes)) if row in above(parent, other)]
        return max(0, told - sum(below))
    return 0


def _class_of(nodes: Sequence[Node], row: int) -> str:
    node = nodes[row]
    if not node.reports or node.kind in {"usage", "spending"}:
        return ""
    if node.kind in _CALLS:
        return "call"
    shown = (each.kind in _CALLS and each.reports and each.trace == node.trace for each in nodes)
    return "repeats" if any(shown) else "alone"


def _outermost(
    nodes: Sequence[Node], parent: Sequence[int], classes: Sequence[str], row: int
) -> int:
    """The last of its class around a span; a tool or an agent of another class is the border.

    Around an agent that sums up its calls there is no other agent: it sums up its own.
    """
    found = row
    for at in above(parent, row):
        if classes[at] == classes[row]:
            if nodes[at].kind == nodes[found].kind == "agent":
                break
            found = at
        elif nodes[at].kind in {"tool", "agent"}:
            break
    return found


def _is_witness(
    nodes: Sequence[Node], parent: Sequence[int], classes: Sequence[str], row: int
) -> bool:
    return classes[row] == "repeats" and any(
        other.kind in _CALLS and not other.reports and row in above(parent, place)
        for place, other in enumerate(nodes)
    )
