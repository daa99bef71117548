"""A place in the journal, read on from and moved for as long as the disk takes to do it."""

import threading

from otel_llmops.engine.insistence import Insistence, waiting_for_disk
from otel_llmops.journal import Position, Reader, Record

__all__ = ["Cursor"]


class Cursor:
    """A Reader whose calls are made again until the disk does them.

    Every method raises StoppedError, if `stop` comes before that; JournalError, where waiting
    does not help.
    """

    def __init__(self, reader: Reader, disk_calls: Insistence, *, batch_bytes: int) -> None:
        self.reader = reader
        self._disk_calls = disk_calls
        self._batch_bytes = batch_bytes

    @property
    def committed(self) -> Position:
        """The durable place."""
        return self.reader.committed

    def read(self, stop: threading.Event, *, until: Position | None = None) -> list[Record]:
        """The next records, about `batch_bytes` of them; none where there are none now."""

        def read() -> list[Record]:
            with waiting_for_disk():
                return self.reader.read(self._batch_bytes, until=until)

        return self._disk_calls.insist(read, stop)

    def commit(self, place: Position, stop: threading.Event) -> None:
        """Return when the durable place is `place`."""

        def commit() -> None:
            with waiting_for_disk():
                self.reader.commit(place)

        self._disk_calls.insist(commit, stop)
