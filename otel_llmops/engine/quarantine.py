"""Requests that the store will never take, kept with the reason."""

import json
from collections.abc import Sequence
from pathlib import Path

from otel_llmops.journal import Record

__all__ = ["Quarantine"]


class Quarantine:
    """A folder: one file a request, as it was journalled, and one with the reason beside it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put(self, records: Sequence[Record], reason: str) -> None:
        """Keep the requests. The same ones again leave one copy."""
        self._directory.mkdir(exist_ok=True)
        for record in records:
            file = self._directory / f"{record.position}.request"
            file.write_bytes(record.payload)
            about = {
                "signal": record.signal,
                "encoding": record.encoding,
                "rejected": list(record.rejected),
                "received_at_ns": record.received_at_ns,
                "reason": reason,
            }
            file.with_suffix(".json").write_text(json.dumps(about), encoding="utf-8")
