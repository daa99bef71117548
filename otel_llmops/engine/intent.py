"""The range that is about to be inserted, written down before the insert.

After a crash the very same range is cut again, so the insert carries the same id and the same
rows, and the store sees a repetition where the first one had succeeded.
"""

import os
from pathlib import Path

from otel_llmops.journal import Position

__all__ = ["Intent"]


class Intent:
    """One range of the journal in one small file, replaced whole or not at all."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "intent"

    def read(self) -> tuple[Position, Position] | None:
        """The range written last, None where none ever was."""
        try:
            start, end = self._file.read_text(encoding="ascii").split()
        except FileNotFoundError:
            return None
        return Position.parse(start), Position.parse(end)

    def write(self, start: Position, end: Position) -> None:
        """Return when the range is on the disk."""
        fresh = self._file.with_suffix(".new")
        with fresh.open("w", encoding="ascii") as file:
            file.write(f"{start} {end}\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._file)
        directory = os.open(self._file.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
