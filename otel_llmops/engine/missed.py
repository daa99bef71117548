"""What had left the journal before a destination took it, written down."""

import json
import threading
import time
from pathlib import Path

from otel_llmops.engine.insistence import Insistence, waiting_for_disk
from otel_llmops.journal import Disk, Reader, replace_file

__all__ = ["Missed"]

_KEPT_MAX = 1_000


class Missed:
    """Ranges of the journal in `missed.json` of a folder, the newest 1,000 of them."""

    def __init__(self, directory: Path, disk: Disk, disk_calls: Insistence) -> None:
        self._file = directory / "missed.json"
        self._disk = disk
        self._disk_calls = disk_calls
        self._ranges = self._before()

    def __len__(self) -> int:
        return len(self._ranges)

    def hear(self, reader: Reader, stop: threading.Event) -> None:
        """Return when what `reader` missed since the last time is on the disk.

        Raises: StoppedError, if `stop` comes first.
        """
        missed = reader.missed()
        if not missed:
            return
        at = time.time()
        found = [{"from": str(a), "to": str(b), "noticed_at": at} for a, b in missed]
        self._ranges = [*self._ranges, *found][-_KEPT_MAX:]

        def write() -> None:
            with waiting_for_disk():
                replace_file(self._disk, self._file, json.dumps(self._ranges).encode())

        self._disk_calls.insist(write, stop)

    def note(self, name: str) -> list[str]:
        """What an operator should know of it."""
        if not self._ranges:
            return []
        first, last = self._ranges[0]["from"], self._ranges[-1]["to"]
        return [f"{name} missed what had left the journal, {first} to {last}"]

    def _before(self) -> list[dict[str, object]]:
        try:
            found: list[dict[str, object]] = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return []
        return found
