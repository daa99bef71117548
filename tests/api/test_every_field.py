"""Every field of the contract has something to say of recorded traces and of this very repository.

Strategy: all fields of every type are asked for at once, so a field that fails is seen; and of each
it is kept whether any answer had a value in it that is not nothing. What spans say of this
repository's functions is made up: the recorded traces are of other code.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLObjectType, GraphQLScalarType, get_named_type
from starlette.applications import Starlette

import otel_llmops
from otel_llmops.analysis.derive import analyse
from otel_llmops.api.application import application
from otel_llmops.engine.capture import captured
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.storage.queries import Queries
from otel_llmops.storage.snapshots import snapshot_id_of
from otel_llmops.topology.scan import scan
from tests.api.test_contract import CONTRACT
from tests.support.otlp import scenarios
from tests.support.tree import spans

_PACKAGE = Path(otel_llmops.__file__).parent


def _at(module: str, function: str) -> str:
    name = f"otel_llmops.{module}"
    return f"code.function.name={name}.{function} code.file.path=/app/{name.replace('.', '/')}.py"


_DECLARED = """llmops.agent.role=reads llmops.agent.can_handoff_to='["writer"]'"""
_STEPS = "".join(
    f"\n    llm gpt-4o {28 + 2 * n}-{29 + 2 * n} in={1000 * n} out=20 "
    + _at("analysis.derive", "analyse")
    for n in range(1, 31)
)
_RUN = f"""
span run 0-100 {_at("engine.capture", "analyze")}
  agent reader 5-90 {_DECLARED} {_at("engine.capture", "captured")}
    llm gpt-4o 10-20 in=100 out=10 {_at("otlp.decode", "decode_traces")}
    agent writer 20-26
      llm gpt-4o 21-25 in=10 out=10
        llm gpt-4o 22-24 in=500 out=10{_STEPS}
"""
"""A handoff that was declared, a call around one that reports more, and a loop that grows."""

_ARGUMENTS: Mapping[tuple[str, str], str] = {
    ("Query", "callChain"): '(entryPoint: "otel_llmops.engine.capture.analyze")',
    ("Query", "moduleGraph"): '(format: "d3")',
    ("Query", "functionCalls"): "(limit: 1000)",
    ("CoordinationGraph", "export"): '(format: "d3")',
    ("TopologySnapshot", "modules"): "(limit: 1000)",
}
assert CONTRACT.query_type is not None
QUERY = CONTRACT.query_type

_NOTHING = {"Coalition.recommended"}
"""No team is recommended on so few sessions: it is false everywhere."""

_TELLING = {"agent_error", "linear_transfer", "ping_pong", "supervisor"}
"""Scenarios in which agents fail, declare whom they may hand to, and go round in circles."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    opened = ClickHouse.embedded(tmp_path_factory.mktemp("all") / "store")
    try:
        last_of_each = {each.parent: each for each in scenarios()}.values()
        chosen = {*last_of_each, *(each for each in scenarios() if each.name in _TELLING)}
        for recorded in (captured(sorted(chosen)), spans(_RUN)):
            tables = analyse(recorded)
            opened.replace_sessions(tables["sessions"]["session_id"].to_pylist(), tables)
        made = scan(_PACKAGE, workers=0)
        opened.replace_snapshot(snapshot_id_of(made.tables), made.tables)
        yield opened
    finally:
        opened.close()


@pytest.fixture(scope="module")
def api(store: ClickHouse) -> Starlette:
    return application(Queries(store), jaeger_url="http://localhost:16686")


def _selection(kind: Any) -> str:
    """All fields of a type, and of what is in them."""
    named = get_named_type(kind)
    if isinstance(named, GraphQLScalarType | GraphQLEnumType):
        return ""
    assert isinstance(named, GraphQLObjectType)
    inner = (
        f"{name}{_ARGUMENTS.get((named.name, name), '')} {_selection(field.type)}"
        for name, field in named.fields.items()
    )
    return f"{{ {' '.join(inner)} }}"


def _said(kind: Any, value: Any, said: set[str]) -> None:
    """Note every field, as Type.field, in which there is something."""
    if isinstance(value, list):
        for each in value:
            _said(kind, each, said)
        return
    named = get_named_type(kind)
    if value is None or not isinstance(named, GraphQLObjectType):
        return
    for name, field in named.fields.items():
        if value[name] not in (None, "", [], {}, 0):
            said.add(f"{named.name}.{name}")
        _said(field.type, value[name], said)


@pytest.fixture(scope="module")
def answers(api: Starlette, asked: Any) -> Mapping[str, Any]:
    """Field of Query -> what all of it answered."""

    def told(query: str) -> Any:
        answer = asked(api, "POST", "/graphql", json={"query": query}).json()
        assert "errors" not in answer, (query, answer["errors"])
        return answer["data"]

    known = told("{ sessions(limit: 1000) { sessionId startedAt driftScore } agents { name } }")
    times = sorted(each["startedAt"] for each in known["sessions"])
    session = json.dumps(next(e["sessionId"] for e in known["sessions"] if e["driftScore"]))
    arguments = {
        **{name: given for (kind, name), given in _ARGUMENTS.items() if kind == "Query"},
        "usage": f'(since: "{times[0]}", until: "{times[-1]}", buckets: 1000)',
        "agent": f"(name: {json.dumps(known['agents'][0]['name'])})",
        "session": f"(sessionId: {session})",
        "contextDrift": f"(sessionId: {session})",
    }
    found = {
        name: told(f"{{ {name}{arguments.get(name, '')} {_selection(field.type)} }}")[name]
        for name, field in QUERY.fields.items()
    }
    field = f"coordinationGraph(sessionId: {session})"
    one = told(f"{{ {field} {_selection(QUERY.fields['coordinationGraph'].type)} }}")
    return {**found, "coordinationGraph": [found["coordinationGraph"], *one.values()]}


@pytest.mark.parametrize("name", sorted(QUERY.fields))
def test_a_field_of_query_has_an_answer(answers: Mapping[str, Any], name: str) -> None:
    assert answers[name]


def test_every_field_says_something(answers: Mapping[str, Any]) -> None:
    said: set[str] = set()
    for name, field in QUERY.fields.items():
        _said(field.type, answers[name], said)
    every = {
        f"{kind.name}.{name}"
        for kind in CONTRACT.type_map.values()
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__")
        if kind not in {QUERY, CONTRACT.subscription_type}
        for name in kind.fields
    }
    assert every - said == _NOTHING
