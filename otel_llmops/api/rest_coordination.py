"""REST of coordination graphs and coalitions."""

from asyncio import to_thread
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from otel_llmops.api.answering import NotFoundError, Parameters, answered
from otel_llmops.api.documents import plain
from otel_llmops.storage.coordination import CoordinationGraph
from otel_llmops.storage.queries import Queries
from otel_llmops.views.coordination import export

__all__ = ["graph_document", "routes"]


def routes(queries: Queries) -> list[Route]:
    """The routes below /api."""
    rest = _Rest(queries)
    return [
        Route("/api/coordination-graph", answered(rest.coordination_graph)),
        Route("/api/coordination-graph/{session_id:path}", answered(rest.of_session)),
        Route("/api/coalitions", answered(rest.coalitions)),
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
        "nodes": [plain(node) | {"total_tokens": node.total_tokens} for node in graph.nodes],
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
    """One method for each route."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def coordination_graph(self, request: Request) -> object:
        """Over all sessions, or those of a window."""
        return await self._graph(request, None)

    async def of_session(self, request: Request) -> object:
        """Of one session."""
        return await self._graph(request, request.path_params["session_id"])

    async def _graph(self, request: Request, session_id: str | None) -> object:
        given = Parameters(request, {"since", "until", "format"})
        found = await self._queries.coordination_graph(session_id, **given.times())
        if found is None:
            raise NotFoundError(
                f"there is no session {session_id!r}", hint="GET /api/sessions lists them"
            )
        picture = given.text("format")
        if picture is not None:
            return export(picture, found.nodes, found.edges)
        return await to_thread(graph_document, found)

    async def coalitions(self, request: Request) -> object:
        """Sets of agents that solve tasks together."""
        given = Parameters(request, {"task_type", "since", "until", "limit"})
        limit, _ = given.page()
        found = await self._queries.coalitions(
            task_type=given.text("task_type"), limit=limit, **given.times()
        )
        rows = [plain(each) | {"task_type": each.task_type or None} for each in found]
        return {"coalitions": rows}
