"""Spans that arrived, as one request, and which trace each of them is of.

Strategy: decoding is cheaper than copying what was decoded. So spans are kept as the bytes that
came, which take half the memory of their columns, and are decoded again when their trace is
analysed: those of the traces that are asked for, straight into one table.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.forest import Mask
from otel_llmops.journal import Record
from otel_llmops.model.schemas import SPANS
from otel_llmops.otlp import Encoding, Request, decode_traces, encode_traces

__all__ = ["Arrived", "decoded"]


class Arrived:
    """One protobuf request without refused spans; `trace` numbers `trace_ids`, a number a span."""

    __slots__ = ("is_root", "nbytes", "payload", "trace", "trace_ids")

    def __init__(self, payload: bytes, spans: pa.Table) -> None:
        trace = spans.column("trace_id").combine_chunks().dictionary_encode()
        self.payload = payload
        self.trace_ids: pa.Array = trace.dictionary
        self.trace: npt.NDArray[np.int32] = np.array(trace.indices)
        self.is_root: Mask = np.array(pc.equal(spans.column("parent_span_id"), ""))
        self.nbytes = len(payload) + self.trace.nbytes + self.is_root.nbytes + trace.nbytes

    @classmethod
    def of(cls, records: Sequence[Record], spans: pa.Table) -> "Arrived":
        """What was decoded of these records.

        Requests in protobuf that stand one after the other are one request.
        """
        as_they_came = all(
            record.encoding == Encoding.PROTOBUF and not record.rejected for record in records
        )
        payloads = (record.payload for record in records)
        return cls(b"".join(payloads) if as_they_came else encode_traces(spans), spans)

    @property
    def rows(self) -> int:
        """How many spans."""
        return len(self.trace)

    def chosen(self, trace_ids: pa.Array) -> Mask:
        """Which spans are of these traces."""
        known = np.asarray(pc.is_in(self.trace_ids, value_set=trace_ids))
        mask: Mask = known[self.trace]
        return mask

    def only(self, chosen: Mask) -> "Arrived":
        """These spans alone."""
        spans = decoded([(self, chosen)])
        return Arrived(encode_traces(spans), spans)


def decoded(parts: Sequence[tuple[Arrived, Mask]]) -> pa.Table:
    """SPANS of the chosen spans of each part, in order, in one piece."""
    requests = [
        Request(arrived.payload, Encoding.PROTOBUF, np.flatnonzero(~chosen))
        for arrived, chosen in parts
        if chosen.any()
    ]
    if not requests:
        return SPANS.empty_table()
    return decode_traces(requests).combine_chunks()
