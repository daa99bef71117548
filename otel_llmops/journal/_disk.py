"""The only module of the journal that touches the disk.

Strategy: every call is one system call on a path or a descriptor, so that a test can pass in a
disk that dies, fills up or lies after the k-th call.
"""

import errno
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

__all__ = ["Disk"]

_MODE = 0o640  # what agents say to each other is nobody else's business


class Disk:
    """System calls on files. Every method raises OSError and nothing else."""

    def make_directory(self, path: Path) -> None:
        """Create `path` in a directory that exists."""
        path.mkdir()

    def names(self, path: Path) -> list[str]:
        """Names of the entries of a directory, in any order; none where it does not exist."""
        try:
            return os.listdir(path)  # noqa: PTH208 - names, not paths
        except FileNotFoundError:
            return []

    def open(self, path: Path, *, create: bool = False) -> int:
        """A descriptor to read and write `path`."""
        flags = os.O_RDWR | (os.O_CREAT if create else 0)
        return os.open(path, flags, _MODE)

    def close(self, fd: int) -> None:
        """Give the descriptor back."""
        os.close(fd)

    def lock(self, fd: int) -> bool:
        """Take the exclusive lock of an open file; False where another process has it."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in {errno.EAGAIN, errno.EACCES}:
                return False
            raise
        return True

    def size(self, fd: int) -> int:
        """Size of an open file in bytes."""
        return os.fstat(fd).st_size

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """At most `size` bytes from `offset`: fewer only at the end of the file."""
        block = os.pread(fd, size, offset)
        if len(block) == size or not block:
            return block
        # Linux gives at most 2 GiB a call, and a signal may cut it short
        parts = [block]
        while block and (missing := size - sum(map(len, parts))):
            block = os.pread(fd, missing, offset + size - missing)
            parts.append(block)
        return b"".join(parts)

    def pwritev(self, fd: int, buffers: Sequence[bytes | memoryview], offset: int) -> int:
        """Write the buffers one after the other at `offset`; how many bytes were taken."""
        return os.pwritev(fd, buffers, offset)

    def write(self, fd: int, buffers: Sequence[bytes | memoryview], offset: int) -> None:
        """Write all of the buffers: one call may take a part of them."""
        rest = list(buffers)
        while rest:
            taken = self.pwritev(fd, rest, offset)
            offset += taken
            whole = 0
            while whole < len(rest) and taken >= len(rest[whole]):
                taken -= len(rest[whole])
                whole += 1
            rest = rest[whole:]
            if taken:
                rest[0] = memoryview(rest[0])[taken:]

    def fdatasync(self, fd: int) -> None:
        """Return when the file's content and size are on the disk."""
        os.fdatasync(fd)

    def truncate(self, fd: int, size: int) -> None:
        """Cut the file to `size` bytes."""
        os.ftruncate(fd, size)

    def rename(self, source: Path, target: Path) -> None:
        """Put `source` in the place of `target`, at once."""
        os.replace(source, target)  # noqa: PTH105 - the system call itself

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        os.unlink(path)  # noqa: PTH108 - the system call itself

    def sync_directory(self, path: Path) -> None:
        """Return when the directory's entries are on the disk."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
