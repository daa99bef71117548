"""REST of coordination graphs and coalitions."""

from asyncio import to_thread
from typing import Any

from otel_llmops.analysis.coalitions import Coalition
from otel_llmops.api.documents import plain
from otel_llmops.api.operations import LIMIT, TIMES, Operation, text, word_of
from otel_llmops.api.rest import NO_SESSION, no_session
from otel_llmops.api.shapes import Shape
from otel_llmops.storage.coordination import (
    CoordinationEdge,
    CoordinationGraph,
    CoordinationNode,
)
from otel_llmops.storage.queries import Queries
from otel_llmops.views.coordination import FORMATS, export

__all__ = ["GRAPH", "graph_document", "operations"]

_PAIR = Shape(
    "PingPong",
    "Two agents that hand to each other; `back` is from the second to the first.",
    more={"agents": [str], "handoffs": int, "back": int},
)
_BROKER = Shape(
    "Broker",
    "An agent that others need to reach each other.",
    more={"agent": str, "betweenness": float},
)
GRAPH = Shape(
    "CoordinationGraph",
    "Who hands to whom: agents and edges, those with most handoffs first.",
    more={
        "session_id": str | None,
        "nodes": [CoordinationNode],
        "edges": [CoordinationEdge],
        "cycles": [[str]],
        "ping_pongs": [_PAIR],
        "brokers": [_BROKER],
        "communities": [[str]],
        "entry_agents": [str],
        "exit_agents": [str],
        "dead_ends": [str],
        "outside_share": float | None,
        "omitted_agents": int,
        "omitted_edges": int,
    },
)
_PICTURE = {"type": "object", "description": "With `format`: the graph as that needs it."}
_COALITION = Shape(
    "Coalition",
    "A set of agents on tasks of one type.",
    Coalition,
    more={"task_type": str | None},
)


def operations(queries: Queries) -> list[Operation]:
    """What is below /api."""
    rest = _Rest(queries)
    drawn = (*TIMES, word_of("format", FORMATS))
    return [
        Operation(
            "/api/coordination-graph",
            "Who hands to whom, over all sessions.",
            rest.graph,
            (GRAPH, _PICTURE),
            drawn,
        ),
        Operation(
            "/api/coordination-graph/{session_id}",
            "Who hands to whom in a session.",
            rest.graph,
            (GRAPH, _PICTURE),
            (text("session_id"), *drawn),
            refuses=NO_SESSION,
        ),
        Operation(
            "/api/coalitions",
            "Sets of agents that solve tasks together: recommended ones first.",
            rest.coalitions,
            Shape("Coalitions", "Sets of agents.", more={"coalitions": [_COALITION]}),
            (text("task_type"), *TIMES, LIMIT),
        ),
    ]


def graph_document(graph: CoordinationGraph) -> dict[str, Any]:
    """The graph with all that its shape says."""
    pairs = [
        {"agents": [agent, other], "handoffs": there, "back": back}
        for agent, other, there, back in graph.ping_pongs
    ]
    brokers = [{"agent": agent, "betweenness": share} for agent, share in graph.brokers]
    return {
        "session_id": graph.session_id,
        "nodes": plain(graph.nodes),
        "edges": plain(graph.edges),
        "cycles": graph.cycles,
        "ping_pongs": pairs,
        "brokers": brokers,
        "communities": graph.communities,
        "entry_agents": graph.entry_agents,
        "exit_agents": graph.exit_agents,
        "dead_ends": graph.dead_ends,
        "outside_share": graph.outside_share,
        "omitted_agents": graph.omitted_agents,
        "omitted_edges": graph.omitted_edges,
    }


class _Rest:
    """One method for each operation."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def graph(self, session_id: str | None = None, **given: Any) -> object:
        picture = given.pop("format")
        found = await self._queries.coordination_graph(session_id, **given)
        if found is None:
            raise no_session(session_id)
        if picture is not None:
            return export(picture, found.nodes, found.edges)
        return await to_thread(graph_document, found)

    async def coalitions(self, **given: Any) -> object:
        found = await self._queries.coalitions(**given)
        rows = [plain(each) | {"task_type": each.task_type or None} for each in found]
        return {"coalitions": rows}
