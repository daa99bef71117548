"""Circular imports: components, the shortest cycle of each, and where to cut it.

Strategy: strongly connected components by Tarjan's algorithm without recursion, so their number is
linear in the graph. Cycles are never listed: a component of some hundred modules has millions. Each
shows its shortest one, found by breadth-first searches that stop at the best length so far, and the
edge of it that costs the fewest import statements to remove. `to_break` are edges whose removal
leaves no cycle at all, by the ordering of Eades, Lin and Smyth (1993).
"""

from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

__all__ = ["Cycle", "components", "cycles", "feedback", "shortest_cycle"]

Node = TypeVar("Node", bound=Hashable)
Graph = Mapping[Node, Sequence[Node]]
_STARTS_MAX = 2_000
"""Breadth-first searches of one component: beyond them the shortest cycle is the best found."""


class Cycle(NamedTuple):
    """A component of two or more modules that import each other."""

    modules: list[str]
    shortest: list[str]
    cheapest_edge: tuple[str, str]
    to_break: list[tuple[str, str]]


def cycles(statements: Mapping[tuple[str, str], int]) -> list[Cycle]:
    """The circular imports of a graph.

    In:     (importer, imported) -> number of import statements.
    Out:    largest first; all names sorted but those of `shortest`, which begin with its least.
    Cost:   O(edges), and for each component at most its nodes times its edges.
    """
    graph: dict[str, list[str]] = {}
    for importer, imported in sorted(statements):
        graph.setdefault(importer, []).append(imported)
        graph.setdefault(imported, [])
    found = []
    for component in components(graph):
        if len(component) > 1:
            inside = set(component)
            part = {node: [to for to in graph[node] if to in inside] for node in sorted(component)}
            shortest = shortest_cycle(part)
            edges = list(zip(shortest, [*shortest[1:], shortest[0]], strict=True))
            cheapest = min(edges, key=lambda edge: (statements[edge], edge))
            found.append(Cycle(sorted(component), shortest, cheapest, feedback(part, statements)))
    return sorted(found, key=lambda cycle: (-len(cycle.modules), cycle.modules))


def components(graph: Graph[Node]) -> list[list[Node]]:
    """Strongly connected components, each after those that it points to.

    In:     every node is a key.
    Cost:   O(nodes + edges).
    Source: Tarjan, 1972.
    """
    index: dict[Node, int] = {}
    low: dict[Node, int] = {}
    on_stack: set[Node] = set()
    stack: list[Node] = []
    found: list[list[Node]] = []
    for root in graph:
        if root in index:
            continue
        work = [(root, iter(graph[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, targets = work[-1]
            for target in targets:
                if target not in index:
                    index[target] = low[target] = len(index)
                    stack.append(target)
                    on_stack.add(target)
                    work.append((target, iter(graph[target])))
                    break
                if target in on_stack:
                    low[node] = min(low[node], index[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    found.append(_popped(stack, on_stack, node))
    return found


def _popped(stack: list[Node], on_stack: set[Node], last: Node) -> list[Node]:
    component: list[Node] = []
    while True:
        node = stack.pop()
        on_stack.discard(node)
        component.append(node)
        if node == last:
            return component


def shortest_cycle(graph: Graph[str]) -> list[str]:
    """A shortest cycle of a strongly connected graph, beginning with its least name."""
    edges = {node: set(targets) for node, targets in graph.items()}
    for node, targets in graph.items():
        for target in targets:
            if node in edges[target]:
                return sorted((node, target))
    best: list[str] = []
    # from every node, but only as deep as a better cycle can be
    for start in sorted(graph, key=lambda node: len(graph[node]))[:_STARTS_MAX]:
        found = _back_to(start, graph, len(best) or len(graph) + 1)
        if found and (not best or (len(found), found) < (len(best), best)):
            best = found
    turn = best.index(min(best))
    return best[turn:] + best[:turn]


def _back_to(start: str, graph: Graph[str], length_max: int) -> list[str]:
    """The shortest way from `start` to itself of fewer than `length_max` nodes, or nothing."""
    came_from = {start: start}
    waiting = deque([(start, 1)])
    while waiting:
        node, length = waiting.popleft()
        if length >= length_max:
            return []
        for target in graph[node]:
            if target == start:
                way = [node]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if target not in came_from:
                came_from[target] = node
                waiting.append((target, length + 1))
    return []


def feedback(graph: Graph[str], weights: Mapping[tuple[str, str], int]) -> list[tuple[str, str]]:
    """Edges without which the graph has no cycle; few and light ones, not the fewest there are.

    Cost:   O(edges log nodes).
    Source: Eades, Lin and Smyth, 1993.
    """
    order = {node: place for place, node in enumerate(_sequence(graph, weights))}
    return sorted(
        (node, target)
        for node, targets in graph.items()
        for target in targets
        if order[target] < order[node]
    )


def _sequence(graph: Graph[str], weights: Mapping[tuple[str, str], int]) -> Iterable[str]:
    """Nodes so that few edges point back: sinks last, sources first, else the most outgoing."""
    outgoing = {node: set(targets) for node, targets in graph.items()}
    incoming: dict[str, set[str]] = {node: set() for node in graph}
    surplus = dict.fromkeys(sorted(graph), 0)
    cost = dict.fromkeys(graph, 0)
    for node, targets in graph.items():
        for target in targets:
            incoming[target].add(node)
            surplus[node] += weights[node, target]
            surplus[target] -= weights[node, target]
            cost[target] += weights[node, target]
    first: list[str] = []
    last: list[str] = []
    loose: list[str] = []
    while surplus:
        node = loose.pop() if loose else max(surplus, key=lambda n: (surplus[n], -cost[n]))
        if surplus.pop(node, None) is None:
            continue
        (last if not outgoing[node] and incoming[node] else first).append(node)
        for target in sorted(outgoing.pop(node)):
            incoming[target].discard(node)
            surplus[target] += weights[node, target]
            if not incoming[target]:
                loose.append(target)
        for source in sorted(incoming.pop(node)):
            outgoing[source].discard(node)
            surplus[source] -= weights[source, node]
            if not outgoing[source]:
                loose.append(source)
    return [*first, *reversed(last)]
