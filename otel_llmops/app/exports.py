"""Further stores beside the one that is queried: an engine for each, and what they tell together.

Strategy: an export is what the store is, without the API: an engine with cursors of its own in the
journal, which keeps only so much for it. A server that is away when `serve` starts is waited for as
one that goes away later.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import pyarrow as pa

from otel_llmops.app.places import Places, export_consumers
from otel_llmops.app.stores import open_store
from otel_llmops.config import ServeConfig, masked
from otel_llmops.engine.intent import Owed, OwedDeletions
from otel_llmops.engine.pipeline import Engine
from otel_llmops.engine.settings import EngineSettings
from otel_llmops.errors import ConfigError, JournalError, RetryableExport
from otel_llmops.journal import Disk, Reader, Watch
from otel_llmops.metrics import Metric, labels
from otel_llmops.storage.seams import Exporter

__all__ = ["Exports", "owe"]

_log = logging.getLogger(__name__)

_SETTINGS = EngineSettings(drain_s=1.0, recent_bytes_max=64 * 2**20, handed_bytes_max=16 * 2**20)
"""Less memory than the store has: what is not there is read back."""
_STOP_S = 5.0
_FIGURES: tuple[tuple[str, str, Literal["counter", "gauge"], str], ...] = (
    ("export_spans_total", "spans", "counter", "Spans that an export took."),
    ("export_log_events_total", "log_events", "counter", "Log events that an export took."),
    ("export_sessions_total", "sessions_analysed", "counter", "Sessions stored in an export."),
    ("export_calls_retried_total", "export_retries", "counter", "Calls that were made again."),
    ("export_quarantined_requests", "quarantined", "gauge", "Requests it will never take."),
    (
        "export_missed_ranges",
        "missed_ranges",
        "gauge",
        "Times that requests had left the journal before an export took them.",
    ),
    ("export_deletions_owed", "deletions_owed", "gauge", "Sessions it has still to delete."),
)


class Exports:
    """One engine for each of the configuration's further stores."""

    def __init__(self, config: ServeConfig) -> None:
        places = Places(config.data)
        self._places = places
        self._exports = [_Export(url, places) for url in config.export]
        self._watch = Watch(places.journal, [each.consumer for each in self._exports])
        self._looking = threading.Lock()

    def start(self) -> None:
        """Begin to export."""
        for each in self._exports:
            each.thread.start()

    def stop(self) -> None:
        """End soon: what was not taken yet is exported the next time."""
        for each in self._exports:
            each.stop.set()
        for each in self._exports:
            each.thread.join(_STOP_S)

    def owe(self, owed: Owed) -> None:
        """Have a session deleted from each of them. Raises: OSError, JournalError."""
        running = {each.directory: each.owed for each in self._exports}
        owe(self._places, owed, running)

    def notes(self) -> list[str]:
        """What an operator should know of them; nothing of it makes answers wrong."""
        return [note for each in self._exports for note in each.notes()]

    def metrics(self) -> Iterable[Metric]:
        """Their figures, by destination."""
        figures = {labels(destination=each.name): each.figures() for each in self._exports}
        if not figures:
            return
        for name, key, kind, about in _FIGURES:
            yield Metric(name, kind, about, {at: found[key] for at, found in figures.items()})
        about = "1 where an export did what it was last asked, 0 while it is waited for."
        up = {labels(destination=each.name): int(each.is_up) for each in self._exports}
        yield Metric("export_up", "gauge", about, up)
        with suppress(JournalError), self._looking:
            lags = self._watch.look()
            names = {each.consumer: labels(destination=each.name) for each in self._exports}
            about = "Bytes in the journal that an export has not taken."
            sizes = {names[consumer]: lag.nbytes for consumer, lag in lags.items()}
            yield Metric("export_lag_bytes", "gauge", about, sizes)
            about = "How long the oldest of these bytes has waited, since this process saw it."
            ages = {names[consumer]: round(lag.seconds, 3) for consumer, lag in lags.items()}
            yield Metric("export_lag_seconds", "gauge", about, ages)


def owe(
    places: Places, owed: Owed, running: Mapping[Path, OwedDeletions] = MappingProxyType({})
) -> None:
    """Write down for every export there ever was that it has to delete a session.

    One that does not run finds it when it is started. Raises: OSError, JournalError.
    """
    for directory in places.exports:
        here = directory in running
        (running[directory] if here else OwedDeletions(directory, Disk())).add(owed)


class _Export:
    """One further store's thread of work."""

    def __init__(self, url: str, places: Places) -> None:
        self.name = masked(url)
        self._consumers = export_consumers(url)
        self._places, self._url = places, url
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, name=self.consumer, daemon=True)
        self._failed = ""
        self._engine = self._made()

    @property
    def consumer(self) -> str:
        """Whose place in the journal says how far it is."""
        return self._consumers[0]

    @property
    def directory(self) -> Path:
        return self._places.export(self._url)

    @property
    def owed(self) -> OwedDeletions:
        return self._engine.owed

    @property
    def is_up(self) -> bool:
        return self._engine.store_is_up and not self._failed

    def notes(self) -> list[str]:
        trouble = self._failed or self._engine.healthy()
        told = [f"{self.name}: {trouble}"] if trouble else []
        return [*told, *self._engine.missed_notes(self.name)]

    def figures(self) -> Mapping[str, float]:
        return self._engine.figures()

    def _made(self) -> Engine:
        spans, analysis = self._consumers
        return Engine(
            spans_reader=Reader.open(self._places.journal, spans),
            analysis_reader=Reader.open(self._places.journal, analysis),
            exporter=self._exporter(),
            directory=self.directory,
            settings=_SETTINGS,
        )

    def _exporter(self) -> Exporter:
        self._opened = _Lately(lambda: open_store(self._url))
        return self._opened

    def _run(self) -> None:
        """What cannot be waited out ends this export, and nothing else."""
        try:
            self._engine.run(self.stop)
        except Exception as error:  # noqa: BLE001 - a boundary: nobody else stops
            _log.exception("exporting to %s failed", self.name)
            self._failed = f"nothing is exported until serve is started again: {error}"
        finally:
            self._opened.close()


class _Lately:
    """A destination that is opened when it is first used, and again until it can be."""

    def __init__(self, opener: Callable[[], Exporter]) -> None:
        self._opener = opener
        self._lock = threading.Lock()
        self._opened: Exporter | None = None
        self._is_closed = False

    def export_spans(self, spans: pa.Table, *, batch_id: str) -> None:
        self._destination().export_spans(spans, batch_id=batch_id)

    def export_log_events(self, events: pa.Table, *, batch_id: str) -> None:
        self._destination().export_log_events(events, batch_id=batch_id)

    def replace_sessions(self, session_ids: Sequence[str], tables: Mapping[str, pa.Table]) -> None:
        self._destination().replace_sessions(session_ids, tables)

    def delete_sessions(
        self, session_ids: Sequence[str], trace_ids: Sequence[str]
    ) -> dict[str, int]:
        return self._destination().delete_sessions(session_ids, trace_ids)

    def replace_snapshot(self, snapshot_id: str, tables: Mapping[str, pa.Table]) -> None:
        self._destination().replace_snapshot(snapshot_id, tables)

    def session_keys(self, keys: Sequence[str]) -> pa.Table:
        return self._destination().session_keys(keys)

    def trace_ids(self, session_ids: Sequence[str]) -> list[str]:
        return self._destination().trace_ids(session_ids)

    def wire_spans(self, trace_ids: Sequence[str]) -> pa.Table:
        return self._destination().wire_spans(trace_ids)

    def close(self) -> None:
        """Release it, if it was ever opened."""
        with self._lock:
            self._is_closed = True
            if self._opened is not None:
                self._opened.close()

    def _destination(self) -> Exporter:
        with self._lock:
            if self._is_closed:
                raise RetryableExport("it is closed")
            if self._opened is None:
                try:
                    self._opened = self._opener()
                except ConfigError as error:
                    raise RetryableExport(str(error)) from error
            return self._opened
