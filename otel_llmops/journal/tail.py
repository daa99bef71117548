"""The end of the journal: the one segment that is written to.

Strategy: `end` moves only when all before it is on the disk. A write that fails leaves bytes
behind it, which are cut off before anything else is written. After a failed fsync the file is
never trusted again (the kernel reports such an error once and then forgets it: "fsyncgate",
https://wiki.postgresql.org/wiki/Fsync_Errors), and the next segment is begun.
"""

import contextlib
from collections.abc import Sequence

from otel_llmops.journal._disk import Disk
from otel_llmops.journal.files import Layout
from otel_llmops.journal.record import Position
from otel_llmops.journal.settings import JournalSettings

__all__ = ["Tail"]


class Tail:
    """Appends groups of buffers. Called by one thread. Every method may raise OSError."""

    def __init__(
        self, disk: Disk, layout: Layout, settings: JournalSettings, *, segment: int
    ) -> None:
        self._disk = disk
        self._layout = layout
        self._settings = settings
        self._syncs = settings.syncs
        self._fd: int | None = None
        self._uncut = False
        self._distrusted = False
        self.end = Position(segment, 0)

    def place(self, size: int) -> Position:
        """Where a group of `size` bytes goes, in a segment that is there and clean."""
        if self._uncut:
            self._cut()
        if self._distrusted or self._is_full(size):
            self._leave()
        if self._fd is None:
            self._begin()
        return self.end

    def write(self, buffers: Sequence[bytes], size: int) -> None:
        """Put the buffers, `size` bytes together, at `end`; return when they are durable."""
        if self._fd is None:
            raise AssertionError("a group is written where place() says")
        self._uncut = True
        self._disk.write(self._fd, buffers, self.end.byte)
        if self._syncs:
            self._distrusted = True
            self._disk.fdatasync(self._fd)
            self._distrusted = False
        self._uncut = False
        self.end = Position(self.end.segment, self.end.byte + size)

    def close(self) -> None:
        """Cut what is not durable, if the disk lets us, and release the file."""
        with contextlib.suppress(OSError):
            if self._uncut:
                self._cut()
        if self._fd is not None:
            self._disk.close(self._fd)
            self._fd = None

    def _is_full(self, size: int) -> bool:
        return self.end.byte > 0 and self.end.byte + size > self._settings.segment_bytes_max

    def _cut(self) -> None:
        # On the disk before anything is written elsewhere: what was refused and is sent again
        # must not be found here as well after a power loss
        if self._fd is not None:
            self._disk.truncate(self._fd, self.end.byte)
            if self._syncs:
                distrusted, self._distrusted = self._distrusted, True
                self._disk.fdatasync(self._fd)
                self._distrusted = distrusted
        self._uncut = False
        # A segment without any durable byte has nothing that could be half forgotten
        self._distrusted = self._distrusted and self.end.byte > 0

    def _leave(self) -> None:
        fd, self._fd = self._fd, None
        self._distrusted = False
        self.end = Position(self.end.segment + 1, 0)
        if fd is not None:
            self._disk.close(fd)

    def _begin(self) -> None:
        path = self._layout.segment(self.end.segment)
        fd = self._disk.open(path, create=True)
        try:
            if self._syncs:
                self._disk.sync_directory(path.parent)
        except OSError:
            # Whether the name is on the disk is unknown for ever: take another one
            self.end = Position(self.end.segment + 1, 0)
            self._disk.close(fd)
            with contextlib.suppress(OSError):
                self._disk.unlink(path)
            raise
        self._fd = fd
