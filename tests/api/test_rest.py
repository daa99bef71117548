import json
import math
import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from otel_llmops.api.application import application
from otel_llmops.api.documents import plain
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.storage.queries import Queries
from otel_llmops.storage.seams import Row

Ask = Callable[..., httpx.Response]


def _got(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()


def test_agents_come_with_most_tokens_first(ask: Ask) -> None:
    found = ask("GET", "/api/agents").json()["agents"]
    assert [(agent["name"], agent["total_tokens"]) for agent in found] == [
        ("researcher", 3_000_000_001),
        ("triage", 202),
        ("billing", 11),
    ]


def test_an_agent_by_name(ask: Ask) -> None:
    status, found = _got(ask("GET", "/api/agents/billing"))
    assert (status, found) == (
        200,
        {
            "name": "billing",
            "role": None,
            "type": "a kind of tomorrow",
            "description": None,
            "can_handoff_to": [],
            "models": ["gpt-4o"],
            "services": ["desk"],
            "invocations": 1,
            "llm_calls": 1,
            "errors": 0,
            "input_tokens": 10,
            "output_tokens": 1,
            "total_tokens": 11,
            "cost_usd": None,
            "latency_ms_p50": pytest.approx(4, rel=0.05),
            "latency_ms_p95": pytest.approx(4, rel=0.05),
            "handoffs_out": 0,
            "handoffs_in": 1,
            "first_seen": "2026-11-22T10:00:00Z",
            "last_seen": "2026-11-22T10:00:02Z",
        },
    )


def test_handoffs_of_a_session_from_a_quality_on(ask: Ask) -> None:
    answer = ask("GET", "/api/handoffs", params={"session_id": "conv-1", "min_quality": "0.5"})
    assert _got(answer) == (
        200,
        {
            "handoffs": [
                {
                    "id": "h1",
                    "session_id": "conv-1",
                    "trace_id": "0af7651916cd43dd8448eb211c80319c",
                    "from_agent": "triage",
                    "to_agent": "researcher",
                    "kind": "delegation",
                    "started_at": "2026-11-22T10:00:00Z",
                    "latency_ms": 1.5,
                    "quality": 1.0,
                    "quality_parts": {
                        "completed": 1.0,
                        "context_kept": None,
                        "no_bounce": None,
                        "promptness": None,
                        "allowed": None,
                    },
                    "quality_confidence": 0.0,
                    "confidence": 0.9,
                    "evidence": ["parent_child"],
                    "from_span_id": "00f067aa0ba902b7",
                    "to_span_id": None,
                    "final": True,
                    "trace_url": None,
                }
            ]
        },
    )


def test_a_session_comes_with_its_ledger(ask: Ask) -> None:
    found = ask("GET", "/api/sessions/conv-1").json()
    assert (found["session_id"], found["ledger"]) == (
        "conv-1",
        [
            {
                "trace_id": "",
                "span_id": "00f067aa0ba902b7",
                "above_span_id": None,
                "span_name": "chat gpt-4o",
                "kind": "",
                "agent": "triage",
                "model": None,
                "started_at": "2026-11-22T10:00:00Z",
                "reported_input_tokens": 100,
                "reported_output_tokens": 0,
                "reported_cache_read_tokens": 0,
                "reported_cache_write_tokens": 0,
                "reported_reasoning_tokens": 0,
                "own_input_tokens": 90,
                "own_output_tokens": 0,
                "residual_tokens": 0,
                "rule": "llm call",
                "conflict": False,
                "reported_tokens": 100,
                "own_tokens": 90,
            }
        ],
    )


def test_a_session_comes_with_its_tokens_by_agent_and_model(ask: Ask) -> None:
    found = ask("GET", "/api/sessions/conv-2").json()
    assert (found["unpriced_tokens"], found["tokens"]) == (
        101,
        [
            {
                "agent": "triage",
                "model": None,
                "llm_calls": 1,
                "input_tokens": 100,
                "output_tokens": 1,
                "cache_read_tokens": 0,
                "cache_write_tokens": 0,
                "reasoning_tokens": 0,
                "cost_usd": None,
                "unpriced_tokens": 101,
            }
        ],
    )


def test_sessions_of_an_agent(ask: Ask) -> None:
    found = ask("GET", "/api/sessions", params={"agent": "researcher"}).json()["sessions"]
    assert [session["session_id"] for session in found] == ["conv-1"]


def test_tokens_by_function_are_of_functions_that_are_known(ask: Ask) -> None:
    assert ask("GET", "/api/functions").json() == {
        "functions": [
            {
                "function": "desk.classify",
                "file": "/srv/desk.py",
                "file_path": "/srv/desk.py",
                "function_name": "classify",
                "qualified_name": "desk.classify",
                "call_count": 2,
                "llm_calls": 2,
                "errors": 0,
                "input_tokens": 200,
                "output_tokens": 2,
                "cumulative_tokens": 202,
                "total_tokens": 202,
                "avg_tokens_per_call": 101.0,
                "avg_duration_ms": 4.0,
                "cost_usd": None,
                "agents": ["triage"],
            }
        ]
    }


def test_a_session_that_is_not_known_has_no_handoffs(ask: Ask) -> None:
    assert _got(ask("GET", "/api/handoffs", params={"session_id": "?"})) == (200, {"handoffs": []})


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/api/agents/nobody", "there is no agent 'nobody'"),
        ("/api/agents/a/b", "there is no agent 'a/b'"),
        ("/api/sessions/none", "there is no session 'none'"),
        ("/api/nothing", "GET /api/nothing: Not Found"),
    ],
)
def test_what_is_not_there_is_404_with_a_word(ask: Ask, path: str, error: str) -> None:
    status, found = _got(ask("GET", path))
    assert (status, found["error"], sorted(found)) == (404, error, ["error", "hint"])


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/api/agents?limit=0", "limit is 0"),
        ("/api/agents?limit=ten", "limit is 'ten'"),
        ("/api/agents?type=boss", "type is 'boss'"),
        ("/api/agents?since=today", "'today' is not a time"),
        ("/api/agents?limit=1&limit=2", "limit is given more than once"),
        ("/api/handoffs?min_quality=nan", "min_quality is 'nan'"),
        ("/api/handoffs?min_quality=2", "min_quality is 2.0"),
        ("/api/handoffs?session=conv-1", "there is no parameter 'session'"),
    ],
)
def test_a_bad_parameter_is_400_with_a_word(ask: Ask, path: str, error: str) -> None:
    status, found = _got(ask("GET", path))
    assert (status, found["error"], sorted(found)) == (400, error, ["error", "hint"])


def _commands() -> list[list[str]]:
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line]


@pytest.mark.parametrize("command", _commands(), ids=lambda command: str(command[1]))
def test_a_command_of_the_reference_is_answered(ask: Ask, command: list[str]) -> None:
    curl, url, *more = command
    path = url.removeprefix("http://127.0.0.1:8080")
    sent = {"json": json.loads(more[-1])} if "-d" in more else {}
    answer = ask("POST" if sent else "GET", path, **sent)
    assert (curl, answer.status_code, "errors" in answer.json()) == ("curl", 200, False)


def test_a_post_is_not_allowed(ask: Ask) -> None:
    answer = ask("POST", "/api/agents")
    assert (answer.status_code, "GET" in answer.headers["allow"]) == (405, True)


def test_a_number_that_json_has_not_is_null() -> None:
    assert plain({"a": [math.nan, math.inf, 1.5], "b": datetime(2026, 1, 1, tzinfo=UTC)}) == {
        "a": [None, None, 1.5],
        "b": "2026-01-01T00:00:00Z",
    }


def test_alive_is_not_ready(store: ClickHouse, asked: Any) -> None:
    app = application(Queries(store), readiness=lambda: ["the store is down"])
    assert [_got(asked(app, "GET", path)) for path in ("/healthz", "/readyz")] == [
        (200, {"status": "ok"}),
        (503, {"status": "not ready", "reasons": ["the store is down"]}),
    ]


def test_ready_is_200(ask: Ask) -> None:
    assert _got(ask("GET", "/readyz")) == (200, {"status": "ready"})


class _Broken:
    async def fetch(self, statement: sa.Select[Any]) -> list[Row]:
        raise RuntimeError("secret of the house")


def test_a_fault_of_ours_is_500_and_says_nothing_of_it(asked: Any) -> None:
    app = application(Queries(_Broken()))
    assert _got(asked(app, "GET", "/api/sessions")) == (
        500,
        {"error": "this could not be answered", "hint": "see the log"},
    )
