"""SPANS back to OTLP: nesting the wire bytes again, nothing re-interpreted."""

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter

import pyarrow as pa

from otel_llmops.otlp.limits import NO_LIMITS
from otel_llmops.otlp.outline import outline
from otel_llmops.otlp.shapes import RECORDS, RESOURCES, SCOPES
from otel_llmops.otlp.types import Encoding, Request, Signal
from otel_llmops.otlp.wire import framed

__all__ = ["as_protobuf", "encode_traces", "nested"]

_WIRE = ("resource_wire", "scope_wire", "span_wire")


def encode_traces(table: pa.Table) -> bytes:
    """One ExportTraceServiceRequest that holds every span of `table`, in its order.

    In:     Columns span_wire, scope_wire, resource_wire (binary, not null), as in SPANS.
    Out:    Protobuf; consecutive rows with equal envelopes share them. Empty without rows.
    Edge:   Unknown fields survive, since the envelopes and spans are the bytes that arrived.
    Cost:   O(bytes). Protobuf readers stop at 2 GiB: the caller slices.
    """
    return nested(zip(*(table.column(name).to_pylist() for name in _WIRE), strict=True))


def nested(rows: Iterable[tuple[bytes, bytes, bytes]]) -> bytes:
    """(resource, scope, span) wires of spans as one ExportTraceServiceRequest, or TracesData."""
    resources: list[bytes] = []
    for resource_wire, of_resource in groupby(rows, key=itemgetter(0)):
        scopes = [
            scope_wire + framed(RECORDS, (row[2] for row in of_scope))
            for scope_wire, of_scope in groupby(of_resource, key=itemgetter(1))
        ]
        resources.append(resource_wire + framed(SCOPES, scopes))
    return framed(RESOURCES, resources)


def as_protobuf(request: Request, signal: Signal) -> bytes:
    """The protobuf body of `request`, without what was refused at the door; of any signal.

    Raises: DecodeError, if it was never accepted.
    """
    if request.encoding == Encoding.PROTOBUF and not request.rejected:
        return request.payload
    refused = frozenset(request.rejected)
    groups = outline(request.payload, signal=signal, encoding=request.encoding, limits=NO_LIMITS)
    rows: list[tuple[bytes, bytes, bytes]] = []
    ordinal = 0
    for group in groups:
        for record in group.records:
            if ordinal not in refused and isinstance(record, bytes):
                rows.append((group.resource_wire, group.scope_wire, record))
            ordinal += 1
    return nested(rows)
