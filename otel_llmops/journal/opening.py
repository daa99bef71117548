"""Taking hold of a journal's directory as its one writer."""

import contextlib
import errno
import os
import time
from dataclasses import dataclass
from pathlib import Path

from otel_llmops.errors import JournalError
from otel_llmops.journal._disk import Disk
from otel_llmops.journal.files import Durable, Layout
from otel_llmops.journal.recovery import Recovered, recover
from otel_llmops.journal.settings import JournalSettings
from otel_llmops.journal.tail import Tail

__all__ = ["Opened", "open_directory"]

_LOCK_POLL_S = 0.05
# We cannot have created a name in a directory that says so
_NOT_OURS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EINVAL}


@dataclass(frozen=True, slots=True)
class Opened:
    """All that the writer holds; the lock is released last."""

    disk: Disk
    layout: Layout
    settings: JournalSettings
    lock_fd: int
    durable: Durable
    recovered: Recovered
    tail: Tail

    def close(self) -> None:
        """Release it. Raises nothing: what is acknowledged is on the disk already."""
        for release in (self.tail.close, self.durable.close):
            with contextlib.suppress(OSError):
                release()
        with contextlib.suppress(OSError):
            self.disk.close(self.lock_fd)


def open_directory(disk: Disk, layout: Layout, settings: JournalSettings) -> Opened:
    """Lock, recover, publish. Raises JournalError."""
    try:
        with contextlib.ExitStack() as undo:
            lock_fd = _take_lock(disk, layout, settings.lock_wait_s)
            undo.callback(disk.close, lock_fd)
            durable = _prepare(disk, layout, syncs=settings.syncs)
            undo.callback(durable.close)
            recovered = recover(disk, layout, durable, syncs=settings.syncs)
            segment = _unused_segment(disk, layout, durable, recovered)
            tail = Tail(disk, layout, settings, segment=segment)
            durable.publish(tail.end)
            undo.pop_all()
            return Opened(disk, layout, settings, lock_fd, durable, recovered, tail)
    except OSError as error:
        raise JournalError(
            f"cannot open the journal in {layout.directory}: {error.strerror or error}",
            hint="name a data folder that this user can write to",
        ) from error


def _take_lock(disk: Disk, layout: Layout, wait_s: float) -> int:
    """The lock's descriptor. A killed writer's lock may linger while its process is torn down."""
    _make_directory(disk, layout.directory)
    fd = disk.open(layout.lock, create=True)
    deadline = time.monotonic() + wait_s
    while not disk.lock(fd):
        if time.monotonic() >= deadline:
            holder = disk.pread(fd, 32, 0).decode("ascii", "replace").strip()
            disk.close(fd)
            raise JournalError(
                f"another process writes the journal in {layout.directory}"
                + (f": process {holder}" if holder else ""),
                hint="stop it, or name another data folder",
            )
        time.sleep(_LOCK_POLL_S)
    with contextlib.suppress(OSError):
        # only a word for whoever finds it locked: a full disk must not keep us from starting
        disk.truncate(fd, 0)
        disk.write(fd, [f"{os.getpid()}\n".encode()], 0)
    return fd


def _prepare(disk: Disk, layout: Layout, *, syncs: bool) -> Durable:
    _make_directory(disk, layout.segments)
    _make_directory(disk, layout.cursors)
    if syncs:
        _sync_names(disk, layout.segments)
    return Durable.open(disk, layout.durable, create=True)


def _make_directory(disk: Disk, path: Path) -> None:
    try:
        disk.make_directory(path)
    except FileNotFoundError:
        _make_directory(disk, path.parent)
        disk.make_directory(path)
    except FileExistsError:
        pass


def _sync_names(disk: Disk, path: Path) -> None:
    """Return when the names that lead to `path` are on the disk.

    Also where they exist already: whoever created them may have been killed before they were.
    """
    for parent in path.absolute().parents:
        try:
            disk.sync_directory(parent)
        except OSError as error:
            if error.errno not in _NOT_OURS:
                raise


def _unused_segment(disk: Disk, layout: Layout, durable: Durable, recovered: Recovered) -> int:
    """Above all that was ever named: a cursor must not meet other bytes at its place."""
    named = [durable.read().segment, *recovered.sizes]
    named += [place.segment for place in layout.committed(disk)]
    return max(named) + 1
