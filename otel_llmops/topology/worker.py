"""A process that reads and parses files for a scan: `main` is all that it runs.

Strategy: the standard library and this room's readers alone, so that it starts in a moment. A
request on stdin is a list of (path, module, is_package), an answer on stdout the list of what
`look` made of each; both are marshalled, with their length before them. The garbage collector is
off: syntax trees have no cycles. End of input is the end.
"""

import gc
import marshal
import struct
import sys
import warnings
import zlib
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from otel_llmops.topology import calls
from otel_llmops.topology.facts import packages, summary
from otel_llmops.topology.source import Refused, parse, read
from otel_llmops.topology.walk import walk

__all__ = [
    "DIGEST_BYTES",
    "RECURSION_MAX",
    "Buffer",
    "Job",
    "Look",
    "look",
    "main",
    "pack",
    "prepare",
    "receive",
    "send",
    "unpack",
]

DIGEST_BYTES = 16
RECURSION_MAX = 20_000
"""Frames. CPython's parser gives up at 6,000 levels, and a level takes at most three."""
_LENGTH = struct.Struct("<Q")


class Job(NamedTuple):
    """A file to look at."""

    path: str
    module: str
    is_package: bool


Buffer = bytes | memoryview


class Look(NamedTuple):
    """What a file holds: facts, packed, or why there are none.

    `digest` is that of the content, b"" where it could not be read; `surface` that of what the
    call graph of its importers sees of it, b"" where it could not be parsed; `imports` are the
    top-level packages that it may import.
    """

    digest: bytes
    facts: Buffer
    calls: Buffer
    line: int = 0
    message: str = ""
    surface: bytes = b""
    imports: tuple[str, ...] = ()


def look(job: Job) -> Look:
    """Read and parse one file.

    Raises: nothing: whatever is wrong with a file is in the answer.
    """
    try:
        content = Path(job.path).read_bytes()
    except OSError as error:
        return Look(b"", b"", b"", 0, f"not read: {error.strerror or error}")
    digest = blake2b(content, digest_size=DIGEST_BYTES).digest()
    try:
        source = read(content)
        tree = parse(source)
        told = walk(tree, source)
        facts = pack(tuple(summary(told, job.module)))
        found = calls.extract(tree, module=job.module, is_package=job.is_package)
        seen = blake2b(calls.surface(found), digest_size=DIGEST_BYTES).digest()
        return Look(digest, facts, pack(found), surface=seen, imports=packages(told.imports))
    except Refused as refused:
        return Look(digest, b"", b"", refused.line, refused.message)
    except (RecursionError, MemoryError):
        return Look(digest, b"", b"", 0, "nested too deep to be read")


def pack(facts: Any) -> bytes:
    """Facts as few bytes: names repeat, so they shrink to a fifth for a tenth of parsing's time."""
    return zlib.compress(marshal.dumps(facts), 1)


def unpack(packed: Buffer) -> Any:
    """The facts that `pack` was given."""
    return marshal.loads(zlib.decompress(packed))  # noqa: S302 - what our own workers made


def prepare() -> None:
    """Settings of a process that does nothing else than look at files."""
    gc.disable()
    sys.setrecursionlimit(RECURSION_MAX)
    warnings.simplefilter("ignore")  # of the scanned code: invalid escapes and the like


def main() -> None:
    """Answer requests until stdin ends."""
    prepare()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing else may write there
    while (jobs := receive(source)) is not None:
        send(sink, [tuple(look(Job(*job))) for job in jobs])


def send(sink: BinaryIO, message: Any) -> None:
    """Write one message."""
    content = marshal.dumps(message)
    sink.write(_LENGTH.pack(len(content)))
    sink.write(content)
    sink.flush()


def receive(source: BinaryIO) -> Any:
    """Read one message; None where the other side is gone."""
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    content = source.read(length)
    return marshal.loads(content) if len(content) == length else None  # noqa: S302 - our own pipe
