"""The tables of a store as SQLAlchemy Core objects, made from the Arrow schemas.

Strategy: no column is listed here. SPANS and LOG_EVENTS are stored as they are; a derived table has
two columns more. `sign` is +1 where a row was found and -1 where a later analysis takes it back
(a store that deletes never writes -1), so every sum over rows is sum(x * sign), and a row is live
where the signs of all rows equal to it sum to more than 0. `generation` says which analysis wrote
the row; it is no part of what the row says. The tables of a topology snapshot have no such columns:
a snapshot is written once and replaced whole.

What a store cannot hold is told once, by the types: times are integers where a store's own end at
the microsecond, and text compares byte by byte everywhere.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from otel_llmops.model.schemas import DERIVED, LOG_EVENTS, SPANS, STORED_SPAN_COLUMNS, TIME
from otel_llmops.model.topology import TOPOLOGY

__all__ = [
    "METADATA",
    "REPLACEMENT",
    "SIGNED",
    "STORED",
    "TABLES",
    "TIME_COLUMN",
    "UtcTime",
    "Utf8",
    "belongs_to",
    "data_columns",
    "empty_value",
]

SIGNED = (
    pa.field("generation", pa.int64(), nullable=False),
    pa.field("sign", pa.int32(), nullable=False),
)
"""The columns that a derived table has beside those of its schema. Equal rows are written as one
whose sign says how many, so it is wider than +1 and -1 need."""

STORED: Mapping[str, pa.Schema] = {
    "spans": pa.schema([SPANS.field(name) for name in STORED_SPAN_COLUMNS]),
    "log_events": LOG_EVENTS,
    **{name: pa.schema([*schema, *SIGNED]) for name, schema in DERIVED.items()},
    **TOPOLOGY,
}
"""Table name -> Arrow schema of the rows as a store keeps them."""

METADATA = sa.MetaData()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_KEEPS_NANOSECONDS = "clickhousedb"


class UtcTime(sa.TypeDecorator[datetime]):
    """A moment, an aware datetime in Python.

    ClickHouse keeps nanoseconds, and wants its literals without the zone. Elsewhere it is whole
    nanoseconds since 1970, an integer: time types of PostgreSQL and MySQL end at the microsecond.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """What the column is in the store."""
        native = dialect.name == _KEEPS_NANOSECONDS
        return dialect.type_descriptor(sa.DateTime(timezone=True) if native else sa.BigInteger())

    def process_literal_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        """The moment as the dialect's own type renders it."""
        if value is None or dialect.name != _KEEPS_NANOSECONDS:
            return self.process_bind_param(value, dialect)
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        """The moment as a parameter."""
        if value is None or dialect.name == _KEEPS_NANOSECONDS:
            return value
        return (value - _EPOCH) // _MICROSECOND * 1_000

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        """The moment, to the microsecond that Python knows."""
        if value is None or dialect.name == _KEEPS_NANOSECONDS:
            return value  # type: ignore[no-any-return]  # the driver's datetime
        return _EPOCH + int(value) // 1_000 * _MICROSECOND


class Utf8(sa.TypeDecorator[str]):
    """Text of any length, which compares and sorts by its bytes.

    PostgreSQL's text has no NUL: there it is U+FFFD, in what is asked for as in what is stored.
    """

    impl = sa.Text()
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """What the column is in the store."""
        made = _TEXT.get(dialect.name, sa.Text())
        return dialect.type_descriptor(made)

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """The text as a parameter."""
        if value is None or dialect.name != "postgresql":
            return value
        return value.replace("\0", REPLACEMENT)

    def process_literal_param(self, value: str | None, dialect: sa.Dialect) -> Any:
        """The text as a literal."""
        return self.process_bind_param(value, dialect)


REPLACEMENT = "\ufffd"
"""What stands in the place of a character that a store cannot hold."""

_TEXT: Mapping[str, sa.types.TypeEngine[str]] = {
    "postgresql": postgresql.TEXT(collation="C"),
    # how it compares is said by the table: its names differ between MySQL and MariaDB
    "mysql": mysql.LONGTEXT(),
}


class JsonText(sa.TypeDecorator[Any]):
    """JSON in a text column."""

    impl = sa.Text()
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """What the column is in the store."""
        return dialect.type_descriptor(_TEXT.get(dialect.name, sa.Text()))

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:
        """What the text says."""
        return None if value is None else json.loads(value)


_TYPES: Mapping[pa.DataType, sa.types.TypeEngine[Any]] = {
    pa.string(): Utf8(),
    pa.binary(): sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql"),
    pa.bool_(): sa.Boolean(),
    pa.int8(): sa.SmallInteger(),
    pa.int16(): sa.SmallInteger(),
    pa.int32(): sa.Integer(),
    pa.uint32(): sa.BigInteger(),
    pa.int64(): sa.BigInteger(),
    pa.float64(): sa.Double(),
    TIME: UtcTime(),
    pa.map_(pa.string(), pa.string()): sa.JSON()
    .with_variant(postgresql.JSONB(), "postgresql")
    # not JSON: MySQL's has no key above 64 KiB
    .with_variant(JsonText(), "mysql"),
}


def _table(name: str, schema: pa.Schema) -> sa.Table:
    columns = (
        sa.Column(field.name, _TYPES[field.type], nullable=field.nullable) for field in schema
    )
    return sa.Table(name, METADATA, *columns)


TABLES: Mapping[str, sa.Table] = {name: _table(name, schema) for name, schema in STORED.items()}
"""Table name -> the table to query."""


def data_columns(table: sa.Table) -> list[sa.Column[Any]]:
    """The columns of a derived table that say something: all but `generation` and `sign`."""
    signed = {field.name for field in SIGNED}
    return [column for column in table.columns if column.name not in signed]


TIME_COLUMN: Mapping[str, str] = {
    name: column
    for name, schema in STORED.items()
    for column in ("start_time", "time", "started_at")
    if column in schema.names and "snapshot_id" not in schema.names
}
"""Table name -> the column that says when a row is of. What is of no time is kept for ever."""


def belongs_to(table: sa.Table) -> str:
    """The column whose value all rows share that are written, and replaced, together."""
    return next(name for name in ("session_id", "snapshot_id", "trace_id") if name in table.columns)


def empty_value(column: sa.Column[Any]) -> str:
    """What a row has of a column that came after it, in SQL: empty, 0 or false."""
    if isinstance(column.type, sa.Boolean):
        return "false"
    if isinstance(column.type, Utf8 | sa.LargeBinary):
        return "''"
    return "'{}'" if isinstance(column.type, sa.JSON) else "0"
