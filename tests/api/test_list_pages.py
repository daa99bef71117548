"""No list is without an end: each has a limit, or it is one of a thing that is bounded itself."""

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLObjectType, is_list_type
from starlette.applications import Starlette

from otel_llmops.api.application import application
from otel_llmops.api.graphql.schema import schema
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.storage.queries import Queries
from tests.api.conftest import Ask
from tests.support.tables import BASE_NS, SECOND_NS, derived

_BOUNDED = {
    # by what is asked for
    "usage",  # buckets
    "callChain",  # 1,000 edges
    "messages",  # 200 texts
    # graphs: 5,000 agents and 20,000 edges, and the answer counts those that are not in it
    "nodes", "edges", "pingPongs", "brokers", "communities", "entryAgents", "exitAgents",
    "deadEnds", "cycles",
    # words of one row
    "kinds", "evidence", "decorators", "findings", "canHandoffTo", "models", "services",
    "traceIds", "agents",
}  # fmt: skip


def _lists() -> Iterator[tuple[str, str, set[str]]]:
    """Type, field and arguments of every field that is a list."""
    for kind in schema()._schema.type_map.values():
        if not isinstance(kind, GraphQLObjectType) or kind.name.startswith("__"):
            continue
        for name, field in kind.fields.items():
            inner = getattr(field.type, "of_type", field.type)
            if is_list_type(inner):
                yield kind.name, name, set(field.args)


def test_every_list_has_a_limit_or_is_known_to_be_short() -> None:
    without = {(kind, name) for kind, name, takes in _lists() if "limit" not in takes}
    assert {name for _, name in without} <= _BOUNDED
    assert ("Query", "agents") not in without


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    opened = ClickHouse.embedded(tmp_path_factory.mktemp("pages") / "store")
    at = [{"session_id": "s", "started_at": BASE_NS + n * SECOND_NS} for n in range(3)]
    opened.replace_sessions(
        ["s", "other"],
        derived(
            sessions=[{"session_id": each, "operations": 1} for each in ("s", "other")],
            token_ledger=[
                *({**row, "span_id": f"s{n}"} for n, row in enumerate(at)),
                {"session_id": "other", "span_id": "o0"},
            ],
            context_drift=[
                {**row, "handoff_id": f"h{n}", "ordinal": n} for n, row in enumerate(at)
            ],
            agent_operations=[
                {**row, "agent": f"a{n}", "llm_calls": 1, "input_tokens": 9 - n}
                for n, row in enumerate(at)
            ],
        ),
    )
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def api(store: ClickHouse) -> Starlette:
    return application(Queries(store))


def _told(ask: Ask, query: str) -> Any:
    answer = ask("POST", "/graphql", json={"query": query}).json()
    assert "errors" not in answer, answer
    return answer["data"]


@pytest.mark.parametrize(
    ("page", "places"),
    [("", [0, 1, 2]), ("limit: 2", [0, 1]), ("limit: 2, offset: 1", [1, 2]), ("offset: 3", [])],
)
def test_what_belongs_to_a_session_comes_in_pages(ask: Ask, page: str, places: list[int]) -> None:
    within = f"({page})" if page else ""
    session = f"ledger{within} {{ spanId }} tokens{within} {{ agent }}"
    drift = "contextDrift(" + ", ".join(filter(None, ['sessionId: "s"', page])) + ")"
    found = _told(ask, f'{{ session(sessionId: "s") {{ {session} }} {drift} {{ handoffId }} }}')
    assert found == {
        "session": {
            "ledger": [{"spanId": f"s{n}"} for n in places],
            "tokens": [{"agent": f"a{n}"} for n in places],
        },
        "contextDrift": [{"handoffId": f"h{n}"} for n in places],
    }


def test_a_page_is_of_each_session_for_itself(ask: Ask) -> None:
    found = _told(ask, "{ sessions { sessionId ledger(limit: 1) { spanId } } }")
    ledgers = {each["sessionId"]: each["ledger"] for each in found["sessions"]}
    assert ledgers == {"s": [{"spanId": "s0"}], "other": [{"spanId": "o0"}]}


def test_two_pages_of_one_session_may_be_asked_for_at_once(ask: Ask) -> None:
    pages = "a: ledger(limit: 1) { spanId } b: ledger(limit: 2, offset: 1) { spanId }"
    found = _told(ask, f'{{ session(sessionId: "s") {{ {pages} }} }}')["session"]
    assert found == {"a": [{"spanId": "s0"}], "b": [{"spanId": "s1"}, {"spanId": "s2"}]}


def test_rest_has_the_same_pages(ask: Ask) -> None:
    ledger = ask("GET", "/api/sessions/s?limit=2&offset=1").json()["ledger"]
    assert [each["span_id"] for each in ledger] == ["s1", "s2"]
    drift = ask("GET", "/api/drift?session_id=s&limit=1&offset=2").json()["drift"]
    assert [each["handoff_id"] for each in drift] == ["h2"]


@pytest.mark.parametrize(
    "field",
    [
        'session(sessionId: "s") { ledger(limit: 1001) { spanId } }',
        'session(sessionId: "s") { tokens(limit: 1001) { agent } }',
        'contextDrift(sessionId: "s", limit: 1001) { score }',
    ],
)
def test_a_page_has_1000_rows_at_most(ask: Ask, field: str) -> None:
    answer = ask("POST", "/graphql", json={"query": f"{{ {field} }}"}).json()
    assert "limit is 1001 (ask for 1 to 1000 rows" in answer["errors"][0]["message"]
    assert ask("GET", "/api/sessions/s?limit=1001").status_code == 400
