"""REST for scripts: the same answers as GraphQL, in snake_case."""

from starlette.requests import Request
from starlette.routing import Route

from otel_llmops.api import documents
from otel_llmops.api.answering import WINDOW, NotFoundError, Parameters, answered
from otel_llmops.api.documents import plain
from otel_llmops.api.parameters import share, word
from otel_llmops.errors import QueryError
from otel_llmops.model.severity import SEVERITIES
from otel_llmops.storage.queries import Queries

__all__ = ["routes"]


def routes(queries: Queries, *, jaeger_url: str) -> list[Route]:
    """The routes below /api. `jaeger_url` is empty where no Jaeger is configured."""
    rest = _Rest(queries, jaeger_url)
    return [
        Route("/api/agents", answered(rest.agents)),
        Route("/api/agents/{name:path}", answered(rest.agent)),
        Route("/api/sessions", answered(rest.sessions)),
        Route("/api/sessions/{session_id:path}", answered(rest.session)),
        Route("/api/handoffs", answered(rest.handoffs)),
        Route("/api/bottlenecks", answered(rest.bottlenecks)),
        Route("/api/drift", answered(rest.drift)),
        Route("/api/functions", answered(rest.functions)),
        Route("/api/usage", answered(rest.usage)),
        Route("/api/doctor", answered(rest.doctor)),
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

    async def bottlenecks(self, request: Request) -> object:
        """What holds sessions up."""
        given = Parameters(request, {"session_id", "min_severity", "since", "until", "limit"})
        window = given.window()
        del window["offset"]
        rows = await self._queries.bottlenecks(
            session_id=given.text("session_id"),
            min_severity=word(given.text("min_severity"), SEVERITIES, name="min_severity"),
            **window,
        )
        return {"bottlenecks": [plain(row) | self._trace_url(row.example_trace_id) for row in rows]}

    async def drift(self, request: Request) -> object:
        """How far the context moved at each handoff of a session."""
        session_id = Parameters(request, {"session_id"}).text("session_id")
        if session_id is None:
            raise QueryError("session_id is missing", hint="GET /api/sessions lists them")
        return {"drift": await self._queries.context_drift(session_id)}

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

    async def doctor(self, request: Request) -> object:
        """How spans were read: of one session, or of the newest."""
        given = Parameters(request, {"session_id", "limit"})
        session_id = given.text("session_id")
        found = await documents.diagnosis(
            self._queries, session_id=session_id, limit=given.page()[0]
        )
        if found is None:
            raise NotFoundError(
                f"there is no session {session_id!r}", hint="GET /api/sessions lists them"
            )
        return found

    def _trace_url(self, trace_id: str) -> dict[str, str | None]:
        return {"trace_url": f"{self._jaeger_url}/trace/{trace_id}" if self._jaeger_url else None}
