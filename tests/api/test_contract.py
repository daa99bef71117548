"""The schema against the contract, tests/api/api.graphql, for all that is built of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
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
assert BUILT.query_type is not None
assert CONTRACT.query_type is not None
assert BUILT.subscription_type is not None
assert CONTRACT.subscription_type is not None
ROOTS = {
    "Query": (BUILT.query_type.fields, CONTRACT.query_type.fields),
    "Subscription": (BUILT.subscription_type.fields, CONTRACT.subscription_type.fields),
}


@pytest.mark.parametrize("name", BUILT_TYPES)
def test_a_type_is_what_the_contract_says(name: str) -> None:
    built, promised = BUILT.type_map[name], CONTRACT.type_map[name]
    if isinstance(built, GraphQLEnumType):
        assert isinstance(promised, GraphQLEnumType)
        assert list(built.values) == list(promised.values)
    elif isinstance(built, GraphQLObjectType) and name not in {"Query", "Subscription"}:
        assert isinstance(promised, GraphQLObjectType)
        for field, told in promised.fields.items():
            _takes_and_gives(built.fields[field], told)
    else:
        assert type(built) is type(promised)


def test_all_of_the_contract_is_built() -> None:
    assert set(CONTRACT.type_map) - set(BUILT.type_map) == set()


@pytest.mark.parametrize(
    ("root", "name"), [(root, name) for root in ROOTS for name in sorted(ROOTS[root][1])]
)
def test_a_field_takes_and_gives_what_the_contract_says(root: str, name: str) -> None:
    _takes_and_gives(ROOTS[root][0][name], ROOTS[root][1][name])


def _takes_and_gives(built: GraphQLField, promised: GraphQLField) -> None:
    assert str(built.type) == str(promised.type)
    takes = {each: str(given.type) for each, given in promised.args.items()}
    more = {each: str(given.type) for each, given in built.args.items() if each not in takes}
    assert {each: str(given.type) for each, given in built.args.items()} == takes | more
    # what we take beside may be left out
    assert [kind for kind in more.values() if kind.endswith("!")] == []


def _undescribed() -> Iterator[str]:
    for name, kind in BUILT.type_map.items():
        if name.startswith("__") or name in {"String", "Int", "Float", "Boolean", "ID"}:
            continue
        if not kind.description:
            yield name
        if isinstance(kind, GraphQLEnumType):
            yield from (f"{name}.{word}" for word, at in kind.values.items() if not at.description)
        elif isinstance(kind, GraphQLObjectType):
            for said, field in kind.fields.items():
                if not field.description:
                    yield f"{name}.{said}"
                for argument, given in field.args.items():
                    if not given.description:
                        yield f"{name}.{said}({argument})"


def test_all_that_can_be_asked_says_what_it_means() -> None:
    assert list(_undescribed()) == []
