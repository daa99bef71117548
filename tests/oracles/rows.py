"""Spans in the order in which answers are defined."""

from collections.abc import Iterable, Sequence

from tests.oracles.forest import parents
from tests.support.tree import Node, span_id, trace_id


def in_order(nodes: Iterable[Node]) -> list[Node]:
    """Each span once, by start, trace, id, end; spans alike in all that by their bytes.

    A parent that never came is a span too: a root that lasts as long as its children.
    """
    once = {(node.trace, node.id, node.wire): node for node in nodes}
    return sorted(
        [*once.values(), *_absent(list(once.values()))],
        key=lambda node: (node.start, node.trace, node.id, node.end, node.wire),
    )


def _absent(nodes: Sequence[Node]) -> list[Node]:
    known = {(node.trace, node.id) for node in nodes}
    orphans: dict[tuple[int, int], list[Node]] = {}
    for node in nodes:
        if node.parent and (node.trace, node.parent) not in known:
            orphans.setdefault((node.trace, node.parent), []).append(node)
    return [
        Node(
            kind="span",
            name="",
            start=min(child.start for child in children),
            end=max(child.end for child in children),
            id=missing,
            trace=trace,
            service=min(child.service for child in children),
        )
        for (trace, missing), children in orphans.items()
    ]


def parents_of(nodes: Sequence[Node]) -> list[int]:
    return parents(
        [(trace_id(node.trace), span_id(node.id), span_id(node.parent)) for node in nodes]
    )
