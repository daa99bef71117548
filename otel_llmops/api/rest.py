"""REST for scripts: the same answers as GraphQL, in snake_case."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from otel_llmops.api import documents
from otel_llmops.api.documents import plain
from otel_llmops.api.parameters import page, share, time, word
from otel_llmops.errors import LlmopsError, QueryError
from otel_llmops.model.severity import SEVERITIES
from otel_llmops.storage.queries import Queries
from otel_llmops.storage.usage import BUCKETS_DEFAULT

__all__ = ["WINDOW", "Answer", "NotFoundError", "Parameters", "answered", "failure", "routes"]

_LOG = logging.getLogger(__name__)

AGENT_TYPES = ("primary", "orchestrator", "specialist", "tool", "unknown")
WINDOW = frozenset({"since", "until", "limit", "offset"})

Answer = Callable[[Request], Awaitable[object]]


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


def failure(status: int, error: LlmopsError) -> JSONResponse:
    """An answer that says what was wrong and what to do."""
    return JSONResponse({"error": error.message, "hint": error.hint}, status_code=status)


class NotFoundError(LlmopsError):
    """Nothing has the name that was asked for."""


def answered(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """The boundary of a REST request: what may go wrong becomes a status and a sentence."""

    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(plain(await answer(request)))
        except QueryError as error:
            return failure(400, error)
        except NotFoundError as error:
            return failure(404, error)
        except Exception:  # noqa: BLE001 - the boundary of an api request
            _LOG.exception("rest: %s failed", request.scope["path"])
            return failure(500, LlmopsError("this could not be answered", hint="see the log"))

    return endpoint


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
        limit, offset = Parameters(request, {"limit", "offset"}).page()
        rows = await self._queries.tokens_by_function(limit=limit, offset=offset)
        return {"functions": [plain(row) | {"total_tokens": row.total_tokens} for row in rows]}

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


class Parameters:
    """The query string, read strictly: a misspelt filter would answer with everything."""

    def __init__(self, request: Request, known: set[str] | frozenset[str]) -> None:
        self._given = request.query_params
        for name in dict.fromkeys(key for key, _ in self._given.multi_items()):
            if name not in known:
                names = ", ".join(sorted(known)) or "no parameters"
                raise QueryError(f"there is no parameter {name!r}", hint=f"there is {names}")
            if len(self._given.getlist(name)) > 1:
                raise QueryError(f"{name} is given more than once", hint="give it once")

    def text(self, name: str) -> str | None:
        """A parameter as it stands."""
        return self._given.get(name)

    def number(self, name: str) -> float | None:
        """A parameter that is a number."""
        text = self._given.get(name)
        try:
            return None if text is None else float(text)
        except ValueError as error:
            raise QueryError(f"{name} is {text!r}", hint="give a number") from error

    def agent_type(self) -> str | None:
        """The parameter `type`, in lower case."""
        text = self._given.get("type")
        if text is not None and text.lower() not in AGENT_TYPES:
            raise QueryError(f"type is {text!r}", hint=f"give one of {', '.join(AGENT_TYPES)}")
        return None if text is None else text.lower()

    def page(self) -> tuple[int, int]:
        """The limit and the offset, checked."""
        return page(self._whole("limit"), self._whole("offset"))

    def times(self) -> dict[str, Any]:
        """Since and until as the queries take them."""
        given = {name: self._given.get(name) for name in ("since", "until")}
        return {name: time(text) if text is not None else None for name, text in given.items()}

    def buckets(self) -> int:
        """How many steps of time."""
        wanted = self._whole("buckets")
        return BUCKETS_DEFAULT if wanted is None else wanted

    def window(self) -> dict[str, Any]:
        """since, until, limit and offset as the queries take them."""
        limit, offset = self.page()
        return {**self.times(), "limit": limit, "offset": offset}

    def _whole(self, name: str) -> int | None:
        text = self._given.get(name)
        try:
            return None if text is None else int(text)
        except ValueError as error:
            raise QueryError(f"{name} is {text!r}", hint="give a whole number") from error
