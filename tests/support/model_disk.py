"""A disk in memory that loses its power, fails or fills up at any call.

Strategy: `ModelDisk` keeps what is on the disk apart from what is only in the page cache, so that
a test can cut it off at its k-th call and see what the next process finds.
"""

import errno
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from otel_llmops.journal import Disk

Survival = Literal["dropped", "kept", "torn"]
"""What of the page cache reached the disk: nothing, all of it, or some sectors and names."""

SECTOR_BYTES = 16  # small, so that small writes tear as well


@dataclass(eq=False)
class Inode:
    """A file: what is on the disk, what is in the cache, and the changes between the two."""

    stored: bytes = b""
    cached: bytearray = field(default_factory=bytearray)
    changes: list[Callable[[bytearray], None]] = field(default_factory=list)
    holder: int | None = None

    def change(self, effect: Callable[[bytearray], None]) -> None:
        effect(self.cached)
        self.changes.append(effect)

    def sync(self) -> None:
        stored = bytearray(self.stored)
        for effect in self.changes:
            effect(stored)
        self.stored = bytes(stored)
        self.changes.clear()


Entries = dict[Path, Inode | None]  # None is a directory
EntryChange = tuple[Path, Callable[[Entries], None]]


class ModelDisk(Disk):
    """A disk in memory. The call numbered `fails_at` raises `error`; power off: all after it too.

    A failed fdatasync forgets what it was to write, as Linux does: the next one succeeds and the
    bytes are not on the disk.
    """

    def __init__(self, *, fails_at: int = 0, error: int = errno.EIO, goes_on: bool = False) -> None:
        self.calls = 0
        self.fails_at = fails_at
        self._error = error
        self._goes_on = goes_on
        self._lock = threading.RLock()
        self._fds: dict[int, Inode] = {}
        self._next_fd = 100
        self.entries: Entries = {Path("/"): None, Path("/data"): None}
        self._stored_entries: Entries = dict(self.entries)
        self._entry_changes: list[EntryChange] = []

    @property
    def dead(self) -> bool:
        return 0 < self.fails_at <= self.calls and not self._goes_on

    @contextmanager
    def _call(self, on_failure: Callable[[], None] = lambda: None) -> Iterator[None]:
        with self._lock:
            if self.dead:
                raise OSError(self._error, "the power is off")
            self.calls += 1
            if self.calls == self.fails_at:
                on_failure()
                raise OSError(self._error, "injected")
            yield

    def _change_entries(self, parent: Path, effect: Callable[[Entries], None]) -> None:
        effect(self.entries)
        self._entry_changes.append((parent, effect))

    def make_directory(self, path: Path) -> None:
        with self._call():
            if path in self.entries:
                raise FileExistsError(path)
            if path.parent not in self.entries:
                raise FileNotFoundError(path.parent)
            self._change_entries(path.parent, lambda entries: entries.update({path: None}))

    def names(self, path: Path) -> list[str]:
        with self._lock:
            return [entry.name for entry in self.entries if entry.parent == path]

    def open(self, path: Path, *, create: bool = False) -> int:
        with self._call():
            inode = self.entries.get(path)
            if inode is None:
                if not create or path.parent not in self.entries:
                    raise FileNotFoundError(path)
                fresh = inode = Inode()
                self._change_entries(path.parent, lambda entries: entries.update({path: fresh}))
            self._next_fd += 1
            self._fds[self._next_fd] = inode
            return self._next_fd

    def close(self, fd: int) -> None:
        with self._lock:
            inode = self._fds.pop(fd)
            if inode.holder == fd:
                inode.holder = None

    def lock(self, fd: int) -> bool:
        with self._call():
            inode = self._fds[fd]
            if inode.holder is None:
                inode.holder = fd
            return inode.holder == fd

    def size(self, fd: int) -> int:
        with self._call():
            return len(self._fds[fd].cached)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        with self._call():
            return bytes(self._fds[fd].cached[offset : offset + size])

    def pwritev(self, fd: int, buffers: Sequence[bytes | memoryview], offset: int) -> int:
        block = b"".join(buffers)
        with self._lock:
            inode = self._fds[fd]
        half = block[: len(block) // 2]
        with self._call(lambda: inode.change(_writing(half, offset))):
            # A short write now and then: the caller must go on with the rest
            taken = block if self.calls % 3 else block[: max(1, len(block) - 7)]
            inode.change(_writing(taken, offset))
            return len(taken)

    def fdatasync(self, fd: int) -> None:
        with self._lock:
            inode = self._fds[fd]
        with self._call(lambda: None if not self._goes_on else inode.changes.clear()):
            inode.sync()

    def truncate(self, fd: int, size: int) -> None:
        with self._call():
            self._fds[fd].change(_cutting(size))

    def rename(self, source: Path, target: Path) -> None:
        with self._call():
            inode = self.entries[source]
            self._change_entries(
                target.parent, lambda entries: _move(entries, source, target, inode)
            )

    def unlink(self, path: Path) -> None:
        with self._call():
            self._change_entries(path.parent, lambda entries: _forget(entries, path))

    def sync_directory(self, path: Path) -> None:
        with self._call():
            mine = [effect for parent, effect in self._entry_changes if parent == path]
            for effect in mine:
                effect(self._stored_entries)
            self._entry_changes = [pair for pair in self._entry_changes if pair[0] != path]

    def sync_all(self) -> None:
        """All names there are, are on the disk."""
        self._stored_entries = dict(self.entries)

    def after_kill(self) -> None:
        """Only the process died: its files are closed, and the page cache goes on."""
        with self._lock:
            self.fails_at = 0
            for fd in list(self._fds):
                self.close(fd)

    def after_power_loss(self, survival: Survival, rng: random.Random) -> "ModelDisk":
        """The disk as the next process finds it."""
        entries = dict(self._stored_entries)
        for _, effect in self._entry_changes:
            if survival == "kept" or (survival == "torn" and rng.random() < 0.5):
                effect(entries)
        found = ModelDisk()
        found.entries = {
            path: inode and _survivor(inode, survival, rng)
            for path, inode in entries.items()
            if all(parent in entries for parent in path.parents)
        }
        found._stored_entries = dict(found.entries)
        return found


def _writing(block: bytes, offset: int) -> Callable[[bytearray], None]:
    def effect(content: bytearray) -> None:
        content.extend(bytes(max(0, offset - len(content))))
        content[offset : offset + len(block)] = block

    return effect


def _cutting(size: int) -> Callable[[bytearray], None]:
    def effect(content: bytearray) -> None:
        del content[size:]
        content.extend(bytes(size - len(content)))

    return effect


def _move(entries: Entries, source: Path, target: Path, inode: Inode | None) -> None:
    entries.pop(source, None)
    entries[target] = inode


def _forget(entries: Entries, path: Path) -> None:
    entries.pop(path, None)


def _survivor(inode: Inode, survival: Survival, rng: random.Random) -> Inode:
    content = bytearray(inode.stored)
    if survival == "kept":
        content = bytearray(inode.cached)
    elif survival == "torn":
        cached = bytes(inode.cached)
        length = rng.choice((len(content), len(cached), rng.randint(0, len(cached))))
        content = bytearray(bytes(content[:length]).ljust(length, b"\0"))
        for start in range(0, min(len(content), len(cached)), SECTOR_BYTES):
            if inode.changes and rng.random() < 0.5:
                end = min(start + SECTOR_BYTES, len(content), len(cached))
                content[start:end] = cached[start:end]
        # What was synced and not touched since is as it was
        same = _common_prefix(inode.stored, cached)
        content[:same] = inode.stored[:same]
    return Inode(stored=bytes(content), cached=content)


def _common_prefix(left: bytes, right: bytes) -> int:
    for place, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return place
    return min(len(left), len(right))


def dice(seed: int) -> random.Random:
    """Chances that come again."""
    return random.Random(seed)  # noqa: S311 - repeatable on purpose
