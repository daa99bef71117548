"""All that requests are passed on to: a thread for each, and what they tell together."""

import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Literal
from urllib.parse import urlsplit

from otel_llmops.app.places import Places, forward_consumer
from otel_llmops.config import ServeConfig
from otel_llmops.engine.forwarder import Forwarder
from otel_llmops.errors import JournalError
from otel_llmops.exporters.otlp import OtlpSender
from otel_llmops.journal import Reader, Watch
from otel_llmops.metrics import Metric, labels

__all__ = ["Forwards"]

_STOP_S = 2.0
_FIGURES: tuple[tuple[str, str, Literal["counter", "gauge"], str], ...] = (
    ("forwarded_requests_total", "requests", "counter", "Requests that a destination took."),
    ("forwarded_bytes_total", "bytes", "counter", "Bytes of these requests."),
    (
        "forward_records_refused_total",
        "records_refused",
        "counter",
        "Records that a destination refused out of requests that it took.",
    ),
    (
        "forward_requests_unsupported_total",
        "requests_unsupported",
        "counter",
        "Requests of a signal that a destination does not take at all.",
    ),
    ("forward_retries_total", "retries", "counter", "Requests that were sent again."),
    (
        "forward_quarantined_requests",
        "quarantined",
        "gauge",
        "Requests that a destination will never take, put aside.",
    ),
    (
        "forward_missed_ranges",
        "missed_ranges",
        "gauge",
        "Times that requests had left the journal before a destination took them.",
    ),
    (
        "forward_up",
        "up",
        "gauge",
        "1 where a destination takes requests, 0 while it is waited for.",
    ),
)


class Forwards:
    """One Forwarder for each of the configuration's destinations."""

    def __init__(self, config: ServeConfig) -> None:
        places = Places(config.data)
        self._forwarders = [_forwarder(url, places) for url in config.forward]
        self._watch = Watch(places.journal, [each.consumer for each in self._forwarders])
        self._looking = threading.Lock()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=each.run, args=(self._stop,), name=each.consumer, daemon=True)
            for each in self._forwarders
        ]

    def start(self) -> None:
        """Begin to pass on."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End soon: what was not taken yet is passed on the next time."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_STOP_S)

    def notes(self) -> list[str]:
        """What an operator should know of them; nothing of it makes answers wrong."""
        return [note for each in self._forwarders for note in each.notes()]

    def metrics(self) -> Iterable[Metric]:
        """Their figures, by destination."""
        figures = {labels(destination=each.name): each.figures() for each in self._forwarders}
        if not figures:
            return
        for name, key, kind, about in _FIGURES:
            yield Metric(name, kind, about, {at: found[key] for at, found in figures.items()})
        with suppress(JournalError), self._looking:
            lags = self._watch.look()
            names = {each.consumer: labels(destination=each.name) for each in self._forwarders}
            about = "Bytes in the journal that a destination has not taken."
            sizes = {names[consumer]: lag.nbytes for consumer, lag in lags.items()}
            yield Metric("forward_lag_bytes", "gauge", about, sizes)
            about = "How long the oldest of these bytes has waited, since this process saw it."
            ages = {names[consumer]: round(lag.seconds, 3) for consumer, lag in lags.items()}
            yield Metric("forward_lag_seconds", "gauge", about, ages)


def _forwarder(url: str, places: Places) -> Forwarder:
    parts = urlsplit(url)
    sender = OtlpSender(parts.netloc, tls=parts.scheme == "otlps")
    reader = Reader.open(places.journal, forward_consumer(url))
    return Forwarder(url, reader, sender, places.forward(url))
