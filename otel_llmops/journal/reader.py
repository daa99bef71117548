"""What a consumer reads the journal with, usually in another process than the writer's.

Strategy: it knows how far the journal is durable from a small file (one pread), reads blocks
straight from the segments, and never waits, locks or talks to the writer.
"""

import logging
from pathlib import Path

from otel_llmops.errors import JournalError
from otel_llmops.journal._disk import Disk
from otel_llmops.journal.files import Durable, Layout, read_cursor, write_cursor
from otel_llmops.journal.record import Position, Record
from otel_llmops.journal.scan import read_records
from otel_llmops.journal.watch import bytes_between

__all__ = ["Reader"]

_log = logging.getLogger(__name__)

_NOTHING = Position(0, 0)
_KEPT_RUNS_MAX = 1024
_KEPT_BYTES_MAX = 64 * 2**20


class Reader:
    """One consumer's view of a journal. Called from one thread at a time.

    Counters since it was opened: `damaged_records` and `damaged_bytes` were passed over because
    they are not what was written; `gaps` counts the times that what was to be read next had been
    deleted. All methods raise JournalError where the disk fails, and nothing else.
    """

    def __init__(self, disk: Disk, layout: Layout, consumer: str) -> None:
        """Use `open`."""
        self._disk = disk
        self._layout = layout
        self._consumer = consumer
        self._cursor = layout.cursor(consumer)
        self._durable: Durable | None = None
        self._fd: int | None = None
        self._fd_segment = 0
        self.damaged_records = 0
        self.damaged_bytes = 0
        self.gaps = 0
        self._runs: list[tuple[Position, int]] = []
        self._missed: list[tuple[Position, Position]] = []
        self._committed = read_cursor(disk, self._cursor)
        self._position = self._committed or _NOTHING

    @classmethod
    def open(cls, directory: Path, consumer: str, *, disk: Disk | None = None) -> "Reader":
        """Stand where `consumer` has committed; at the oldest record where it never did.

        The journal need not exist yet: then there is nothing to read.
        """
        try:
            return cls(disk or Disk(), Layout(Path(directory)), consumer)
        except OSError as error:
            raise _unreadable(error) from error

    @property
    def consumer(self) -> str:
        """Whose cursor this is."""
        return self._consumer

    @property
    def position(self) -> Position:
        """Where the next read begins."""
        return self._position

    @property
    def committed(self) -> Position:
        """The durable cursor; (0, 0) where there is none yet."""
        return self._committed or _NOTHING

    def durable_end(self) -> Position:
        """All before it is durable and can be read; (0, 0) where there is no journal yet."""
        try:
            if self._durable is None:
                self._durable = Durable.open(self._disk, self._layout.durable)
            return self._durable.read()
        except FileNotFoundError:
            return _NOTHING
        except OSError as error:
            raise _unreadable(error) from error

    def read(self, limit_bytes: int, until: Position | None = None) -> list[Record]:
        """Records from `position` on, about `limit_bytes` of them, at least one if there is one.

        Gives only what is durable and begins before `until`, moves `position` behind the last
        one, and never waits: no records means that there are none now. Where it raises, `position`
        is where it was.
        """
        durable = self.durable_end()
        stop = durable if until is None else min(durable, until)
        records: list[Record] = []
        taken, began = 0, self._position
        try:
            while (taken < limit_bytes or not records) and self._find_segment(stop):
                found = self._read_some(durable, stop, max(1, limit_bytes - taken))
                records += found
                taken += sum(len(record.payload) for record in found)
        except OSError as error:
            self._position = began
            raise _unreadable(error) from error
        return records

    def damage(self) -> list[tuple[Position, bytes]]:
        """The runs of bytes that were passed over since this was last asked, and where they stood.

        At most 1,024 runs, and the first 64 MiB of each.
        """
        runs, self._runs = self._runs, []
        try:
            return [(place, self._bytes(place, size)) for place, size in runs]
        except OSError as error:
            self._runs = runs
            raise _unreadable(error) from error

    def missed(self) -> list[tuple[Position, Position]]:
        """What had been deleted before it was read, since this was last asked."""
        missed, self._missed = self._missed, []
        return missed

    def seek(self, position: Position) -> None:
        """Read from `position` next, which a record or a commit of this journal gave."""
        self._position = position

    def commit(self, position: Position) -> None:
        """Move the cursor to `position`; return when that is on the disk.

        Raises JournalError where the position is not durable in this journal.
        """
        if position == self._committed:
            return
        if position > self.durable_end():
            raise JournalError(f"{self._consumer} cannot commit {position}: it is not durable yet")
        try:
            write_cursor(self._disk, self._cursor, position)
        except OSError as error:
            raise JournalError(
                f"cannot move the cursor of {self._consumer}: {error.strerror or error}",
                hint="look at the disk that holds the journal",
            ) from error
        self._committed = position

    def lag_bytes(self) -> int:
        """Durable bytes that are not committed yet."""
        try:
            return bytes_between(self._disk, self._layout, self.committed, self.durable_end())
        except OSError as error:
            raise _unreadable(error) from error

    def close(self) -> None:
        """Release the files. Safe to call twice."""
        self._release()
        if self._durable is not None:
            self._durable.close()
            self._durable = None

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _find_segment(self, stop: Position) -> bool:
        """Move to the segment that holds the next record before `stop`; False if there is none."""
        while self._position < stop:
            if self._open_segment() and (
                self._position.segment == stop.segment
                or self._position.byte < self._disk.size(self._require_fd())
            ):
                return True
            if not self._next_segment(stop):
                break
        return False

    def _open_segment(self) -> bool:
        if self._fd is not None and self._fd_segment == self._position.segment:
            return True
        self._release()
        try:
            self._fd = self._disk.open(self._layout.segment(self._position.segment))
        except FileNotFoundError:
            return False
        self._fd_segment = self._position.segment
        return True

    def _next_segment(self, stop: Position) -> bool:
        numbers = self._layout.numbers(self._disk)
        later = [number for number in numbers if number > self._position.segment]
        if not later or later[0] > stop.segment:
            return False
        if self._position > _NOTHING and numbers[0] > self._position.segment:
            self.gaps += 1
            self._missed.append((self._position, Position(later[0], 0)))
            _log.error(
                "%s was to read %s next, which is deleted: it goes on at segment %d",
                self._consumer,
                self._position,
                later[0],
            )
        self._position = Position(later[0], 0)
        return True

    def _read_some(self, durable: Position, stop: Position, limit_bytes: int) -> list[Record]:
        fd, start = self._require_fd(), self._position
        is_last = start.segment == durable.segment
        end_byte = durable.byte if is_last else self._disk.size(fd)
        stop_byte = min(stop.byte, end_byte) if start.segment == stop.segment else end_byte
        found = read_records(
            self._disk, fd, start, end_byte=end_byte, limit_bytes=limit_bytes, stop_byte=stop_byte
        )
        for begin, after in found.damaged:
            self._pass(begin, after)
        self._position = Position(start.segment, found.next_byte)
        if found.next_byte == start.byte:  # the file ends before what was said to be durable
            self._pass(start.byte, end_byte)
        return found.records

    def _pass(self, begin: int, after: int) -> None:
        place = Position(self._position.segment, begin)
        self.damaged_records += 1
        self.damaged_bytes += after - begin
        if len(self._runs) < _KEPT_RUNS_MAX:
            self._runs.append((place, after - begin))
        self._position = Position(place.segment, after)
        _log.error("passed over %d damaged bytes at %s", after - begin, place)

    def _bytes(self, place: Position, size: int) -> bytes:
        fd = self._disk.open(self._layout.segment(place.segment))
        try:
            return self._disk.pread(fd, min(size, _KEPT_BYTES_MAX), place.byte)
        finally:
            self._disk.close(fd)

    def _require_fd(self) -> int:
        if self._fd is None:
            raise AssertionError("a segment is open while it is read")
        return self._fd

    def _release(self) -> None:
        if self._fd is not None:
            self._disk.close(self._fd)
            self._fd = None


def _unreadable(error: OSError) -> JournalError:
    return JournalError(
        f"cannot read the journal: {error.strerror or error}",
        hint="look at the disk that holds the journal",
    )
