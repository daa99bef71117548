"""The real disk, with an error that lasts for as long as a test says."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from otel_llmops.journal import Disk


class FaultyDisk(Disk):
    """`fail` names a call that raises OSError with that errno, until `mend`."""

    def __init__(self) -> None:
        self._errors: dict[str, int] = {}

    def fail(self, call: str, error: int) -> None:
        self._errors[call] = error

    def mend(self) -> None:
        self._errors.clear()

    def _check(self, call: str) -> None:
        if call in self._errors:
            raise OSError(self._errors[call], "injected")

    def open(self, path: Path, *, create: bool = False) -> int:
        self._check("create" if create else "open")
        return super().open(path, create=create)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        self._check("pread")
        return super().pread(fd, size, offset)

    def pwritev(self, fd: int, buffers: Sequence[Any], offset: int) -> int:
        self._check("pwritev")
        return super().pwritev(fd, buffers, offset)

    def rename(self, source: Path, target: Path) -> None:
        self._check("rename")
        super().rename(source, target)
