"""All that one page about a session rests on, as one document: GET /api/report/{session_id}."""

import asyncio
from typing import Any

from otel_llmops.api import documents
from otel_llmops.api.documents import plain
from otel_llmops.api.operations import Operation, text
from otel_llmops.api.rest import NO_SESSION, SESSION, no_session
from otel_llmops.api.rest_coordination import GRAPH, graph_document
from otel_llmops.api.shapes import Shape
from otel_llmops.storage.answers import Bottleneck, Handoff, SessionSummary
from otel_llmops.storage.coalitions import Outcome
from otel_llmops.storage.drift import ContextDrift
from otel_llmops.storage.queries import Queries

__all__ = ["operations", "report"]

_HANDOFFS_MAX = 1000
_BOTTLENECKS_MAX = 20
_REPORT = Shape(
    "Report",
    "All that one page about a session rests on.",
    SessionSummary,
    more={
        **{name: SESSION.more[name] for name in ("unpriced_tokens", "tokens")},
        "outcome": Outcome | None,
        "coordination": (GRAPH, type(None)),
        "handoff_list": [Handoff],
        "drift": [ContextDrift],
        "bottlenecks": [Bottleneck],
    },
)


def operations(queries: Queries) -> list[Operation]:
    """What is below /api."""

    async def answer(session_id: str) -> object:
        found = await report(queries, session_id)
        if found is None:
            raise no_session(session_id)
        return found

    return [
        Operation(
            "/api/report/{session_id}",
            "A session with its graph, handoffs, drift, bottlenecks and outcome.",
            answer,
            _REPORT,
            (text("session_id"),),
            refuses=NO_SESSION,
        )
    ]


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
