"""Thousands of ids in one statement, written at once: bound one by one they take 15 µs each."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

__all__ = ["among"]


class among(sa.ColumnElement[bool]):  # noqa: N801 - as functions of SQLAlchemy
    """among(column, ids): whether the column's text is one of `ids`."""

    type = sa.Boolean()
    inherit_cache = False

    def __init__(self, column: sa.ColumnElement[str], ids: Sequence[str]) -> None:
        self.column = column
        self.ids = ids


@compiles(among, "clickhousedb")
def _clickhouse_among(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    column = compiler.process(element.column, **kw)
    escaped = [each.replace("\\", "\\\\").replace("'", "\\'") for each in element.ids]
    listed = "', '".join(escaped)
    return f"{column} IN ('{listed}')" if escaped else "false"
