"""Tables as bytes and back: Arrow IPC streams, one after the other."""

from collections.abc import Mapping

import pyarrow as pa

from otel_llmops.model.topology import TOPOLOGY
from otel_llmops.topology.cache import Sink

__all__ = ["load", "save"]


class _Writable:
    """What pyarrow takes for a file."""

    closed = False

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, part: pa.Buffer) -> int:
        self._sink.write(part)
        return len(part)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def tell(self) -> int:
        return 0


def save(tables: Mapping[str, pa.Table], sink: Sink) -> None:
    """Write the tables of TOPOLOGY, in its order."""
    for name, schema in TOPOLOGY.items():
        with pa.ipc.new_stream(_Writable(sink), schema) as writer:
            writer.write_table(tables[name])


def load(content: memoryview) -> dict[str, pa.Table]:
    """The tables again, on the very bytes of `content`."""
    source = pa.BufferReader(pa.py_buffer(content))
    return {name: pa.ipc.open_stream(source).read_all() for name in TOPOLOGY}
