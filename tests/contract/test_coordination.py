"""Coordination graphs and coalitions, asked of every backend, against figures added up by hand."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from otel_llmops.errors import QueryError
from otel_llmops.storage.coordination import CoordinationEdge, CoordinationGraph, CoordinationNode
from otel_llmops.storage.queries import Queries
from tests.backends import Destination
from tests.support.tables import BASE_NS, SECOND_NS, derived

DAY_NS = 86_400 * SECOND_NS
BASE = datetime(2026, 1, 1, tzinfo=UTC)


def handoff(session: str, number: int, left: str, right: str, **more: Any) -> dict[str, Any]:
    return {
        "session_id": session,
        "handoff_id": f"{session}-{number}",
        "ordinal": number,
        "from_agent": left,
        "to_agent": right,
        "kind": "transfer",
        "quality": 1.0,
        "final": True,
        **more,
    }


def worked(session: str, agent: str, **more: Any) -> list[dict[str, Any]]:
    row = {"session_id": session, "agent": agent, "invocations": 1, "started_at": BASE_NS, **more}
    return [row]


def fill(store: Destination) -> None:
    """s1: triage hands twice to billing, which hands back once; s2, a day later, to nobody."""
    s1 = [
        handoff("s1", 0, "triage", "billing", quality=0.9, latency_ns=2_000_000, tokens=5),
        handoff("s1", 1, "billing", "triage", kind="delegation", completed=0.0, allowed=0.0),
        handoff("s1", 2, "triage", "billing", quality=0.6, kind="sequence", latency_ns=4_000_000,
                tokens=6, cost_usd=0.25, completed=1.0, allowed=1.0),
    ]  # fmt: skip
    stale = [*s1, handoff("s1", 3, "billing", "ghost")]
    tables = {
        "agent_operations": [
            *worked("s1", "triage", input_tokens=10, output_tokens=1, llm_calls=1, cost_usd=0.5),
            *worked("s1", "billing", errors=1),
            *worked("s2", "triage", input_tokens=7, started_at=BASE_NS + DAY_NS),
        ],
        "agents": [
            {"session_id": session, "agent": agent, "type": kind, "started_at": BASE_NS,
             "ended_at": BASE_NS + SECOND_NS}
            for session, agent, kind in [
                ("s1", "triage", "orchestrator"), ("s1", "billing", "specialist"),
                ("s2", "triage", "orchestrator"),
            ]
        ],
        "sessions": [
            {"session_id": session, "trace_ids": "[]", "agents": "[]", "operations": 2}
            for session in ("s1", "s2")
        ],
        "session_keys": [
            {"session_id": "s1", "key": "chat-1", "kind": "conversation"},
            {"session_id": "s2", "key": "s2", "kind": "trace"},
        ],
        "coalitions": [
            {"session_id": "s1", "agents": '["billing", "triage"]', "task_type": "refund",
             "success": True, "tokens": 11, "duration_ns": 3_000_000},
            {"session_id": "s2", "agents": '["billing", "triage"]', "task_type": "refund",
             "success": False, "tokens": 7, "duration_ns": 1_000_000,
             "started_at": BASE_NS + DAY_NS},
        ],
    }  # fmt: skip
    store.replace_sessions(["s1", "s2"], derived(**tables, agent_handoffs=stale))
    store.replace_sessions(["s1", "s2"], derived(**tables, agent_handoffs=s1))


def graph(store: Destination, session_id: str | None = None, **window: Any) -> Any:
    return asyncio.run(Queries(store).coordination_graph(session_id, **window))


TO_BILLING = CoordinationEdge(
    from_agent="triage",
    to_agent="billing",
    handoffs=2,
    quality=0.75,
    avg_latency_ms=3.0,
    timed=2,
    kinds=["transfer", "sequence"],
    by_kind={"transfer": 1, "sequence": 1},
    failed=0,
    judged=1,
    outside=0,
    tokens=11,
    cost_usd=0.25,
)
BACK = CoordinationEdge(
    from_agent="billing",
    to_agent="triage",
    handoffs=1,
    quality=1.0,
    avg_latency_ms=0.0,
    timed=0,
    kinds=["delegation"],
    by_kind={"delegation": 1},
    failed=1,
    judged=1,
    outside=1,
    tokens=0,
    cost_usd=None,
)
BILLING = CoordinationNode("billing", "specialist", 1, 0, 0, 0, None, 1, 2, 1)
TRIAGE = CoordinationNode("triage", "orchestrator", 1, 1, 10, 1, 0.5, 0, 1, 2)


def test_a_sessions_graph_is_made_of_its_live_handoffs(store: Destination) -> None:
    fill(store)
    expected = CoordinationGraph("s1", [BILLING, TRIAGE], [TO_BILLING, BACK])
    assert graph(store, "s1") == graph(store, "chat-1") == expected
    assert expected.cycles == [["billing", "triage"]]
    assert expected.outside_share == 0.5


def test_a_session_without_handoffs_has_its_agents(store: Destination) -> None:
    fill(store)
    alone = CoordinationNode("triage", "orchestrator", 1, 0, 7, 0, None, 0, 0, 0)
    assert graph(store, "s2") == CoordinationGraph("s2", [alone], [])


def test_a_session_that_is_not_there_has_no_graph(store: Destination) -> None:
    fill(store)
    assert graph(store, "nobody") is None


def test_the_graph_over_all_adds_sessions_up(store: Destination) -> None:
    fill(store)
    both = CoordinationNode("triage", "orchestrator", 2, 1, 17, 1, 0.5, 0, 1, 2)
    expected = CoordinationGraph(None, [BILLING, both], [TO_BILLING, BACK])
    assert graph(store) == graph(store, since=BASE, until=BASE + timedelta(days=2)) == expected


def test_a_window_holds_who_worked_in_it(store: Destination) -> None:
    fill(store)
    second: dict[str, Any] = {"since": BASE + timedelta(hours=1), "until": BASE + timedelta(days=3)}
    alone = CoordinationNode("triage", "orchestrator", 1, 0, 7, 0, None, 0, 0, 0)
    assert graph(store, **second) == CoordinationGraph(None, [alone], [])
    nothing = CoordinationGraph("s1", [], [])
    assert graph(store, "s1", **second) == nothing


def test_an_empty_store_has_an_empty_graph_and_no_coalitions(store: Destination) -> None:
    assert graph(store) == CoordinationGraph(None, [], [])
    assert asyncio.run(Queries(store).coalitions()) == []


def told(store: Destination, **asked: Any) -> list[tuple[Any, ...]]:
    return [
        (each.agents, each.task_type, each.sessions, each.successes, each.avg_tokens,
         each.avg_duration_ms)
        for each in asyncio.run(Queries(store).coalitions(**asked))
    ]  # fmt: skip


def test_coalitions_are_counted_over_all_time_or_a_window(store: Destination) -> None:
    fill(store)
    team = ["billing", "triage"]
    assert told(store) == told(store, task_type="refund") == [(team, "refund", 2, 1, 9.0, 2.0)]
    assert told(store, until=BASE + timedelta(hours=1)) == [(team, "refund", 1, 1, 11.0, 3.0)]
    assert told(store, task_type="export") == []


@pytest.mark.parametrize("limit", [0, 1001])
def test_a_limit_of_coalitions_is_checked(store: Destination, limit: int) -> None:
    with pytest.raises(QueryError):
        asyncio.run(Queries(store).coalitions(limit=limit))
