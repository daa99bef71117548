"""Requests that the store will never take, kept with the reason; and what a disk made of some."""

import json
from pathlib import Path

from otel_llmops.journal import Disk, Position, Record, make_directory, replace_file

__all__ = ["Quarantine"]

_SUFFIX = ".request"


class Quarantine:
    """A folder: one file a request, as it was journalled, and one with the reason beside it.

    Once the cursor has passed a request, this is where it is: so it is on the disk before.
    """

    def __init__(self, directory: Path, disk: Disk) -> None:
        self._directory = directory
        self._disk = disk
        self._held = {name for name in disk.names(directory) if name.endswith(_SUFFIX)}

    def __len__(self) -> int:
        return len(self._held)

    def put(self, record: Record, reason: str) -> None:
        """Return when a request is kept on the disk. The same one again leaves one copy.

        Raises: OSError.
        """
        make_directory(self._disk, self._directory)
        about = {
            "signal": record.signal,
            "encoding": record.encoding,
            "rejected": list(record.rejected),
            "received_at_ns": record.received_at_ns,
            "reason": reason,
        }
        file = self._directory / _name(record)
        replace_file(self._disk, file.with_suffix(".json"), json.dumps(about).encode())
        replace_file(self._disk, file, record.payload)
        self._held.add(file.name)

    def put_damaged(self, place: Position, found: bytes) -> None:
        """Return when bytes of the journal that are no record are kept on the disk. As `put`."""
        make_directory(self._disk, self._directory)
        replace_file(self._disk, self._directory / f"{place}.damaged", found)

    def holds(self, record: Record) -> bool:
        """Whether this request was put here."""
        return _name(record) in self._held


def _name(record: Record) -> str:
    return f"{record.position}{_SUFFIX}"
