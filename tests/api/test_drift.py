"""Context drift by GraphQL and by REST."""

from collections.abc import Callable
from typing import Any

import httpx

Ask = Callable[..., httpx.Response]

_TOLD: dict[str, Any] = {
    "session_id": "conv-1",
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
    "from_agent": "triage",
    "to_agent": "researcher",
    "score": 0.25,
    "method": "hashed terms",
    "at": "2026-11-22T10:00:00Z",
    "handoff_id": "h1",
    "request_kept": 0.75,
    "answer_kept": None,
    "facts_known": None,
    "on_topic": None,
    "growth": None,
    "repeated_prefix": None,
    "tools_changed": None,
    "bytes_read": 3_000_000_000,
    "bytes_cut": 0,
}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def test_graphql_tells_the_drift_of_a_session_by_any_of_its_ids(ask: Ask) -> None:
    fields = " ".join(_camel(name) for name in _TOLD)
    query = f'{{ contextDrift(sessionId: "{_TOLD["trace_id"]}") {{ {fields} }} }}'
    told = {_camel(name): value for name, value in _TOLD.items()}
    answer = ask("POST", "/graphql", json={"query": query}).json()
    assert answer == {"data": {"contextDrift": [told]}}


def test_rest_tells_the_same(ask: Ask) -> None:
    answer = ask("GET", "/api/drift", params={"session_id": "conv-1"})
    assert answer.json() == {"drift": [_TOLD]}


def test_a_session_that_is_not_there_has_none(ask: Ask) -> None:
    assert ask("GET", "/api/drift", params={"session_id": "conv-9"}).json() == {"drift": []}


def test_rest_wants_to_know_of_which_session(ask: Ask) -> None:
    answer = ask("GET", "/api/drift")
    assert (answer.status_code, answer.json()["error"]) == (400, "session_id is missing")
