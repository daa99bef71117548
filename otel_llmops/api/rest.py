"""REST for scripts: the same answers as GraphQL, in snake_case."""

from starlette.requests import Request
from starlette.routing import Route

from otel_llmops.api import documents
from otel_llmops.api.answering import WINDOW, NotFoundError, Parameters, answered, failure
from otel_llmops.api.documents import plain
from otel_llmops.api.parameters import share
from otel_llmops.storage.queries import Queries

__all__ = ["failure", "routes"]


def routes(queries: Queries, *, jaeger_url: str) -> list[Route]:
    """The routes below /api. `jaeger_url` is empty where no Jaeger is configured."""
    rest = _Rest(queries, jaeger_url)
    return [
        Route("/api/agents", answered(rest.agents)),
        Route("/api/agents/{name:path}", answered(rest.agent)),
        Route("/api/sessions", answered(rest.sessions)),
        Route("/api/sessions/{session_id:path}", answered(rest.session)),
        Route("/api/handoffs", answered(rest.handoffs)),
        Route("/api/functions", answered(rest.functions)),
        Route("/api/usage", answered(rest.usage)),
    ]


class _Rest:
    """One method for each route."""

    def __init__(self, queries: Queries, jaeger_url: str) -> None:
        self._queries = queries
        self._jaeger_url = jaeger_url.rstrip("/")

    async def agents(self, request: Request) -> object:
        given = Parameters(request, {"type"} | WINDOW)
        rows = await self._queries.agents(type=given.agent_type(), **given.window())
        return {"agents": [plain(row) | {"total_tokens": row.total_tokens} for row in rows]}

    async def agent(self, request: Request) -> object:
        name = request.path_params["name"]
        Parameters(request, set())
        found = await self._queries.agent(name)
        if found is None:
            raise NotFoundError(f"there is no agent {name!r}", hint="GET /api/agents lists them")
        return plain(found) | {"total_tokens": found.total_tokens}

    async def sessions(self, request: Request) -> object:
        given = Parameters(request, {"agent"} | WINDOW)
        rows = await self._queries.sessions(agent=given.text("agent"), **given.window())
        return {"sessions": rows}

    async def session(self, request: Request) -> object:
        """One session with its tokens by agent and model, and its ledger."""
        session_id = request.path_params["session_id"]
        Parameters(request, set())
        found = await documents.session(self._queries, session_id)
        if found is None:
            raise NotFoundError(
                f"there is no session {session_id!r}", hint="GET /api/sessions lists them"
            )
        return found

    async def handoffs(self, request: Request) -> object:
        given = Parameters(request, {"session_id", "agent", "min_quality"} | WINDOW)
        rows = await self._queries.handoffs(
            session_id=given.text("session_id"),
            agent=given.text("agent"),
            min_quality=share(given.number("min_quality"), name="min_quality"),
            **given.window(),
        )
        return {"handoffs": [plain(row) | self._trace_url(row.trace_id) for row in rows]}

    async def functions(self, request: Request) -> object:
        """Tokens by function of the user's code."""
        given = Parameters(request, WINDOW)
        rows = await self._queries.functions(**given.window())
        return {
            "functions": [
                plain(row)
                | {
                    "total_tokens": row.total_tokens,
                    "avg_tokens_per_call": row.avg_tokens_per_call,
                }
                for row in rows
            ]
        }

    async def usage(self, request: Request) -> object:
        """What was spent over time."""
        given = Parameters(request, {"since", "until", "buckets"})
        points = await self._queries.usage(**given.times(), buckets=given.buckets())
        return {"usage": points}

    def _trace_url(self, trace_id: str) -> dict[str, str | None]:
        return {"trace_url": f"{self._jaeger_url}/trace/{trace_id}" if self._jaeger_url else None}
