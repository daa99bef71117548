"""Which spans a search means: in SQL as far as columns go, and then in the span's own bytes.

Strategy: names, times, kind and status are columns. Attributes, of whatever level (span, event,
link, scope, resource), are in the wire bytes alone; there the key, and a value that can only be
text, are looked for as bytes, which finds all that have them and a few that have not, and `matches`
reads those.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from otel_llmops.otlp.attributes import texts_of
from otel_llmops.storage.tables import TABLES

__all__ = ["SPAN_KINDS", "WIRES", "SpanSearch", "by_column", "matches", "wanted"]

SPAN_KINDS = ("", "internal", "server", "client", "producer", "consumer")
"""Jaeger's words for OTLP's SpanKind, by number."""
WIRES = ("span_wire", "scope_wire", "resource_wire")
_STATUSES = {"unset": 0, "ok": 1, "error": 2}
_RESOURCE = "resource."
_NOT_ONLY_TEXT = re.compile(
    r"(?s)|true|false|NaN|-?Infinity|-?[0-9].*|[\[{].*|(?:[A-Za-z0-9+/]{4})*"
    r"(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)"
)
"""What may as well be how we write a number, a list or bytes (base64): on the wire it is not so."""


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


class has_bytes(GenericFunction[bool]):  # noqa: N801 - functions of SQLAlchemy are lower case
    """has_bytes(column, text): whether the bytes of `text` stand anywhere in the column's."""

    type = sa.Boolean()
    inherit_cache = True


@compiles(has_bytes, "clickhousedb")
def _clickhouse_bytes(element: has_bytes, compiler: SQLCompiler, **kw: Any) -> str:
    column, text = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"position({column}, {text}) > 0"


@compiles(has_bytes, "postgresql")
def _postgres_bytes(element: has_bytes, compiler: SQLCompiler, **kw: Any) -> str:
    column, text = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"position(convert_to({text}, 'UTF8') in {column}) > 0"


@compiles(has_bytes, "mysql")
@compiles(has_bytes, "mariadb")
def _mysql_bytes(element: has_bytes, compiler: SQLCompiler, **kw: Any) -> str:
    column, text = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"LOCATE(CAST(CONVERT({text} USING utf8mb4) AS BINARY), {column}) > 0"


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
        yield sa.or_(_in_columns(key, value), *(_in_wire(wire, key, value) for wire in WIRES))


def by_column(search: SpanSearch) -> list[sa.Label[bool]]:
    """For each attribute of the search whether the span's columns already tell that it has it."""
    return [
        _in_columns(key, value).label(f"by_column_{place}")
        for place, (key, value) in enumerate(search.attributes.items())
    ]


def _in_wire(wire: str, key: str, value: str) -> sa.ColumnElement[bool]:
    column = TABLES["spans"].c[wire]
    told = key.removeprefix(_RESOURCE) if wire == "resource_wire" else key
    found = [has_bytes(column, told)]
    if not _NOT_ONLY_TEXT.fullmatch(value):
        found.append(has_bytes(column, value))
    return sa.and_(*found)


def _in_columns(key: str, value: str) -> sa.ColumnElement[bool]:
    """Keys that stand for what is no attribute."""
    spans, given, value = TABLES["spans"].c, value, value.lower()
    failed = spans.status_code == _STATUSES["error"]
    if key == "error" and value in {"true", "false"}:
        return failed if value == "true" else sa.not_(failed)
    if key == "span.status" and value in _STATUSES:
        return spans.status_code == _STATUSES[value]
    if key == "span.kind" and value in SPAN_KINDS:
        return spans.kind == SPAN_KINDS.index(value)
    if key in {"scope.name", "scope.version"}:
        return spans[key.replace(".", "_")] == given
    return sa.literal(1) == sa.literal(0)


def matches(search: SpanSearch, row: Mapping[str, Any]) -> bool:
    """Whether a span has all attributes; `row` has the columns of `by_column`, and WIRES."""
    told = [bool(row[f"by_column_{place}"]) for place in range(len(search.attributes))]
    if all(told):
        return True
    span = Span.FromString(row["span_wire"])
    scope = ScopeSpans.FromString(row["scope_wire"]).scope
    resource = texts_of(ResourceSpans.FromString(row["resource_wire"]).resource.attributes)
    found = [texts_of(each.attributes) for each in (span, scope, *span.events, *span.links)]
    found += [resource, {f"{_RESOURCE}{key}": text for key, text in resource.items()}]
    return all(
        by_columns or any(each.get(key) == value for each in found)
        for by_columns, (key, value) in zip(told, search.attributes.items(), strict=True)
    )
