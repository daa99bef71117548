"""Which spans a search means: in SQL as far as columns go, and then in the span's own bytes.

Strategy: names, times and the attributes of spans and resources are columns. What stands in
events, links and scopes is in the wire bytes alone; there a key is looked for as bytes, which finds
all that have it and some that have not, and `matches` reads those few.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from otel_llmops.otlp.attributes import texts_of
from otel_llmops.storage.tables import TABLES

__all__ = ["SPAN_KINDS", "SpanSearch", "by_column", "matches", "wanted"]

SPAN_KINDS = ("", "internal", "server", "client", "producer", "consumer")
"""Jaeger's words for OTLP's SpanKind, by number."""
_STATUSES = {"unset": 0, "ok": 1, "error": 2}
_RESOURCE = "resource."


@dataclass(frozen=True, slots=True)
class SpanSearch:
    """What holds of one span, all of it; "" and None ask for nothing.

    `attributes`: key to the text that a value has (otlp.attributes), at any level of the span.
    `since` and `until` are both inclusive.
    """

    service: str = ""
    operation: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    duration_ns_min: int | None = None
    duration_ns_max: int | None = None


class attribute(GenericFunction[str]):  # noqa: N801 - functions of SQLAlchemy are lower case
    """attribute(column, key): the text of a key of a map of attributes, '' or null without it."""

    type = sa.Text()
    inherit_cache = True


class has_bytes(GenericFunction[bool]):  # noqa: N801
    """has_bytes(column, text): whether the bytes of `text` stand anywhere in the column's."""

    type = sa.Boolean()
    inherit_cache = True


@compiles(attribute, "clickhousedb")
def _clickhouse_attribute(element: attribute, compiler: SQLCompiler, **kw: Any) -> str:
    column, key = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{column}[{key}]"


@compiles(has_bytes, "clickhousedb")
def _clickhouse_bytes(element: has_bytes, compiler: SQLCompiler, **kw: Any) -> str:
    column, text = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"position({column}, {text}) > 0"


def wanted(search: SpanSearch) -> Iterable[sa.ColumnElement[bool]]:
    """What each span of an answer fulfils, and some others too: see `matches`."""
    spans = TABLES["spans"].c
    if search.service:
        yield spans.service == search.service
    if search.operation:
        yield spans.name == search.operation
    if search.since is not None:
        yield spans.start_time >= search.since
    if search.until is not None:
        yield spans.start_time <= search.until
    if search.duration_ns_min is not None:
        yield spans.duration_ns >= search.duration_ns_min
    if search.duration_ns_max is not None:
        yield spans.duration_ns <= search.duration_ns_max
    for key, value in search.attributes.items():
        somewhere = (has_bytes(spans[wire], key) for wire in ("span_wire", "scope_wire"))
        yield sa.or_(_in_columns(key, value), *somewhere)


def by_column(search: SpanSearch) -> list[sa.Label[bool]]:
    """For each attribute of the search whether the span's columns already tell that it has it."""
    return [
        _in_columns(key, value).label(f"by_column_{place}")
        for place, (key, value) in enumerate(search.attributes.items())
    ]


def _in_columns(key: str, value: str) -> sa.ColumnElement[bool]:
    spans = TABLES["spans"].c
    every = [attribute(spans[each], key) == value for each in ("attributes", "resource_attributes")]
    if value == "":  # a map without the key gives the same
        every = [sa.false()]
    special = _special(key, value.lower())
    if key.startswith(_RESOURCE):
        every.append(attribute(spans.resource_attributes, key.removeprefix(_RESOURCE)) == value)
    return sa.or_(*every, *special)


def _special(key: str, value: str) -> list[sa.ColumnElement[bool]]:
    """Keys that stand for what is no attribute."""
    spans = TABLES["spans"].c
    if key == "error" and value in {"true", "false"}:
        failed = spans.status_code == _STATUSES["error"]
        return [failed if value == "true" else sa.not_(failed)]
    if key == "span.status" and value in _STATUSES:
        return [spans.status_code == _STATUSES[value]]
    if key == "span.kind" and value in SPAN_KINDS:
        return [spans.kind == SPAN_KINDS.index(value)]
    if key in {"scope.name", "scope.version"}:
        return [spans[key.replace(".", "_")] == value]
    return []


def matches(search: SpanSearch, row: Mapping[str, Any]) -> bool:
    """Whether a span has all attributes of the search.

    `row` has the columns of `by_column`, span_wire and scope_wire.
    """
    told = [bool(row[f"by_column_{place}"]) for place in range(len(search.attributes))]
    if all(told):
        return True
    span, scope = Span.FromString(row["span_wire"]), ScopeSpans.FromString(row["scope_wire"]).scope
    levels = [span, scope, *span.events, *span.links]
    found = [texts_of(each.attributes) for each in levels]
    return all(
        by_columns or any(each.get(key) == value for each in found)
        for by_columns, (key, value) in zip(told, search.attributes.items(), strict=True)
    )
