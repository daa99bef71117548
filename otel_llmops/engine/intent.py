"""What the engine must know after a crash, written down before it acts.

The range that is about to be inserted: the very same range is cut again, so the insert carries
the same id and the same rows, and the store sees a repetition where the first one had succeeded.
The traces that grow for long: the cursor of the analysis passes what it saw of them, and they
still get their last analysis.
"""

from collections.abc import Collection
from pathlib import Path

from otel_llmops.errors import JournalError
from otel_llmops.journal import Disk, Position, read_file, replace_file

__all__ = ["Intent", "OpenTraces"]


class Intent:
    """One range of the journal in one small file, replaced whole or not at all."""

    def __init__(self, directory: Path, disk: Disk) -> None:
        self._disk = disk
        self._file = directory / "intent"

    def read(self) -> tuple[Position, Position] | None:
        """The range written last, None where none ever was.

        Raises: JournalError, if the file holds something else.
        """
        text = _text(self._disk, self._file)
        if text is None:
            return None
        start, _, end = text.strip().partition(" ")
        return Position.parse(start), Position.parse(end)

    def write(self, start: Position, end: Position) -> None:
        """Return when the range is on the disk. Raises: OSError, and the old range stands."""
        replace_file(self._disk, self._file, f"{start} {end}\n".encode())


class OpenTraces:
    """Trace ids in one small file, replaced whole or not at all."""

    def __init__(self, directory: Path, disk: Disk) -> None:
        self._disk = disk
        self._file = directory / "open-traces"

    def read(self) -> set[str]:
        """The ids written last.

        Raises: JournalError, if the file is not text.
        """
        return set((_text(self._disk, self._file) or "").split())

    def write(self, trace_ids: Collection[str]) -> None:
        """Return when the ids are on the disk. Raises: OSError, and the old ones stand."""
        text = "".join(f"{trace_id}\n" for trace_id in sorted(trace_ids))
        replace_file(self._disk, self._file, text.encode())


def _text(disk: Disk, file: Path) -> str | None:
    try:
        content = read_file(disk, file)
        return None if content is None else content.decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise JournalError(
            f"cannot read {file}: {error}", hint="look at the disk that holds the data folder"
        ) from error
