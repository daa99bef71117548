"""The wall between our faults and the user's code: counted, logged once a place, swallowed."""

import logging
import threading
from collections import Counter
from types import TracebackType

_logger = logging.getLogger("otel_llmops")
_lock = threading.Lock()
_failures: Counter[str] = Counter()


def failed(place: str, error: BaseException) -> None:
    """Count a fault of ours at `place`; the first one there is logged, with its traceback."""
    with _lock:
        _failures[place] += 1
        first = _failures[place] == 1
    if first:
        _logger.warning(
            "otel-llmops could not observe (%s); the program goes on without it, and further "
            "faults of this kind are only counted",
            place,
            exc_info=error,
        )


def failures() -> dict[str, int]:
    """How often we failed since the process started, by place; empty is healthy."""
    with _lock:
        return dict(_failures)


class Guard:
    """`with` block around our own work in the user's thread: no Exception leaves it.

    It lets KeyboardInterrupt, SystemExit and their like pass: those are the user's.
    """

    __slots__ = ("_place",)

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if error is None:
            return False
        if not isinstance(error, Exception):
            return False
        failed(self._place, error)
        return True
