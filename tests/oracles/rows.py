"""Spans in the order in which answers are defined."""

from collections.abc import Iterable, Sequence

from tests.oracles.forest import parents
from tests.support.tree import Node, span_id, trace_id


def in_order(nodes: Iterable[Node]) -> list[Node]:
    """Each span once, by start, trace, id, end; spans alike in all that by their bytes."""
    once = {(node.trace, node.id, node.wire): node for node in nodes}
    return sorted(
        once.values(), key=lambda node: (node.start, node.trace, node.id, node.end, node.wire)
    )


def parents_of(nodes: Sequence[Node]) -> list[int]:
    return parents(
        [(trace_id(node.trace), span_id(node.id), span_id(node.parent)) for node in nodes]
    )
