"""MySQL and MariaDB: written by LOAD DATA from Arrow, read through SQLAlchemy statements.

Strategy: as in PostgreSQL (postgres.py). What arrives is loaded in the transaction that records
its batch id; what is derived is replaced in one transaction, with the kept sums; `sign` is always
+1. A server that loads no files of its clients (local_infile) gets the same rows by INSERT, about
three times as slowly. What is too old is deleted in steps, each a transaction of its own: by days
where sums go with it.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from otel_llmops.errors import ConfigError, ExportError, PermanentExport
from otel_llmops.exporters.derived import DELETED, checked, stamped
from otel_llmops.exporters.mysql_connection import engine, translated
from otel_llmops.exporters.mysql_rows import as_csv, insert_statement, load_statement, values
from otel_llmops.exporters.mysql_schema import BATCHES, MysqlSchema
from otel_llmops.exporters.retention import Retention
from otel_llmops.exporters.sql_rows import as_rows, as_table
from otel_llmops.model.schemas import DERIVED, SESSION_KEYS, require
from otel_llmops.model.topology import TOPOLOGY
from otel_llmops.storage.kept import KEPT_SUMMARIES, changes, emptied, forgetting, summaries_of
from otel_llmops.storage.migrations import VERSION_TABLE, Schema, Work, prepare
from otel_llmops.storage.seams import Row
from otel_llmops.storage.snapshots import checked_snapshot
from otel_llmops.storage.summaries import DAY_NS
from otel_llmops.storage.tables import STORED, TABLES, TIME_COLUMN, belongs_to
from otel_llmops.store_url import StoreUrl

__all__ = ["Mysql"]

_READERS = 4
_WRITERS = 3
"""Spans, derived rows, and retention beside them."""
_QUERY_S_MAX = 30.0
_WRITE_S_MAX = 600.0
_BATCHES_KEPT = "INTERVAL 30 DAY"
"""A batch is repeated until it was taken: so long nobody waits for an answer."""
_DELETED_AT_ONCE = 5_000
_IDS_MAX = 1_000
"""Ids in one statement: each may have 1 KiB, and max_allowed_packet be 4 MiB."""
_INSERTED_AT_ONCE = 1_000
_WIRE = ("span_wire", "scope_wire", "resource_wire")


class Mysql:
    """Exporter and Store over one database.

    Raises: ConfigError, if it cannot be opened or has another schema; `migrates` mends an older.
    """

    def __init__(
        self, place: StoreUrl, *, query_s_max: float = _QUERY_S_MAX, migrates: bool = False
    ) -> None:
        self._query_s_max = query_s_max
        self._generation = 0
        self._readers = engine(
            place, connections=_READERS, statement_s_max=query_s_max, limited=True
        )
        self._writers = engine(
            place, connections=_WRITERS, statement_s_max=_WRITE_S_MAX, limited=False
        )
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="mysql-read")
        self._retention: Retention | None = None
        try:
            prepare(_Database(self._writers), migrates=migrates)
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
        record = f"INSERT IGNORE INTO {BATCHES} (name, batch_id) VALUES (%s, %s)"  # noqa: S608 - ours
        with translated():
            stored = require(rows, STORED[name])
            if not stored.num_rows:
                return
            with self._writers.begin() as connection:
                # the record first: whoever repeats the batch meanwhile waits for it to be certain
                made = connection.exec_driver_sql(record, (name, batch_id))
                if made.rowcount:
                    _write(connection, name, stored)

    def replace_sessions(self, session_ids: Sequence[str], tables: Mapping[str, pa.Table]) -> None:
        """As Exporter.replace_sessions, in one transaction: there is never a mixture."""
        sessions = list(dict.fromkeys(session_ids))
        with translated():
            self._replace(sessions, checked(sessions, tables))

    def _replace(self, ids: Sequence[str], found: Mapping[str, pa.Table]) -> None:
        generation = self._generation = max(time.time_ns(), self._generation + 1)
        with self._writers.begin() as connection:
            old = {name for part in _chunks(ids) for name in _tables_with(connection, found, part)}
            for name, rows in found.items():
                if rows.num_rows:
                    _write(connection, name, stamped(name, rows, generation))
                if rows.num_rows or name in old:
                    for part in _chunks(ids):
                        _keep_sums(connection, name, part, generation)
                if name in old:
                    for part in _chunks(ids):
                        connection.execute(_outdated(name, part, generation))

    def delete_sessions(
        self, session_ids: Sequence[str], trace_ids: Sequence[str]
    ) -> dict[str, int]:
        """As Exporter.delete_sessions, in one transaction."""
        generation = self._generation = max(time.time_ns(), self._generation + 1)
        gone = dict.fromkeys(DELETED, 0)
        with translated(), self._writers.begin() as connection:
            for name in DELETED:
                for part in _chunks(session_ids if name in DERIVED else trace_ids):
                    _keep_sums(connection, name, part, generation)
                    found = connection.execute(sa.delete(TABLES[name]).where(_of(name, part)))
                    gone[name] += found.rowcount
            for statement in emptied():
                connection.execute(statement)
        return gone

    def replace_snapshot(self, snapshot_id: str, tables: Mapping[str, pa.Table]) -> None:
        """As Exporter.replace_snapshot, in one transaction."""
        with translated():
            found = checked_snapshot(snapshot_id, tables)
            with self._writers.begin() as connection:
                for name in TOPOLOGY:
                    connection.execute(sa.delete(TABLES[name]).where(_of(name, [snapshot_id])))
                    if found[name].num_rows:
                        _write(connection, name, found[name])

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

    def _select(self, name: str, schema: pa.Schema, by: str, wanted: Sequence[str]) -> pa.Table:
        """Columns of all rows whose column `by` is one of these."""
        named = ", ".join(f"`{column}`" for column in schema.names)
        asked = f"SELECT {named} FROM {name} WHERE `{by}` IN %s"  # noqa: S608 - names of ours
        rows: list[Any] = []
        with translated(), self._writers.connect() as connection:
            for part in _chunks(list(dict.fromkeys(wanted))):
                rows += connection.exec_driver_sql(asked, (part,)).all()
        return as_table(rows, schema)

    async def fetch(self, statement: sa.Select[*tuple[Any, ...]]) -> list[Row]:
        """As Store.fetch, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self._fetched, statement
        )

    def _fetched(self, statement: sa.Select[*tuple[Any, ...]]) -> list[Row]:
        with translated(query_s_max=self._query_s_max):
            try:
                return self._fetched_once(statement)
            except sa.exc.DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            # the server was started again since the connection was made
            return self._fetched_once(statement)

    def _fetched_once(self, statement: sa.Select[*tuple[Any, ...]]) -> list[Row]:
        with self._readers.connect() as connection:
            return as_rows(statement, connection.execute(statement).mappings().all())

    def drop_before(self, oldest: date) -> None:
        """Drop all that is older than that day, in steps: sums by days, then rows by thousands."""
        end = (oldest - date(1970, 1, 1)).days * DAY_NS
        for name, column in TIME_COLUMN.items():
            if any(summary.table == name for summary in KEPT_SUMMARIES.values()):
                self._drop_days(name, column, end)
            else:
                self._delete(f"DELETE FROM {name} WHERE {column} < {end}")  # noqa: S608 - names of ours
        self._delete(f"DELETE FROM {BATCHES} WHERE exported_at < NOW() - {_BATCHES_KEPT}")  # noqa: S608 - ours

    def _drop_days(self, name: str, column: str, end: int) -> None:
        """One day of a table and what it added to the sums, the oldest first."""
        oldest = f"SELECT MIN({column}) FROM {name}"  # noqa: S608 - names of ours
        while True:
            with translated(), self._writers.begin() as connection:
                found = connection.exec_driver_sql(oldest).scalar()
                if found is None or found >= end:
                    return
                over = min(end, (found // DAY_NS + 1) * DAY_NS)
                for together in forgetting(over, "mysql", table=name):
                    for each in together:
                        connection.execute(each)
                connection.exec_driver_sql(f"DELETE FROM {name} WHERE {column} < {over}")  # noqa: S608 - ours

    def _delete(self, statement: str) -> None:
        with translated():
            while True:
                with self._writers.begin() as connection:
                    done = connection.exec_driver_sql(f"{statement} LIMIT {_DELETED_AT_ONCE}")
                if done.rowcount < _DELETED_AT_ONCE:
                    return

    def close(self) -> None:
        """As Exporter.close."""
        if self._retention is not None:
            self._retention.close()
        self._threads.shutdown(wait=True)
        self._readers.dispose()
        self._writers.dispose()


class _Database:
    """As storage.migrations.Database."""

    def __init__(self, writers: sa.Engine) -> None:
        self._writers = writers
        with _opening(), writers.connect() as connection:
            version = str(connection.exec_driver_sql("SELECT VERSION()").scalar())
        self.schema: Schema = MysqlSchema(is_mariadb="mariadb" in version.lower())

    def has(self) -> set[tuple[str, str]]:
        named = {name for name, _ in self.schema.parts}
        columns = "SELECT table_name, column_name FROM information_schema.columns "
        rows = self._rows(f"{columns} WHERE table_schema = DATABASE()")
        return {(table, column) for table, column in rows if table in named}

    def revision(self) -> str | None:
        tables = "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() "
        if not self._rows(f"{tables} AND table_name = '{VERSION_TABLE}'"):
            return None
        found: str | None = self._rows(f"SELECT MAX(version_num) FROM {VERSION_TABLE}")[0][0]  # noqa: S608 - ours
        return found

    def run(self, statements: Sequence[str]) -> None:
        def execute(connection: sa.Connection) -> None:
            for statement in statements:
                connection.exec_driver_sql(statement)

        self.connected(execute)

    def connected(self, work: Work) -> None:
        with _opening(), self._writers.begin() as connection:
            work(connection)

    def _rows(self, sql: str) -> list[Any]:
        found: list[Any] = []
        self.connected(lambda connection: found.extend(connection.exec_driver_sql(sql).all()))
        return found


@contextmanager
def _opening() -> Iterator[None]:
    """What cannot be done while the store is opened is the operator's to mend."""
    try:
        with translated():
            yield
    except ExportError as error:
        raise ConfigError(f"the store cannot be opened: {error}") from error


def _write(connection: sa.Connection, name: str, rows: pa.Table) -> None:
    """Add rows in the transaction that `connection` is in."""
    if not connection.exec_driver_sql("SELECT @@local_infile").scalar():
        _insert(connection, name, rows)
        return
    with tempfile.NamedTemporaryFile(prefix="otel-llmops-", suffix=".csv") as file:
        as_csv(rows, file.name)
        connection.exec_driver_sql(load_statement(name, rows.schema, file.name))
    # LOCAL makes warnings of errors, and stores what it can: that is not what was given
    refused = connection.exec_driver_sql("SHOW WARNINGS").all()
    if refused:
        raise PermanentExport(f"MySQL: {refused[0][-1]}")


def _insert(connection: sa.Connection, name: str, rows: pa.Table) -> None:
    statement = insert_statement(name, rows.column_names)
    for batch in values(rows).to_batches(max_chunksize=_INSERTED_AT_ONCE):
        columns = [column.to_pylist() for column in batch.columns]
        connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))


def _tables_with(connection: sa.Connection, names: Iterable[str], ids: Sequence[str]) -> set[str]:
    """Which tables have rows of these: one question in place of a statement for each table."""
    asked = (
        sa.select(sa.literal(name).label("name")).where(sa.exists().where(_of(name, ids)))
        for name in names
    )
    return set(connection.execute(sa.union_all(*asked)).scalars())


def _keep_sums(connection: sa.Connection, name: str, ids: Sequence[str], generation: int) -> None:
    for summary in summaries_of(name):
        added = changes(summary, _of(name, ids), generation=generation, dialect="mysql")
        connection.execute(added)


def _outdated(name: str, ids: Sequence[str], generation: int) -> sa.Delete:
    table = TABLES[name]
    return sa.delete(table).where(_of(name, ids), table.c.generation != generation)


def _of(name: str, ids: Sequence[str]) -> sa.ColumnElement[bool]:
    return TABLES[name].c[belongs_to(TABLES[name])].in_(ids)


def _chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    for start in range(0, len(ids), _IDS_MAX):
        yield ids[start : start + _IDS_MAX]
