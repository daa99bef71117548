"""Where things lie in a journal's directory, and how each of them is written.

- `lock`: held by the one writer; holds its process id
- `durable`: how far the journal is on the disk
- `segments/N.segment`: records, see record.py
- `cursors/CONSUMER`: how far each consumer has come
"""

import logging
import struct
import zlib
from pathlib import Path

from otel_llmops.errors import JournalError
from otel_llmops.journal._disk import Disk
from otel_llmops.journal.record import Position
from otel_llmops.journal.replacing import read_file, replace_file

__all__ = ["Durable", "Layout", "read_cursor", "write_cursor"]

_log = logging.getLogger(__name__)

_SUFFIX = ".segment"
_SLOT = struct.Struct("<QQQI4x")


class Layout:
    """Paths of a journal's directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lock = directory / "lock"
        self.durable = directory / "durable"
        self.segments = directory / "segments"
        self.cursors = directory / "cursors"

    def segment(self, number: int) -> Path:
        """The file of a segment."""
        return self.segments / f"{number:010d}{_SUFFIX}"

    def cursor(self, consumer: str) -> Path:
        """The file of a consumer's cursor. Raises JournalError for a name that is no file name."""
        if not consumer.replace("-", "").replace("_", "").isalnum():
            raise JournalError(
                f"a consumer cannot be named {consumer!r}",
                hint="use letters, digits, - and _",
            )
        return self.cursors / consumer

    def numbers(self, disk: Disk) -> list[int]:
        """Numbers of the segments there are, in ascending order."""
        names = [name for name in disk.names(self.segments) if name.endswith(_SUFFIX)]
        stems = [name.removesuffix(_SUFFIX) for name in names]
        return sorted(int(stem) for stem in stems if stem.isdecimal())

    def committed(self, disk: Disk) -> list[Position]:
        """Where the cursors of all consumers stand."""
        names = [name for name in disk.names(self.cursors) if not name.startswith(".")]
        places = [read_cursor(disk, self.cursors / name) for name in names]
        return [place for place in places if place is not None]


class Durable:
    """How far the journal is on the disk, told by the writer to readers in other processes.

    Strategy: two slots with a sequence number and a CRC each, written in turn. A reader that sees
    one of them half written (or a power loss that leaves it so) takes the other: never too far.
    """

    def __init__(self, disk: Disk, fd: int) -> None:
        self._disk = disk
        self._fd = fd
        self._sequence, self._position = self._newest()

    @classmethod
    def open(cls, disk: Disk, path: Path, *, create: bool = False) -> "Durable":
        """Raises OSError, FileNotFoundError where there is no journal yet."""
        return cls(disk, disk.open(path, create=create))

    def _newest(self) -> tuple[int, Position]:
        block = self._disk.pread(self._fd, 2 * _SLOT.size, 0)
        newest = (0, Position(0, 0))
        for start in range(0, len(block) - _SLOT.size + 1, _SLOT.size):
            sequence, segment, byte, found = _SLOT.unpack_from(block, start)
            if found == zlib.crc32(memoryview(block)[start : start + 24]):
                newest = max(newest, (sequence, Position(segment, byte)))
        return newest

    def read(self) -> Position:
        """The end of what is durable: (0, 0) where nothing was ever published."""
        self._position = max(self._position, self._newest()[1])
        return self._position

    def publish(self, end: Position) -> None:
        """Let every reader know that all before `end` is durable."""
        self._sequence += 1
        slot = _SLOT.pack(self._sequence, *end, 0)
        slot = slot[:24] + zlib.crc32(slot[:24]).to_bytes(4, "little") + slot[28:]
        self._disk.write(self._fd, [slot], self._sequence % 2 * _SLOT.size)
        self._position = end

    def close(self) -> None:
        """Release the file."""
        self._disk.close(self._fd)


def read_cursor(disk: Disk, path: Path) -> Position | None:
    """The position a consumer has committed, None where there is none that can be read."""
    content = read_file(disk, path)
    if content is None:
        return None
    text = content.decode("ascii", "replace")
    place, _, found = text.strip().partition(" ")
    if found != _cursor_sum(place):
        _log.error("the cursor %s is damaged: its consumer starts over", path.name)
        return None
    return Position.parse(place)


def write_cursor(disk: Disk, path: Path, position: Position) -> None:
    """Return when the cursor is on the disk; after a crash it is the old one or the new one."""
    text = f"{position} {_cursor_sum(str(position))}\n"
    replace_file(disk, path, text.encode())


def _cursor_sum(place: str) -> str:
    return f"{zlib.crc32(place.encode()):08x}"
