"""Texts that would be commands to something that is less careful."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

Ask = Callable[..., httpx.Response]

TEXTS = [
    "' OR 1=1 --",
    "'; DROP TABLE sessions; --",
    "%",
    "_" * 6,
    "\\",
    "\x00",
    ".*(a+)+$",
    "{x:y}",
]
PLACES = [
    ("/api/sessions", "agent", "sessions"),
    ("/api/handoffs", "agent", "handoffs"),
    ("/api/handoffs", "session_id", "handoffs"),
    ("/api/bottlenecks", "session_id", "bottlenecks"),
    ("/api/drift", "session_id", "drift"),
    ("/api/coalitions", "task_type", "coalitions"),
    ("/api/topology/snapshots", "repository", "snapshots"),
    ("/api/topology/call-chain", "entry_point", "calls"),
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_means_itself(ask: Ask, text: str) -> None:
    for path, name, rows in PLACES:
        answer = ask("GET", path, params={name: text})
        assert (path, answer.status_code, answer.json()) == (path, 200, {rows: []})
    assert len(ask("GET", "/api/sessions").json()["sessions"]) == 2


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_means_itself_in_a_query(graphql: Callable[..., Any], text: str) -> None:
    query = "query ($t: String!) { sessions(agent: $t) { sessionId } agent(name: $t) { name } }"
    assert graphql(query, t=text) == {"data": {"sessions": [], "agent": None}}


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%00", "/etc/passwd"]
)
def test_no_path_leads_to_a_file(ask: Ask, path: str) -> None:
    for above in ("agents", "sessions", "report", "coordination-graph"):
        answer = ask("GET", f"/api/{above}/{path}")
        assert (answer.status_code, sorted(answer.json())) == (404, ["error", "hint"])
