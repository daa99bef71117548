"""Each token once, by asking every span what lies below it."""

from collections.abc import Sequence

from tests.oracles.forest import above
from tests.support.tree import Node

_CALLS = {"llm", "embeddings"}


def own_tokens(nodes: Sequence[Node], parent: Sequence[int], which: str) -> list[int]:
    """What each span counts of the tokens it reports as `which` (in or out)."""
    call = [node.kind in _CALLS and node.reports for node in nodes]
    counting = [
        call[row] or _stands_alone(nodes, call, row) or _speaks(nodes, parent, row)
        for row in range(len(nodes))
    ]
    own = []
    for row, node in enumerate(nodes):
        same = [
            call[row] == call[other] and counting[other] and "spending" not in (node.kind, kind)
            for other, kind in enumerate(each.kind for each in nodes)
        ]
        nested = [
            other
            for other in range(len(nodes))
            if same[other] and _holder(nodes, parent, same, other) == row
        ]
        below = sum(nodes[other].tokens(which) for other in nested)
        own.append(max(0, node.tokens(which) - below) if counting[row] else 0)
    return own


def llm_calls(nodes: Sequence[Node], parent: Sequence[int]) -> int:
    """How many model calls there were: of nested ones, the innermost that report usage."""
    llm = [node.kind in _CALLS for node in nodes]
    held = [_holder(nodes, parent, llm, row) if llm[row] else -1 for row in range(len(nodes))]
    count = 0
    for row, node in enumerate(nodes):
        if node.kind == "llm" and (held[row] < 0 or node.reports):
            count += not any(
                other.kind == "llm" and other.reports and _within(held, below, row)
                for below, other in enumerate(nodes)
            )
    return count


def _speaks(nodes: Sequence[Node], parent: Sequence[int], row: int) -> bool:
    """Whether a record of spending stands beside no tool call in which anything reports usage."""
    node = nodes[row]
    if node.kind != "spending" or not node.reports:
        return False
    beside = [
        (abs(_end(other) - node.start), _end(other) > node.start, at)
        for at, other in enumerate(nodes)
        if parent[at] == parent[row] >= 0 and other.kind == "tool"
    ]
    if not beside:
        return True
    apart, after, _ = min(beside)
    alike = [at for distance, later, at in beside if (distance, later) == (apart, after)]
    tool = alike[0] if after else alike[-1]
    return not any(
        other.reports and other.kind in {*_CALLS, "spending"} and tool in above(parent, below)
        for below, other in enumerate(nodes)
    )


def _end(node: Node) -> int:
    return max(node.start, node.end)


def _stands_alone(nodes: Sequence[Node], call: Sequence[bool], row: int) -> bool:
    """Whether a span reports usage for calls that nobody shows in its trace."""
    node = nodes[row]
    if call[row] or not node.reports or node.kind in {"usage", "spending"}:
        return False
    return not any(
        shown and other.trace == node.trace for shown, other in zip(call, nodes, strict=True)
    )


def _holder(nodes: Sequence[Node], parent: Sequence[int], outer: Sequence[bool], row: int) -> int:
    """The nearest of `outer` around a span, unless a tool or an agent is between."""
    for at in above(parent, row):
        if outer[at]:
            # an agent sums up its own calls, no other agent's
            return -1 if nodes[at].kind == nodes[row].kind == "agent" else at
        if nodes[at].kind in {"tool", "agent"}:
            return -1
    return -1


def _within(held: Sequence[int], row: int, outer: int) -> bool:
    at = held[row]
    while at >= 0 and at != outer:
        at = held[at]
    return at == outer
