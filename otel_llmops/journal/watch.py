"""How far each consumer has come, seen from outside of it.

Strategy: a cursor is a small file, so anybody may look, also while the consumer waits for its
store or is dead. How long something has waited is measured by when it was first seen, on a clock
that only goes forward: what a wall clock says about yesterday may change tomorrow.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from otel_llmops.errors import JournalError
from otel_llmops.journal._disk import Disk
from otel_llmops.journal.files import Durable, Layout, read_cursor
from otel_llmops.journal.record import Position

__all__ = ["Lag", "Watch", "bytes_between"]

_NOTHING = Position(0, 0)
_SEEN_MAX = 4096


class Lag(NamedTuple):
    """What a consumer has not passed: By, and for how many s the oldest of it has been seen."""

    nbytes: int
    seconds: float


class Watch:
    """Looks at the cursors of some consumers. Called from one thread at a time."""

    def __init__(
        self,
        directory: Path,
        consumers: Sequence[str],
        *,
        disk: Disk | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The journal need not exist yet."""
        self._disk = disk or Disk()
        self._layout = Layout(directory)
        self._cursors = {name: self._layout.cursor(name) for name in consumers}
        self._clock = clock
        self._durable: Durable | None = None
        self._seen: deque[tuple[Position, float]] = deque()

    def look(self) -> dict[str, Lag]:
        """Consumer -> its lag now; look often, since time is counted from what was seen.

        Raises: JournalError, if the disk fails.
        """
        try:
            now, end = self._clock(), self._end()
            if end > (self._seen[-1][0] if self._seen else _NOTHING):
                # where they are many, the newest one matters least
                if len(self._seen) == _SEEN_MAX:
                    self._seen.pop()
                self._seen.append((end, now))
            places = {
                name: read_cursor(self._disk, path) or _NOTHING
                for name, path in self._cursors.items()
            }
            while self._seen and self._seen[0][0] <= min(places.values()):
                self._seen.popleft()
            return {name: self._lag(place, end, now) for name, place in places.items()}
        except OSError as error:
            raise JournalError(
                f"cannot see how far the journal's consumers are: {error.strerror or error}",
                hint="look at the disk that holds the journal",
            ) from error

    def close(self) -> None:
        """Release the file. Safe to call twice."""
        if self._durable is not None:
            self._durable.close()
            self._durable = None

    def _end(self) -> Position:
        try:
            if self._durable is None:
                self._durable = Durable.open(self._disk, self._layout.durable)
            return self._durable.read()
        except FileNotFoundError:
            return _NOTHING

    def _lag(self, place: Position, end: Position, now: float) -> Lag:
        waiting = bytes_between(self._disk, self._layout, place, end)
        if not waiting:
            return Lag(0, 0.0)
        since = next((at for seen, at in self._seen if seen > place), now)
        return Lag(waiting, now - since)


def bytes_between(disk: Disk, layout: Layout, place: Position, end: Position) -> int:
    """Bytes of records from one position to another. Raises: OSError."""
    found = 0
    for number in layout.numbers(disk):
        if place.segment <= number <= end.segment:
            start = place.byte if number == place.segment else 0
            stop = end.byte if number == end.segment else _size(disk, layout, number)
            found += max(0, stop - start)
    return found


def _size(disk: Disk, layout: Layout, number: int) -> int:
    try:
        fd = disk.open(layout.segment(number))
    except FileNotFoundError:  # deleted since it was listed
        return 0
    try:
        return disk.size(fd)
    finally:
        disk.close(fd)
