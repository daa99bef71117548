"""A real embedded store with two sessions in it, and the API over it."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from starlette.applications import Starlette

from otel_llmops.api.application import application
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.model.schemas import (
    AGENTS,
    COALITIONS,
    CONTEXT_DRIFT,
    DERIVED,
    FUNCTION_USAGE,
    HANDOFFS,
    LEDGER,
    OPERATIONS,
    SESSION_KEYS,
    SESSIONS,
)
from otel_llmops.storage.queries import Queries

START = datetime(2026, 11, 22, 10, tzinfo=UTC)
MS = 1_000_000
TRACE = "0af7651916cd43dd8448eb211c80319c"

Ask = Callable[..., httpx.Response]


def row(schema: pa.Schema, **values: Any) -> dict[str, Any]:
    """A row of `schema` in which only what is given differs from nothing."""
    nothing = {
        pa.string(): "",
        pa.bool_(): True,
        pa.float64(): 0.0,
        pa.timestamp("ns", tz="UTC"): START,
    }
    empty = {field.name: None if field.nullable else nothing.get(field.type, 0) for field in schema}
    unknown = set(values) - set(schema.names)
    assert not unknown
    return empty | values


def _agents() -> list[dict[str, Any]]:
    return [
        row(
            AGENTS,
            session_id=session,
            agent=agent,
            type=kind,
            role="router" if agent == "triage" else "",
            can_handoff_to='["billing"]' if agent == "triage" else "[]",
            models='["gpt-4o"]',
            services='["desk"]',
            ended_at=START + timedelta(seconds=2),
        )
        for session, agent, kind in [
            ("conv-1", "triage", "orchestrator"),
            ("conv-1", "researcher", "specialist"),
            ("conv-1", "billing", "a kind of tomorrow"),
            ("conv-2", "triage", "orchestrator"),
        ]
    ]


def _operations() -> list[dict[str, Any]]:
    return [
        row(
            OPERATIONS,
            session_id=session,
            agent=agent,
            kind="llm",
            span_id=f"{number:016x}",
            function="desk.classify" if agent == "triage" else "",
            file="/srv/desk.py" if agent == "triage" else "",
            llm_calls=1,
            invocations=1,
            input_tokens=tokens,
            output_tokens=1,
            duration_ns=4 * MS,
            latency_bucket=175,
        )
        for number, (session, agent, tokens) in enumerate(
            [
                ("conv-1", "triage", 100),
                ("conv-1", "researcher", 3_000_000_000),
                ("conv-1", "billing", 10),
                ("conv-2", "triage", 100),
            ]
        )
    ]


def _handoffs() -> list[dict[str, Any]]:
    return [
        row(
            HANDOFFS,
            handoff_id="h1",
            session_id="conv-1",
            trace_id=TRACE,
            ordinal=0,
            from_agent="triage",
            to_agent="researcher",
            kind="delegation",
            confidence=0.9,
            quality=1.0,
            completed=1.0,
            evidence='["parent_child"]',
            from_span_id="00f067aa0ba902b7",
            latency_ns=1_500_000,
        ),
        row(
            HANDOFFS,
            handoff_id="h2",
            session_id="conv-1",
            trace_id=TRACE,
            ordinal=1,
            from_agent="triage",
            to_agent="billing",
            kind="transfer",
            started_at=START + timedelta(seconds=1),
            confidence=0.7,
            quality=0.25,
            evidence='["handoff_tool", "time"]',
            final=False,
        ),
    ]


def _tables() -> dict[str, pa.Table]:
    sessions = [
        row(
            SESSIONS,
            session_id="conv-1",
            trace_ids=json.dumps([TRACE]),
            agents='["triage", "researcher", "billing"]',
            duration_ns=2_000 * MS,
            operations=9,
            handoffs=2,
            llm_calls=3,
            input_tokens=3_000_000_110,
            output_tokens=3,
            completeness=1.0,
        ),
        row(
            SESSIONS,
            session_id="conv-2",
            trace_ids="[]",
            agents='["triage"]',
            started_at=START + timedelta(hours=1),
            operations=2,
            llm_calls=1,
            input_tokens=100,
            output_tokens=1,
            completeness=0.5,
            final=False,
        ),
    ]
    ledger = [
        row(
            LEDGER,
            session_id="conv-1",
            span_id="00f067aa0ba902b7",
            span_name="chat gpt-4o",
            agent="triage",
            reported_input_tokens=100,
            own_input_tokens=90,
            rule="llm call",
            conflict=False,
        )
    ]
    drift = [
        row(
            CONTEXT_DRIFT,
            session_id="conv-1",
            trace_id=TRACE,
            from_agent="triage",
            to_agent="researcher",
            handoff_id="h1",
            score=0.25,
            method="hashed terms",
            bytes_read=3_000_000_000,
            request_kept=0.75,
        )
    ]
    keys = [
        row(SESSION_KEYS, key="conv-1", kind="conversation", session_id="conv-1"),
        row(SESSION_KEYS, key=TRACE, kind="trace", session_id="conv-1"),
        row(SESSION_KEYS, key="conv-2", kind="conversation", session_id="conv-2"),
    ]
    teams = [
        row(
            COALITIONS,
            session_id="conv-1",
            agents='["billing", "triage"]',
            task_type="refund",
            tokens=111,
            duration_ns=2_000 * MS,
        )
    ]
    usage = [
        row(
            FUNCTION_USAGE,
            session_id=session,
            function="desk.classify",
            file="/srv/desk.py",
            line=3,
            agent="triage",
            sessions=1,
            calls=1,
            llm_calls=1,
            input_tokens=100,
            output_tokens=1,
            cumulative_input_tokens=100,
            cumulative_output_tokens=1,
            duration_ns=4 * MS,
        )
        for session in ("conv-1", "conv-2")
    ]
    rows = {
        "coalitions": teams,
        "function_usage": usage,
        "agents": _agents(),
        "agent_operations": _operations(),
        "agent_handoffs": _handoffs(),
        "sessions": sessions,
        "session_keys": keys,
        "token_ledger": ledger,
        "context_drift": drift,
    }
    return {name: pa.Table.from_pylist(found, schema=DERIVED[name]) for name, found in rows.items()}


# a process opens one embedded store at a time, so no test of another file may run while it is open
@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    folder: Path = tmp_path_factory.mktemp("api") / "store"
    opened = ClickHouse.embedded(folder)
    opened.replace_sessions(["conv-1", "conv-2"], _tables())
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def api(store: ClickHouse) -> Starlette:
    return application(Queries(store))


def _asked(app: Starlette, method: str, path: str, **more: Any) -> httpx.Response:
    """One request to the application itself, without a socket."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.request(method, path, **more)

    return asyncio.run(send())


@pytest.fixture(scope="session")
def asked() -> Ask:
    return _asked


@pytest.fixture
def ask(api: Starlette) -> Ask:
    def send(method: str, path: str, **more: Any) -> httpx.Response:
        return _asked(api, method, path, **more)

    return send


@pytest.fixture
def graphql(ask: Ask) -> Callable[..., Any]:
    def send(query: str, **variables: Any) -> Any:
        return ask("POST", "/graphql", json={"query": query, "variables": variables}).json()

    return send
