"""Small files that are replaced whole or not at all, whatever dies in between."""

from contextlib import suppress
from pathlib import Path

from otel_llmops.journal._disk import Disk

__all__ = ["make_directory", "read_file", "replace_file"]

_READ_BYTES = 1 << 20


def replace_file(disk: Disk, path: Path, content: bytes) -> None:
    """Return when `content` is what `path` holds on the disk; after a crash it is the old or it.

    One process at a time writes `path`. Raises: OSError; then the old content stands, or the new
    one does and may not be on the disk yet.
    """
    fresh = path.with_name(f".{path.name}")
    fd = disk.open(fresh, create=True)
    try:
        disk.truncate(fd, 0)
        disk.write(fd, [content], 0)
        disk.fdatasync(fd)
    finally:
        disk.close(fd)
    disk.rename(fresh, path)
    disk.sync_directory(path.parent)


def make_directory(disk: Disk, path: Path) -> None:
    """Return when `path` and its name in its parent are on the disk. Raises: OSError."""
    with suppress(FileExistsError):
        disk.make_directory(path)
    # also where it exists: whoever made it may have been killed before it was on the disk
    disk.sync_directory(path.parent)


def read_file(disk: Disk, path: Path) -> bytes | None:
    """All that `path` holds, None where there is no such file. Raises: OSError."""
    try:
        fd = disk.open(path)
    except FileNotFoundError:
        return None
    parts: list[bytes] = []
    try:
        while block := disk.pread(fd, _READ_BYTES, sum(map(len, parts))):
            parts.append(block)
    finally:
        disk.close(fd)
    return b"".join(parts)
