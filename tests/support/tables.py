"""Rows of any schema from the few values that a test is about."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from otel_llmops.model.schemas import DERIVED, LOG_EVENTS, SPANS, empty

BASE_NS = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z, where a row starts unless it says otherwise."""

SECOND_NS = 1_000_000_000


def _default(field: pa.Field) -> Any:
    if field.nullable:
        return None
    if field.type == pa.string():
        return ""
    if field.type == pa.binary():
        return b""
    if pa.types.is_timestamp(field.type):
        return BASE_NS
    if pa.types.is_map(field.type) or pa.types.is_list(field.type):
        return []
    return pa.scalar(0, pa.int64()).cast(field.type).as_py()


def table(schema: pa.Schema, *rows: Mapping[str, Any]) -> pa.Table:
    """A table of `schema`; what a row does not say is empty, 0, unknown or BASE_NS."""
    if not rows:
        return empty(schema)
    strangers = {name for row in rows for name in row} - set(schema.names)
    assert not strangers, f"no such columns: {strangers}"
    full = [{field.name: row.get(field.name, _default(field)) for field in schema} for row in rows]
    return pa.Table.from_pylist(full, schema=schema)


def spans(*rows: Mapping[str, Any]) -> pa.Table:
    return table(SPANS, *rows)


def log_events(*rows: Mapping[str, Any]) -> pa.Table:
    return table(LOG_EVENTS, *rows)


def derived(**rows: list[dict[str, Any]]) -> dict[str, pa.Table]:
    """Table name -> its rows, as replace_sessions takes them."""
    return {name: table(DERIVED[name], *each) for name, each in rows.items()}
