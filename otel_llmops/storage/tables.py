"""The tables of a store as SQLAlchemy Core objects, made from the Arrow schemas.

Strategy: no column is listed here. SPANS and LOG_EVENTS are stored as they are; a derived table has
two columns more. `sign` is +1 where a row was found and -1 where a later analysis takes it back
(a store that deletes never writes -1), so every sum over rows is sum(x * sign), and a row is live
where the signs of all rows equal to it sum to more than 0. `generation` says which analysis wrote
the row; it is no part of what the row says. The tables of a topology snapshot have no such columns:
a snapshot is written once and replaced whole.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from otel_llmops.model.schemas import DERIVED, LOG_EVENTS, SPANS, STORED_SPAN_COLUMNS, TIME
from otel_llmops.model.topology import TOPOLOGY

__all__ = ["METADATA", "SIGNED", "STORED", "TABLES", "UtcTime", "data_columns"]

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


class UtcTime(sa.TypeDecorator[datetime]):
    """A moment, an aware datetime in Python; ClickHouse wants its literals without the zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_literal_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        """The moment as the dialect's own type renders it."""
        if value is None or dialect.name != "clickhousedb":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)


_TYPES: Mapping[pa.DataType, sa.types.TypeEngine[Any]] = {
    pa.string(): sa.Text(),
    pa.binary(): sa.LargeBinary(),
    pa.bool_(): sa.Boolean(),
    pa.int8(): sa.SmallInteger(),
    pa.int16(): sa.SmallInteger(),
    pa.int32(): sa.Integer(),
    pa.uint32(): sa.BigInteger(),
    pa.int64(): sa.BigInteger(),
    pa.float64(): sa.Double(),
    TIME: UtcTime(),
    pa.map_(pa.string(), pa.string()): sa.JSON(),
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
