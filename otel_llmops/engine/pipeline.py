"""Journal to store: decode, export, hand over to the analysis.

Strategy: two cursors over one journal, each moved by a thread of its own. The *store* cursor, here,
passes a range once its spans are in the store: the range is written down, inserted under its own
name, then passed and handed over. The *analysis* cursor (analyst.py) passes what a final analysis
has seen of that.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from otel_llmops.analysis.derive import analyse
from otel_llmops.engine.analyst import Analyst
from otel_llmops.engine.arrived import Arrived
from otel_llmops.engine.cursor import Cursor
from otel_llmops.engine.deletion import Deleted, Deletions, Turns
from otel_llmops.engine.handover import Handover, Stored, beside
from otel_llmops.engine.insistence import Insistence, StoppedError, in_parts, waiting_for_disk
from otel_llmops.engine.intent import Intent, Owed, OwedDeletions, have_directory
from otel_llmops.engine.missed import Missed
from otel_llmops.engine.quarantine import Quarantine
from otel_llmops.engine.ranges import Range, batch_id, decoded_events, decoded_spans
from otel_llmops.engine.reanalysis import Reanalysis
from otel_llmops.engine.service import Analysis
from otel_llmops.engine.settings import EngineSettings
from otel_llmops.errors import ExportError, PermanentExport
from otel_llmops.journal import Disk, Position, Reader, Record
from otel_llmops.otlp import Signal
from otel_llmops.storage.seams import Exporter

__all__ = ["Engine", "EngineSettings"]

_log = logging.getLogger(__name__)


_COME_IN_S = 1.0
"""So long what is to be deleted waits for what is being stored, and then until it has its turn."""


class Engine:
    """Everything between the journal and one store."""

    def __init__(  # noqa: PLR0913 - what it stands between, and two seams for tests
        self,
        *,
        spans_reader: Reader,
        analysis_reader: Reader,
        exporter: Exporter,
        directory: Path,
        settings: EngineSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
        analysis: Analysis = analyse,
        disk: Disk | None = None,
        again: Reanalysis | None = None,
        deletions: Deletions | None = None,
        pass_on: Callable[[Owed], None] | None = None,
    ) -> None:
        """`pass_on` is told what was deleted, and raises OSError where it cannot keep it."""
        self._settings = settings or EngineSettings()
        self._clock = clock
        self._exporter = exporter
        disk = disk or Disk()
        have_directory(disk, directory)
        self._intent = Intent(directory, disk)
        self._intended = self._intent.read()
        self._quarantine = Quarantine(directory / "quarantine", disk)
        waits = {
            "wait_s_min": self._settings.retry_s_min,
            "wait_s_max": self._settings.retry_s_max,
        }
        self._store_calls = Insistence("nothing is stored at the moment", **waits)
        self._disk_calls = Insistence("the engine waits for its disk", **waits)
        self._missed = Missed(directory, disk, self._disk_calls)
        self._cursor = Cursor(
            spans_reader, self._disk_calls, batch_bytes=self._settings.batch_bytes
        )
        self._analyst = Analyst(
            analysis_reader,
            exporter,
            directory,
            disk=disk,
            settings=self._settings,
            clock=clock,
            analysis=analysis,
            again=again,
        )
        self._deletions = deletions or Deletions()
        self._pass_on = pass_on
        self.owed = OwedDeletions(directory, disk)
        self._reached = spans_reader.committed
        self._turns = Turns()
        self._resumed = False
        self._now = clock()
        self._handover = Handover(
            spans_reader.committed, now=self._now, bytes_max=self._settings.handed_bytes_max
        )
        self._received_s = 0.0
        names = ("requests", "spans", "log_events", "batches", "requests_quarantined")
        self._counts = dict.fromkeys(names, 0)

    def run(self, stop: threading.Event) -> None:
        """Work until `stop`, then drain what is journalled for at most `drain_s`.

        Raises: JournalError, if the journal cannot be read; everything else is waited out.
        """
        self.resume(stop)
        with beside(lambda: self._store_until(stop)) as storing:
            try:
                while not (stop.is_set() or storing.done()):
                    self._handover.wait(self._settings.tick_s)
                    self._analyst.hear(self._handover.take())
                    self._analyst.look(stop)
                    self._delete_asked(stop)
            finally:
                stop.set()  # whichever half ends, the other does
                self._deletions.close()
        storing.result()
        self.drain()

    def stats(self) -> dict[str, int | float]:
        """Counts since the start, and what is under way now. Raises: JournalError."""
        return {**self.figures(), "lag_bytes": self._cursor.reader.lag_bytes()}

    def figures(self) -> dict[str, int | float]:
        """`stats` but for what the disk must be asked for: from any thread."""
        return {
            **self._counts,
            **self._analyst.figures(),
            "export_retries": self._store_calls.retries + self._analyst.store_calls.retries,
            "disk_retries": self._disk_calls.retries + self._analyst.disk_calls.retries,
            "quarantined": len(self._quarantine),
            "missed_ranges": len(self._missed),
            "deletions_owed": len(self.owed),
            "damaged_records": self._cursor.reader.damaged_records,
            "damaged_bytes": self._cursor.reader.damaged_bytes,
            "gaps": self._cursor.reader.gaps,
        }

    def healthy(self) -> str | None:
        """None while all is well, else one sentence."""
        if not self._resumed:
            return "the engine is starting"
        calls = (
            self._store_calls,
            self._disk_calls,
            self._analyst.store_calls,
            self._analyst.disk_calls,
        )
        return next((each.trouble for each in calls if each.trouble), None)

    def missed_notes(self, name: str) -> list[str]:
        """What had left the journal before the store `name` took it, in a sentence."""
        return self._missed.note(name)

    @property
    def store_is_up(self) -> bool:
        """Whether the store did what it was last asked."""
        return self._store_calls.trouble is None and self._analyst.store_calls.trouble is None

    def resume(self, stop: threading.Event) -> None:
        """Look again at what is in the store and no final analysis has seen."""
        self._resumed = self._analyst.resume(self._cursor.committed, self._quarantine, stop)

    def turn(self, stop: threading.Event) -> bool:
        """Store what has come, analyse what is due; whether there is likely more to store.

        `run` does both at once.
        """
        more = self._store_next(stop)
        self._analyst.hear(self._handover.take())
        self._analyst.look(stop)
        self._delete_asked(stop)
        return more

    def delete(self, session_id: str, stop: threading.Event) -> Deleted:
        """Delete all that is stored of a session; what is journalled and not stored is not of it.

        From the thread that analyses, while nothing is stored: where another one may, use
        `Deletions`. Raises: PermanentExport, StoppedError.
        """
        deleted = self._delete([session_id], stop)
        names = dict.fromkeys([session_id, *deleted.session_ids, *deleted.trace_ids])
        if self._pass_on is not None:
            owed = Owed(tuple(names), self._cursor.committed)
            self._on_disk(partial(self._pass_on, owed), stop)
        return deleted

    def _delete(self, names: Sequence[str], stop: threading.Event) -> Deleted:
        while self._is_intended():  # a part of it may be in the store
            self._store_range(stop)
            if stop.is_set():
                raise StoppedError
        self._analyst.hear(self._handover.take())
        return self._analyst.delete(names, stop)

    def _delete_asked(self, stop: threading.Event) -> None:
        is_due = self._deletions.are_asked or self._due()
        if not is_due or not self._turns.come_in(wait_s=_COME_IN_S):
            return
        try:
            for asked in self._deletions.asked():
                try:
                    asked.done(self.delete(asked.session_id, stop))
                except (ExportError, StoppedError) as error:
                    asked.failed(error)
            self._delete_owed(stop)
        except StoppedError:
            return
        finally:
            self._turns.release()

    def _delete_owed(self, stop: threading.Event) -> None:
        """Do what another store did before, up to the same place of the journal."""
        for owed in self._due():
            try:
                self._delete(owed.names, stop)
            except PermanentExport as error:
                _log.error("a session is deleted elsewhere, and not here: %s", error)
                self.owed.refuse(owed)
                continue
            self._on_disk(partial(self.owed.done, owed), stop)

    def _due(self) -> list[Owed]:
        return self.owed.due(max(self._cursor.committed, self._reached))

    def drain(self) -> None:
        """Store and analyse all that is journalled, for at most `drain_s`."""
        if not self._resumed:
            return
        late = threading.Event()
        alarm = threading.Timer(self._settings.drain_s, late.set)
        alarm.start()
        try:
            before = None
            while not late.is_set() and self._cursor.committed != before:
                before = self._cursor.committed
                self._store_next(late)
                self._analyst.hear(self._handover.take())
            self._analyst.look_at_all(late)
        finally:
            alarm.cancel()

    def _store_until(self, stop: threading.Event) -> None:
        while self._resumed and not stop.is_set():
            try:
                self._handover.make_room(stop)
            except StoppedError:
                return
            if not self._store_next(stop):
                stop.wait(self._settings.tick_s)
            self._turns.give_way(stop, wait_s=self._settings.tick_s)

    def _store_next(self, stop: threading.Event) -> bool:
        with self._turns:
            if self._due():
                return False  # what is stored before it is done would be deleted too
            return self._store_range(stop)

    def _store_range(self, stop: threading.Event) -> bool:
        """Put the next range of the journal into the store once, pass it and hand it over.

        Whether there is likely more.
        """
        try:
            found = self._next_range(stop)
            if found is None:
                self._handover.pass_time(self._now)
                return False
            traces = self._stored_spans(found, stop)
            events = self._store_events(found, stop)
            self._cursor.commit(found.end, stop)
        except StoppedError:
            self._cursor.reader.seek(self._cursor.committed)
            return False
        stored = [Stored(spans, since, self._now) for spans, since in traces]
        size = sum(len(record.payload) for record in found.records)
        self._handover.put(
            stored, end=found.end, now=self._now, behind=size >= self._settings.batch_bytes
        )
        self._counts["spans"] += sum(each.spans.rows for each in stored)
        self._counts["log_events"] += events
        self._counts["requests"] += len(found.records)
        self._counts["batches"] += 1
        # a batch that was not full may wait for more: each makes parts that have to be merged
        return size >= self._settings.batch_bytes

    def _next_range(self, stop: threading.Event) -> Range | None:
        """The range that was written down and not passed, else the next one, written down."""
        start, intended = self._cursor.committed, self._intended
        if intended is not None and self._is_intended():
            self._now = self._clock()
            return Range(start, intended[1], self._records(intended[1], stop))
        until = self.owed.next_place()
        records = self._read(until, stop)
        self._now = self._stream_time(records)
        if not records:
            self._reached = until or self._reached  # nothing is before it, and may be deleted
            # what was passed over at the end is nothing to wait for
            self._cursor.commit(self._cursor.reader.position, stop)
            return None
        end = records[-1].next
        self._on_disk(lambda: self._intent.write(start, end), stop)
        self._intended = start, end
        return Range(start, end, records)

    def _is_intended(self) -> bool:
        """Whether a range was written down that is not passed."""
        intended = self._intended
        return intended is not None and intended[0] == self._cursor.committed < intended[1]

    def _read(self, until: Position | None, stop: threading.Event) -> list[Record]:
        """The next records; what is damaged before them is kept."""
        records = self._cursor.read(stop, until=until)
        self._missed.hear(self._cursor.reader, stop)
        self._on_disk(self._keep_damage, stop)
        return records

    def _records(self, until: Position, stop: threading.Event) -> list[Record]:
        """All records up to `until`, whatever their size: the range written down, no other."""
        records: list[Record] = []
        while self._cursor.reader.position < until:
            found = self._read(until, stop)
            if not found:
                break
            records += found
        return records

    def _stream_time(self, records: list[Record]) -> float:
        """Now; with a backlog it goes on only as fast as `records` were received.

        Behind a backlog a trace is not quiet only because its spans have to wait.
        """
        now, before_s = self._clock(), self._received_s
        if records:
            self._received_s = records[-1].received_at_ns / 1e9
        if sum(len(record.payload) for record in records) < self._settings.batch_bytes:
            return now
        return min(now, self._now + max(0.0, self._received_s - before_s))

    def _stored_spans(self, found: Range, stop: threading.Event) -> list[tuple[Arrived, Position]]:
        stored: list[tuple[Arrived, Position]] = []
        traces = found.of(Signal.TRACES)

        def export(part: list[Record]) -> None:
            spans = decoded_spans(part)
            if spans.num_rows:
                name = batch_id(part)
                self._store_calls.insist(
                    lambda: self._exporter.export_spans(spans, batch_id=name),
                    stop,
                    doubt_s_max=self._settings.doubted_s(part, traces),
                )
                stored.append((Arrived.of(part, spans), part[0].position))

        in_parts(traces, export, lambda r, why: self._refused(r, why, stop))
        return stored

    def _store_events(self, found: Range, stop: threading.Event) -> int:
        stored: list[int] = []
        logs = found.of(Signal.LOGS)

        def export(part: list[Record]) -> None:
            events = decoded_events(part)
            if events.num_rows:
                name = batch_id(part)
                self._store_calls.insist(
                    lambda: self._exporter.export_log_events(events, batch_id=name),
                    stop,
                    doubt_s_max=self._settings.doubted_s(part, logs),
                )
                stored.append(events.num_rows)

        in_parts(logs, export, lambda r, why: self._refused(r, why, stop))
        return sum(stored)

    def _refused(self, record: Record, error: PermanentExport, stop: threading.Event) -> None:
        _log.error("the request at %s goes to quarantine: %s", record.position, error)
        self._on_disk(lambda: self._quarantine.put(record, str(error)), stop)
        self._counts["requests_quarantined"] += 1

    def _keep_damage(self) -> None:
        for place, found in self._cursor.reader.damage():
            self._quarantine.put_damaged(place, found)

    def _on_disk(self, write: Callable[[], object], stop: threading.Event) -> None:
        """Write, and wait for the disk where it fails."""

        def attempt() -> None:
            with waiting_for_disk():
                write()

        self._disk_calls.insist(attempt, stop)
