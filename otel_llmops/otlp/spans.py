"""OTLP trace requests to SPANS: the reference decoder, which every other must equal bit for bit."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from otel_llmops.errors import DecodeError
from otel_llmops.model.schemas import SPANS
from otel_llmops.otlp.attributes import texts_of
from otel_llmops.otlp.columns import Maps, clamped, times
from otel_llmops.otlp.limits import NO_LIMITS
from otel_llmops.otlp.outline import Group, outline
from otel_llmops.otlp.records import envelopes, parsed
from otel_llmops.otlp.shapes import SHAPES, Message
from otel_llmops.otlp.types import Request, Signal

__all__ = ["BATCH_BYTES", "decode_traces"]

BATCH_BYTES = 64 * 1024 * 1024
"""Wire bytes of a batch: far enough below the 2 GiB that a column of text can hold."""

_NO_SPAN = bytes(8)
_SHAPE = SHAPES[Signal.TRACES]


def decode_traces(requests: Sequence[Request]) -> pa.Table:
    """The spans of `requests`, without those that were refused at the door.

    In:     Bodies that `check` accepted, with the ordinals that it refused.
    Out:    SPANS, in the order of `requests` and of the wire within each.
    Raises: DecodeError, if a request was never accepted: the envelopes are not OTLP, or a span
            that was not refused does not parse.
    Edge:   A parent id of zeros is no parent. From JSON, `*_wire` are the protobuf serialisations.
    Cost:   O(bytes); several objects for every attribute.
    """
    columns = _Columns()
    batches: list[pa.RecordBatch] = []
    for request in requests:
        for group, kept in _groups(request):
            columns.append(group, kept)
            if columns.wire_bytes >= BATCH_BYTES:
                batches.append(columns.batch())
                columns = _Columns()
    batches.append(columns.batch())
    return pa.Table.from_batches(batches, schema=SPANS)


def _groups(request: Request) -> Iterator[tuple[Group, list[bytes]]]:
    refused = frozenset(request.rejected)
    ordinal = 0
    groups = outline(
        request.payload, signal=Signal.TRACES, encoding=request.encoding, limits=NO_LIMITS
    )
    for group in groups:
        kept: list[bytes] = []
        for record in group.records:
            if ordinal not in refused:
                if isinstance(record, str):
                    raise DecodeError(f"span {ordinal} was accepted, but is {record}")
                kept.append(record)
            ordinal += 1
        envelope_bytes = len(group.resource_wire) + len(group.scope_wire)
        for part in _parts(kept, envelope_bytes):
            yield group, part


def _parts(wires: list[bytes], envelope_bytes: int) -> Iterator[list[bytes]]:
    """`wires` cut where a batch would be too large, since every row repeats its envelopes."""
    part: list[bytes] = []
    part_bytes = 0
    for wire in wires:
        part.append(wire)
        part_bytes += len(wire) + envelope_bytes
        if part_bytes >= BATCH_BYTES:
            yield part
            part, part_bytes = [], 0
    if part:
        yield part


class _Columns:
    def __init__(self) -> None:
        self.wire_bytes = 0
        self._plain: dict[str, list[object]] = {name: [] for name in _PLAIN}
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._attributes, self._resources = Maps(), Maps()
        self._resource_of_row: list[int] = []
        self._groups = 0
        self._events, self._links = _Events(), _Links()

    def append(self, group: Group, wires: list[bytes]) -> None:
        resource, scope = envelopes(group, _SHAPE, NO_LIMITS)
        attributes = texts_of(resource.resource.attributes)
        self._resources.append(attributes)
        for wire, span in zip(wires, parsed(wires, _SHAPE, NO_LIMITS), strict=True):
            if isinstance(span, str):
                raise DecodeError(f"a span was accepted, but is {span}")
            self._append_span(span)
            self._plain["span_wire"].append(wire)
        count = len(wires)
        self._plain["service"] += [attributes.get("service.name", "")] * count
        self._plain["scope_name"] += [scope.scope.name] * count
        self._plain["scope_version"] += [scope.scope.version] * count
        self._plain["scope_wire"] += [group.scope_wire] * count
        self._plain["resource_wire"] += [group.resource_wire] * count
        self._resource_of_row += [self._groups] * count
        self._groups += 1
        envelope_bytes = len(group.scope_wire) + len(group.resource_wire)
        self.wire_bytes += sum(map(len, wires)) + count * envelope_bytes

    def _append_span(self, span: Message) -> None:
        plain = self._plain
        parent = span.parent_span_id
        plain["trace_id"].append(span.trace_id.hex())
        plain["span_id"].append(span.span_id.hex())
        plain["parent_span_id"].append("" if parent == _NO_SPAN else parent.hex())
        plain["trace_state"].append(span.trace_state)
        plain["flags"].append(span.flags)
        plain["name"].append(span.name)
        plain["kind"].append(span.kind)
        plain["status_code"].append(span.status.code)
        plain["status_message"].append(span.status.message)
        self._starts.append(clamped(span.start_time_unix_nano))
        self._ends.append(clamped(span.end_time_unix_nano))
        self._attributes.append(texts_of(span.attributes))
        self._events.append(span.events)
        self._links.append(span.links)

    def batch(self) -> pa.RecordBatch:
        made = {name: pa.array(self._plain[name], SPANS.field(name).type) for name in _PLAIN}
        made["start_time"], made["end_time"] = times(self._starts), times(self._ends)
        durations = [
            max(0, end - start) for start, end in zip(self._starts, self._ends, strict=True)
        ]
        made["duration_ns"] = pa.array(durations, pa.int64())
        made["attributes"] = self._attributes.array()
        rows = pa.array(self._resource_of_row, pa.int32())
        made["resource_attributes"] = self._resources.array().take(rows)
        made["events"], made["links"] = self._events.array(), self._links.array()
        return pa.RecordBatch.from_arrays([made[name] for name in SPANS.names], schema=SPANS)


_PLAIN = tuple(
    name
    for name in SPANS.names
    if name
    not in {
        "start_time",
        "end_time",
        "duration_ns",
        "attributes",
        "resource_attributes",
        "events",
        "links",
    }
)


class _Events:
    def __init__(self) -> None:
        self._offsets = [0]
        self._times: list[int] = []
        self._names: list[str] = []
        self._attributes = Maps()

    def append(self, events: Sequence[Message]) -> None:
        for event in events:
            self._times.append(clamped(event.time_unix_nano))
            self._names.append(event.name)
            self._attributes.append(texts_of(event.attributes))
        self._offsets.append(len(self._names))

    def array(self) -> pa.ListArray:
        columns = [times(self._times), pa.array(self._names, pa.string()), self._attributes.array()]
        return _lists(self._offsets, columns, SPANS.field("events").type)


class _Links:
    def __init__(self) -> None:
        self._offsets = [0]
        self._trace_ids: list[str] = []
        self._span_ids: list[str] = []
        self._attributes = Maps()

    def append(self, links: Sequence[Message]) -> None:
        for link in links:
            self._trace_ids.append(link.trace_id.hex())
            self._span_ids.append(link.span_id.hex())
            self._attributes.append(texts_of(link.attributes))
        self._offsets.append(len(self._trace_ids))

    def array(self) -> pa.ListArray:
        columns = [
            pa.array(self._trace_ids, pa.string()),
            pa.array(self._span_ids, pa.string()),
            self._attributes.array(),
        ]
        return _lists(self._offsets, columns, SPANS.field("links").type)


def _lists(offsets: list[int], columns: list[pa.Array], kind: pa.ListType) -> pa.ListArray:
    structs = pa.StructArray.from_arrays(columns, fields=list(kind.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), structs, type=kind)
