import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from graphql import get_introspection_query
from starlette.applications import Starlette

from otel_llmops.api.application import application
from otel_llmops.api.graphql.schema import schema
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.storage.queries import Queries
from otel_llmops.storage.seams import Row

GraphQL = Callable[..., Any]
Ask = Callable[..., httpx.Response]

AGENT = """{ agent(name: "triage") {
  name role type description canHandoffTo models services invocations llmCalls errors
  inputTokens outputTokens totalTokens costUsd handoffsOut handoffsIn firstSeen lastSeen } }"""


def test_an_agent_is_told_over_all_its_sessions(graphql: GraphQL) -> None:
    assert graphql(AGENT) == {
        "data": {
            "agent": {
                "name": "triage",
                "role": "router",
                "type": "ORCHESTRATOR",
                "description": None,
                "canHandoffTo": ["billing"],
                "models": ["gpt-4o"],
                "services": ["desk"],
                "invocations": 2,
                "llmCalls": 2,
                "errors": 0,
                "inputTokens": 200,
                "outputTokens": 2,
                "totalTokens": 202,
                "costUsd": None,
                "handoffsOut": 2,
                "handoffsIn": 0,
                "firstSeen": "2026-11-22T10:00:00Z",
                "lastSeen": "2026-11-22T10:00:02Z",
            }
        }
    }


def test_a_percentile_is_within_its_bucket(graphql: GraphQL) -> None:
    found = graphql('{ agent(name: "triage") { latencyMsP50 latencyMsP95 } }')["data"]["agent"]
    assert found == {
        "latencyMsP50": pytest.approx(4, rel=0.05),
        "latencyMsP95": pytest.approx(4, rel=0.05),
    }


def test_agents_come_with_most_tokens_first_and_more_than_32_bits(graphql: GraphQL) -> None:
    assert graphql("{ agents { name totalTokens } }") == {
        "data": {
            "agents": [
                {"name": "researcher", "totalTokens": 3_000_000_001},
                {"name": "triage", "totalTokens": 202},
                {"name": "billing", "totalTokens": 11},
            ]
        }
    }


@pytest.mark.parametrize(
    "fields",
    ["latencyMsP95", "handoffsOut handoffsIn", "firstSeen", "lastSeen", "latencyMsP50 firstSeen"],
)
@pytest.mark.parametrize("written", ["{}", "... on Agent {{ {} }}", "...some", "...some ...none"])
def test_what_is_asked_of_agents_is_the_same_alone_and_beside_all_else(
    graphql: GraphQL, fields: str, written: str
) -> None:
    asked = f"query {{ agents {{ name {written.format(fields)} }} }}"
    defined = "".join(
        f" fragment {name} on Agent {{ {said} }}"
        for name, said in (("some", fields), ("none", "role"))
        if f"...{name}" in written
    )
    whole = "name latencyMsP50 latencyMsP95 handoffsOut handoffsIn firstSeen lastSeen"
    alone, beside = (
        graphql(query)["data"]["agents"]
        for query in (asked + defined, f"{{ agents {{ {whole} }} }}")
    )
    names = ["name", *fields.split()]
    assert [[row[name] for name in names] for row in alone] == [
        [row[name] for name in names] for row in beside
    ]
    assert len(alone) > 1


def test_agents_of_a_type(graphql: GraphQL) -> None:
    assert graphql("{ agents(type: ORCHESTRATOR) { name } }") == {
        "data": {"agents": [{"name": "triage"}]}
    }


def test_a_type_that_the_contract_lacks_is_unknown(graphql: GraphQL) -> None:
    assert graphql('{ agent(name: "billing") { type } }') == {
        "data": {"agent": {"type": "UNKNOWN"}}
    }


def test_an_agent_that_is_not_known_is_null(graphql: GraphQL) -> None:
    assert graphql('{ agent(name: "nobody") { name } }') == {"data": {"agent": None}}


def test_sessions_come_newest_first(graphql: GraphQL) -> None:
    assert graphql("{ sessions { sessionId startedAt durationMs completeness final } }") == {
        "data": {
            "sessions": [
                {
                    "sessionId": "conv-2",
                    "startedAt": "2026-11-22T11:00:00Z",
                    "durationMs": 0,
                    "completeness": 0.5,
                    "final": False,
                },
                {
                    "sessionId": "conv-1",
                    "startedAt": "2026-11-22T10:00:00Z",
                    "durationMs": 2000,
                    "completeness": 1,
                    "final": True,
                },
            ]
        }
    }


def test_a_trace_id_leads_to_its_session(graphql: GraphQL) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    query = "query($id: String!) { session(sessionId: $id) { sessionId traceIds agents handoffs } }"
    assert graphql(query, id=trace) == {
        "data": {
            "session": {
                "sessionId": "conv-1",
                "traceIds": [trace],
                "agents": ["triage", "researcher", "billing"],
                "handoffs": 2,
            }
        }
    }


def test_handoffs_of_a_session_carry_all_that_they_rest_on(graphql: GraphQL) -> None:
    query = """{ handoffs(sessionId: "conv-1", minQuality: 0.5) {
        id sessionId traceId fromAgent toAgent kind startedAt latencyMs quality
        qualityParts { completed contextKept noBounce promptness allowed }
        confidence evidence fromSpanId toSpanId final traceUrl } }"""
    assert graphql(query) == {
        "data": {
            "handoffs": [
                {
                    "id": "h1",
                    "sessionId": "conv-1",
                    "traceId": "0af7651916cd43dd8448eb211c80319c",
                    "fromAgent": "triage",
                    "toAgent": "researcher",
                    "kind": "DELEGATION",
                    "startedAt": "2026-11-22T10:00:00Z",
                    "latencyMs": 1.5,
                    "quality": 1,
                    "qualityParts": {
                        "completed": 1,
                        "contextKept": None,
                        "noBounce": None,
                        "promptness": None,
                        "allowed": None,
                    },
                    "confidence": 0.9,
                    "evidence": ["parent_child"],
                    "fromSpanId": "00f067aa0ba902b7",
                    "toSpanId": None,
                    "final": True,
                    "traceUrl": None,
                }
            ]
        }
    }


def test_handoffs_within_a_time(graphql: GraphQL) -> None:
    query = "query($since: DateTime) { handoffs(since: $since) { id } }"
    assert graphql(query, since="2026-11-22T11:00:00.5+01:00") == {
        "data": {"handoffs": [{"id": "h2"}]}
    }


def test_a_trace_opens_in_jaeger_where_one_is_configured(store: ClickHouse, asked: Any) -> None:
    app = application(Queries(store), jaeger_url="http://jaeger:16686/")
    answer = asked(app, "POST", "/graphql", json={"query": "{ handoffs(limit: 1) { traceUrl } }"})
    url = "http://jaeger:16686/trace/0af7651916cd43dd8448eb211c80319c"
    assert answer.json() == {"data": {"handoffs": [{"traceUrl": url}]}}


class _Counting:
    """The real store, which remembers how often it was asked."""

    def __init__(self, store: ClickHouse) -> None:
        self._store = store
        self.tables: list[str] = []

    async def fetch(self, statement: sa.Select[Any]) -> list[Row]:
        self.tables += [str(getattr(each, "name", "")) for each in statement.get_final_froms()]
        return await self._store.fetch(statement)


def test_the_ledgers_of_many_sessions_are_one_query(store: ClickHouse, asked: Any) -> None:
    counting = _Counting(store)
    app = application(Queries(counting))
    query = "{ sessions { sessionId ledger { spanId agent reportedTokens ownTokens rule } } }"
    answer = asked(app, "POST", "/graphql", json={"query": query}).json()
    assert (answer, counting.tables.count("token_ledger")) == (
        {
            "data": {
                "sessions": [
                    {"sessionId": "conv-2", "ledger": []},
                    {
                        "sessionId": "conv-1",
                        "ledger": [
                            {
                                "spanId": "00f067aa0ba902b7",
                                "agent": "triage",
                                "reportedTokens": 100,
                                "ownTokens": 90,
                                "rule": "llm call",
                            }
                        ],
                    },
                ]
            }
        },
        1,
    )


def test_the_tokens_of_many_sessions_are_one_query(store: ClickHouse, asked: Any) -> None:
    counting = _Counting(store)
    app = application(Queries(counting))
    query = "{ sessions { sessionId residualTokens tokens { agent inputTokens costUsd } } }"
    answer = asked(app, "POST", "/graphql", json={"query": query}).json()
    spent = {
        session: [
            {"agent": agent, "inputTokens": tokens, "costUsd": None} for agent, tokens in uses
        ]
        for session, uses in {
            "conv-2": [("triage", 100)],
            "conv-1": [("researcher", 3_000_000_000), ("triage", 100), ("billing", 10)],
        }.items()
    }
    assert (answer, counting.tables.count("agent_operations")) == (
        {
            "data": {
                "sessions": [
                    {"sessionId": session, "residualTokens": 0, "tokens": uses}
                    for session, uses in spent.items()
                ]
            }
        },
        1,
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ agents(limit: 1001) { name } }", "limit is 1001 (ask for 1 to 1000 rows, and use"),
        ("{ agents(limit: 0) { name } }", "limit is 0 (ask for 1 to 1000 rows"),
        ("{ agents(offset: -1) { name } }", "offset is -1"),
        ("{ handoffs(minQuality: 2) { id } }", "minQuality is 2.0 (give a number from 0 to 1)"),
        ('{ agents(since: "yesterday") { name } }', "'yesterday' is not a time"),
        ("{ agents(since: 5) { name } }", "give a text"),
        ("{ agents { nam } }", "Cannot query field 'nam'"),
        ("{ agents {", "Syntax Error"),
    ],
    ids=["limit", "no-limit", "offset", "quality", "time", "number-time", "field", "syntax"],
)
def test_what_the_caller_wrote_wrong_is_told(graphql: GraphQL, query: str, message: str) -> None:
    assert message in graphql(query)["errors"][0]["message"]


# each fragment spreads the next one twice: 12 lines that are 4096 fields
DOUBLING = "{ ...F0 }" + "".join(
    f" fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(12)
)


PAGES = "sessions(limit: 1000) { ledger(limit: 1000) { rule } }"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (DOUBLING + " fragment F12 on Query { __typename }", "asks for more than 500 fields"),
        ("{ ...A } fragment A on Query { ...A }", "asks for more than 500 fields"),
        ("{" + "".join(f"a{n}: agents {{ name }} " for n in range(31)) + "}", "31 aliases found"),
        ("{ agents { " + "name " * 2000 + "} }", "more than 2000 tokens"),
        ("{ sessions { ledger" + " { x" * 12 + "}" * 14, "exceeds maximum operation depth of 12"),
        (f"{{ a: {PAGES} b: {PAGES} }}", "asks for more than 2000000 rows"),
        (
            f"{{ a: sessions {{ agents }} ...F }} fragment F on Query {{ b: {PAGES} c: {PAGES} }}",
            "asks for more than 2000000 rows",
        ),
        (f"{{ agents(limit: {'9' * 5000}) {{ name }} }}", "than 2000000 rows"),
        ("query($n: Int = 999999999) { sessions(limit: $n) { agents } }", "than 2000000 rows"),
    ],
    ids=[
        "fragments",
        "endless",
        "aliases",
        "tokens",
        "depth",
        "pages",
        "in-fragments",
        "digits",
        "variable",
    ],
)
def test_a_query_that_asks_too_much_is_refused(graphql: GraphQL, query: str, message: str) -> None:
    answer = graphql(query)
    assert answer.get("data") is None
    assert message in str(answer["errors"])


def test_a_limit_in_a_variable_counts_each_time_it_is_given(graphql: GraphQL) -> None:
    query = "query($n: Int) { sessions(limit: 1000) { ledger(limit: $n) { rule } } }"
    assert "errors" not in graphql(query, n=1000)
    assert "than 2000000 rows" in str(graphql(query, n=2000)["errors"])
    assert "errors" not in graphql(query)


def test_a_tool_may_still_ask_for_the_whole_schema(graphql: GraphQL) -> None:
    answer = graphql(get_introspection_query(schema_description=True, input_value_deprecation=True))
    assert answer["data"]["__schema"]["queryType"]["name"] == "Query"


class _Broken:
    """A store that fails with what nobody outside may see."""

    async def fetch(self, statement: sa.Select[Any]) -> list[Row]:
        raise RuntimeError(f"secret of the house: {statement}")


@pytest.fixture
def broken() -> Starlette:
    return application(Queries(_Broken()))


def test_a_fault_of_ours_is_hidden_and_logged_once(
    broken: Starlette, asked: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer: Mapping[str, Any] = asked(
            broken, "POST", "/graphql", json={"query": "{ sessions { sessionId } }"}
        ).json()
    messages = [error["message"] for error in answer["errors"]]
    assert (messages, "secret" in str(answer), len(caplog.records)) == (
        ["this could not be answered; the server's log says why"],
        False,
        1,
    )


class _Slow:
    """A store that never answers."""

    async def fetch(self, statement: sa.Select[Any]) -> list[Row]:
        await asyncio.Event().wait()
        return []


def test_a_query_that_takes_too_long_is_given_up() -> None:
    asked = schema(answer_s_max=0.05).execute(
        "{ sessions { sessionId } }", context_value={"queries": Queries(_Slow())}
    )
    found = asyncio.run(asked)
    assert found.errors is not None
    assert (found.data, found.errors[0].message) == (
        None,
        "no answer within 0.05 s (ask for less, or a shorter time)",
    )


def test_a_query_by_get_is_refused(ask: Ask) -> None:
    answer = ask("GET", "/graphql", params={"query": "{ agents { name } }"})
    assert (answer.status_code, answer.text) == (400, "queries are not allowed when using GET")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"5",
        b"[{}]",
        b"[" * 100_000,
        b'{"query": "\xff"}',
        b'{"query": "{ agents { name } }", "operationName": "\\ud800"}',
        b'{"query": "{ agents { name } }", "variables": {"n": NaN}}',
    ],
    ids=["nothing", "null", "number", "batch", "deep", "bytes", "surrogate", "nan"],
)
def test_what_is_no_request_is_the_callers_fault(ask: Ask, body: bytes) -> None:
    answer = ask("POST", "/graphql", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


def test_a_number_of_any_length_is_no_fault_of_ours(ask: Ask) -> None:
    query = b'{"query": "query ($n: Int) { agents(limit: $n) { name } }", "variables": {"n": %s}}'
    answer = ask(
        "POST",
        "/graphql",
        content=query % (b"9" * 5000),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code in {200, 400}


def test_a_form_cannot_be_posted_from_another_site(ask: Ask) -> None:
    answer = ask("POST", "/graphql", data={"query": "{ agents { name } }"})
    assert answer.status_code == 400
