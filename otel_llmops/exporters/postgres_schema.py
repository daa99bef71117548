"""PostgreSQL's tables, generated from the Arrow schemas and the summaries.

Strategy: every table is partitioned by its own time, so that retention drops whole partitions:
spans and log events by day, derived rows by month. Partitions are made when rows of their time
come (postgres_partitions.py); what no clock means goes to the partition `_rest`. Text sorts by its
bytes, as in every other store. Sums that queries ask for are kept beside (storage/kept.py).
"""

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql.ddl import CreateColumn

from otel_llmops.storage.kept import KEPT, KEPT_SUMMARIES, all_sums
from otel_llmops.storage.migrations import VERSION_TABLE
from otel_llmops.storage.tables import STORED, TABLES, TIME_COLUMN, belongs_to, empty_value

__all__ = ["BATCHES", "PostgresSchema", "rest"]

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's is not annotated

BATCHES = "exported_batches"
"""What was exported under which batch id, and when."""

_LOOKUPS: Mapping[str, Sequence[str]] = {
    "agent_operations": ("USING brin (started_at) WITH (pages_per_range = 32)",),
    "agent_handoffs": ("(started_at, ordinal, session_id, handoff_id)",),
    # a name may be longer than what a btree takes
    "agents": ("USING hash (agent)", "(started_at)", "(ended_at)"),
    "sessions": ("(started_at DESC, session_id)",),
    "session_keys": ("(key)",),
}
"""Indexes beside the one by session or trace. Ids are 1 KiB at most (analysis/sessions.py)."""

_BATCHES_TABLE = f"""CREATE TABLE IF NOT EXISTS {BATCHES} (
    name TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    exported_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (name, batch_id)
)"""

_SUMS_FILLED_PERCENT = 70
"""Sums are updated in place: room on the page spares the indexes (heap-only tuples)."""


def rest(name: str) -> str:
    """The partition of rows whose time has none of its own."""
    return f"{name}_rest"


class PostgresSchema:
    """As storage.migrations.Schema."""

    @property
    def parts(self) -> frozenset[tuple[str, str]]:
        """As Schema.parts: the columns."""
        tables = (*TABLES.items(), *KEPT.items())
        return frozenset((name, column.name) for name, table in tables for column in table.columns)

    def create_statements(self) -> list[str]:
        """All that an empty database needs, in order; what is there already is left alone."""
        return [
            *(statement for name in STORED for statement in _stored(name)),
            *(_kept(table) for table in KEPT.values()),
            f"CREATE TABLE IF NOT EXISTS {VERSION_TABLE} (version_num VARCHAR(32) PRIMARY KEY)",
            _BATCHES_TABLE,
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


def _stored(name: str) -> list[str]:
    table = TABLES[name]
    body = str(CreateTable(table, if_not_exists=True).compile(dialect=_DIALECT)).strip()
    indexes = (f"({belongs_to(table)})", *_LOOKUPS.get(name, ()))
    parts = []
    if name in TIME_COLUMN:
        body += f" PARTITION BY RANGE ({TIME_COLUMN[name]})"
        parts = [f"CREATE TABLE IF NOT EXISTS {rest(name)} PARTITION OF {name} DEFAULT"]
    made = (
        f"CREATE INDEX IF NOT EXISTS {name}_{number} ON {name} {index}"
        for number, index in enumerate(indexes)
    )
    return [body, *parts, *made]


def _kept(table: sa.Table) -> str:
    body = str(CreateTable(table, if_not_exists=True).compile(dialect=_DIALECT)).strip()
    return f"{body} WITH (fillfactor = {_SUMS_FILLED_PERCENT})"


def _filled(name: str) -> str:
    statement = all_sums(KEPT_SUMMARIES[name], dialect=_DIALECT.name)
    return str(statement.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))


def _lacking(name: str, known: set[tuple[str, str]]) -> Iterable[str]:
    columns = [column for column in TABLES[name].columns if (name, column.name) not in known]
    if columns and len(columns) < len(TABLES[name].columns):
        yield f"ALTER TABLE {name} {', '.join(f'ADD COLUMN {_added(each)}' for each in columns)}"


def _added(column: sa.Column[object]) -> str:
    made = str(CreateColumn(column).compile(dialect=_DIALECT))
    return made if column.nullable else f"{made} DEFAULT {empty_value(column)}"
