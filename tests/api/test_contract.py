"""The schema against the contract, tests/api/api.graphql, for all that is built of it."""

from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLObjectType,
    build_schema,
)

from otel_llmops.api.graphql.schema import schema

CONTRACT = build_schema((Path(__file__).parent / "api.graphql").read_text())
BUILT = build_schema(schema().as_str())
BUILT_TYPES = sorted(
    name
    for name in BUILT.type_map
    if not name.startswith("__") and name in CONTRACT.type_map  # we may add, never take away
)
BUILT_FIELDS = {
    *("agents", "agent", "sessions", "session", "handoffs", "usage"),
    *("topologySnapshot", "callChain", "highTokenFunctions", "tokenHotspots"),
    *("functionCalls", "moduleGraph"),
}


@pytest.mark.parametrize("name", BUILT_TYPES)
def test_a_type_is_what_the_contract_says(name: str) -> None:
    built, promised = BUILT.type_map[name], CONTRACT.type_map[name]
    if isinstance(built, GraphQLEnumType):
        assert isinstance(promised, GraphQLEnumType)
        assert list(built.values) == list(promised.values)
    elif isinstance(built, GraphQLObjectType) and name not in {"Query", "Subscription"}:
        assert isinstance(promised, GraphQLObjectType)
        kept = {name: text for name, text in _fields(built).items() if name in promised.fields}
        assert kept == _fields(promised)
    else:
        assert type(built) is type(promised)


def test_each_field_of_query_takes_and_gives_what_the_contract_says() -> None:
    built, promised = (
        {name: text for name, text in _fields(found.query_type).items() if name in BUILT_FIELDS}
        for found in (BUILT, CONTRACT)
    )
    assert built == promised


def _fields(found: GraphQLObjectType | None) -> dict[str, str]:
    assert found is not None
    return {
        name: f"({', '.join(f'{each}: {given.type}' for each, given in field.args.items())})"
        f" -> {field.type}"
        for name, field in found.fields.items()
    }
