"""REST for scripts: the same answers as GraphQL, in snake_case."""

from typing import Any

from otel_llmops.analysis.diagnosis import Diagnosis
from otel_llmops.api import documents
from otel_llmops.api.answering import NotFoundError
from otel_llmops.api.documents import plain
from otel_llmops.api.operations import (
    LIMIT,
    LONG_PAGE,
    TIMES,
    WINDOW,
    Operation,
    share_of,
    text,
    whole,
    word_of,
)
from otel_llmops.api.parameters import bucket_count
from otel_llmops.api.shapes import Shape
from otel_llmops.model.agent_types import AGENT_TYPES
from otel_llmops.model.severity import SEVERITIES
from otel_llmops.storage.answers import (
    AgentSummary,
    Bottleneck,
    Handoff,
    LedgerEntry,
    SessionSummary,
    TokenUse,
    UsagePoint,
)
from otel_llmops.storage.drift import ContextDrift
from otel_llmops.storage.queries import Queries
from otel_llmops.storage.topology_answers import FunctionUsage
from otel_llmops.storage.usage import BUCKETS_DEFAULT, BUCKETS_MAX

__all__ = ["BOTTLENECK", "HANDOFF", "NO_SESSION", "SESSION", "no_session", "operations"]

SESSION = Shape(
    "SessionDetail",
    "A session with its tokens by agent and model, and its ledger.",
    SessionSummary,
    more={
        "unpriced_tokens": int,
        "tokens": [
            Shape(
                "TokenUse",
                "What one agent spent on one model in the session, each token once.",
                TokenUse,
                without=frozenset({"session_id"}),
            )
        ],
        "ledger": [
            Shape(
                "LedgerEntry",
                "What one span reported, what counts as its own, and by which rule.",
                LedgerEntry,
                without=frozenset({"session_id"}),
            )
        ],
    },
)
HANDOFF = Shape(
    "AgentHandoff",
    "One handoff with all that it rests on.",
    Handoff,
    more={"trace_url": str | None},
)
BOTTLENECK = Shape(
    "BottleneckInfo",
    "What holds sessions up; times are means over the sessions in which it was found.",
    Bottleneck,
    more={"trace_url": str | None},
)
NO_SESSION = {404: "There is no such session."}

_SESSION_ID = text("session_id")


def operations(queries: Queries, *, jaeger_url: str) -> list[Operation]:
    """What is below /api. `jaeger_url` is empty where no Jaeger is configured."""
    rest = _Rest(queries, jaeger_url)
    return [*_lists(rest), *_findings(rest)]


def _lists(rest: "_Rest") -> list[Operation]:
    return [
        Operation(
            "/api/agents",
            "Agents, most tokens first, then by name.",
            rest.agents,
            Shape("Agents", "A page of agents.", more={"agents": [AgentSummary]}),
            (word_of("type", AGENT_TYPES), *WINDOW),
        ),
        Operation(
            "/api/agents/{name}",
            "One agent over all its sessions.",
            rest.agent,
            AgentSummary,
            (text("name"),),
            refuses={404: "There is no such agent."},
        ),
        Operation(
            "/api/sessions",
            "Sessions, newest first.",
            rest.sessions,
            Shape("Sessions", "A page of sessions.", more={"sessions": [SessionSummary]}),
            (text("agent"), *WINDOW),
        ),
        Operation(
            "/api/sessions/{session_id}",
            "One session, with its tokens, and a page of its ledger.",
            rest.session,
            SESSION,
            (_SESSION_ID, *LONG_PAGE),
            refuses=NO_SESSION,
        ),
        Operation(
            "/api/handoffs",
            "Handoffs in the order in which they happened.",
            rest.handoffs,
            Shape("Handoffs", "A page of handoffs.", more={"handoffs": [HANDOFF]}),
            (_SESSION_ID, text("agent"), share_of("min_quality"), *WINDOW),
        ),
    ]


def _findings(rest: "_Rest") -> list[Operation]:
    return [
        Operation(
            "/api/bottlenecks",
            "What holds sessions up, most first.",
            rest.bottlenecks,
            Shape("Bottlenecks", "Findings.", more={"bottlenecks": [BOTTLENECK]}),
            (_SESSION_ID, word_of("min_severity", SEVERITIES), *TIMES, LIMIT),
        ),
        Operation(
            "/api/drift",
            "How far the context moved at each handoff of a session.",
            rest.drift,
            Shape("Drift", "The handoffs of a session.", more={"drift": [ContextDrift]}),
            (text("session_id", needed="SESSION, which GET /api/sessions lists"), *LONG_PAGE),
        ),
        Operation(
            "/api/functions",
            "Functions of the user's code, most own tokens first, as spans tell them.",
            rest.functions,
            Shape("Functions", "A page of functions.", more={"functions": [FunctionUsage]}),
            WINDOW,
        ),
        Operation(
            "/api/usage",
            "What was spent over time, in steps that people read; by default the last day.",
            rest.usage,
            Shape("Usage", "Steps of time, in order.", more={"usage": [UsagePoint]}),
            (
                *TIMES,
                whole(
                    "buckets", bucket_count, least=1, most=BUCKETS_MAX, otherwise=BUCKETS_DEFAULT
                ),
            ),
        ),
        Operation(
            "/api/doctor",
            "How spans were read, and what they leave out: of one session, or of the newest.",
            rest.doctor,
            Shape("Doctor", "What was found.", Diagnosis, more={"sessions": int}),
            (_SESSION_ID, LIMIT),
            refuses=NO_SESSION,
        ),
    ]


def no_session(session_id: str | None) -> NotFoundError:
    """The error that says so."""
    return NotFoundError(f"there is no session {session_id!r}", hint="GET /api/sessions lists them")


class _Rest:
    """One method for each operation."""

    def __init__(self, queries: Queries, jaeger_url: str) -> None:
        self._queries = queries
        self._jaeger_url = jaeger_url.rstrip("/")

    async def agents(self, **given: Any) -> object:
        return {"agents": await self._queries.agents(**given)}

    async def agent(self, name: str) -> object:
        found = await self._queries.agent(name)
        if found is None:
            raise NotFoundError(f"there is no agent {name!r}", hint="GET /api/agents lists them")
        return found

    async def sessions(self, **given: Any) -> object:
        return {"sessions": await self._queries.sessions(**given)}

    async def session(self, session_id: str, **page: int) -> object:
        found = await documents.session(self._queries, session_id, **page)
        if found is None:
            raise no_session(session_id)
        return found

    async def handoffs(self, **given: Any) -> object:
        rows = await self._queries.handoffs(**given)
        return {"handoffs": [plain(row) | self._trace_url(row.trace_id) for row in rows]}

    async def bottlenecks(self, **given: Any) -> object:
        rows = await self._queries.bottlenecks(**given)
        return {"bottlenecks": [plain(row) | self._trace_url(row.example_trace_id) for row in rows]}

    async def drift(self, session_id: str, **page: int) -> object:
        return {"drift": await self._queries.context_drift(session_id, **page)}

    async def functions(self, **given: Any) -> object:
        return {"functions": await self._queries.functions(**given)}

    async def usage(self, **given: Any) -> object:
        return {"usage": await self._queries.usage(**given)}

    async def doctor(self, session_id: str | None, limit: int) -> object:
        found = await documents.diagnosis(self._queries, session_id=session_id, limit=limit)
        if found is None:
            raise no_session(session_id)
        return found

    def _trace_url(self, trace_id: str) -> dict[str, str | None]:
        return {"trace_url": f"{self._jaeger_url}/trace/{trace_id}" if self._jaeger_url else None}
