"""ClickHouse, embedded or a server: written to from Arrow, read through SQLAlchemy statements.

Strategy: what arrives (spans, log events) is inserted with the batch id as ClickHouse's insert
token, so a repeated call leaves one copy. What is derived is written as signed rows: a session's
newest analysis is the sum of all that was ever written of it (clickhouse_signed.py), so no query
needs FINAL and nothing is ever updated, but where a session is deleted (clickhouse_deletion.py).
"""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from otel_llmops.exporters.clickhouse_client import (
    Clients,
    Connect,
    FolderLock,
    embedded_connect,
    translated,
)
from otel_llmops.exporters.clickhouse_database import ClickHouseDatabase
from otel_llmops.exporters.clickhouse_deletion import Deletion
from otel_llmops.exporters.clickhouse_ids import among
from otel_llmops.exporters.clickhouse_reading import ClickHouseReading, chunks
from otel_llmops.exporters.clickhouse_schema import drop_snapshot_statement
from otel_llmops.exporters.clickhouse_signed import Written, change
from otel_llmops.exporters.derived import DELETED, checked
from otel_llmops.model.schemas import DERIVED, require
from otel_llmops.model.topology import TOPOLOGY
from otel_llmops.storage.migrations import prepare
from otel_llmops.storage.seams import Row
from otel_llmops.storage.snapshots import checked_snapshot
from otel_llmops.storage.summaries import live
from otel_llmops.storage.tables import STORED, TABLES, data_columns

__all__ = ["ClickHouse"]

_WRITERS = 2
_INSERT_ROWS_MAX = 50_000
"""A large insert is cut here: 50,000 to 100,000 rows are the fastest, and bound the memory."""
_INSERT_BYTES_MAX = 64 * 2**20
_SIGNED_ROWS_MAX = 400_000
"""Rows of derived tables in one insert: narrower, and in one insert they change at one moment."""
_SESSIONS_MAX = 2_000
"""Sessions in one statement that names them once for each derived table."""
_WRITTEN_BYTES_MAX = 40 * 2**20
_QUERY_S_MAX = 30.0


class ClickHouse:
    """Exporter and Store over the same tables. `embedded` opens a folder of this machine."""

    def __init__(  # noqa: PLR0913 - all but the first for who knows better
        self,
        connect: Connect,
        *,
        insert_rows_max: int = _INSERT_ROWS_MAX,
        written_bytes_max: int = _WRITTEN_BYTES_MAX,
        query_s_max: float = _QUERY_S_MAX,
        lock: FolderLock | None = None,
        retention_days: int = 0,
        migrates: bool = False,
        hides_deleted: bool = True,
    ) -> None:
        self._insert_rows_max = insert_rows_max
        self._written = Written(written_bytes_max)
        self._lock = lock
        self._generation = 0
        self._replacing = threading.Lock()  # two scans at once may be of one commit
        # whoever holds the folder's lock is alone in it
        self._clients = Clients(connect, query_s_max=query_s_max, alone=lock is not None)
        self._reading = ClickHouseReading(self._clients)
        self._writing = ThreadPoolExecutor(_WRITERS, thread_name_prefix="clickhouse-write")
        try:
            database = ClickHouseDatabase(self._clients, connect)
            prepare(database, migrates=migrates)
            database.keep_for(retention_days)
            hides = hides_deleted and database.can_hide(DELETED)
            self._deletion = Deletion(self._clients, self._reading, hides=hides)
        except BaseException:
            self._clients.close()
            raise

    @classmethod
    def embedded(cls, folder: Path, **options: Any) -> Self:
        """The store in `folder`, made if it is not there; options as of the constructor.

        Raises: ConfigError, if another process has it open or if it cannot be written.
        """
        lock = FolderLock(folder)
        try:
            return cls(embedded_connect(folder), lock=lock, migrates=True, **options)
        except BaseException:
            lock.release()
            raise

    def export_spans(self, spans: pa.Table, *, batch_id: str) -> None:
        """As Exporter.export_spans; what is no column of STORED stays in span_wire alone."""
        self._insert_once("spans", spans, batch_id)

    def export_log_events(self, events: pa.Table, *, batch_id: str) -> None:
        """As Exporter.export_log_events."""
        self._insert_once("log_events", events, batch_id)

    def _insert_once(self, name: str, rows: pa.Table, batch_id: str) -> None:
        with translated():
            stored = require(rows, STORED[name])
        for number, cut in enumerate(_cuts(stored, self._insert_rows_max)):
            token = {"insert_deduplication_token": f"{batch_id}/{number}"}
            self._clients.insert(name, cut, token)

    def replace_sessions(self, session_ids: Sequence[str], tables: Mapping[str, pa.Table]) -> None:
        """As Exporter.replace_sessions. Each table's change is one insert of both signs.

        Two tables are written at once: each insert waits for the disk.
        """
        sessions = list(dict.fromkeys(session_ids))
        with translated():
            found = checked(sessions, tables)
        known = self._written.known(sessions)
        unknown = [session for session in sessions if session not in known]
        generation = self._generation = max(time.time_ns(), self._generation + 1)
        changed = {
            name: change(name, old, found[name], generation=generation)
            for name, old in self._live(known, unknown).items()
        }
        # until all of it is written, nobody knows what the store holds of these sessions
        self._written.forget(sessions)
        largest_first = sorted(changed, key=lambda name: -changed[name].written.nbytes)
        writing = [
            self._writing.submit(self._write_signed, name, changed[name].written)
            for name in largest_first
        ]
        wait(writing)  # all of it, before anybody tries again
        for each in writing:
            each.result()
        self._written.put(sessions, {name: made.live for name, made in changed.items()})

    def _write_signed(self, name: str, rows: pa.Table) -> None:
        for cut in _cuts(rows, _SIGNED_ROWS_MAX):
            self._clients.insert(name, cut, {"insert_deduplicate": 0})

    def _live(self, known: Mapping[str, int], unknown: Sequence[str]) -> dict[str, pa.Table]:
        """Table name -> all rows whose signs are to be taken back, STORED[name]."""
        parts = {name: [STORED[name].empty_table()] for name in DERIVED}
        for ids in chunks(unknown, _SESSIONS_MAX):
            for name, has_negatives in self._found(ids).items():
                parts[name].append(self._signed(name, ids, added_up=has_negatives))
        for name in DERIVED:
            parts[name] += self._written.rows(name, known)
        return {name: pa.concat_tables(tables) for name, tables in parts.items()}

    def _found(self, sessions: Sequence[str]) -> dict[str, bool]:
        """Tables that have rows of these sessions -> whether any was ever taken back."""
        tables = (
            sa.select(
                sa.literal(name).label("name"), TABLES[name].c.session_id, TABLES[name].c.sign
            )
            for name in DERIVED
        )
        every = sa.union_all(*tables).subquery()
        # the ids once, not for each table: to write them takes longer than to look them up
        ours = among(every.c.session_id, sessions)
        lowest = sa.select(every.c.name, sa.func.min(every.c.sign).label("lowest")).where(ours)
        rows = self._reading.read(lowest.group_by(every.c.name)).to_pylist()
        return {row["name"]: row["lowest"] < 1 for row in rows}

    def _signed(self, name: str, sessions: Sequence[str], *, added_up: bool) -> pa.Table:
        """The rows of these sessions; equal ones added up, where reading alone is not enough."""
        table = TABLES[name]
        ours = among(table.c.session_id, sessions)
        if not added_up:
            return self._reading.read(sa.select(*table.columns).where(ours)).cast(STORED[name])
        columns = data_columns(table)
        newest = sa.func.max(table.c.generation).label("newest")
        statement = sa.select(*columns, newest, live(table).label("copies")).where(ours)
        added = self._reading.read(statement.group_by(*columns).having(live(table) != 0))
        return added.rename_columns(STORED[name].names).cast(STORED[name])

    def delete_sessions(
        self, session_ids: Sequence[str], trace_ids: Sequence[str]
    ) -> dict[str, int]:
        """As Exporter.delete_sessions; meanwhile a query may see a part of them."""
        self._written.forget(session_ids)
        return self._deletion.delete(self._writing, session_ids, trace_ids)

    def replace_snapshot(self, snapshot_id: str, tables: Mapping[str, pa.Table]) -> None:
        """As Exporter.replace_snapshot: each table's partition is dropped and written anew."""
        with translated():
            found = checked_snapshot(snapshot_id, tables)
        with self._replacing:
            for name in TOPOLOGY:
                self._clients.alter(drop_snapshot_statement(name, snapshot_id))
            for name in reversed(list(TOPOLOGY)):
                for cut in _cuts(found[name], _SIGNED_ROWS_MAX):
                    self._clients.insert(name, cut, {"insert_deduplicate": 0})

    def session_keys(self, keys: Sequence[str]) -> pa.Table:
        """As Exporter.session_keys."""
        return self._reading.session_keys(keys)

    def trace_ids(self, session_ids: Sequence[str]) -> list[str]:
        """As Exporter.trace_ids."""
        return self._reading.trace_ids(session_ids)

    def wire_spans(self, trace_ids: Sequence[str]) -> pa.Table:
        """As Exporter.wire_spans."""
        return self._reading.wire_spans(trace_ids)

    async def fetch(self, statement: sa.Select[*tuple[Any, ...]]) -> list[Row]:
        """As Store.fetch."""
        return await self._reading.fetch(statement)

    def close(self) -> None:
        """As Exporter.close."""
        self._reading.close()
        self._writing.shutdown(wait=True)
        self._clients.close()
        if self._lock is not None:
            self._lock.release()


def _cuts(rows: pa.Table, rows_max: int) -> Iterable[pa.Table]:
    """`rows` in pieces for one insert each; the same rows are always cut in the same places."""
    if not rows.num_rows:
        return
    row_bytes = max(1, _text_bytes(rows) // rows.num_rows)
    length = max(1, min(rows_max, _INSERT_BYTES_MAX // row_bytes))
    for start in range(0, rows.num_rows, length):
        yield rows.slice(start, length).combine_chunks()


def _text_bytes(rows: pa.Table) -> int:
    # not `nbytes`: that depends on how the same rows were put together
    sized = (field.name for field in rows.schema if field.type in {pa.string(), pa.binary()})
    return sum(pc.sum(pc.binary_length(rows[name])).as_py() for name in sized)
