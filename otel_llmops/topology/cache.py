"""What earlier scans of a directory made, on the disk, by content.

Strategy: three files a scanned directory in the user's cache directory, replaced whole and
atomically, so that concurrent scans each leave a good one. `.facts` holds what workers made of each
file, found by (digest of the content, module, is_package), so a file that moved or changed is
looked at again and no other. `.calls` holds the call graph of each group of packages that was
solved, `.tables` the finished tables of the last scan, both found by the digest of all that went
into them.

All end with a digest over a fingerprint and all that stands before it; the fingerprint is that of
the Python that parsed and of this room's source. What is damaged, of another version or not ours to
read is as if it were not there. Nothing is copied: a file is mapped, and written part by part.
"""

import marshal
import mmap
import os
import struct
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

from otel_llmops.topology.worker import DIGEST_BYTES, Buffer, Look

__all__ = ["Cache", "Key", "Sink", "cache_folder", "fingerprint"]

Key = tuple[bytes, str, bool]
"""Digest of the content, module, is_package."""

_DIGEST_BYTES = 32
_KEY_BYTES = DIGEST_BYTES
_LENGTH = struct.Struct("<Q")


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

    @property
    def begun(self) -> bool:
        """Whether anything was kept by an earlier scan."""
        return self._folder is not None and (self._folder / f"{self._name}.facts").exists()

    def looks(self) -> dict[Key, Look]:
        """What the last scan made of each file, empty where nothing is known."""
        content = self._read("facts")
        if content is None:
            return {}
        (length,) = _LENGTH.unpack(content[: _LENGTH.size])
        start = _LENGTH.size + length
        found: dict[Key, Look] = {}
        # the file's digest has just been checked, so this is what `keep_looks` wrote
        for *key, facts, calls, line, message, surface, imports in marshal.loads(  # noqa: S302
            content[_LENGTH.size : start]
        ):
            middle, end = start + facts, start + facts + calls
            found[tuple(key)] = Look(
                key[0], content[start:middle], content[middle:end], line, message, surface, imports
            )
            start = end
        return found

    def keep_looks(self, looks: Mapping[Key, Look]) -> None:
        """Replace them by those of this scan."""
        index = marshal.dumps(
            [(*key, len(look.facts), len(look.calls), *look[3:]) for key, look in looks.items()]
        )
        blobs = (blob for look in looks.values() for blob in (look.facts, look.calls))
        self._write("facts", lambda sink: _put(sink, _LENGTH.pack(len(index)), index, *blobs))

    def solved(self) -> dict[bytes, Buffer]:
        """The call graphs of the last scan's groups, packed, by what they were made of."""
        content = self._read("calls")
        if content is None:
            return {}
        found: dict[bytes, Buffer] = {}
        while content:
            (length,) = _LENGTH.unpack(content[: _LENGTH.size])
            start = _LENGTH.size + _KEY_BYTES
            key = bytes(content[_LENGTH.size : start])
            found[key], content = content[start : start + length], content[start + length :]
        return found

    def keep_solved(self, solved: Mapping[bytes, Buffer]) -> None:
        """Replace them by those of this scan; keys are digests."""
        parts = (
            part
            for key, answer in solved.items()
            for part in (_LENGTH.pack(len(answer)), key, answer)
        )
        self._write("calls", lambda sink: _put(sink, *parts))

    def tables(self, inputs: bytes) -> memoryview | None:
        """The tables that were made of these inputs, if they were the last."""
        content = self._read("tables")
        if content is None or content[: len(inputs)] != inputs:
            return None
        return content[len(inputs) :]

    def keep_tables(self, inputs: bytes, write: Callable[["Sink"], None]) -> None:
        """Keep the tables made of `inputs`, a digest; `write` puts them into what it is given."""

        def both(sink: Sink) -> None:
            sink.write(inputs)
            write(sink)

        self._write("tables", both)

    def _read(self, kind: str) -> memoryview | None:
        if self._folder is None:
            return None
        try:
            with (self._folder / f"{self._name}.{kind}").open("rb") as file:
                content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError):  # ValueError: an empty file
            return None
        body, told = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
        digest = blake2b(fingerprint(), digest_size=_DIGEST_BYTES)
        digest.update(body)
        return body if told == digest.digest() else None

    def _write(self, kind: str, write: Callable[["Sink"], None]) -> None:
        """A cache that cannot be written is no cache, and no reason to fail."""
        if self._folder is None:
            return
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, path = tempfile.mkstemp(dir=self._folder, prefix=f"{self._name}.")
            try:
                with os.fdopen(handle, "wb") as file:
                    sink = Sink(file)
                    write(sink)
                    file.write(sink.digest.digest())
                Path(path).replace(self._folder / f"{self._name}.{kind}")
            except BaseException:
                Path(path).unlink(missing_ok=True)
                raise


class Sink:
    """A file that is being written, and the digest of what was."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = blake2b(fingerprint(), digest_size=_DIGEST_BYTES)

    def write(self, part: Any) -> None:
        """Write bytes, or anything that is a buffer."""
        self.digest.update(part)
        self._file.write(part)


def _put(sink: Sink, *parts: Any) -> None:
    for part in parts:
        sink.write(part)
