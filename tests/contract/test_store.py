"""What the queries answer, asked of every backend, against figures added up by hand."""

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import numpy as np
import pytest

from otel_llmops.errors import QueryError
from otel_llmops.model.latency import bucket
from otel_llmops.storage.answers import (
    AgentSummary,
    Handoff,
    HandoffQuality,
    LedgerEntry,
    SessionSummary,
    TokenUse,
)
from otel_llmops.storage.drift import ContextDrift
from otel_llmops.storage.queries import Queries
from tests.backends import BACKENDS, Backend, Destination
from tests.support.tables import BASE_NS, SECOND_NS, derived

T = TypeVar("T")
BASE = datetime(2026, 1, 1, tzinfo=UTC)
HOUR_NS = 3600 * SECOND_NS
LATENCY_NS = 40_000_000
LATENCY_MS = 2 ** (202.5 / 8) / 1e6
"""The middle of the bucket that 40 ms fall in, 202."""
TRACE_1, TRACE_2 = "1" * 32, "2" * 32


def answer(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


def operation(session: str, agent: str, start_ns: int, **more: Any) -> dict[str, Any]:
    latency = int(bucket(np.array([LATENCY_NS]))[0])
    return {
        "session_id": session,
        "agent": agent,
        "started_at": BASE_NS + start_ns,
        "latency_bucket": latency,
        **more,
    }


FIRST = derived(
    agent_operations=[
        operation("s1", "planner", 0, invocations=1),
        operation(
            "s1",
            "planner",
            1,
            model="m-1",
            llm_calls=1,
            input_tokens=100,
            cache_read_tokens=40,
            cost_usd=0.1,
        ),
        operation("s1", "writer", HOUR_NS, invocations=1, errors=1),
        operation("s1", "writer", HOUR_NS + 1, llm_calls=1, input_tokens=7, output_tokens=3),
        operation("s1", "", 5, input_tokens=1_000_000),
    ],
    agents=[
        {
            "session_id": "s1",
            "agent": "planner",
            "role": "plans",
            "type": "orchestrator",
            "description": "It plans.",
            "can_handoff_to": '["writer"]',
            "models": '["m-2", "m-1"]',
            "services": '["app"]',
            "started_at": BASE_NS,
            "ended_at": BASE_NS + 2 * HOUR_NS,
        },
        {
            "session_id": "s1",
            "agent": "writer",
            "started_at": BASE_NS + HOUR_NS,
            "ended_at": BASE_NS + HOUR_NS + SECOND_NS,
        },
    ],
    agent_handoffs=[
        {
            "session_id": "s1",
            "trace_id": TRACE_1,
            "handoff_id": f"h{place}",
            "ordinal": place,
            "from_agent": left,
            "to_agent": right,
            "kind": "delegation",
            "started_at": BASE_NS + 500 * SECOND_NS,
            "quality": quality,
            "quality_confidence": 0.4,
            "confidence": 0.75,
            "latency_ns": 1_500_000 if place else None,
            "completed": 1.0 if place else None,
            "evidence": '["attribute", "time"]',
            "from_span_id": "" if place else "a" * 16,
            "final": True,
        }
        for place, (left, right, quality) in enumerate(
            [("planner", "writer", 0.9), ("writer", "planner", 0.2), ("planner", "writer", 0.9)]
        )
    ],
    context_drift=[
        {
            "session_id": "s1",
            "trace_id": TRACE_1,
            "handoff_id": f"h{place}",
            "ordinal": place,
            "to_agent": "writer",
            "score": score,
            "method": "hashed terms",
            "started_at": BASE_NS + 500 * SECOND_NS,
            "bytes_read": 123,
            "bytes_cut": 4,
            "request_kept": kept,
            "growth": 2.5,
        }
        for place, score, kept in [(1, 0.0, 1.0), (0, 0.5, None)]
    ],
    sessions=[
        {
            "session_id": "s1",
            "trace_ids": f'["{TRACE_1}"]',
            "agents": '["planner", "writer"]',
            "started_at": BASE_NS,
            "duration_ns": 2 * HOUR_NS,
            "operations": 8,
            "handoffs": 3,
            "llm_calls": 2,
            "input_tokens": 107,
            "output_tokens": 3,
            "residual_tokens": 2,
            "cost_usd": 0.1,
            "errors": 1,
            "completeness": 1.0,
            "final": True,
        }
    ],
    session_keys=[
        {"session_id": "s1", "key": TRACE_1, "kind": "trace"},
        {"session_id": "s1", "key": "chat-1", "kind": "conversation"},
    ],
    token_ledger=[
        {
            "session_id": "s1",
            "span_id": f"{place:016x}",
            "span_name": "chat m-1",
            "agent": agent,
            "started_at": BASE_NS + 9 - place,
            "reported_input_tokens": 100,
            "trace_id": TRACE_1,
            "kind": "llm",
            "model": "m-1",
            "reported_output_tokens": 20,
            "reported_cache_read_tokens": 60,
            "reported_cache_write_tokens": 30,
            "reported_reasoning_tokens": 5,
            "residual_tokens": 2,
            "own_input_tokens": 80,
            "own_output_tokens": 10,
            "rule": "remainder",
            "conflict": True,
        }
        for place, agent in enumerate(["planner", ""])
    ],
)

SECOND = derived(
    agent_operations=[operation("s2", "writer", 30 * HOUR_NS, invocations=1, input_tokens=200)],
    agents=[
        {
            "session_id": "s2",
            "agent": "writer",
            "role": "writes",
            "type": "specialist",
            "started_at": BASE_NS + 30 * HOUR_NS,
            "ended_at": BASE_NS + 31 * HOUR_NS,
        }
    ],
    sessions=[
        {
            "session_id": "s2",
            "trace_ids": f'["{TRACE_2}"]',
            "started_at": BASE_NS + 30 * HOUR_NS,
            "operations": 1,
        }
    ],
    session_keys=[{"session_id": "s2", "key": TRACE_2, "kind": "trace"}],
)

PLANNER = AgentSummary(
    name="planner",
    role="plans",
    type="orchestrator",
    description="It plans.",
    can_handoff_to=["writer"],
    models=["m-1", "m-2"],
    services=["app"],
    invocations=1,
    llm_calls=1,
    errors=0,
    input_tokens=100,
    output_tokens=0,
    cost_usd=0.1,
    latency_ms_p50=LATENCY_MS,
    latency_ms_p95=LATENCY_MS,
    handoffs_out=2,
    handoffs_in=1,
    first_seen=BASE,
    last_seen=BASE + timedelta(hours=2),
)

WRITER = AgentSummary(
    name="writer",
    role="writes",
    type="specialist",
    description=None,
    can_handoff_to=[],
    models=[],
    services=[],
    invocations=2,
    llm_calls=1,
    errors=1,
    input_tokens=207,
    output_tokens=3,
    cost_usd=None,
    latency_ms_p50=LATENCY_MS,
    latency_ms_p95=LATENCY_MS,
    handoffs_out=1,
    handoffs_in=2,
    first_seen=BASE + timedelta(hours=1),
    last_seen=BASE + timedelta(hours=31),
)

SESSION_1 = SessionSummary(
    session_id="s1",
    trace_ids=[TRACE_1],
    agents=["planner", "writer"],
    started_at=BASE,
    duration_ms=7_200_000.0,
    handoffs=3,
    llm_calls=2,
    input_tokens=107,
    output_tokens=3,
    residual_tokens=2,
    cost_usd=0.1,
    errors=1,
    drift_score=None,
    completeness=1.0,
    final=True,
    analysis_version=0,
)


@pytest.fixture(scope="module", params=BACKENDS, ids=lambda backend: backend.name)
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Destination]:
    """Two sessions, each analysed twice, the first time with rows that are gone now.

    And one in which nothing was done: no list of sessions has it.
    """
    backend: Backend = request.param
    store = backend.open(tmp_path_factory.mktemp("filled") / "store")
    for session, now in (("s1", FIRST), ("s2", SECOND)):
        gone = derived(
            agent_operations=[operation(session, "gone", -5, input_tokens=9, cost_usd=0.3)],
            agents=[{"session_id": session, "agent": "writer", "role": "old", "started_at": 0}],
            agent_handoffs=[{"session_id": session, "handoff_id": "gone", "from_agent": "writer"}],
            sessions=[{"session_id": session, "duration_ns": 1}],
            session_keys=[{"session_id": session, "key": "gone", "kind": "conversation"}],
            token_ledger=[{"session_id": session, "span_id": "gone"}],
        )
        store.replace_sessions([session], gone)
        store.replace_sessions([session], now)
    idle = derived(sessions=[{"session_id": "idle", "started_at": BASE_NS}])
    store.replace_sessions(["idle"], idle)
    yield store
    store.close()


@pytest.fixture
def queries(filled: Destination) -> Queries:
    return Queries(filled)


def test_agents_come_by_tokens_with_all_that_is_known_of_them(queries: Queries) -> None:
    assert answer(queries.agents()) == [WRITER, PLANNER]


def test_an_agent_is_found_by_its_name(queries: Queries) -> None:
    assert answer(queries.agent("planner")) == PLANNER


def test_an_agent_that_is_not_there_is_none(queries: Queries) -> None:
    assert answer(queries.agent("nobody")) is None


def test_agents_are_chosen_by_type(queries: Queries) -> None:
    assert answer(queries.agents(type="orchestrator")) == [PLANNER]


def test_agents_come_in_pages(queries: Queries) -> None:
    assert answer(queries.agents(limit=1, offset=1)) == [PLANNER]


@pytest.mark.parametrize(
    ("since", "until", "tokens"),
    [
        (timedelta(0), timedelta(hours=1), {"planner": 100}),
        (timedelta(microseconds=1), timedelta(hours=2), {"writer": 10}),
        (timedelta(minutes=59), timedelta(hours=1, microseconds=1), {"writer": 10}),
        (timedelta(minutes=61), timedelta(minutes=62), {}),
        (timedelta(minutes=30), timedelta(hours=30, minutes=1), {"writer": 210}),
        (timedelta(minutes=-30), timedelta(hours=90), {"writer": 210, "planner": 100}),
        (timedelta(days=2), timedelta(days=1), {}),
    ],
)
def test_a_window_counts_what_started_in_it(
    queries: Queries, since: timedelta, until: timedelta, tokens: dict[str, int]
) -> None:
    found = answer(queries.agents(since=BASE + since, until=BASE + until))
    assert {agent.name: agent.total_tokens for agent in found} == tokens


@pytest.mark.parametrize(
    ("name", "bound"), [("since", timedelta(hours=29)), ("until", timedelta(minutes=90))]
)
def test_a_window_may_be_open_at_one_end(queries: Queries, name: str, bound: timedelta) -> None:
    window: dict[str, Any] = {name: BASE + bound}
    found = answer(queries.agents(**window))
    writers = [agent.input_tokens for agent in found if agent.name == "writer"]
    assert writers == [200 if name == "since" else 7]


def test_the_ends_of_time_are_a_window(queries: Queries) -> None:
    first = datetime.min.replace(tzinfo=UTC)
    last = datetime.max.replace(tzinfo=UTC)
    found = answer(queries.agents(since=first, until=last))
    assert [agent.name for agent in found] == ["writer", "planner"]


def test_sessions_come_newest_first(queries: Queries) -> None:
    found = answer(queries.sessions())
    assert ([each.session_id for each in found], found[1]) == (["s2", "s1"], SESSION_1)


def test_sessions_are_chosen_by_agent(queries: Queries) -> None:
    assert answer(queries.sessions(agent="planner")) == [SESSION_1]


def test_sessions_are_chosen_by_their_start(queries: Queries) -> None:
    found = answer(queries.sessions(since=BASE, until=BASE + timedelta(hours=30)))
    assert found == [SESSION_1]


@pytest.mark.parametrize("key", ["s1", TRACE_1, "chat-1"])
def test_a_session_is_found_by_any_id_it_is_known_by(queries: Queries, key: str) -> None:
    assert answer(queries.session(key)) == SESSION_1


@pytest.mark.parametrize("key", ["gone", "", "'; DROP TABLE sessions; --"])
def test_a_session_that_is_not_there_is_none(queries: Queries, key: str) -> None:
    assert answer(queries.session(key)) is None


def test_the_ledger_comes_by_start(queries: Queries) -> None:
    planners = LedgerEntry(
        session_id="s1",
        span_id=f"{0:016x}",
        span_name="chat m-1",
        agent="planner",
        trace_id=TRACE_1,
        above_span_id=None,
        kind="llm",
        model="m-1",
        started_at=BASE,
        reported_input_tokens=100,
        reported_output_tokens=20,
        reported_cache_read_tokens=60,
        reported_cache_write_tokens=30,
        reported_reasoning_tokens=5,
        own_input_tokens=80,
        own_output_tokens=10,
        residual_tokens=2,
        rule="remainder",
        conflict=True,
    )
    nobodys = replace(planners, span_id=f"{1:016x}", agent=None)
    assert answer(queries.ledger(["s1", "s2"])) == [nobodys, planners]


def test_an_entry_of_the_ledger_adds_up_what_it_reported_and_what_is_its_own(
    queries: Queries,
) -> None:
    entry = answer(queries.ledger(["s1"]))[0]
    assert (entry.reported_tokens, entry.own_tokens) == (120, 90)


def test_tokens_come_by_session_and_then_most_first(queries: Queries) -> None:
    nobodys = TokenUse(
        session_id="s1",
        agent=None,
        model=None,
        llm_calls=0,
        input_tokens=1_000_000,
        output_tokens=0,
        cache_read_tokens=0,
        cache_write_tokens=0,
        reasoning_tokens=0,
        cost_usd=None,
        unpriced_tokens=1_000_000,
    )
    planners = replace(
        nobodys,
        agent="planner",
        model="m-1",
        llm_calls=1,
        input_tokens=100,
        cache_read_tokens=40,
        cost_usd=0.1,
        unpriced_tokens=0,
    )
    writers = replace(nobodys, agent="writer", input_tokens=7, output_tokens=3, unpriced_tokens=10)
    found = answer(queries.tokens(["s2", "s1"]))
    assert found == [
        nobodys,
        planners,
        replace(writers, llm_calls=1),
        replace(writers, session_id="s2", input_tokens=200, output_tokens=0, unpriced_tokens=200),
    ]


def test_tokens_of_no_sessions_are_none(queries: Queries) -> None:
    assert answer(queries.tokens([])) == []


def test_a_ledger_of_no_sessions_is_empty(queries: Queries) -> None:
    assert answer(queries.ledger([])) == []


def test_handoffs_come_by_start_then_ordinal(queries: Queries) -> None:
    found = answer(queries.handoffs())
    assert [each.id for each in found] == ["h0", "h1", "h2"]


def test_a_handoff_has_all_that_it_rests_on(queries: Queries) -> None:
    assert answer(queries.handoffs(limit=1)) == [
        Handoff(
            id="h0",
            session_id="s1",
            trace_id=TRACE_1,
            from_agent="planner",
            to_agent="writer",
            kind="delegation",
            started_at=BASE + timedelta(seconds=500),
            latency_ms=None,
            quality=0.9,
            quality_parts=HandoffQuality(None, None, None, None, None),
            quality_confidence=0.4,
            confidence=0.75,
            evidence=["attribute", "time"],
            from_span_id="a" * 16,
            to_span_id=None,
            final=True,
        )
    ]


def test_drift_comes_in_the_order_of_its_handoffs_by_any_id_of_the_session(
    queries: Queries,
) -> None:
    found = answer(queries.context_drift("chat-1"))
    assert [(each.handoff_id, each.score, each.request_kept) for each in found] == [
        ("h0", 0.5, None),
        ("h1", 0.0, 1.0),
    ]


def test_what_drift_has_no_evidence_of_is_none(queries: Queries) -> None:
    assert answer(queries.context_drift("chat-1"))[0] == ContextDrift(
        session_id="s1",
        trace_id=TRACE_1,
        from_agent=None,
        to_agent="writer",
        score=0.5,
        method="hashed terms",
        at=BASE + timedelta(seconds=500),
        handoff_id="h0",
        request_kept=None,
        answer_kept=None,
        facts_known=None,
        on_topic=None,
        growth=2.5,
        repeated_prefix=None,
        tools_changed=None,
        bytes_read=123,
        bytes_cut=4,
    )


def test_the_drift_of_nothing_is_nothing(queries: Queries) -> None:
    assert answer(queries.context_drift("nobody")) == []


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({"session_id": "chat-1"}, ["h0", "h1", "h2"]),
        ({"session_id": "s2"}, []),
        ({"min_quality": 0.5}, ["h0", "h2"]),
        ({"agent": "planner", "limit": 2, "offset": 1}, ["h1", "h2"]),
        ({"agent": "nobody"}, []),
        ({"since": BASE + timedelta(seconds=500)}, ["h0", "h1", "h2"]),
        ({"until": BASE + timedelta(seconds=500)}, []),
    ],
    ids=str,
)
def test_handoffs_are_chosen(queries: Queries, wanted: dict[str, Any], ids: list[str]) -> None:
    assert [each.id for each in answer(queries.handoffs(**wanted))] == ids


@pytest.mark.parametrize("page", [{"limit": 0}, {"limit": 1001}, {"offset": -1}], ids=str)
def test_a_bad_page_is_refused(queries: Queries, page: dict[str, Any]) -> None:
    with pytest.raises(QueryError, match=f"{next(iter(page))} is {next(iter(page.values()))}"):
        answer(queries.sessions(**page))


def test_a_time_without_a_zone_is_refused(queries: Queries) -> None:
    with pytest.raises(QueryError, match="since is 2026-01-01T00:00:00, without a time zone"):
        answer(queries.sessions(since=BASE.replace(tzinfo=None)))
