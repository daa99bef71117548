"""Journal to store: decode, export, analyse, replace.

Strategy: two cursors over one journal. The *store* cursor passes a range once its spans are in the
store: the range is written down, inserted under its own name, then passed. The *analysis* cursor
passes what a final analysis has seen: after a crash the rest is decoded once more and analysed,
and since an analysis replaces all that was derived of a session, doing it twice changes nothing.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from otel_llmops.engine.intent import Intent
from otel_llmops.engine.quarantine import Quarantine
from otel_llmops.engine.recent import Recent
from otel_llmops.engine.service import AgentIntelligenceService
from otel_llmops.engine.traces import Due, GrowingTraces
from otel_llmops.errors import PermanentExport, RetryableExport
from otel_llmops.journal import Position, Reader, Record
from otel_llmops.otlp import Encoding, Request, Signal, decode_logs, decode_traces
from otel_llmops.storage.seams import Exporter

__all__ = ["Engine", "EngineSettings"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How the engine paces itself."""

    batch_bytes: int = 16 * 2**20
    tick_s: float = 0.2
    drain_s: float = 10.0
    recent_s: float = 10.0
    retry_s_min: float = 0.2
    retry_s_max: float = 30.0


class Engine:
    """One thread's work: everything between the journal and one store."""

    def __init__(
        self,
        *,
        spans_reader: Reader,
        analysis_reader: Reader,
        exporter: Exporter,
        directory: Path,
        settings: EngineSettings | None = None,
    ) -> None:
        self._settings = settings or EngineSettings()
        self._reader = spans_reader
        self._analysis = analysis_reader
        self._exporter = exporter
        self._intent = Intent(directory)
        self._quarantine = Quarantine(directory / "quarantine")
        self._recent = Recent(exporter)
        self._growing = GrowingTraces()
        self._service = AgentIntelligenceService(exporter, self._recent)
        self._trouble: str | None = "the engine is starting"
        self._kept_at = 0.0
        self._counts = dict.fromkeys(
            (
                "requests",
                "spans",
                "log_events",
                "batches",
                "sessions_analysed",
                "analyses_failed",
                "requests_quarantined",
                "export_retries",
            ),
            0,
        )

    def run(self, stop: threading.Event) -> None:
        """Work until `stop`, then drain what is journalled for at most `drain_s`.

        Raises: JournalError, if the journal cannot be read; everything else is waited out.
        """
        self._resume(stop)
        while not stop.is_set():
            if not self._turn(stop):
                stop.wait(self._settings.tick_s)
        self._drain()

    def stats(self) -> dict[str, int | float]:
        """Counts since the start, and what is under way now."""
        return {
            **self._counts,
            "growing_traces": len(self._growing),
            "recent_spans": self._recent.rows,
            "lag_bytes": self._reader.lag_bytes(),
        }

    def healthy(self) -> str | None:
        """None while all is well, else one sentence."""
        return self._trouble

    def _resume(self, stop: threading.Event) -> None:
        """Finish the batch that a crash cut off, and look again at what no analysis saw."""
        intent = self._intent.read()
        if intent is not None and intent[0] == self._reader.committed < intent[1]:
            records = self._records(until=intent[1])
            if records:
                self._export(records, stop)
        while not stop.is_set():
            records = self._analysis.read(self._settings.batch_bytes, until=self._reader.committed)
            if not records:
                break
            self._remember(decode_traces(_requests(records, Signal.TRACES)), records)
        self._trouble = None

    def _records(self, until: Position) -> list[Record]:
        """All records up to `until`, whatever their size: the range written down, no other."""
        records: list[Record] = []
        while self._reader.position < until:
            found = self._reader.read(self._settings.batch_bytes, until=until)
            if not found:
                break
            records += found
        return records

    def _turn(self, stop: threading.Event) -> bool:
        """Store what has come, analyse what is due; whether there was anything to store."""
        records = self._reader.read(self._settings.batch_bytes)
        if records:
            self._export(records, stop)
        now = time.monotonic()
        self._analyse(self._growing.due(now), now, stop)
        self._pass_analysed()
        self._tidy(now)
        return sum(len(r.payload) for r in records) >= self._settings.batch_bytes // 4

    def _drain(self) -> None:
        deadline = time.monotonic() + self._settings.drain_s
        late = threading.Event()
        alarm = threading.Timer(self._settings.drain_s, late.set)
        alarm.start()
        try:
            while time.monotonic() < deadline:
                records = self._reader.read(self._settings.batch_bytes)
                if not records:
                    break
                self._export(records, late)
            now = time.monotonic()
            self._analyse(self._growing.due(now, everything=True), now, late)
            self._pass_analysed()
        finally:
            alarm.cancel()

    def _export(self, records: list[Record], stop: threading.Event) -> None:
        """Put a range of the journal into the store once, and pass it."""
        start, end = self._reader.committed, records[-1].next
        batch_id = f"{start}..{end}"
        self._intent.write(start, end)
        spans = decode_traces(_requests(records, Signal.TRACES))
        events = decode_logs(_requests(records, Signal.LOGS))
        try:
            if spans.num_rows:
                self._insist(lambda: self._exporter.export_spans(spans, batch_id=batch_id), stop)
            if events.num_rows:
                self._insist(
                    lambda: self._exporter.export_log_events(events, batch_id=batch_id), stop
                )
        except _StoppedError:
            self._reader.seek(start)
            return
        except PermanentExport as error:
            _log.exception("the store refuses %s; it is in quarantine", batch_id)
            self._quarantine.put(records, str(error))
            self._counts["requests_quarantined"] += len(records)
        else:
            self._count(records, spans, events)
            self._remember(spans, records)
        self._reader.commit(end)

    def _count(self, records: list[Record], spans: pa.Table, events: pa.Table) -> None:
        self._counts["requests"] += len(records)
        self._counts["spans"] += spans.num_rows
        self._counts["log_events"] += events.num_rows
        self._counts["batches"] += 1

    def _remember(self, spans: pa.Table, records: list[Record]) -> None:
        if spans.num_rows:
            self._recent.add(spans)
            self._growing.grew(spans, since=records[0].position, now=time.monotonic())

    def _analyse(self, due: Due, now: float, stop: threading.Event) -> None:
        if not due.traces:
            return
        still_open = self._growing.open() - set(due.settled)
        try:
            self._insist(lambda: self._analysed(due.traces, still_open), stop)
        except _StoppedError:
            return
        except Exception:  # noqa: BLE001 - a boundary: one session must not stop the others
            _log.exception("%d traces cannot be analysed at once", len(due.traces))
            self._one_by_one(due.traces, still_open)
        self._growing.analysed(due, now=now)

    def _one_by_one(self, trace_ids: list[str], still_open: set[str]) -> None:
        for trace_id in trace_ids:
            try:
                self._analysed([trace_id], still_open)
            except Exception:  # noqa: BLE001 - the same boundary, trace by trace
                _log.exception("trace %s cannot be analysed", trace_id)
                self._counts["analyses_failed"] += 1

    def _analysed(self, trace_ids: list[str], still_open: set[str]) -> None:
        count = self._service.analyze_traces(trace_ids, still_open=still_open)
        self._counts["sessions_analysed"] += count

    def _pass_analysed(self) -> None:
        oldest = self._growing.oldest()
        self._analysis.commit(self._reader.committed if oldest is None else oldest)

    def _tidy(self, now: float) -> None:
        if now - self._kept_at >= 1.0:
            self._kept_at = now
            self._recent.keep_only(self._growing.forget_before(now - self._settings.recent_s))

    def _insist(self, call: Callable[[], None], stop: threading.Event) -> None:
        """Repeat a call until the destination takes it, with back-off and jitter.

        Raises: PermanentExport; _StoppedError, if `stop` comes first.
        """
        wait = self._settings.retry_s_min
        while True:
            try:
                call()
            except RetryableExport as error:
                self._trouble = f"the store does not take data: {error}"
                self._counts["export_retries"] += 1
                pause = max(error.delay_s, wait * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                if stop.wait(pause):
                    raise _StoppedError from error
                wait = min(2 * wait, self._settings.retry_s_max)
            else:
                self._trouble = None
                return


class _StoppedError(Exception):
    """Asked to stop while waiting for the store."""


def _requests(records: list[Record], signal: Signal) -> list[Request]:
    return [
        Request(record.payload, Encoding(record.encoding), tuple(record.rejected))
        for record in records
        if record.signal == signal
    ]
