"""Scalars of the contract: Long (64-bit) and DateTime (RFC 3339 in UTC)."""

from datetime import UTC, datetime
from typing import NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from otel_llmops.api.parameters import time
from otel_llmops.errors import QueryError

__all__ = ["SCALARS", "Long"]

_LONG_MIN, _LONG_MAX = -(2**63), 2**63 - 1

Long = NewType("Long", int)
"""A 64-bit count: GraphQL's Int ends at 2,147,483,647, which a week of tokens passes."""


def _long(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise GraphQLError(f"Long cannot represent {value!r}")
    if not _LONG_MIN <= value <= _LONG_MAX:
        raise GraphQLError(f"Long cannot represent {value}: it has 64 bits")
    return value


def _time(value: object) -> datetime:
    if not isinstance(value, str):
        raise GraphQLError(f"DateTime cannot represent {value!r}: give a text")
    try:
        return time(value)
    except QueryError as error:
        raise GraphQLError(str(error)) from error


def _rfc3339(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


SCALARS: dict[object, ScalarDefinition] = {
    Long: strawberry.scalar(
        name="Long",
        description="A whole number of 64 bits",
        serialize=_long,
        parse_value=_long,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A time of RFC 3339 in UTC",
        serialize=_rfc3339,
        parse_value=_time,
    ),
}
