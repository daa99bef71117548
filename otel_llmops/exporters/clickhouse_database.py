"""ClickHouse's schema as a whole: made, compared, widened, kept for so long, or of a cluster.

Strategy: what a store lacks is found by comparing names of columns and projections. Retention is a
TTL that drops whole parts, so it costs nothing. The DDL of a cluster is that of one server in other
words: each table becomes a replicated one on every node, and a distributed one over all of them.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import clickhouse_connect.cc_sqlalchemy.alembic
import sqlalchemy as sa
from clickhouse_connect.dbapi.connection import Connection

from otel_llmops.errors import ConfigError, ExportError, QueryError
from otel_llmops.exporters.clickhouse_client import Clients, Connect
from otel_llmops.exporters.clickhouse_schema import (
    BY_TIME,
    HIDING,
    INDEXED,
    create_statements,
    index,
    projection,
    projection_by_time,
    time_held,
    widening_statements,
)
from otel_llmops.storage.migrations import HEAD, VERSION_TABLE, Schema, Work
from otel_llmops.storage.summaries import SUMMARIES
from otel_llmops.storage.tables import STORED, TABLES, TIME_COLUMN, belongs_to

__all__ = ["ClickHouseDatabase", "ClickHouseSchema", "cluster_statements"]

_ALEMBIC = clickhouse_connect.cc_sqlalchemy.alembic  # importing it tells Alembic of ClickHouse

_VERSION_TABLE = (
    f"CREATE TABLE IF NOT EXISTS {VERSION_TABLE} (\n    `version_num` String\n)\n"
    "ENGINE = MergeTree\nORDER BY version_num"
)
_LOCAL = "_local"
"""What the tables of one node of a cluster are called beside their distributed ones."""
_HAS = """
SELECT table, name FROM system.columns WHERE database = currentDatabase()
UNION ALL
SELECT table, concat('projection ', name) FROM system.projections
WHERE database = currentDatabase()
UNION ALL
SELECT table, concat('index ', name) FROM system.data_skipping_indices
WHERE database = currentDatabase()
"""
_TABLES = "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase()"
_PATCHES = ("lightweight_delete_mode", "apply_patch_parts")
_HAS_PATCHES = f"SELECT count() AS found FROM system.settings WHERE name IN {_PATCHES}"  # noqa: S608
_TTL_DAYS = re.compile(r" TTL .*toIntervalDay\((\d+)\)")


class ClickHouseSchema:
    """As storage.migrations.Schema."""

    @property
    def parts(self) -> frozenset[tuple[str, str]]:
        """As Schema.parts: the columns, and the projections and indexes by their names."""
        columns = ((name, field.name) for name, schema in STORED.items() for field in schema)
        others = [*map(_place, SUMMARIES), *map(_time_place, BY_TIME), *map(_index_place, INDEXED)]
        return frozenset([*columns, *others])

    def create_statements(self) -> list[str]:
        """All that an empty database needs, in order; what is there already is left alone."""
        return [*create_statements(), _VERSION_TABLE]

    def widening_statements(self, has: Iterable[tuple[str, str]]) -> list[str]:
        """What makes of the parts there are all that there should be."""
        known = set(has)
        tables = {name for name, _ in known}
        made = {(name, part) for name, part in self.parts if name not in tables}
        projections = []
        for name, summary in SUMMARIES.items():
            if _place(name) not in known | made:
                alter = f"ALTER TABLE {summary.table}"
                projections += [
                    f"{alter} ADD {projection(summary)}",
                    f"{alter} MATERIALIZE PROJECTION {name} SETTINGS mutations_sync = 2",
                ]
        for name in BY_TIME:
            if _time_place(name) not in known | made:
                alter = f"ALTER TABLE {name}"
                projections += [
                    f"{alter} ADD {projection_by_time(name)}",
                    # not waited for: until a part has it, its rows are read as before
                    f"{alter} MATERIALIZE PROJECTION by_time SETTINGS mutations_sync = 0",
                ]
        indexes = [
            # parts that are there go without it until they are merged: slower, and all the same
            f"ALTER TABLE {name} ADD {index(name)}"
            for name in INDEXED
            if _index_place(name) not in known | made
        ]
        columns = widening_statements(known | made)
        return [*self.create_statements(), *columns, *projections, *indexes]


def _index_place(table: str) -> tuple[str, str]:
    return table, f"index by_{INDEXED[table]}"


def _time_place(table: str) -> tuple[str, str]:
    return table, "projection by_time"


def _place(summary: str) -> tuple[str, str]:
    return SUMMARIES[summary].table, f"projection {summary}"


class ClickHouseDatabase:
    """As storage.migrations.Database."""

    def __init__(self, clients: Clients, connect: Connect) -> None:
        self._clients = clients
        self._connect = connect
        self.schema: Schema = ClickHouseSchema()

    def has(self) -> set[tuple[str, str]]:
        """As Database.has; what a node of a cluster has is its distributed tables'."""
        rows = self._rows(_HAS)
        found = {(row["table"].removesuffix(_LOCAL), row["name"]) for row in rows}
        return {(table, part) for table, part in found if table in STORED}

    def revision(self) -> str | None:
        """As Database.revision."""
        if VERSION_TABLE not in self._engines():
            return None
        # while Alembic puts one in the place of another, both are there
        rows = self._rows(f"SELECT max(version_num) AS found FROM {VERSION_TABLE}")  # noqa: S608 - ours
        return rows[0]["found"] or None

    def run(self, statements: Sequence[str]) -> None:
        """As Database.run, one by one: ClickHouse has no transactions."""
        if any(engine.startswith("Distributed") for engine in self._engines().values()):
            raise ConfigError(
                "the store is a cluster, whose tables only its operator changes",
                hint="compare with: otel-llmops schema --store URL --cluster NAME",
            )
        for statement in statements:
            self._clients.command(statement)

    def connected(self, work: Work) -> None:
        """As Database.connected."""
        engine = sa.create_engine(
            "clickhousedb://", creator=lambda: _Handed(self._connect({"mutations_sync": 2}))
        )
        with engine.connect() as connection:
            work(connection)
        engine.dispose()

    def keep_for(self, days: int) -> None:
        """Have rows older than that dropped; 0 keeps them for ever."""
        engines = self._engines()
        for name in TIME_COLUMN:
            found = _TTL_DAYS.search(engines.get(name, ""))
            if days != (int(found[1]) if found else 0) and "MergeTree" in engines.get(name, ""):
                self.run(_ttl_statements(name, days))

    def can_hide(self, tables: Iterable[str]) -> bool:
        """Have these able to hide rows before they are written out; whether they are now.

        Tables of an earlier release get what they lack; of a cluster they stay as they are.
        """
        if self._rows(_HAS_PATCHES)[0]["found"] < len(_PATCHES):
            return False
        engines = self._engines()
        for name in tables:
            if "MergeTree" not in engines.get(name, ""):
                return False
            lacking = [f"{key} = {value}" for key, value in HIDING.items()
                       if f"{key} = {value}" not in engines[name]]  # fmt: skip
            if lacking:
                self.run([f"ALTER TABLE {name} MODIFY SETTING {', '.join(lacking)}"])
        return True

    def _engines(self) -> dict[str, str]:
        return {row["name"]: row["engine_full"] for row in self._rows(_TABLES)}

    def _rows(self, sql: str) -> list[dict[str, Any]]:
        try:
            rows: list[dict[str, Any]] = self._clients.select(sql).to_pylist()
        except (ExportError, QueryError) as error:
            raise ConfigError(f"the store cannot be opened: {error}") from error
        return rows


class _Handed(Connection):
    """A connection over a client that was made elsewhere."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.timezone = client.server_tz


def _ttl_statements(name: str, days: int) -> list[str]:
    if not days:
        return [f"ALTER TABLE {name} REMOVE TTL"]
    # a part goes when its newest row is over; those that are there learn it, unwritten
    settings = "ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1"
    until = f"toDateTime({time_held(name)}) + toIntervalDay({days})"
    return [
        f"ALTER TABLE {name} MODIFY SETTING {settings}",
        # 0: opening the store does not wait until all have, 20 s with 10 million spans
        f"ALTER TABLE {name} MODIFY TTL {until} SETTINGS alter_sync = 0",
    ]


def cluster_statements(cluster: str) -> list[str]:
    """The DDL of a cluster of that name: replicated tables, and distributed ones over them.

    Spans and log events are sharded by trace, derived rows by session, so that what is read
    together lies together. It was not run on a cluster yet.
    """
    statements = []
    for name, statement in zip(STORED, create_statements(), strict=True):
        local = f"{name}{_LOCAL}"
        statements.append(
            statement.replace(
                f"CREATE TABLE IF NOT EXISTS {name} (",
                f"CREATE TABLE IF NOT EXISTS {local} ON CLUSTER '{cluster}' (",
            )
            .replace("ENGINE = MergeTree", f"ENGINE = {_replicated(local)}")
            .replace("non_replicated_deduplication_window", "replicated_deduplication_window")
        )
        statements.append(
            f"CREATE TABLE IF NOT EXISTS {name} ON CLUSTER '{cluster}' AS {local}\n"
            f"ENGINE = Distributed('{cluster}', currentDatabase(), {local}, "
            f"sipHash64({belongs_to(TABLES[name])}))"
        )
    version = _VERSION_TABLE.replace(" (\n", f" ON CLUSTER '{cluster}' (\n", 1)
    # without the shard in its path: all nodes have the one revision
    path = f"'/clickhouse/tables/{{database}}/{VERSION_TABLE}', '{{shard}}-{{replica}}'"
    version = version.replace("ENGINE = MergeTree", f"ENGINE = ReplicatedMergeTree({path})")
    return [
        *statements,
        version,
        f"INSERT INTO {VERSION_TABLE} (version_num) VALUES ('{HEAD}')",  # noqa: S608 - ours
    ]


def _replicated(local: str) -> str:
    path = f"/clickhouse/tables/{{shard}}/{{database}}/{local}"
    return f"ReplicatedMergeTree('{path}', '{{replica}}')"
