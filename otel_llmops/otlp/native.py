"""The native decoder, with the words of the reference. Importing it fails where it is not built."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from otel_llmops.errors import DecodeError
from otel_llmops.model.schemas import SPANS
from otel_llmops.otlp import _native
from otel_llmops.otlp.check import verdict
from otel_llmops.otlp.limits import LIMITS, NO_LIMITS, Limits
from otel_llmops.otlp.outline import outline, record_wire, within_bytes
from otel_llmops.otlp.records import MALFORMED
from otel_llmops.otlp.shapes import RECORDS, RESOURCES, SCOPES, SHAPES, Message
from otel_llmops.otlp.spans import BATCH_BYTES
from otel_llmops.otlp.types import Encoding, Request, Signal, Verdict
from otel_llmops.otlp.wire import framed

__all__ = ["check", "check_json", "decode_traces"]

_TEXT, _MESSAGE = 9, 11
_ENOUGH = 2**60

_SMALLER = "send smaller batches"
_FEWER = "send smaller batches, or fewer resource attributes"

# by the numbers of _wire.pxi: what is wrong with a request as a whole, and the hint
_FAULTS = (
    ("a field at byte {at} runs past the end of its message", ""),
    ("a number at byte {at} is longer than {number} bytes", ""),
    ("a field number at byte {at} is larger than protobuf allows", ""),
    ("a field before byte {at} has wire type {number}", ""),
    ("a group is closed by another number at byte {at}", ""),
    ("groups nest too deep at byte {at}", ""),
    ("a group before byte {at} has more than {number} fields", ""),
    ("a field at byte {at} has number 0", ""),
    ("a message at byte {at} has more than {number} fields of a kind", ""),
    ("the request has more than {number} spans or envelopes", _SMALLER),
    ("resource and scope are too large for so many spans", _FEWER),
    (f"an envelope is refused: {MALFORMED}", ""),
    ("an envelope is refused: more than {number} fields", ""),
    ("the spans have more than {number} attributes in all", _SMALLER),
    (f"a span was accepted, but is {MALFORMED}", ""),
)

_bounds = attrgetter(
    "records", "attributes", "events", "links", "record_fields", "request_attributes",
    "spread_bytes",
)  # fmt: skip


def check(payload: bytes, *, limits: Limits = LIMITS) -> Verdict:
    """The verdict on a protobuf trace request, as the reference gives it.

    Raises: DecodeError, as the reference.
    Cost:   O(bytes), without the GIL; no memory but for the ordinals that are refused.
    """
    within_bytes(payload, limits)
    return _check(payload, limits, limits, {})


def check_json(payload: bytes, *, limits: Limits = LIMITS) -> Verdict:
    """The verdict on a JSON trace request, as the reference gives it.

    Raises: DecodeError, as the reference.
    Cost:   O(bytes); several objects for every attribute, made by orjson.
    """
    wire, sentences = _from_json(payload, limits)
    # the envelopes were held to the limits before they were put together again
    bounds = replace(limits, records=_ENOUGH, spread_bytes=_ENOUGH)
    return _check(wire, limits, bounds, sentences)


def _check(wire: bytes, limits: Limits, applied: Limits, sentences: dict[int, str]) -> Verdict:
    bounds = tuple(min(limit, _ENOUGH) for limit in _bounds(applied))
    try:
        records, refused = _native.check(wire, bounds)
    except _native.Refused as refusal:
        raise _decode_error(refusal) from None
    faults = [
        (ordinal, sentences.get(ordinal) or _reason(reason, limits)) for ordinal, reason in refused
    ]
    return verdict(records, faults, SHAPES[Signal.TRACES].noun)


def decode_traces(requests: Sequence[Request]) -> pa.Table:
    """The spans of `requests`, as the reference gives them.

    Raises: DecodeError, as the reference.
    Cost:   O(bytes), without the GIL; JSON is parsed by orjson, with it.
    """
    try:
        batches = _native.decode(
            [_wire(request) for request in requests],
            [_ordinals(request.rejected) for request in requests],
            SPANS,
            BATCH_BYTES,
        )
    except _native.Refused as refusal:
        raise _decode_error(refusal) from None
    return pa.Table.from_batches(batches, schema=SPANS)


def _ordinals(rejected: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.unique(np.asarray(rejected, dtype=np.int64))


def _wire(request: Request) -> bytes:
    if request.encoding == Encoding.PROTOBUF:
        return request.payload
    wire, sentences = _from_json(request.payload, NO_LIMITS)
    for ordinal in sorted(sentences.keys() - set(request.rejected)):
        raise DecodeError(f"span {ordinal} was accepted, but is {sentences[ordinal]}")
    return wire


def _from_json(payload: bytes, limits: Limits) -> tuple[bytes, dict[int, str]]:
    """The request in protobuf, with empty records where one is refused already, and why."""
    with _without_collection():
        groups = outline(
            payload, signal=Signal.TRACES, encoding=Encoding.JSON, limits=limits, record=_span_wire
        )
    sentences: dict[int, str] = {}
    resources: list[bytes] = []
    ordinal = 0
    for group in groups:
        for place, record in enumerate(group.records):
            if isinstance(record, str):
                sentences[ordinal + place] = record
        ordinal += len(group.records)
        records = (b"" if isinstance(record, str) else record for record in group.records)
        scope = framed(SCOPES, [group.scope_wire + framed(RECORDS, records)])
        resources.append(group.resource_wire + scope)
    return framed(RESOURCES, resources), sentences


@contextmanager
def _without_collection() -> Iterator[None]:
    # what is parsed has no cycles, and to look for some takes longer than to parse it
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


def _span_wire(empty: Message, value: object) -> bytes | str:
    wire = _native.span_wire(value)
    return record_wire(empty, value) if wire is None else wire


def _decode_error(refusal: _native.Refused) -> DecodeError:
    code, at, number = refusal.args
    text, hint = _FAULTS[code]
    return DecodeError(text.format(at=at, number=number), hint=hint)


def _reason(reason: int, limits: Limits) -> str:
    # by the numbers of _check.pxi
    return (
        MALFORMED,
        f"more than {limits.record_fields} fields",
        "trace_id must be 16 bytes, not all zero",
        "span_id must be 8 bytes, not all zero",
        "parent_span_id must be empty or 8 bytes",
        "a link's ids must be empty, or 16 and 8 bytes",
        f"more than {limits.attributes} attributes",
        f"more than {limits.events} events",
        f"more than {limits.links} links",
    )[reason]


def _rows() -> list[dict[int, int]]:
    """What each message holds, as the installed descriptors have it, in the order of the enum."""
    shape = SHAPES[Signal.TRACES]
    request: Any = shape.request
    resource = request.DESCRIPTOR.fields_by_name[shape.resources].message_type
    scope = resource.fields_by_name[shape.scopes].message_type
    span = scope.fields_by_name[shape.records].message_type
    event, link, status, attribute = (
        span.fields_by_name[name].message_type
        for name in ("events", "links", "status", "attributes")
    )
    messages = [resource, scope, span, event, link, status, attribute, resource]
    for message in messages:  # grows while it is walked
        for field in message.fields:
            if field.type == _MESSAGE and field.message_type not in messages:
                messages.append(field.message_type)
    rows = [_row(message, messages) for message in messages]
    # what is cut out of an envelope is looked into on its own; the last resource keeps its scopes
    del rows[0][SCOPES], rows[1][RECORDS]
    return rows


def _row(message: Any, messages: list[Any]) -> dict[int, int]:
    row = {field.number: 1 for field in message.fields if field.type == _TEXT}
    return row | {
        field.number: 2 + messages.index(field.message_type)
        for field in message.fields
        if field.type == _MESSAGE
    }


_native.learn(_rows())
