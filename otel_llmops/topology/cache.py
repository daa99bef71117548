"""What earlier scans of a directory made, on the disk, by content.

Strategy: two files a scanned directory in the user's cache directory, replaced whole and
atomically, so that concurrent scans each leave a good one. `.facts` holds what workers made of each
file, found by (digest of the content, module, is_package), so a file that moved or changed is
looked at again and no other. `.tables` holds the finished tables of the last scan, found by the
digest of all that went into them.

Both begin with a digest of the rest and with a fingerprint: the Python that parsed, and the source
of this room. What is damaged, of another version or not ours to read is as if it were not there.
"""

import marshal
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from otel_llmops.topology.worker import Look

__all__ = ["Cache", "Key", "cache_folder", "fingerprint"]

Key = tuple[bytes, str, bool]
"""Digest of the content, module, is_package."""

_DIGEST_BYTES = 32


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where a user's programs cache: XDG Base Directory Specification, `XDG_CACHE_HOME`."""
    home = environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(home) / "otel-llmops" / "topology"


@cache
def fingerprint() -> bytes:
    """Changes with the Python that parses and with any module of this room."""
    told = blake2b(sys.version.encode(), digest_size=_DIGEST_BYTES)
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        told.update(path.read_bytes())
    return told.digest()


class Cache:
    """The cache of one scanned directory; `folder` None keeps nothing."""

    def __init__(self, folder: Path | None, root: Path) -> None:
        self._folder = folder
        self._name = blake2b(os.fsencode(root), digest_size=12).hexdigest()

    def looks(self) -> dict[Key, Look]:
        """What the last scan made of each file, empty where nothing is known."""
        content = self._read("facts")
        if content is None:
            return {}
        return {key: Look(key[0], *rest) for key, rest in marshal.loads(content).items()}  # noqa: S302

    def keep_looks(self, looks: Mapping[Key, Look]) -> None:
        """Replace them by those of this scan."""
        self._write("facts", [marshal.dumps({key: tuple(look[1:]) for key, look in looks.items()})])

    def tables(self, inputs: bytes) -> memoryview | None:
        """The tables that were made of these inputs, if they were the last."""
        content = self._read("tables")
        if content is None or bytes(content[: len(inputs)]) != inputs:
            return None
        return content[len(inputs) :]

    def keep_tables(self, inputs: bytes, content: Iterable[Any]) -> None:
        """Keep the tables made of `inputs`, a digest."""
        self._write("tables", [inputs, *content])

    def _read(self, kind: str) -> memoryview | None:
        if self._folder is None:
            return None
        try:
            content = memoryview((self._folder / f"{self._name}.{kind}").read_bytes())
        except OSError:
            return None
        told, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        return body if bytes(told) == _digest([body]) else None

    def _write(self, kind: str, parts: Iterable[Any]) -> None:
        """A cache that cannot be written is no cache, and no reason to fail."""
        if self._folder is None:
            return
        parts = list(parts)
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, path = tempfile.mkstemp(dir=self._folder, prefix=f"{self._name}.")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_digest(parts))
                    file.writelines(parts)
                Path(path).replace(self._folder / f"{self._name}.{kind}")
            except BaseException:
                Path(path).unlink(missing_ok=True)
                raise


def _digest(parts: Iterable[Any]) -> bytes:
    told = blake2b(fingerprint(), digest_size=_DIGEST_BYTES)
    for part in parts:
        told.update(part)
    return told.digest()
