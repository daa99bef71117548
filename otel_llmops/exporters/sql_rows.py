"""Rows as drivers of SQL give them, as the seams promise them."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from otel_llmops.storage.seams import Row

__all__ = ["as_rows", "as_table"]


def as_rows(statement: sa.Select[*tuple[Any, ...]], found: Iterable[sa.RowMapping]) -> list[Row]:
    """Rows as Store.fetch gives them: a sum of integers is decimal in SQL, and an integer here."""
    number = {
        column.name: int if isinstance(column.type, sa.Integer) else float
        for column in statement.selected_columns
    }
    return [
        {
            name: number[name](value) if isinstance(value, Decimal) else value
            for name, value in row.items()
        }
        for row in found
    ]


def as_table(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    """Rows of a driver as a table; times are integers of nanoseconds."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    arrays = [_column(each, kind) for each, kind in zip(columns, schema.types, strict=True)]
    return pa.table(arrays, schema=schema)


def _column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, kind)
