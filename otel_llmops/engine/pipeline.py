"""Journal to store: decode, export, analyse, replace.

Strategy: two cursors over one journal. The *store* cursor passes a range once its spans are in the
store: the range is written down, inserted under its own name, then passed. The *analysis* cursor
passes what a final analysis has seen: after a crash the rest is decoded once more and analysed,
and since an analysis replaces all that was derived of a session, doing it twice changes nothing.
"""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from otel_llmops.analysis.derive import analyse
from otel_llmops.engine.insistence import Insistence, StoppedError, in_parts, waiting_for_disk
from otel_llmops.engine.intent import Intent, OpenTraces, have_directory
from otel_llmops.engine.quarantine import Quarantine
from otel_llmops.engine.ranges import Range, batch_id, decoded_events, decoded_spans
from otel_llmops.engine.recent import Recent
from otel_llmops.engine.service import AgentIntelligenceService, Analysis
from otel_llmops.engine.settings import EngineSettings
from otel_llmops.engine.traces import Due, GrowingTraces
from otel_llmops.errors import PermanentExport, RetryableExport
from otel_llmops.journal import Disk, Position, Reader, Record
from otel_llmops.otlp import Signal
from otel_llmops.storage.seams import Exporter

__all__ = ["Engine", "EngineSettings"]

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

_ANALYSED_TRACES_MAX = 4_096
"""Traces that are analysed at once: the figures level off far below, the memory does not."""
_REST_S_MAX = 2.0
"""An analysis costs 0.1 s, of one session or of a hundred: it rests for as long as it took."""
_TIDY_S = 1.0


class Engine:
    """One thread's work: everything between the journal and one store."""

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
    ) -> None:
        self._settings = settings or EngineSettings()
        self._clock = clock
        self._reader = spans_reader
        self._analysis_reader = analysis_reader
        self._exporter = exporter
        disk = disk or Disk()
        have_directory(disk, directory)
        self._intent = Intent(directory, disk)
        self._intended = self._intent.read()
        self._open_traces = OpenTraces(directory, disk)
        self._carried = self._open_traces.read()
        self._quarantine = Quarantine(directory / "quarantine", disk)
        self._recent = Recent(
            exporter, keep_s=self._settings.recent_s, bytes_max=self._settings.recent_bytes_max
        )
        self._growing = GrowingTraces()
        self._service = AgentIntelligenceService(exporter, self._recent, analysis=analysis)
        waits = {
            "wait_s_min": self._settings.retry_s_min,
            "wait_s_max": self._settings.retry_s_max,
        }
        self._store_calls = Insistence("nothing is stored at the moment", **waits)
        self._disk_calls = Insistence("the engine waits for its disk", **waits)
        self._resumed = False
        self._now = clock()
        self._tidied_at = self._now
        self._received_s = 0.0
        self._rests_until = self._now
        self._counts = dict.fromkeys(
            (
                "requests",
                "spans",
                "log_events",
                "batches",
                "sessions_analysed",
                "analyses_failed",
                "requests_quarantined",
                "analyses",
            ),
            0,
        )
        self._analysis_s = 0.0

    def run(self, stop: threading.Event) -> None:
        """Work until `stop`, then drain what is journalled for at most `drain_s`.

        Raises: JournalError, if the journal cannot be read; everything else is waited out.
        """
        self.resume(stop)
        while not stop.is_set():
            if not self.turn(stop):
                stop.wait(self._settings.tick_s)
        self.drain()

    def stats(self) -> dict[str, int | float]:
        """Counts since the start, and what is under way now. Raises: JournalError."""
        return {**self.figures(), "lag_bytes": self._reader.lag_bytes()}

    def figures(self) -> dict[str, int | float]:
        """`stats` but for what the disk must be asked for: from any thread."""
        return {
            **self._counts,
            "analysis_s": self._analysis_s,
            "export_retries": self._store_calls.retries,
            "disk_retries": self._disk_calls.retries,
            "quarantined": len(self._quarantine),
            "damaged_records": self._reader.damaged_records,
            "damaged_bytes": self._reader.damaged_bytes,
            "gaps": self._reader.gaps,
            "growing_traces": len(self._growing),
            "recent_spans": self._recent.rows,
            "recent_bytes": self._recent.nbytes,
        }

    def healthy(self) -> str | None:
        """None while all is well, else one sentence."""
        if not self._resumed:
            return "the engine is starting"
        return self._store_calls.trouble or self._disk_calls.trouble

    @property
    def store_is_up(self) -> bool:
        """Whether the store did what it was last asked."""
        return self._store_calls.trouble is None

    def resume(self, stop: threading.Event) -> None:
        """Look again at what is in the store and no final analysis has seen."""
        since = self._analysis_reader.committed
        self._growing.carry_on(self._carried, since=since, now=self._now)
        while not stop.is_set():
            self._now = self._clock()
            until = self._reader.committed
            try:
                records = self._read(self._analysis_reader, until, stop)
            except StoppedError:
                return
            if not records:
                self._resumed = True
                return
            traces = [r for r in records if r.signal == Signal.TRACES]
            known = [r for r in traces if not self._quarantine.holds(r)]
            in_parts(
                known, lambda part: self._remember(decoded_spans(part), part), self._unreadable
            )
            self._tidy()

    def turn(self, stop: threading.Event) -> bool:
        """Store what has come, analyse what is due; whether there is likely more to store."""
        stored_bytes = self._store_next(stop)
        if self._clock() >= self._rests_until:
            self._analyse(self._growing.due(self._now), stop)
            self._pass_analysed(stop)
        self._tidy()
        return stored_bytes >= self._settings.batch_bytes // 4

    def drain(self) -> None:
        """Store and analyse all that is journalled, for at most `drain_s`."""
        if not self._resumed:
            return
        late = threading.Event()
        alarm = threading.Timer(self._settings.drain_s, late.set)
        alarm.start()
        try:
            while not late.is_set() and self._store_next(late):
                pass
            self._analyse(self._growing.all_due(), late)
            self._pass_analysed(late)
        finally:
            alarm.cancel()

    def _store_next(self, stop: threading.Event) -> int:
        """Put the next range of the journal into the store once, and pass it; bytes of payload."""
        try:
            found = self._next_range(stop)
            if found is None:
                return 0
            traces = self._stored_spans(found, stop)
            events = self._store_events(found, stop)
            self._commit(self._reader, found.end, stop)
        except StoppedError:
            self._reader.seek(self._reader.committed)
            return 0
        for spans, records in traces:
            self._remember(spans, records)
        self._counts["spans"] += sum(spans.num_rows for spans, _ in traces)
        self._counts["log_events"] += events
        self._counts["requests"] += len(found.records)
        self._counts["batches"] += 1
        return max(1, sum(len(record.payload) for record in found.records))

    def _next_range(self, stop: threading.Event) -> Range | None:
        """The range that was written down and not passed, else the next one, written down."""
        start, intended = self._reader.committed, self._intended
        if intended is not None and intended[0] == start < intended[1]:
            self._now = self._clock()
            return Range(start, intended[1], self._records(intended[1], stop))
        records = self._read(self._reader, None, stop)
        self._now = self._stream_time(records)
        if not records:
            # what was passed over at the end is nothing to wait for
            self._commit(self._reader, self._reader.position, stop)
            return None
        end = records[-1].next
        self._disk_calls.insist(lambda: self._write_down(start, end), stop)
        self._intended = start, end
        return Range(start, end, records)

    def _read(self, reader: Reader, until: Position | None, stop: threading.Event) -> list[Record]:
        """Raises: StoppedError, if `stop` comes before the disk gives it."""

        def read() -> list[Record]:
            with waiting_for_disk():
                return reader.read(self._settings.batch_bytes, until=until)

        records = self._disk_calls.insist(read, stop)
        if reader is self._reader:
            self._disk_calls.insist(self._keep_damage, stop)
        return records

    def _commit(self, reader: Reader, place: Position, stop: threading.Event) -> None:
        """Raises: StoppedError, if `stop` comes before the disk takes it."""

        def commit() -> None:
            with waiting_for_disk():
                reader.commit(place)

        self._disk_calls.insist(commit, stop)

    def _records(self, until: Position, stop: threading.Event) -> list[Record]:
        """All records up to `until`, whatever their size: the range written down, no other."""
        records: list[Record] = []
        while self._reader.position < until:
            found = self._read(self._reader, until, stop)
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

    def _stored_spans(
        self, found: Range, stop: threading.Event
    ) -> list[tuple[pa.Table, list[Record]]]:
        stored: list[tuple[pa.Table, list[Record]]] = []
        traces = found.of(Signal.TRACES)

        def export(part: list[Record]) -> None:
            spans = decoded_spans(part)
            if spans.num_rows:
                name = batch_id(part)
                self._store_calls.insist(
                    lambda: self._exporter.export_spans(spans, batch_id=name),
                    stop,
                    doubt_s_max=self._doubt_s_max(part, traces),
                )
                stored.append((spans, part))

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
                    doubt_s_max=self._doubt_s_max(part, logs),
                )
                stored.append(events.num_rows)

        in_parts(logs, export, lambda r, why: self._refused(r, why, stop))
        return sum(stored)

    def _doubt_s_max(self, part: list[_T], whole: list[_T]) -> float:
        """What is refused whole has been waited for; its parts are told apart sooner."""
        settings = self._settings
        return settings.doubt_s_max if len(part) == len(whole) else settings.doubt_part_s_max

    def _refused(self, record: Record, error: PermanentExport, stop: threading.Event) -> None:
        _log.error("the request at %s goes to quarantine: %s", record.position, error)
        self._disk_calls.insist(lambda: self._set_apart(record, str(error)), stop)
        self._counts["requests_quarantined"] += 1

    def _unreadable(self, record: Record, error: PermanentExport) -> None:
        _log.error("the request at %s was stored, and now: %s", record.position, error)
        self._counts["analyses_failed"] += 1

    def _write_down(self, start: Position, end: Position) -> None:
        with waiting_for_disk():
            self._intent.write(start, end)

    def _set_apart(self, record: Record, reason: str) -> None:
        with waiting_for_disk():
            self._quarantine.put(record, reason)

    def _keep_damage(self) -> None:
        with waiting_for_disk():
            for place, found in self._reader.damage():
                self._quarantine.put_damaged(place, found)

    def _remember(self, spans: pa.Table, records: list[Record]) -> None:
        if spans.num_rows:
            self._recent.add(spans, now=self._now)
            self._growing.grew(spans, since=records[0].position, now=self._now)

    def _analyse(self, due: Due, stop: threading.Event) -> None:
        """Analyse what is due; where one trace cannot be analysed, all others are."""
        still_open = self._growing.open().difference(due.settled)
        whole: list[str] = []
        began_at = self._clock()

        def analysed(part: list[str]) -> None:
            self._store_calls.insist(
                lambda: self._analysed(part, still_open),
                stop,
                doubt_s_max=self._doubt_s_max(part, whole),
            )

        try:
            for start in range(0, len(due.traces), _ANALYSED_TRACES_MAX):
                whole = due.traces[start : start + _ANALYSED_TRACES_MAX]
                in_parts(whole, analysed, self._not_analysed)
        except StoppedError:
            return
        ended_at = self._clock()
        self._counts["analyses"] += bool(due.traces)
        self._analysis_s += ended_at - began_at
        self._rests_until = ended_at + min(ended_at - began_at, _REST_S_MAX)
        self._growing.analysed(due, seen=self._reader.committed, now=self._now)

    def _analysed(self, trace_ids: list[str], still_open: set[str]) -> None:
        try:
            count = self._service.analyze_traces(trace_ids, still_open=still_open, now=self._now)
        except RetryableExport:
            raise
        except Exception as error:  # a boundary: one session must not stop the others
            raise PermanentExport(f"{type(error).__name__}: {error}") from error
        self._counts["sessions_analysed"] += count

    def _not_analysed(self, trace_id: str, error: PermanentExport) -> None:
        _log.error("trace %s cannot be analysed", trace_id, exc_info=error)
        self._counts["analyses_failed"] += 1

    def _pass_analysed(self, stop: threading.Event) -> None:
        carried, oldest = self._growing.carried(), self._growing.oldest()
        try:
            if carried != self._carried:
                self._disk_calls.insist(lambda: self._write_carried(carried), stop)
                self._carried = carried
            passed = self._reader.committed if oldest is None else oldest
            self._commit(self._analysis_reader, passed, stop)
        except StoppedError:
            return

    def _write_carried(self, trace_ids: set[str]) -> None:
        with waiting_for_disk():
            self._open_traces.write(trace_ids)

    def _tidy(self) -> None:
        if self._now - self._tidied_at >= _TIDY_S:
            self._tidied_at = self._now
            self._recent.let_go(self._growing.open(), now=self._now)
