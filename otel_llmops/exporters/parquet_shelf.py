"""Where the files of a lake stand: the seam, and a folder of this machine.

Strategy: a file is written where nobody looks, and then given its name, whole. All that is said of
what files hold is above this (parquet_files.py).
"""

import io
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any, Protocol

from otel_llmops.errors import ConfigError
from otel_llmops.exporters.clickhouse_client import FolderLock
from otel_llmops.journal import Disk, make_directory, read_file, replace_file

__all__ = ["Folder", "Shelf", "quoted"]

_FRESH = ".fresh"
"""What ends so is not complete, and matches no pattern of a view."""
_BUFFER_BYTES = 2**20
_PATTERN = frozenset("*?{}[]|,\0\n")


class Shelf(Protocol):
    """Files in folders, below one root.

    A file MUST be there whole or not at all once it has its name, and what is read of it MUST be
    what was written last. Everything that touches files raises OSError and nothing else.
    """

    @property
    def root(self) -> PurePath:
        """The folder of the lake."""

    @property
    def has_lock(self) -> bool:
        """Whether one process at a time has it, from `lock` on, to read as well as to write."""

    def lock(self) -> Callable[[], None]:
        """Keep others away; what is given lets them in. Raises: ConfigError."""

    def source(self, pattern: str, structure: str) -> str:
        """ClickHouse's table function over the files that match, as these columns.

        Raises: ConfigError, if the lake's own name has signs of a pattern.
        """

    def make(self, folder: PurePath) -> None:
        """Have a folder."""

    def names(self, folder: PurePath) -> Sequence[str]:
        """What is in a folder, in no order; nothing where there is none."""

    def folders(self, folder: PurePath) -> Sequence[PurePath]:
        """The folders in a folder, in order."""

    def size(self, path: PurePath) -> int | None:
        """How large a file is, By; None where there is none."""

    def opened(self, path: PurePath) -> Any:
        """What pyarrow reads the file from. FileNotFoundError, here or there, if it is gone."""

    def content(self, path: PurePath) -> bytes | None:
        """All of a file; None where there is none."""

    def replace(self, path: PurePath, content: bytes) -> None:
        """Have a file hold this."""

    def write(self, path: PurePath, fill: Callable[[Any], None]) -> None:
        """Write a file that nobody sees until `publish`: `fill` is called with what takes bytes."""

    def publish(self, paths: Sequence[PurePath]) -> None:
        """Let files that were written be seen, in place of what had their names.

        Returns once they are durable. After an error some may be there, each of them whole.
        """

    def remove(self, paths: Sequence[PurePath]) -> None:
        """Remove files; those that are gone already are."""

    def remove_folder(self, folder: PurePath) -> None:
        """Remove a folder and all its files."""

    def clear(self, folder: PurePath) -> None:
        """Remove what a crash left of files that were not complete."""


class Folder:
    """A folder of this machine: written beside, forced to the disk and renamed."""

    has_lock = True

    def __init__(self, root: Path, disk: Disk | None = None) -> None:
        self.root = root
        self._disk = disk or Disk()

    def lock(self) -> Callable[[], None]:
        """As Shelf.lock; the folder is made if it is not there."""
        return FolderLock(self.root).release

    def source(self, pattern: str, structure: str) -> str:
        """As Shelf.source."""
        if set(str(self.root)) & _PATTERN:
            raise ConfigError(
                f"{self.root}: a lake's folder has none of * ? {{ }} [ ] | , in its name",
                hint="choose another folder",
            )
        return f"file({quoted(str(self.root / pattern))}, Parquet, {quoted(structure)})"

    def make(self, folder: PurePath) -> None:
        """As Shelf.make."""
        if not Path(folder).is_dir():
            make_directory(self._disk, Path(folder))

    def names(self, folder: PurePath) -> Sequence[str]:
        """As Shelf.names."""
        return self._disk.names(Path(folder))

    def folders(self, folder: PurePath) -> Sequence[PurePath]:
        """As Shelf.folders."""
        return sorted(path for path in Path(folder).glob("*") if path.is_dir())

    def size(self, path: PurePath) -> int | None:
        """As Shelf.size."""
        try:
            return Path(path).stat().st_size
        except FileNotFoundError:
            return None

    def opened(self, path: PurePath) -> Any:
        """As Shelf.opened."""
        return path

    def content(self, path: PurePath) -> bytes | None:
        """As Shelf.content."""
        return read_file(self._disk, Path(path))

    def replace(self, path: PurePath, content: bytes) -> None:
        """As Shelf.replace."""
        replace_file(self._disk, Path(path), content)

    def write(self, path: PurePath, fill: Callable[[Any], None]) -> None:
        """As Shelf.write, as the bytes come: all of them in memory first took a fifth longer."""
        fresh = _fresh(path)
        try:
            fd = self._disk.open(fresh, create=True)
            try:
                self._disk.truncate(fd, 0)
                with io.BufferedWriter(_Bytes(self._disk, fd), _BUFFER_BYTES) as taking:
                    fill(taking)
                self._disk.fdatasync(fd)
            finally:
                self._disk.close(fd)
        except OSError:
            with suppress(OSError):
                self._disk.unlink(fresh)
            raise

    def publish(self, paths: Sequence[PurePath]) -> None:
        """As Shelf.publish."""
        for path in paths:
            self._disk.rename(_fresh(path), Path(path))
        for folder in {path.parent for path in paths}:
            self._disk.sync_directory(Path(folder))

    def remove(self, paths: Sequence[PurePath]) -> None:
        """As Shelf.remove."""
        for path in paths:
            with suppress(FileNotFoundError):
                self._disk.unlink(Path(path))

    def remove_folder(self, folder: PurePath) -> None:
        """As Shelf.remove_folder."""
        self.remove([folder / name for name in self.names(folder)])
        with suppress(FileNotFoundError):
            Path(folder).rmdir()

    def clear(self, folder: PurePath) -> None:
        """As Shelf.clear."""
        self.remove([folder / name for name in self.names(folder) if name.endswith(_FRESH)])


class _Bytes(io.RawIOBase):
    """Bytes that go to a file one after the other."""

    def __init__(self, disk: Disk, fd: int) -> None:
        super().__init__()
        self._disk = disk
        self._fd = fd
        self._offset = 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        size = memoryview(content).nbytes
        self._disk.write(self._fd, [content], self._offset)
        self._offset += size
        return size


def quoted(text: str) -> str:
    """A literal of ClickHouse's SQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _fresh(path: PurePath) -> Path:
    return Path(path).with_name(f"{path.name}{_FRESH}")
