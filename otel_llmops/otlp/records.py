"""The records of a request parsed and judged, one by one where one of them is bad.

Strategy: records are parsed by upb, many at a time, framed into an otherwise empty request, so that
every record meets protobuf's nesting limit at the depth where it arrived. Only where that fails is
each parsed alone, so the usual request costs one parse and a bad record costs itself. A record
large enough to hold too many fields is measured on the wire before anything is built.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Any

from google.protobuf.message import DecodeError as ProtobufError

from otel_llmops.errors import DecodeError
from otel_llmops.otlp.limits import Limits
from otel_llmops.otlp.outline import Group
from otel_llmops.otlp.shapes import RECORDS, RESOURCES, SCOPES, Message, Shape
from otel_llmops.otlp.wire import LEN, fields, framed

__all__ = ["MALFORMED", "envelopes", "parsed"]

_CHUNK_BYTES = 512 * 1024
_FIELD_BYTES_MIN = 2
_MESSAGE = 11

MALFORMED = "not valid protobuf: malformed, not UTF-8, or nested too deep"
"""What is wrong with a message that protobuf does not read."""


def envelopes(group: Group, shape: Shape, limits: Limits) -> tuple[Message, Message]:
    """The resource envelope and the scope envelope of `group`, without records.

    Raises: DecodeError, where they are not valid or hold too many fields.
    """
    nested = framed(SCOPES, [group.scope_wire])
    body = framed(RESOURCES, [group.resource_wire + nested])
    request = shape.request()
    fault = _size_fault(body, request.DESCRIPTOR, limits)
    if fault:
        raise DecodeError(f"an envelope is refused: {fault}")
    try:
        request.ParseFromString(body)
    except ProtobufError as error:
        raise DecodeError(f"an envelope is refused: {MALFORMED}") from error
    resource = getattr(request, shape.resources)[0]
    return resource, getattr(resource, shape.scopes)[0]


def parsed(records: Sequence[bytes | str], shape: Shape, limits: Limits) -> Iterator[Message | str]:
    """Each record as a message, or why it is none, in order."""
    descriptor = _record_descriptor(shape)
    chunk: list[bytes] = []
    chunk_bytes = 0
    for record in records:
        if isinstance(record, str):
            fault = record
        elif not (fault := _size_fault(record, descriptor, limits)):
            chunk.append(record)
            chunk_bytes += len(record)
            if chunk_bytes >= _CHUNK_BYTES:
                yield from _parsed_chunk(chunk, shape)
                chunk, chunk_bytes = [], 0
            continue
        yield from _parsed_chunk(chunk, shape)
        chunk, chunk_bytes = [], 0
        yield fault
    yield from _parsed_chunk(chunk, shape)


def _parsed_chunk(chunk: list[bytes], shape: Shape) -> Iterator[Message | str]:
    if not chunk:
        return
    try:
        yield from _messages(chunk, shape)
    except ProtobufError:
        if len(chunk) == 1:
            yield MALFORMED
            return
        for record in chunk:
            yield from _parsed_chunk([record], shape)


def _messages(chunk: list[bytes], shape: Shape) -> Sequence[Message]:
    request = shape.request()
    request.ParseFromString(framed(RESOURCES, [framed(SCOPES, [framed(RECORDS, chunk)])]))
    scope = getattr(getattr(request, shape.resources)[0], shape.scopes)[0]
    found: Sequence[Message] = getattr(scope, shape.records)
    return found


def _size_fault(data: bytes, descriptor: Any, limits: Limits) -> str:
    """Why a message is not even parsed: too many fields, on all levels that the schema knows."""
    if len(data) <= limits.record_fields * _FIELD_BYTES_MIN:
        return ""
    beyond = islice(_fields_within(data, descriptor), limits.record_fields, None)
    try:
        return "" if next(beyond, None) is None else f"more than {limits.record_fields} fields"
    except DecodeError:
        return MALFORMED  # now: the parser would build all that comes before the fault


def _fields_within(data: bytes, descriptor: Any) -> Iterator[int]:
    inside = [(0, len(data), descriptor)]
    while inside:
        start, end, message = inside.pop()
        known = _messages_of(message)
        for field in fields(data, start, end):
            yield field.number
            if field.wire_type == LEN and field.number in known:
                inside.append((field.start, field.end, known[field.number]))


@cache
def _messages_of(descriptor: Any) -> dict[int, Any]:
    return {
        field.number: field.message_type for field in descriptor.fields if field.type == _MESSAGE
    }


def _record_descriptor(shape: Shape) -> Any:
    message = shape.request.DESCRIPTOR  # type: ignore[attr-defined]  # a generated class
    for name in (shape.resources, shape.scopes, shape.records):
        message = message.fields_by_name[name].message_type
    return message
