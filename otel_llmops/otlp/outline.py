"""A request cut into envelopes and records, whatever its encoding: where both encodings meet.

A record is its protobuf bytes, or a sentence (str) where it is refused already here.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import orjson

from otel_llmops.errors import DecodeError
from otel_llmops.otlp.limits import Limits
from otel_llmops.otlp.mapping import MappingError, fill
from otel_llmops.otlp.shapes import RECORDS, RESOURCES, SCOPES, SHAPES, Message, Shape
from otel_llmops.otlp.types import Encoding, Signal
from otel_llmops.otlp.wire import split

__all__ = ["Group", "outline", "record_wire", "within_bytes"]


Record = Callable[[Message, object], bytes | str]


class Group(NamedTuple):
    """The records of one scope, in wire order, and the two envelopes without their records."""

    resource_wire: bytes
    scope_wire: bytes
    records: list[bytes | str]


def outline(
    payload: bytes,
    *,
    signal: Signal,
    encoding: Encoding,
    limits: Limits,
    record: Record | None = None,
) -> list[Group]:
    """The groups of a request, in wire order. An envelope without records gives an empty group.

    In:     `record` reads one record of JSON, as `record_wire` does (the default).
    Raises: DecodeError, where the envelopes are not OTLP or hold more than `limits` allows.
    Edge:   Only the envelopes' framing is checked: `records` parses what is inside.
    """
    within_bytes(payload, limits)
    shape = SHAPES[signal]
    found = (
        _from_wire(payload, limits)
        if encoding == Encoding.PROTOBUF
        else _from_json(payload, shape, limits, record or record_wire)
    )
    return list(_bounded(found, shape, limits))


def within_bytes(payload: bytes, limits: Limits) -> None:
    """Refuse a request that is too large before anything of it is read.

    Raises: DecodeError.
    """
    if len(payload) > limits.request_bytes:
        raise DecodeError(
            f"the request has {len(payload)} bytes, more than {limits.request_bytes}",
            hint="send smaller batches",
        )


def _bounded(groups: Iterator[Group], shape: Shape, limits: Limits) -> Iterator[Group]:
    records = spread_bytes = 0
    for envelopes, group in enumerate(groups, 1):
        records += len(group.records)
        # an envelope without records is read all the same
        repeats = max(1, len(group.records))
        spread_bytes += repeats * (len(group.resource_wire) + len(group.scope_wire))
        if records > limits.records or envelopes > limits.records:
            raise DecodeError(
                f"the request has more than {limits.records} {shape.noun} or envelopes",
                hint="send smaller batches",
            )
        if spread_bytes > limits.spread_bytes:
            raise DecodeError(
                f"resource and scope are too large for so many {shape.noun}",
                hint="send smaller batches, or fewer resource attributes",
            )
        yield group


def _from_wire(payload: bytes, limits: Limits) -> Iterator[Group]:
    # fields of the request that OTLP does not know yet have nothing to belong to
    resources, _ = split(payload, 0, len(payload), RESOURCES, limit=limits.records)
    for start, end in resources:
        scopes, resource_wire = split(payload, start, end, SCOPES, limit=limits.records)
        if not scopes:
            yield Group(resource_wire, b"", [])
        for scope_start, scope_end in scopes:
            ranges, scope_wire = split(
                payload, scope_start, scope_end, RECORDS, limit=limits.records
            )
            yield Group(resource_wire, scope_wire, [payload[at:after] for at, after in ranges])


def _from_json(payload: bytes, shape: Shape, limits: Limits, record: Record) -> Iterator[Group]:
    if not payload:
        return
    tokens = payload.count(b",") + payload.count(b"{") + payload.count(b"[")
    if tokens > limits.json_tokens:
        raise DecodeError("the JSON body has too many values", hint="send smaller batches")
    try:
        document = orjson.loads(payload)
        yield from _json_groups(document, shape, record)
    except orjson.JSONDecodeError as error:
        raise DecodeError(f"the body is not JSON: {error}") from error
    except MappingError as error:
        raise DecodeError(f"the body is not OTLP/JSON: {error}") from error


def _json_groups(document: object, shape: Shape, record: Record) -> Iterator[Group]:
    request = shape.request()
    resources_key, scopes_key, records_key = (
        _camel(name) for name in (shape.resources, shape.scopes, shape.records)
    )
    if not isinstance(document, dict):
        raise MappingError("the request must be a JSON object")
    for resource_value in _list(document, resources_key):
        resource = getattr(request, shape.resources).add()
        fill(resource, resource_value, leave_out=scopes_key)
        resource_wire = resource.SerializeToString()
        if not _list(resource_value, scopes_key):
            yield Group(resource_wire, b"", [])
        for scope_value in _list(resource_value, scopes_key):
            scope = getattr(resource, shape.scopes).add()
            fill(scope, scope_value, leave_out=records_key)
            scope_wire = scope.SerializeToString()
            empty = getattr(scope, shape.records).add()
            values = _list(scope_value, records_key)
            yield Group(resource_wire, scope_wire, [record(empty, value) for value in values])


def record_wire(empty: Message, value: object) -> bytes | str:
    """A record of parsed JSON as protobuf, or why it is none; `empty` is a message of its kind."""
    record = type(empty)()
    try:
        fill(record, value)
    except MappingError as error:
        return f"not OTLP/JSON: {error}"
    wire: bytes = record.SerializeToString()
    return wire


def _list(value: dict[str, object], key: str) -> list[dict[str, object]]:
    found = value.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        raise MappingError(f"{key} must be a JSON array")
    return found


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
