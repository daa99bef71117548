"""Drops what is older than a store is to keep, from time to time, beside all else.

Strategy: a thread that asks the store to drop what is over, once at the start and then every hour.
What fails is tried again an hour later: nothing that is kept longer is lost by it.
"""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Self

from otel_llmops.errors import LlmopsError

__all__ = ["Retention", "today"]

_log = logging.getLogger(__name__)

_EVERY_S = 3600.0
_STOP_S = 5.0


def today() -> date:
    """The day it is, in UTC."""
    return datetime.now(UTC).date()


class Retention:
    """Calls `drop(oldest)` in a thread: `oldest` is the first day that is kept."""

    def __init__(self, days: int, drop: Callable[[date], None]) -> None:
        self._days = days
        self._drop = drop
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    @classmethod
    def of(cls, days: int, drop: Callable[[date], None]) -> Self | None:
        """A running one; None where all is kept for ever."""
        if not days:
            return None
        made = cls(days, drop)
        made._thread.start()
        return made

    def close(self) -> None:
        """Drop no more. Safe to call twice."""
        self._stop.set()
        self._thread.join(_STOP_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._drop(today() - timedelta(days=self._days))
            except LlmopsError as error:
                _log.warning("what is too old is still there: %s", error)
            self._stop.wait(_EVERY_S)
