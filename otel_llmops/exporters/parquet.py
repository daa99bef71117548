"""A lake: Parquet files that anything reads, queried through ClickHouse embedded in this process.

Strategy: files are only ever added (parquet_files.py), but where a session is deleted
(parquet_deletion.py). A batch is a file for each day it touches, named by its range of the journal,
so writing it again is writing it once. An analysis is a file for each table and day, and counts
once its sessions are in the table `replaced` (parquet_views.py). Queries run on views over the
files; what is small is merged beside them (parquet_compaction.py). A folder is one process's from
the opening on, a bucket from the first that it writes.
"""

import json
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from otel_llmops.errors import ConfigError, PermanentExport, RetryableExport, SchemaError
from otel_llmops.exporters.clickhouse_client import Clients, Connect, embedded_connect
from otel_llmops.exporters.clickhouse_reading import ClickHouseReading
from otel_llmops.exporters.derived import checked, stamped
from otel_llmops.exporters.parquet_compaction import Compaction, lookup_key
from otel_llmops.exporters.parquet_deletion import delete
from otel_llmops.exporters.parquet_files import LAKE_FILE, LakeFiles, by_day, stem_of
from otel_llmops.exporters.parquet_gate import Gate
from otel_llmops.exporters.parquet_shelf import Folder, Shelf
from otel_llmops.exporters.parquet_views import REPLACED, REPLACED_SCHEMA, view_statements
from otel_llmops.exporters.retention import Retention
from otel_llmops.journal import Disk
from otel_llmops.model.schemas import require
from otel_llmops.storage.seams import Row
from otel_llmops.storage.snapshots import checked_snapshot
from otel_llmops.storage.tables import STORED, TIME_COLUMN

__all__ = ["Parquet"]

_FORMAT = 1
_QUERY_S_MAX = 30.0
_GENERATION_DIGITS = 20
_COLUMNS = {name: schema.names for name, schema in STORED.items()}

_REPLACED = sa.table(
    REPLACED, sa.column("session_id", sa.String()), sa.column("generation", sa.BigInteger())
)


class Parquet:
    """Exporter and Store over the files of a lake, which one process at a time writes."""

    def __init__(
        self,
        place: Path | Shelf,
        *,
        retention_days: int = 0,
        query_s_max: float = _QUERY_S_MAX,
        compacts: bool = True,
        disk: Disk | None = None,
    ) -> None:
        """Open the lake in `place`, made if it is not there.

        Raises: ConfigError, if another process has it open, it cannot be reached or written, or a
        newer release wrote to it.
        """
        shelf = Folder(place, disk) if isinstance(place, Path) else place
        views = view_statements(shelf)
        self._retention_days = retention_days
        self._retention: Retention | None = None
        self._compacts = compacts
        self._shelf, self._files, self._gate = shelf, LakeFiles(shelf), Gate()
        self._beginning = threading.Lock()
        self._has_begun = False
        self._generation = 0
        self._replacing = threading.Lock()  # two scans at once may be of one commit
        with ExitStack() as opened:
            opened.callback(shelf.lock())
            with _opening(shelf):
                self._check()
            engine = opened.enter_context(tempfile.TemporaryDirectory(prefix="otel-llmops-lake-"))
            clients = _Gated(embedded_connect(Path(engine)), self._gate, query_s_max=query_s_max)
            opened.callback(clients.close)
            for statement in views:
                clients.command(statement)
            self._reading = ClickHouseReading(clients)
            opened.callback(self._reading.close)
            self._compaction = Compaction(self._files, self._gate, self._newest)
            opened.callback(self._end)
            if shelf.has_lock:
                with _opening(shelf):
                    self._begin()
            self._opened = opened.pop_all()

    @property
    def root(self) -> PurePath:
        """The folder of the lake."""
        return self._files.root

    def _check(self) -> None:
        """Refuse what a newer release wrote to."""
        found = self._shelf.content(self.root / LAKE_FILE)
        if found is None:
            return
        noted = json.loads(found)
        strange = [
            f"{name}.{column}"
            for name, columns in noted["tables"].items()
            for column in columns
            if column not in _COLUMNS.get(name, ())
        ]
        if noted["format"] != _FORMAT or strange:
            raise ConfigError(
                f"a newer otel-llmops wrote to the lake in {self.root}"
                + (f": it has {', '.join(strange[:5])}" if strange else ""),
                hint="use a version that is at least as new as the one that wrote to it",
            )

    def _begin(self) -> None:
        """From now on this process changes files: without what a crash left among them."""
        note = json.dumps({"format": _FORMAT, "tables": _COLUMNS}, indent=1).encode()
        if self._shelf.content(self.root / LAKE_FILE) != note:
            self._shelf.replace(self.root / LAKE_FILE, note)
        for name in (*STORED, REPLACED):
            folder = self._files.folder(name)
            if self._shelf.has_lock:  # else the compaction looks at all folders first
                for each in self._files.folders(name) if name in TIME_COLUMN else [folder]:
                    self._files.recover(each)
        self._generation = self._compaction.committed = self._last_generation()
        if self._compacts:
            self._compaction.start()
        self._retention = Retention.of(self._retention_days, self._drop)
        self._has_begun = True

    def _end(self) -> None:
        if self._retention is not None:
            self._retention.close()
        self._compaction.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with _translated():
            with self._beginning:
                if not self._has_begun:
                    self._begin()
            yield

    def _last_generation(self) -> int:
        return int(self._files.newest(self._files.folder(REPLACED)) or 0)

    def export_spans(self, spans: pa.Table, *, batch_id: str) -> None:
        """As Exporter.export_spans; what is no column of STORED stays in span_wire alone."""
        self._add("spans", spans, batch_id)

    def export_log_events(self, events: pa.Table, *, batch_id: str) -> None:
        """As Exporter.export_log_events."""
        self._add("log_events", events, batch_id)

    def _add(self, name: str, rows: pa.Table, batch_id: str) -> None:
        with self._writing():
            stem, made = stem_of(batch_id), []
            for day, part in by_day(name, require(rows, STORED[name])):
                folder = self._files.folder(name, day)
                if not self._files.has(folder, stem):
                    made.append(self._files.fresh(folder, stem, part, key=lookup_key(name)))
            if len(made) > 1:
                with self._gate.changing():
                    self._files.publish(made)
            else:
                self._files.publish(made)

    def replace_sessions(self, session_ids: Sequence[str], tables: Mapping[str, pa.Table]) -> None:
        """As Exporter.replace_sessions. It is all there once `replaced` names the sessions."""
        sessions = list(dict.fromkeys(session_ids))
        with self._writing():
            found = checked(sessions, tables)
            self._generation = max(time.time_ns(), self._generation + 1)
            stem = f"{self._generation:0{_GENERATION_DIGITS}d}"
            made = [
                self._files.fresh(self._files.folder(name, day), stem, part, key=lookup_key(name))
                for name, rows in found.items()
                for day, part in by_day(name, stamped(name, rows, self._generation))
            ]
            newest = pa.table(
                [sessions, [self._generation] * len(sessions)], schema=REPLACED_SCHEMA
            )
            folder = self._files.folder(REPLACED)
            last = self._files.fresh(folder, stem, newest, key=lookup_key(REPLACED))
            self._files.publish(made)  # nobody sees rows of an analysis that is in no `replaced`
            with self._gate.changing():
                self._files.publish([last])
            self._compaction.committed = self._generation

    def delete_sessions(
        self, session_ids: Sequence[str], trace_ids: Sequence[str]
    ) -> dict[str, int]:
        """As Exporter.delete_sessions; meanwhile a query may see a part of them."""
        with self._writing(), self._compaction.alone():
            live = self._compaction.live
            return delete(self._files, self._gate, live, session_ids, trace_ids)

    def replace_snapshot(self, snapshot_id: str, tables: Mapping[str, pa.Table]) -> None:
        """As Exporter.replace_snapshot: each table has a file for each snapshot."""
        stem = stem_of(snapshot_id)
        with self._replacing, self._writing():
            made = [
                self._files.fresh(self._files.folder(name), stem, rows, key="snapshot_id")
                for name, rows in checked_snapshot(snapshot_id, tables).items()
            ]
            first = next(path for path in made if path.parent.name == "topology_snapshots")
            with self._gate.changing():
                self._files.remove([first])
                self._files.publish([path for path in made if path != first])
                self._files.publish([first])

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

    def compact(self) -> int:
        """Merge small files now; how many are fewer. Raises: RetryableExport, PermanentExport."""
        with self._writing():
            return self._compaction.run()

    def _newest(self, sessions: Sequence[str]) -> pa.Table:
        newest = sa.func.max(_REPLACED.c.generation).label("generation")
        statement = sa.select(_REPLACED.c.session_id, newest).group_by(_REPLACED.c.session_id)
        session_id = _REPLACED.c.session_id
        return self._reading.read_where(statement, session_id, sessions, REPLACED_SCHEMA)

    def _drop(self, oldest: date) -> None:
        """Remove the days before `oldest`."""
        with _translated(), self._compaction.alone():
            for name in TIME_COLUMN:
                for folder in self._files.folders(name):
                    if folder.name < f"day={oldest.isoformat()}":
                        with self._gate.changing():
                            self._files.remove_folder(folder)

    def close(self) -> None:
        """As Exporter.close."""
        self._opened.close()


class _Gated(Clients):
    """Clients whose queries see no file come in place of others."""

    def __init__(self, connect: Connect, gate: Gate, *, query_s_max: float) -> None:
        super().__init__(connect, query_s_max=query_s_max)
        self._gate = gate

    def select(self, sql: str) -> pa.Table:
        with self._gate.reading():
            return super().select(sql)


@contextmanager
def _opening(shelf: Shelf) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"the lake in {shelf.root} cannot be opened: {error}") from error


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SchemaError as error:
        raise PermanentExport(str(error)) from error
    except OSError as error:
        raise RetryableExport(f"the lake: {error}") from error
    except pa.ArrowException as error:
        raise PermanentExport(f"rows that Arrow refuses: {str(error)[:500]}") from error
