"""All that one page about a session rests on, as one document: GET /api/report/{session_id}."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from otel_llmops.api import documents
from otel_llmops.api.answering import NotFoundError, Parameters, answered
from otel_llmops.api.documents import plain
from otel_llmops.api.rest_coordination import graph_document
from otel_llmops.storage.queries import Queries

__all__ = ["report", "routes"]

_HANDOFFS_MAX = 1000
_BOTTLENECKS_MAX = 20


def routes(queries: Queries) -> list[Route]:
    """The route below /api."""

    async def answer(request: Request) -> object:
        session_id = request.path_params["session_id"]
        Parameters(request, set())
        found = await report(queries, session_id)
        if found is None:
            raise NotFoundError(
                f"there is no session {session_id!r}", hint="GET /api/sessions lists them"
            )
        return found

    return [Route("/api/report/{session_id:path}", answered(answer))]


async def report(queries: Queries, session_id: str) -> dict[str, Any] | None:
    """The session with its graph, handoffs, drift, bottlenecks and outcome; None if it is none."""
    session = await documents.session(queries, session_id)
    if session is None:
        return None
    known_as = session["session_id"]
    outcome, graph, handoffs, drift, bottlenecks = await asyncio.gather(
        queries.outcome(known_as),
        queries.coordination_graph(known_as),
        queries.handoffs(session_id=known_as, limit=_HANDOFFS_MAX),
        queries.context_drift(known_as),
        queries.bottlenecks(session_id=known_as, limit=_BOTTLENECKS_MAX),
    )
    del session["ledger"]
    return session | {
        "outcome": plain(outcome),
        "coordination": graph_document(graph) if graph is not None else None,
        "handoff_list": plain(handoffs),
        "drift": plain(drift),
        "bottlenecks": plain(bottlenecks),
    }
