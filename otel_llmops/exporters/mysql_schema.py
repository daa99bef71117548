"""MySQL's and MariaDB's tables, generated from the Arrow schemas and the summaries.

Strategy: InnoDB keeps rows in the order of their primary key, so that is a counter: what arrives
together lies together, and nothing is written at random. Text compares by its bytes, trailing
blanks included; the two servers call that by different names. Sums that queries ask for are kept
beside (storage/kept.py).
"""

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.sql.ddl import CreateColumn

from otel_llmops.storage.kept import DIGEST, KEPT, KEPT_SUMMARIES, all_sums
from otel_llmops.storage.migrations import VERSION_TABLE
from otel_llmops.storage.tables import STORED, TABLES, TIME_COLUMN, Utf8, belongs_to, empty_value

__all__ = ["BATCHES", "ROW_ID", "MysqlSchema"]

_DIALECT = mysql.dialect()

BATCHES = "exported_batches"
"""What was exported under which batch id, and when."""
ROW_ID = "row_id"
"""The primary key of each table of rows; nobody asks for it."""

_PREFIX_CHARACTERS = 191
"""Of a text in an index: 764 bytes of the 3072 that an index row may have."""

_LOOKUPS: Mapping[str, Sequence[Sequence[str]]] = {
    "agent_handoffs": (("started_at", "ordinal"),),
    "agents": (("agent",), ("ended_at",)),
    "session_keys": (("key",),),
}
"""Indexes beside those by session or trace and by time."""


class MysqlSchema:
    """As storage.migrations.Schema, for one of the two servers."""

    def __init__(self, *, is_mariadb: bool) -> None:
        collation = "utf8mb4_nopad_bin" if is_mariadb else "utf8mb4_0900_bin"
        self._options = f"ENGINE = InnoDB CHARSET = utf8mb4 COLLATE = {collation}"

    @property
    def parts(self) -> frozenset[tuple[str, str]]:
        """As Schema.parts: the columns."""
        tables = (*TABLES.items(), *KEPT.items())
        return frozenset((name, column.name) for name, table in tables for column in table.columns)

    def create_statements(self) -> list[str]:
        """All that an empty database needs, in order; what is there already is left alone."""
        return [
            *(self._create(name, _rows(name)) for name in STORED),
            *(self._create(name, _sums(table)) for name, table in KEPT.items()),
            self._create(VERSION_TABLE, ["version_num VARCHAR(32) NOT NULL PRIMARY KEY"]),
            self._create(BATCHES, _BATCHES_LINES),
        ]

    def widening_statements(self, has: Iterable[tuple[str, str]]) -> list[str]:
        """What makes of the (table, column) there are all that there should be."""
        known = set(has)
        stale = [
            name
            for name, table in KEPT.items()
            if any((name, column.name) not in known for column in table.columns)
        ]
        return [
            *(f"DROP TABLE IF EXISTS {name}" for name in stale),
            *self.create_statements(),
            *(added for name in TABLES for added in _lacking(name, known)),
            *(_filled(name) for name in stale),
        ]

    def _create(self, name: str, lines: Sequence[str]) -> str:
        body = ",\n".join(f"    {line}" for line in lines)
        return f"CREATE TABLE IF NOT EXISTS {name} (\n{body}\n) {self._options}"


_BATCHES_LINES = (
    "name VARCHAR(64) NOT NULL",
    f"batch_id VARCHAR({_PREFIX_CHARACTERS}) NOT NULL",
    "exported_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP",
    "PRIMARY KEY (name, batch_id)",
)


def _rows(name: str) -> list[str]:
    table = TABLES[name]
    indexes = [[belongs_to(table)], *_LOOKUPS.get(name, ())]
    if name in TIME_COLUMN and [TIME_COLUMN[name]] != [each[0] for each in indexes[1:2]]:
        indexes.append([TIME_COLUMN[name]])
    keys = (
        f"KEY {name}_{number} ({', '.join(_indexed(table.c[each]) for each in index)})"
        for number, index in enumerate(indexes)
    )
    return [
        f"{ROW_ID} BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY",
        *map(_column, table.columns),
        *keys,
    ]


def _sums(table: sa.Table) -> list[str]:
    return [*map(_column, table.columns), f"PRIMARY KEY ({DIGEST})"]


def _indexed(column: sa.Column[object]) -> str:
    length = f"({_PREFIX_CHARACTERS})" if isinstance(column.type, Utf8) else ""
    return f"`{column.name}`{length}"


def _column(column: sa.Column[object]) -> str:
    made = str(CreateColumn(column).compile(dialect=_DIALECT))
    # what is no number is unknown (mysql_rows.py), also where another store keeps a NaN
    return made.removesuffix(" NOT NULL") if isinstance(column.type, sa.Float) else made


def _lacking(name: str, known: set[tuple[str, str]]) -> Iterable[str]:
    columns = [column for column in TABLES[name].columns if (name, column.name) not in known]
    if columns and len(columns) < len(TABLES[name].columns):
        yield f"ALTER TABLE {name} {', '.join(f'ADD COLUMN {_added(each)}' for each in columns)}"


def _added(column: sa.Column[object]) -> str:
    made = _column(column)
    return made if not made.endswith("NOT NULL") else f"{made} DEFAULT ({empty_value(column)})"


def _filled(name: str) -> str:
    statement = all_sums(KEPT_SUMMARIES[name], dialect=_DIALECT.name)
    return str(statement.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))
