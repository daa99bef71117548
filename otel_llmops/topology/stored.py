"""Tables as bytes and back: Arrow IPC streams, one after the other."""

import marshal
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from otel_llmops.model.topology import TOPOLOGY

__all__ = ["from_bytes", "to_bytes"]

_LENGTH = struct.Struct("<Q")


def to_bytes(tables: Mapping[str, pa.Table]) -> Iterator[Any]:
    """The parts of one content: a head that says how long each table is, then the tables."""
    streams = []
    for name in TOPOLOGY:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, TOPOLOGY[name]) as writer:
            writer.write_table(tables[name])
        streams.append(sink.getvalue())
    head = marshal.dumps([stream.size for stream in streams])
    yield _LENGTH.pack(len(head))
    yield head
    yield from streams


def from_bytes(content: memoryview) -> dict[str, pa.Table]:
    """The tables again, on the very bytes of `content`."""
    (length,) = _LENGTH.unpack(content[: _LENGTH.size])
    start = _LENGTH.size + length
    tables = {}
    sizes = marshal.loads(content[_LENGTH.size : start])  # noqa: S302 - checked by its digest
    for name, size in zip(TOPOLOGY, sizes, strict=True):
        tables[name] = pa.ipc.open_stream(pa.py_buffer(content[start : start + size])).read_all()
        start += size
    return tables
