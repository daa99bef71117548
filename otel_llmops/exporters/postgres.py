"""PostgreSQL: written by COPY from Arrow, read through SQLAlchemy statements.

Strategy: what arrives is copied into the table in the transaction that records its batch id, so a
repeated call finds the record and does nothing: no staging and no unique key over spans is needed.
What is derived is replaced in one transaction: the new rows are copied in, what that changes in
the kept sums is added (storage/kept.py), the old rows are deleted; so `sign` is always +1, and
nobody ever sees a mixture.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from otel_llmops.errors import ConfigError, ExportError
from otel_llmops.exporters.derived import DELETED, checked, stamped
from otel_llmops.exporters.postgres_connection import Loop, engine, translated
from otel_llmops.exporters.postgres_partitions import Partitions, drop_statements, month_ns
from otel_llmops.exporters.postgres_rows import as_copy
from otel_llmops.exporters.postgres_schema import BATCHES, PostgresSchema
from otel_llmops.exporters.retention import Retention, today
from otel_llmops.exporters.sql_rows import as_rows, as_table
from otel_llmops.model.schemas import DERIVED, SESSION_KEYS, require
from otel_llmops.model.topology import TOPOLOGY
from otel_llmops.storage.kept import changes, emptied, forgetting, summaries_of
from otel_llmops.storage.migrations import VERSION_TABLE, Schema, Work, prepare
from otel_llmops.storage.seams import Row
from otel_llmops.storage.snapshots import checked_snapshot
from otel_llmops.storage.tables import REPLACEMENT, STORED, TABLES, belongs_to
from otel_llmops.store_url import StoreUrl

__all__ = ["Postgres"]

_READERS = 4
_WRITERS = 3
"""Spans, derived rows, and retention beside them."""
_QUERY_S_MAX = 30.0
_WRITE_S_MAX = 600.0
_BATCHES_KEPT = "interval '30 days'"
"""A batch is repeated until it was taken: so long nobody waits for an answer."""
_WIRE = ("span_wire", "scope_wire", "resource_wire")


class Postgres:
    """Exporter and Store over one database.

    Raises: ConfigError, if it cannot be opened or has another schema; `migrates` mends an older.
    """

    def __init__(
        self, place: StoreUrl, *, query_s_max: float = _QUERY_S_MAX, migrates: bool = False
    ) -> None:
        self._query_s_max = query_s_max
        self._generation = 0
        self._partitions = Partitions(today)
        self._loop = Loop("postgresql")
        self._readers = engine(place, connections=_READERS, statement_s_max=query_s_max)
        self._writers = engine(place, connections=_WRITERS, statement_s_max=_WRITE_S_MAX)
        self._retention: Retention | None = None
        try:
            prepare(_Database(self), migrates=migrates)
        except BaseException:
            self.close()
            raise
        self._retention = Retention.of(place.retention_days, self.drop_before)

    def export_spans(self, spans: pa.Table, *, batch_id: str) -> None:
        """As Exporter.export_spans; events and links stay in span_wire alone."""
        self._export_once("spans", spans, batch_id)

    def export_log_events(self, events: pa.Table, *, batch_id: str) -> None:
        """As Exporter.export_log_events."""
        self._export_once("log_events", events, batch_id)

    def _export_once(self, name: str, rows: pa.Table, batch_id: str) -> None:
        with translated():
            stored = require(rows, STORED[name])
            if stored.num_rows:
                self._loop.wait(self._copied_once(name, stored, batch_id))

    async def _copied_once(self, name: str, rows: pa.Table, batch_id: str) -> None:
        record = sa.text(
            f"INSERT INTO {BATCHES} (name, batch_id) VALUES (:name, :batch_id) "  # noqa: S608 - ours
            "ON CONFLICT DO NOTHING"
        )
        async with self._writers.connect() as connection:
            await self._partitions.make(connection, self._partitions.missing(name, rows))
            async with connection.begin():
                # the record first: whoever repeats the batch meanwhile waits for it to be certain
                made = await connection.execute(record, {"name": name, "batch_id": batch_id})
                if made.rowcount:
                    await _copy(connection, name, rows)

    def replace_sessions(self, session_ids: Sequence[str], tables: Mapping[str, pa.Table]) -> None:
        """As Exporter.replace_sessions, in one transaction: there is never a mixture."""
        sessions = list(dict.fromkeys(session_ids))
        with translated():
            found = checked(sessions, tables)
            self._replace(sessions, found)

    def _replace(self, ids: Sequence[str], found: Mapping[str, pa.Table]) -> None:
        generation = self._generation = max(time.time_ns(), self._generation + 1)
        made = {name: stamped(name, rows, generation) for name, rows in found.items()}
        self._loop.wait(self._replaced(ids, made, generation))

    async def _replaced(
        self, ids: Sequence[str], made: Mapping[str, pa.Table], generation: int
    ) -> None:
        async with self._writers.connect() as connection:
            for name, rows in made.items():
                await self._partitions.make(connection, self._partitions.missing(name, rows))
            async with connection.begin():
                old = await _tables_with(connection, list(made), ids)
                for name, rows in made.items():
                    if rows.num_rows:
                        await _copy(connection, name, rows)
                    if rows.num_rows or name in old:
                        await _keep_sums(connection, name, ids, generation)
                    if name in old:
                        await connection.execute(_outdated(name, ids, generation))

    def delete_sessions(
        self, session_ids: Sequence[str], trace_ids: Sequence[str]
    ) -> dict[str, int]:
        """As Exporter.delete_sessions, in one transaction."""
        with translated():
            return self._loop.wait(self._deleted(session_ids, trace_ids))

    async def _deleted(
        self, session_ids: Sequence[str], trace_ids: Sequence[str]
    ) -> dict[str, int]:
        generation = self._generation = max(time.time_ns(), self._generation + 1)
        gone = {}
        async with self._writers.begin() as connection:
            for name in DELETED:
                ids = session_ids if name in DERIVED else trace_ids
                await _keep_sums(connection, name, ids, generation)
                found = await connection.execute(sa.delete(TABLES[name]).where(_of(name, ids)))
                gone[name] = found.rowcount
            for statement in emptied():
                await connection.execute(statement)
        return gone

    def replace_snapshot(self, snapshot_id: str, tables: Mapping[str, pa.Table]) -> None:
        """As Exporter.replace_snapshot, in one transaction."""
        with translated():
            found = checked_snapshot(snapshot_id, tables)
            self._loop.wait(self._snapshot_replaced(snapshot_id, found))

    async def _snapshot_replaced(self, snapshot_id: str, found: Mapping[str, pa.Table]) -> None:
        async with self._writers.begin() as connection:
            for name in TOPOLOGY:
                await connection.execute(sa.delete(TABLES[name]).where(_of(name, [snapshot_id])))
                if found[name].num_rows:
                    await _copy(connection, name, found[name])

    def session_keys(self, keys: Sequence[str]) -> pa.Table:
        """As Exporter.session_keys."""
        return self._select("session_keys", SESSION_KEYS, "key", keys)

    def trace_ids(self, session_ids: Sequence[str]) -> list[str]:
        """As Exporter.trace_ids."""
        rows = self._select("session_keys", SESSION_KEYS, "session_id", session_ids)
        traces = rows.filter(pc.equal(rows["kind"], "trace"))
        return list(dict.fromkeys(traces["key"].to_pylist()))

    def wire_spans(self, trace_ids: Sequence[str]) -> pa.Table:
        """As Exporter.wire_spans."""
        schema = pa.schema([STORED["spans"].field(name) for name in _WIRE])
        return self._select("spans", schema, "trace_id", trace_ids)

    def _select(self, name: str, schema: pa.Schema, by: str, values: Sequence[str]) -> pa.Table:
        """Columns of all rows whose column `by` is one of these."""
        sql = f"SELECT {', '.join(schema.names)} FROM {name} WHERE {by} = ANY($1::text[])"  # noqa: S608 - names of ours
        wanted = [_plain(value) for value in dict.fromkeys(values)]

        async def select() -> list[Any]:
            async with self._writers.connect() as connection:
                found: list[Any] = await (await _driver(connection)).fetch(sql, wanted)
                return found

        with translated():
            rows = self._loop.wait(select())
        return as_table(rows, schema)

    async def fetch(self, statement: sa.Select[*tuple[Any, ...]]) -> list[Row]:
        """As Store.fetch."""
        with translated(query_s_max=self._query_s_max):
            return await self._loop.hear(self._fetched(statement))

    async def _fetched(self, statement: sa.Select[*tuple[Any, ...]]) -> list[Row]:
        try:
            return await self._fetched_once(statement)
        except sa.exc.DBAPIError as error:
            if not error.connection_invalidated:
                raise
        # the server was started again since the connection was made
        return await self._fetched_once(statement)

    async def _fetched_once(self, statement: sa.Select[*tuple[Any, ...]]) -> list[Row]:
        async with self._readers.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            found = await connection.execute(statement)
            return as_rows(statement, found.mappings().all())

    def drop_before(self, oldest: date) -> None:
        """Drop all that is older than that day: derived rows by whole months."""
        with translated():
            self._loop.wait(self._dropped(oldest))
            self._partitions.forget()

    async def _dropped(self, oldest: date) -> None:
        listed = sa.text(
            "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid "
            "JOIN pg_class parent ON parent.oid = inhparent "
            "WHERE parent.relname = ANY(:names) AND pg_table_is_visible(parent.oid)"
        )
        async with self._writers.begin() as connection:
            found = await connection.execute(listed, {"names": list(TABLES)})
            partitions = found.scalars().all()
            # what waits for a reader makes all that come after it wait as well: not for long
            await connection.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
            for together in forgetting(month_ns(oldest), "postgresql"):
                for each in together:
                    await connection.execute(each)
            for statement in drop_statements(partitions, oldest):
                await connection.execute(sa.text(statement))
            await connection.execute(
                sa.text(f"DELETE FROM {BATCHES} WHERE exported_at < now() - {_BATCHES_KEPT}")  # noqa: S608 - ours
            )

    def close(self) -> None:
        """As Exporter.close."""
        if self._retention is not None:
            self._retention.close()
        if not self._loop.is_closed:
            self._loop.wait(self._readers.dispose())
            self._loop.wait(self._writers.dispose())
            self._loop.close()

    def connected(self, work: Work) -> None:
        """Do `work` on a connection of SQLAlchemy, in one transaction."""

        async def run() -> None:
            async with self._writers.begin() as connection:
                await connection.run_sync(work)

        self._loop.wait(run())


class _Database:
    """As storage.migrations.Database."""

    def __init__(self, store: Postgres) -> None:
        self._store = store
        self.schema: Schema = PostgresSchema()

    def has(self) -> set[tuple[str, str]]:
        named = {name for name, _ in self.schema.parts}
        columns = "SELECT table_name, column_name FROM information_schema.columns "
        rows = self._rows(f"{columns} WHERE table_schema = current_schema()")
        return {(table, column) for table, column in rows if table in named}

    def revision(self) -> str | None:
        if self._rows(f"SELECT to_regclass('{VERSION_TABLE}')::text")[0][0] is None:
            return None
        rows = self._rows(f"SELECT max(version_num) FROM {VERSION_TABLE}")  # noqa: S608 - ours
        found: str | None = rows[0][0]
        return found

    def run(self, statements: Sequence[str]) -> None:
        def execute(connection: sa.Connection) -> None:
            # two that start at once must not make the same table
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('otel_llmops'))")
            for statement in statements:
                connection.exec_driver_sql(statement)

        self.connected(execute)

    def connected(self, work: Work) -> None:
        try:
            with translated():
                self._store.connected(work)
        except ExportError as error:
            raise ConfigError(f"the store cannot be opened: {error}") from error

    def _rows(self, sql: str) -> list[Any]:
        found: list[Any] = []
        self.connected(lambda connection: found.extend(connection.exec_driver_sql(sql).all()))
        return found


async def _driver(connection: AsyncConnection) -> Any:
    driver: Any = (await connection.get_raw_connection()).driver_connection
    if driver.is_closed():  # what fails past SQLAlchemy leaves the pool with it
        await connection.invalidate()
        driver = (await connection.get_raw_connection()).driver_connection
    return driver


async def _copy(connection: AsyncConnection, name: str, rows: pa.Table) -> None:
    """COPY in the transaction that `connection` is in: something must have been executed in it."""
    await (await _driver(connection)).copy_to_table(
        name, source=_ahead(as_copy(rows)), columns=rows.column_names, format="binary"
    )


async def _ahead(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each piece; the next one is made, in a thread, while this one is sent."""
    loop = asyncio.get_running_loop()
    coming = loop.run_in_executor(None, next, pieces, None)
    while (piece := await coming) is not None:
        coming = loop.run_in_executor(None, next, pieces, None)
        yield piece


async def _tables_with(
    connection: AsyncConnection, names: Sequence[str], ids: Sequence[str]
) -> set[str]:
    """Which tables have rows of these: one question in place of a statement for each table."""
    asked = (
        sa.select(sa.literal(name).label("name")).where(sa.exists().where(_of(name, ids)))
        for name in names
    )
    found = await connection.execute(sa.union_all(*asked))
    return set(found.scalars())


async def _keep_sums(
    connection: AsyncConnection, name: str, ids: Sequence[str], generation: int
) -> None:
    for summary in summaries_of(name):
        added = changes(summary, _of(name, ids), generation=generation, dialect="postgresql")
        await connection.execute(added)


def _outdated(name: str, ids: Sequence[str], generation: int) -> sa.Delete:
    table = TABLES[name]
    return sa.delete(table).where(_of(name, ids), table.c.generation != generation)


def _of(name: str, ids: Sequence[str]) -> sa.ColumnElement[bool]:
    """One parameter for all ids: the statement is the same however many there are."""
    column = TABLES[name].c[belongs_to(TABLES[name])]
    every = sa.bindparam("ids", [_plain(each) for each in ids], type_=postgresql.ARRAY(sa.Text()))
    return column == sa.func.any(every)


def _plain(text: str) -> str:
    return text.replace("\0", REPLACEMENT)  # as in what was stored
