"""What the engine must know after a crash, written down before it acts.

The range that is about to be inserted: the very same range is cut again, so the insert carries
the same id and the same rows, and the store sees a repetition where the first one had succeeded.
The traces that grow for long: the cursor of the analysis passes what it saw of them, and they
still get their last analysis. The traces that were deleted, and up to where: what the analysis
reads once more must not bring them back. The deletions that another store did and this one has
still to do. What a disk has made of any of them is never acted upon: without the range a repetition
may be stored, without the traces the last analysis of some is missing, or one that was deleted may
come back, or stay; all are told.
"""

import logging
import threading
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from otel_llmops.errors import JournalError
from otel_llmops.journal import Disk, Position, make_directory, read_file, replace_file

__all__ = ["DeletedTraces", "Intent", "OpenTraces", "Owed", "OwedDeletions", "have_directory"]

_log = logging.getLogger(__name__)


class Intent:
    """One range of the journal in one small file, replaced whole or not at all."""

    def __init__(self, directory: Path, disk: Disk) -> None:
        self._disk = disk
        self._file = directory / "intent"

    def read(self) -> tuple[Position, Position] | None:
        """The range written last, None where none ever was or it is damaged.

        Raises: JournalError, if the disk fails.
        """
        text = _text(self._disk, self._file)
        if text is None:
            return None
        start, _, end = text.partition(" ")
        return Position.parse(start), Position.parse(end)

    def write(self, start: Position, end: Position) -> None:
        """Return when the range is on the disk. Raises: OSError, and the old range stands."""
        _write(self._disk, self._file, f"{start} {end}")


class OpenTraces:
    """Trace ids in one small file, replaced whole or not at all."""

    def __init__(self, directory: Path, disk: Disk) -> None:
        self._disk = disk
        self._file = directory / "open-traces"

    def read(self) -> set[str]:
        """The ids written last, none where they are damaged.

        Raises: JournalError, if the disk fails.
        """
        return set((_text(self._disk, self._file) or "").split())

    def write(self, trace_ids: Collection[str]) -> None:
        """Return when the ids are on the disk. Raises: OSError, and the old ones stand."""
        _write(self._disk, self._file, "\n".join(sorted(trace_ids)))


class DeletedTraces:
    """Trace id -> the place before which it is deleted, in one small file, replaced whole."""

    def __init__(self, directory: Path, disk: Disk) -> None:
        self._disk = disk
        self._file = directory / "deleted-traces"

    def read(self) -> dict[str, Position]:
        """What was written last, nothing where it is damaged. Raises: JournalError."""
        lines = (_text(self._disk, self._file) or "").splitlines()
        pairs = (line.rpartition(" ") for line in lines)
        return {unquote(trace): Position.parse(place) for trace, _, place in pairs}

    def write(self, places: Mapping[str, Position]) -> None:
        """Return when it is on the disk. Raises: OSError, and what was there stands."""
        lines = [f"{quote(trace)} {place}" for trace, place in sorted(places.items())]
        _write(self._disk, self._file, "\n".join(lines))


@dataclass(frozen=True, slots=True)
class Owed:
    """A session by all its names, and the place in the journal before which it is deleted."""

    names: Sequence[str]
    place: Position


class OwedDeletions:
    """Deletions that are still to be done, in one small file, replaced whole. Thread-safe."""

    def __init__(self, directory: Path, disk: Disk) -> None:
        """Raises: JournalError, if the disk fails."""
        self._disk = disk
        self._file = directory / "owed-deletions"
        self._lock = threading.Lock()
        lines = [line.split(" ") for line in (_text(disk, self._file) or "").splitlines()]
        self._owed = [
            Owed(tuple(map(unquote, names)), Position.parse(place)) for place, *names in lines
        ]
        self._refused: list[Owed] = []

    def __len__(self) -> int:
        return len(self._owed)

    def add(self, owed: Owed) -> None:
        """Return when it is on the disk. Raises: OSError, and it is not owed."""
        with self._lock:
            self._keep([*self._owed, owed])

    def due(self, passed: Position) -> list[Owed]:
        """What is to be done by whoever has passed so much of the journal."""
        return [owed for owed in self._open() if owed.place <= passed]

    def next_place(self) -> Position | None:
        """The first place that is not to be passed before there was a deletion."""
        return min((owed.place for owed in self._open()), default=None)

    def done(self, owed: Owed) -> None:
        """It is deleted; return when that is on the disk. Raises: OSError."""
        with self._lock:
            self._keep([each for each in self._owed if each != owed])

    def refuse(self, owed: Owed) -> None:
        """It cannot be done: it stays, and is due again after the next start."""
        self._refused.append(owed)

    def _open(self) -> list[Owed]:
        return [owed for owed in self._owed if owed not in self._refused]

    def _keep(self, owed: list[Owed]) -> None:
        lines = [" ".join([str(each.place), *map(_quoted, each.names)]) for each in owed]
        _write(self._disk, self._file, "\n".join(lines))
        self._owed = owed


def _quoted(name: str) -> str:
    return quote(name, safe="")


def have_directory(disk: Disk, directory: Path) -> None:
    """Have the folder, and its name on the disk. Raises: JournalError."""
    try:
        make_directory(disk, directory)
    except OSError as error:
        raise JournalError(
            f"cannot use {directory}: {error.strerror or error}",
            hint="look at the disk that holds the data folder",
        ) from error


def _write(disk: Disk, file: Path, text: str) -> None:
    replace_file(disk, file, f"{zlib.crc32(text.encode()):08x} {text}".encode())


def _text(disk: Disk, file: Path) -> str | None:
    try:
        content = read_file(disk, file)
    except OSError as error:
        raise JournalError(
            f"cannot read {file}: {error}", hint="look at the disk that holds the data folder"
        ) from error
    if content is None:
        return None
    found, _, text = content.partition(b" ")
    if found != f"{zlib.crc32(text):08x}".encode():
        _log.error("%s is damaged: it is left out of account", file)
        return None
    return text.decode("ascii")
