"""A coordination graph as a picture: for D3's force simulation, Cytoscape.js and a Sankey diagram.

Strategy: all three say the same facts under the same names. A Sankey diagram can show no circle, so
agents are put in an order in which most control flows forward, and what flows back goes to a second
node of its agent: nothing is left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from otel_llmops.errors import QueryError

__all__ = ["FORMATS", "export"]

FORMATS = ("d3", "cytoscape", "sankey")


class _Node(Protocol):
    """What is drawn of an agent."""

    @property
    def agent(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def invocations(self) -> int: ...
    @property
    def total_tokens(self) -> int: ...
    @property
    def cost_usd(self) -> float | None: ...
    @property
    def errors(self) -> int: ...


class _Edge(Protocol):
    """What is drawn of the handoffs from one agent to another."""

    @property
    def from_agent(self) -> str: ...
    @property
    def to_agent(self) -> str: ...
    @property
    def handoffs(self) -> int: ...
    @property
    def quality(self) -> float: ...
    @property
    def avg_latency_ms(self) -> float: ...
    @property
    def kinds(self) -> Sequence[str]: ...
    @property
    def tokens(self) -> int: ...


def export(
    format: str,  # noqa: A002 - the word that callers use for it
    nodes: Sequence[_Node],
    edges: Sequence[_Edge],
) -> dict[str, Any]:
    """The graph in one of FORMATS, as an object that JSON can hold.

    In:     nodes and edges; each edge's ends are among the nodes.
    Out:    d3: `nodes` and `edges`, whose ends are `from` and `to`, and as D3 names them;
            cytoscape: the argument of `cytoscape(...)`; sankey: `nodes` and `links`, which name
            their ends by place.
    Raises: QueryError, if there is no such format.
    Edge:   A graph without nodes gives an empty picture. Names are as the spans have them: whoever
            puts them into a page escapes them.
    Cost:   O(n + m); a Sankey diagram of a graph with circles O(n ** 2 + m).
    """
    match format:
        case "d3":
            return _d3(nodes, edges)
        case "cytoscape":
            return _cytoscape(nodes, edges)
        case "sankey":
            return _sankey(nodes, edges)
    raise QueryError(f"there is no format {format!r}", hint=f"choose {', '.join(FORMATS)}")


def _d3(nodes: Iterable[_Node], edges: Iterable[_Edge]) -> dict[str, Any]:
    return {
        "nodes": [{"id": node.agent, **_facts(node)} for node in nodes],
        "edges": [
            {
                "from": edge.from_agent,
                "to": edge.to_agent,
                "source": edge.from_agent,
                "target": edge.to_agent,
                **_handoff_facts(edge),
            }
            for edge in edges
        ],
    }


def _cytoscape(nodes: Sequence[_Node], edges: Sequence[_Edge]) -> dict[str, Any]:
    """Ids are unique over nodes and edges, whatever agents are called."""
    number = {node.agent: f"n{place}" for place, node in enumerate(nodes)}
    return {
        "elements": {
            "nodes": [
                {"data": {"id": number[node.agent], "label": node.agent, **_facts(node)}}
                for node in nodes
            ],
            "edges": [
                {
                    "data": {
                        "id": f"e{place}",
                        "source": number[edge.from_agent],
                        "target": number[edge.to_agent],
                        "from": edge.from_agent,
                        "to": edge.to_agent,
                        **_handoff_facts(edge),
                    }
                }
                for place, edge in enumerate(edges)
            ],
        }
    }


def _sankey(nodes: Sequence[_Node], edges: Sequence[_Edge]) -> dict[str, Any]:
    rank = _forward(nodes, edges)
    ends = [
        (edge.from_agent, edge.to_agent, rank[edge.from_agent] >= rank[edge.to_agent])
        for edge in edges
    ]
    again = sorted({to for _, to, is_back in ends if is_back})
    drawn = [(node.agent, False) for node in nodes] + [(agent, True) for agent in again]
    place = {node: number for number, node in enumerate(drawn)}
    type_ = {node.agent: node.type for node in nodes}
    return {
        "nodes": [
            {
                "id": f"{'again' if is_again else 'agent'}:{agent}",
                "name": agent,
                "type": type_[agent],
                "again": is_again,
            }
            for agent, is_again in drawn
        ],
        "links": [
            {
                "source": place[source, False],
                "target": place[target, is_back],
                "from": source,
                "to": target,
                "value": edge.handoffs,
                **_handoff_facts(edge),
            }
            for edge, (source, target, is_back) in zip(edges, ends, strict=True)
        ],
    }


def _forward(nodes: Iterable[_Node], edges: Iterable[_Edge]) -> dict[str, int]:
    """An order of agents: whoever is handed to by nobody that is left comes next.

    Where everybody is, the one that hands on most more often than it is handed to.
    """
    left = {node.agent: 0 for node in nodes}
    waits = dict.fromkeys(left, 0)
    after: dict[str, list[_Edge]] = {agent: [] for agent in left}
    before: dict[str, list[_Edge]] = {agent: [] for agent in left}
    for edge in edges:
        if edge.from_agent != edge.to_agent:
            after[edge.from_agent].append(edge)
            before[edge.to_agent].append(edge)
            left[edge.from_agent] += edge.handoffs
            left[edge.to_agent] -= edge.handoffs
            waits[edge.to_agent] += 1
    free = [agent for agent in left if not waits[agent]]
    rank: dict[str, int] = {}
    while left:
        agent = free.pop(0) if free else max(left, key=lambda each: (left[each], each))
        if agent not in left:
            continue
        del left[agent]
        rank[agent] = len(rank)
        for edge in before[agent]:
            if edge.from_agent in left:
                left[edge.from_agent] -= edge.handoffs
        for edge in after[agent]:
            if edge.to_agent in left:
                left[edge.to_agent] += edge.handoffs
                waits[edge.to_agent] -= 1
                if not waits[edge.to_agent]:
                    free.append(edge.to_agent)
    return rank


def _facts(node: _Node) -> Mapping[str, Any]:
    return {
        "type": node.type,
        "invocations": node.invocations,
        "tokens": node.total_tokens,
        "cost_usd": node.cost_usd,
        "errors": node.errors,
    }


def _handoff_facts(edge: _Edge) -> Mapping[str, Any]:
    return {
        "handoffs": edge.handoffs,
        "quality": edge.quality,
        "avg_latency_ms": edge.avg_latency_ms,
        "kinds": list(edge.kinds),
        "tokens": edge.tokens,
    }
