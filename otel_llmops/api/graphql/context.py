"""What every field is given beside its arguments, and how its answer becomes a type."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from strawberry.types import Info

from otel_llmops.storage.feed import Feed
from otel_llmops.storage.queries import Queries

__all__ = ["Context", "Shared", "copied", "feed_of", "queries_of"]

Shared = Mapping[str, Any]
"""What the fields of one request share."""
Context = Info[Shared, None]


def queries_of(info: Context) -> Queries:
    """The queries that a field asks."""
    queries: Queries = info.context["queries"]
    return queries


def feed_of(info: Context) -> Feed:
    """The feed that a subscription listens to."""
    feed: Feed = info.context["feed"]
    return feed


def copied(kind: type[Any], answer: object) -> dict[str, Any]:
    """The values of `answer` for the fields of the strawberry type `kind` that it has."""
    names = [field.name for field in fields(kind) if field.init]
    return {name: getattr(answer, name) for name in names if hasattr(answer, name)}
