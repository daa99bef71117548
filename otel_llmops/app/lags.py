"""How far the consumers of the journal are behind, for the page and for who asks if all is well.

Strategy: the receiver and the engine both look, with an eye each, so that a process that died or
waits cannot hide how far behind it is.
"""

import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from otel_llmops.app.places import CONSUMERS
from otel_llmops.errors import JournalError
from otel_llmops.journal import Lag, Watch
from otel_llmops.metrics import Metric, labels

__all__ = ["Lags", "lag_metrics", "lag_reasons"]


class Lags:
    """A Watch that any thread may use."""

    def __init__(self, journal: Path) -> None:
        self._watch = Watch(journal, CONSUMERS)
        self._lock = threading.Lock()

    def look(self) -> Mapping[str, Lag] | str:
        """Consumer -> lag; a sentence where the disk does not say."""
        with self._lock:
            try:
                return self._watch.look()
            except JournalError as error:
                return str(error)


def lag_metrics(lags: Mapping[str, Lag] | str) -> Iterable[Metric]:
    """Metrics of the lags; none of what is not known."""
    known = {} if isinstance(lags, str) else lags
    nbytes = {labels(consumer=name): lag.nbytes for name, lag in known.items()}
    seconds = {labels(consumer=name): round(lag.seconds, 3) for name, lag in known.items()}
    about = "Bytes in the journal that a consumer has not passed."
    yield Metric("consumer_lag_bytes", "gauge", about, nbytes)
    about = "How long the oldest of these bytes has waited, since this process saw it."
    yield Metric("consumer_lag_seconds", "gauge", about, seconds)


def lag_reasons(lags: Mapping[str, Lag] | str, lag_s_max: float) -> list[str]:
    """Why answers are not of now, one sentence each."""
    if isinstance(lags, str):
        return [lags]
    return [
        f"the consumer {name} is {lag.seconds:.0f} s behind, with {lag.nbytes} bytes to go"
        for name, lag in lags.items()
        if lag.seconds > lag_s_max
    ]
