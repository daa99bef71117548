"""Requests that the store will never take, kept with the reason."""

import json
from pathlib import Path

from otel_llmops.journal import Record

__all__ = ["Quarantine"]


class Quarantine:
    """A folder: one file a request, as it was journalled, and one with the reason beside it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put(self, record: Record, reason: str) -> None:
        """Keep a request. The same one again leaves one copy. Raises: OSError."""
        self._directory.mkdir(exist_ok=True)
        about = {
            "signal": record.signal,
            "encoding": record.encoding,
            "rejected": list(record.rejected),
            "received_at_ns": record.received_at_ns,
            "reason": reason,
        }
        file = self._file(record)
        file.with_suffix(".json").write_text(json.dumps(about), encoding="utf-8")
        file.write_bytes(record.payload)

    def holds(self, record: Record) -> bool:
        """Whether this request was put here."""
        return self._file(record).exists()

    def _file(self, record: Record) -> Path:
        return self._directory / f"{record.position}.request"
