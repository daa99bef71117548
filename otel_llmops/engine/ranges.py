"""A range of the journal: what is inserted and passed at once, and what it holds."""

from collections.abc import Callable
from typing import NamedTuple

import pyarrow as pa

from otel_llmops.errors import PermanentExport
from otel_llmops.journal import Position, Record
from otel_llmops.otlp import Encoding, Request, Signal, decode_logs, decode_traces

__all__ = ["Range", "batch_id", "decoded_events", "decoded_spans"]


class Range(NamedTuple):
    """[start, end) and its records."""

    start: Position
    end: Position
    records: list[Record]

    def of(self, signal: Signal) -> list[Record]:
        """The records of one signal."""
        return [record for record in self.records if record.signal == signal]


def decoded_spans(records: list[Record]) -> pa.Table:
    """SPANS of these records. Raises: PermanentExport, as below."""
    return _decoded(decode_traces, records)


def decoded_events(records: list[Record]) -> pa.Table:
    """LOG_EVENTS of these records. Raises: PermanentExport, as below."""
    return _decoded(decode_logs, records)


def _decoded(decode: Callable[[list[Request]], pa.Table], records: list[Record]) -> pa.Table:
    """Raises: PermanentExport, if these bytes cannot be read, though the receiver could."""
    try:
        return decode(
            [
                Request(record.payload, Encoding(record.encoding), tuple(record.rejected))
                for record in records
            ]
        )
    except Exception as error:  # a boundary: what the decoder makes of hostile bytes
        raise PermanentExport(f"cannot be decoded: {error}") from error


def batch_id(records: list[Record]) -> str:
    """The same for the same records, and for no others."""
    return f"{records[0].position}..{records[-1].next}"
