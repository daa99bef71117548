"""What the half that stores hands to the half that analyses.

Strategy: a queue with a bound in bytes, so that a slow analysis slows the storing before it fills
the memory; and the time of the stream, which goes on while nothing comes.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from otel_llmops.engine.arrived import Arrived
from otel_llmops.engine.insistence import StoppedError
from otel_llmops.journal import Position

__all__ = ["Handed", "Handover", "Stored", "beside"]

_T = TypeVar("_T")

_STOP_S = 0.2
"""How soon somebody who waits for room notices that he is to stop."""


class Stored(NamedTuple):
    """Spans that are in the store, from a range that begins at `since`; `now` of the stream."""

    spans: Arrived
    since: Position
    now: float


class Handed(NamedTuple):
    """All that was handed over and not taken yet.

    `end`: all before it is stored, and was handed over. `now`: of the stream, by then. `behind`:
    more is waiting to be stored.
    """

    stored: list[Stored]
    end: Position
    now: float
    behind: bool


class Handover:
    """One puts, one takes."""

    def __init__(self, end: Position, *, now: float, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._changed = threading.Condition()
        self._handed = Handed([], end, now, behind=False)
        self._nbytes = 0

    def put(self, stored: list[Stored], *, end: Position, now: float, behind: bool) -> None:
        """Hand over what was stored up to `end`; whoever waits for it wakes up."""
        with self._changed:
            self._handed = Handed([*self._handed.stored, *stored], end, now, behind=behind)
            self._nbytes += sum(each.spans.nbytes for each in stored)
            if stored:
                self._changed.notify_all()

    def pass_time(self, now: float) -> None:
        """Nothing is waiting to be stored at `now`."""
        with self._changed:
            self._handed = self._handed._replace(now=now, behind=False)

    def make_room(self, stop: threading.Event) -> None:
        """Return when there is room for more. Raises: StoppedError, if `stop` comes first."""
        with self._changed:
            while self._nbytes > self._bytes_max:
                if stop.is_set():
                    raise StoppedError
                self._changed.wait(_STOP_S)

    def wait(self, seconds: float) -> None:
        """Return when something was put, at the latest after `seconds`."""
        with self._changed:
            if not self._handed.stored:
                self._changed.wait(seconds)

    def take(self) -> Handed:
        """What was put since the last time."""
        with self._changed:
            handed, self._handed = self._handed, self._handed._replace(stored=[])
            self._nbytes = 0
            self._changed.notify_all()
            return handed


@contextmanager
def beside(work: Callable[[], _T]) -> Iterator[Future[_T]]:
    """Run `work` in a thread of its own; after the block it has ended."""
    with ThreadPoolExecutor(1, thread_name_prefix="engine-store") as thread:
        yield thread.submit(work)
