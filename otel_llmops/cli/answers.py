"""The rows that the REST API answers with, of a store that this process has opened."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from otel_llmops.api.documents import plain
from otel_llmops.api.parameters import time
from otel_llmops.api.rest_coordination import graph_document
from otel_llmops.cli.reader import Given
from otel_llmops.storage.queries import Queries
from otel_llmops.views.coordination import export

__all__ = ["graph", "rows"]

_NO_JAEGER = {"trace_url": None}


async def rows(queries: Queries, name: str, given: Given) -> list[dict[str, Any]]:
    """The rows of agents, handoffs, bottlenecks, hotspots or usage, as GET /api/{name} gives them.

    Raises: QueryError, if a window or a number of steps is none.
    """
    asked: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    asked |= _times(asked)
    match name:
        case "agents":
            return _with(await queries.agents(**asked), "total_tokens")
        case "handoffs":
            return [plain(each) | _NO_JAEGER for each in await queries.handoffs(**asked)]
        case "bottlenecks":
            return [plain(each) | _NO_JAEGER for each in await queries.bottlenecks(**asked)]
        case "hotspots":
            found = await queries.topology.hotspots(**asked)
            return _with(found, "avg_tokens_per_call", "recommendation")
        case "usage":
            return _with(await queries.usage(**asked))
    raise AssertionError(name)


async def graph(queries: Queries, session_id: str | None, given: Given) -> dict[str, Any] | None:
    """As GET /api/coordination-graph gives it, None where there is no such session.

    Raises: QueryError, if a parameter is not what it must be.
    """
    found = await queries.coordination_graph(session_id, **_times(given))
    if found is None:
        return None
    if given.get("format") is None:
        return graph_document(found)
    return export(str(given["format"]), found.nodes, found.edges)


def _times(given: Mapping[str, Any]) -> dict[str, datetime]:
    return {name: time(given[name]) for name in ("since", "until") if given.get(name) is not None}


def _with(found: Any, *reckoned: str) -> list[dict[str, Any]]:
    """Answers as JSON with some of what they reckon."""
    return [plain(each) | {name: getattr(each, name) for name in reckoned} for each in found]
