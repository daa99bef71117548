"""The half of the engine that analyses: what was stored, once it has settled or grown for a while.

Strategy: the *analysis* cursor passes what a final analysis has seen. After a crash the rest is
decoded once more and analysed, and since an analysis replaces all that was derived of a session,
doing it twice changes nothing.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from otel_llmops.analysis.derive import analyse
from otel_llmops.engine.arrived import Arrived
from otel_llmops.engine.cursor import Cursor
from otel_llmops.engine.deletion import Deleted, named
from otel_llmops.engine.handover import Handed, Stored
from otel_llmops.engine.insistence import Insistence, StoppedError, in_parts, waiting_for_disk
from otel_llmops.engine.intent import DeletedTraces, OpenTraces
from otel_llmops.engine.quarantine import Quarantine
from otel_llmops.engine.ranges import decoded_spans
from otel_llmops.engine.reanalysis import Reanalysis
from otel_llmops.engine.recent import Recent
from otel_llmops.engine.service import AgentIntelligenceService, Analysis
from otel_llmops.engine.settings import EngineSettings
from otel_llmops.engine.traces import Due, GrowingTraces
from otel_llmops.errors import PermanentExport, QueryError, RetryableExport
from otel_llmops.journal import Disk, Position, Reader, Record
from otel_llmops.otlp import Signal
from otel_llmops.storage.seams import Exporter

__all__ = ["Analyst"]

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

_ANALYSED_TRACES_MAX = 1_024
"""Traces that are analysed at once: with 4,096 the memory was 0.4 GB more, and nothing faster."""
_REST_S_MAX = 2.0
"""An analysis costs 0.1 s, of one session or of a hundred: it rests for as long as it took."""
_RESTED_SPANS = 20_000
"""So many spans that came meanwhile are worth the next one."""
_TIDY_S = 1.0
_AGAIN_S = 0.5
"""So long what comes may wait for what is analysed again."""


_COUNTED = ("sessions_analysed", "analyses_failed", "analyses", "sessions_deleted")


class Analyst:
    """One thread's work."""

    def __init__(  # noqa: PLR0913 - what it stands between, and two seams for tests
        self,
        reader: Reader,
        exporter: Exporter,
        directory: Path,
        *,
        disk: Disk,
        settings: EngineSettings,
        clock: Callable[[], float] = time.monotonic,
        analysis: Analysis = analyse,
        again: Reanalysis | None = None,
    ) -> None:
        self._settings = settings
        self._again = again
        self._clock = clock
        self._open_traces = OpenTraces(directory, disk)
        self._carried = self._open_traces.read()
        self._deleted_traces = DeletedTraces(directory, disk)
        self._deleted = self._deleted_traces.read()
        self._exporter = exporter
        self._recent = Recent(
            exporter, keep_s=settings.recent_s, bytes_max=settings.recent_bytes_max
        )
        self._growing = GrowingTraces()
        self._service = AgentIntelligenceService(exporter, self._recent, analysis=analysis)
        waits = {"wait_s_min": settings.retry_s_min, "wait_s_max": settings.retry_s_max}
        self.store_calls = Insistence("nothing is analysed at the moment", **waits)
        self.disk_calls = Insistence("the engine waits for its disk", **waits)
        self._cursor = Cursor(reader, self.disk_calls, batch_bytes=settings.batch_bytes)
        self._seen = self._cursor.committed
        self._now = self._tidied_at = self._rests_until = clock()
        self._came = 0
        self._behind = False
        self._counts = dict.fromkeys(_COUNTED, 0)
        self._analysis_s = 0.0

    def figures(self) -> dict[str, int | float]:
        """Counts since the start, and what is under way now; from any thread."""
        return {
            **self._counts,
            "analysis_s": self._analysis_s,
            "growing_traces": len(self._growing),
            "recent_spans": self._recent.rows,
            "recent_bytes": self._recent.nbytes,
        }

    def resume(self, until: Position, quarantine: Quarantine, stop: threading.Event) -> bool:
        """Look again at what is stored up to `until` and no final analysis has seen.

        False, if `stop` comes first.
        """
        self._growing.carry_on(self._carried, since=self._cursor.committed, now=self._now)
        while not stop.is_set():
            self._now = self._clock()
            try:
                records = self._cursor.read(stop, until=until)
            except StoppedError:
                return False
            if not records:
                self._seen = until
                return True
            traces = [r for r in records if r.signal == Signal.TRACES]
            known = [r for r in traces if not quarantine.holds(r)]
            in_parts(known, self._remember_again, self._unreadable)
            self._tidy()
        return False

    def hear(self, handed: Handed) -> None:
        """Take in what was stored."""
        for stored in handed.stored:
            self._remember(stored)
        self._seen, self._now, self._behind = handed.end, handed.now, handed.behind

    def look(self, stop: threading.Event) -> None:
        """Analyse what is due, unless it is time to rest."""
        if self._clock() >= self._rests_until or self._came >= _RESTED_SPANS:
            self._analyse(self._growing.due(self._now, behind=self._behind), stop)
            self._pass_analysed(stop)
            self._analyse_again(stop)
        self._tidy()

    def delete(self, names: Sequence[str], stop: threading.Event) -> Deleted:
        """Delete what was heard of a session: nothing may be stored meanwhile that was not heard.

        By any of its names, or by all of them.

        Raises: PermanentExport, if the store refuses; StoppedError.
        """
        # what belongs to it is known once it was analysed
        self._analyse(Due([], sorted(self._growing.open())), stop)

        def insist(call: Callable[[], _T]) -> _T:
            return self.store_calls.insist(call, stop, doubt_s_max=self._settings.doubt_part_s_max)

        sessions, traces = insist(lambda: named(self._exporter, names))
        self._remember_deleted(traces, stop)
        self._recent.forget(traces)
        self._growing.forget(traces)
        rows = insist(lambda: self._exporter.delete_sessions(sessions, traces))
        self._counts["sessions_deleted"] += any(rows.values())
        return Deleted(sessions, traces, rows)

    def _remember_deleted(self, traces: list[str], stop: threading.Event) -> None:
        """Before anything is deleted: the analysis may have to read it in the journal again."""
        passed = self._cursor.committed
        known = {trace: place for trace, place in self._deleted.items() if place > passed}
        if self._seen > passed:
            known |= dict.fromkeys(traces, self._seen)

        def write() -> None:
            with waiting_for_disk():
                self._deleted_traces.write(known)

        if known != self._deleted:
            self.disk_calls.insist(write, stop)
            self._deleted = known

    def look_at_all(self, stop: threading.Event) -> None:
        """Analyse everything, for the last time."""
        self._analyse(self._growing.all_due(), stop)
        self._pass_analysed(stop)

    def _remember_again(self, records: list[Record]) -> None:
        for _, part in groupby(records, self._deleted_at):
            kept = list(part)
            spans = Arrived.of(kept, decoded_spans(kept))
            deleted = self._deleted_at(kept[0])
            if deleted and spans.rows:
                spans = spans.only(~spans.chosen(pa.array(sorted(deleted), pa.string())))
            self._remember(Stored(spans, kept[0].position, self._now))

    def _deleted_at(self, record: Record) -> set[str]:
        return {trace for trace, place in self._deleted.items() if record.position < place}

    def _remember(self, stored: Stored) -> None:
        if stored.spans.rows:
            self._recent.add(stored.spans, now=stored.now)
            self._growing.grew(stored.spans, since=stored.since, now=stored.now)
            self._came += stored.spans.rows

    def _unreadable(self, record: Record, error: PermanentExport) -> None:
        _log.error("the request at %s was stored, and now: %s", record.position, error)
        self._counts["analyses_failed"] += 1

    def _analyse(self, due: Due, stop: threading.Event) -> None:
        """Analyse what is due; where one trace cannot be analysed, all others are."""
        still_open = self._growing.open().difference(due.settled)
        whole: list[str] = []
        began_at, self._came = self._clock(), 0

        def analysed(part: list[str]) -> None:
            self.store_calls.insist(
                lambda: self._analysed(part, still_open),
                stop,
                doubt_s_max=self._settings.doubted_s(part, whole),
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
        self._growing.analysed(due, seen=self._seen, now=self._now)

    def _analysed(self, trace_ids: list[str], still_open: set[str]) -> None:
        try:
            count = self._service.analyze_traces(trace_ids, still_open=still_open, now=self._now)
        except RetryableExport:
            raise
        except Exception as error:  # a boundary: one session must not stop the others
            raise PermanentExport(f"{type(error).__name__}: {error}") from error
        self._counts["sessions_analysed"] += count

    def _analyse_again(self, stop: threading.Event) -> None:
        """A page of sessions that an earlier version analysed, while nothing new is behind."""
        if self._again is None or self._behind:
            return
        until = self._clock() + _AGAIN_S
        try:
            while (
                self._again.step(lambda page: self._analysed_again(list(page), stop))
                and self._clock() < until
            ):
                pass
        except QueryError as error:
            _log.warning("what is to be analysed again cannot be asked for now: %s", error)
        except StoppedError:
            return

    def _analysed_again(self, page: list[str], stop: threading.Event) -> int:
        still_open, counted, left_out = self._growing.open(), 0, list[str]()

        def analysed(part: list[str]) -> None:
            nonlocal counted
            counted += self.store_calls.insist(
                lambda: self._analysed_sessions(part, still_open),
                stop,
                doubt_s_max=self._settings.doubted_s(part, page),
            )

        def not_analysed(session_id: str, error: PermanentExport) -> None:
            left_out.append(session_id)
            self._not_analysed(session_id, error)

        in_parts(page, analysed, not_analysed)
        return min(counted, len(page) - len(left_out))

    def _analysed_sessions(self, session_ids: list[str], still_open: set[str]) -> int:
        try:
            return self._service.analyze_sessions(session_ids, still_open=still_open, now=self._now)
        except RetryableExport:
            raise
        except Exception as error:  # a boundary: one session must not stop the others
            raise PermanentExport(f"{type(error).__name__}: {error}") from error

    def _not_analysed(self, trace_id: str, error: PermanentExport) -> None:
        _log.error("%s cannot be analysed", trace_id, exc_info=error)
        self._counts["analyses_failed"] += 1

    def _pass_analysed(self, stop: threading.Event) -> None:
        carried, oldest = self._growing.carried(), self._growing.oldest()
        try:
            if carried != self._carried:
                self.disk_calls.insist(lambda: self._write_carried(carried), stop)
                self._carried = carried
            self._cursor.commit(self._seen if oldest is None else oldest, stop)
        except StoppedError:
            return

    def _write_carried(self, trace_ids: set[str]) -> None:
        with waiting_for_disk():
            self._open_traces.write(trace_ids)

    def _tidy(self) -> None:
        if self._now - self._tidied_at >= _TIDY_S:
            self._tidied_at = self._now
            self._recent.let_go(self._growing.open(), now=self._now)
