"""Requests that are almost right: mutations of bytes, and of the fields within fields."""

import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from otel_llmops.errors import DecodeError
from otel_llmops.otlp.wire import LEN, fields, varint
from tests.support.otlp import (
    SPAN_ID,
    TRACE_ID,
    as_json,
    key_values,
    recorded_requests,
    span,
    trace_request,
)

_TELLING = bytes((*range(0x21), 0x2A, 0x32, 0x3A, 0x40, 0x4A, 0x5A, 0x6A, 0x7A, 0x80, 0x85, 0xFF))
_NUMBERS = (0, 1, 2, 127, 128, 255, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1)
_TEXTS = (b"", b"\xc3\xa9", b"\xff", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b'a\x00\n"\\\x1f\x7f')
_DEEP_MAX = 110

VALUES = {
    "text": 'é\n"\\\x01 as it is',
    "yes": True,
    "no": False,
    "whole": -(2**63),
    "number": 0.1,
    "large": 1e300,
    "not": float("nan"),
    "bytes": b"\x00\xff",
    "nothing": None,
    "list": ["a", 1, 2.5, [], {}, None, b"\xff", float("-inf"), ["\t\x1f", {"k": [1]}]],
    "pairs": {"a": 1, "é": {"b": [{}, {"c": None}]}},
}
"""One attribute of every kind."""


def rich_request() -> bytes:
    """A request in which every field of a trace is set."""
    event = Span.Event(time_unix_nano=7, name="event", dropped_attributes_count=1)
    event.attributes.extend(key_values(VALUES))
    link = Span.Link(trace_id=TRACE_ID, span_id=SPAN_ID, trace_state="l=1", flags=1)
    link.attributes.extend(key_values({"why": "next"}))
    member = span(
        attributes=VALUES,
        parent_span_id=b"parent!!",
        trace_state="a=b",
        flags=257,
        kind=3,
        start_time_unix_nano=5,
        end_time_unix_nano=2**63,
        dropped_attributes_count=1,
        dropped_events_count=2,
        dropped_links_count=3,
        status=Status(code=Status.STATUS_CODE_ERROR, message="no"),
        events=[event, Span.Event()],
        links=[link, Span.Link()],
    )
    request = ExportTraceServiceRequest.FromString(
        trace_request(member, span("two"), resource={"service.name": "shop", "n": [1]})
    )
    envelope = request.resource_spans[0]
    envelope.schema_url = envelope.scope_spans[0].schema_url = "https://example.org"
    envelope.resource.dropped_attributes_count = 1
    envelope.scope_spans[0].scope.attributes.extend(key_values({"scope": 1}))
    return bytes(request.SerializeToString())


def small_requests() -> list[bytes]:
    """Recorded requests cut down to a span each, one of every scenario, and the rich one."""
    found = [rich_request()]
    for path in recorded_requests("*/*/request-000.binpb"):
        request = ExportTraceServiceRequest.FromString(path.read_bytes())
        for envelope in request.resource_spans:
            del envelope.scope_spans[1:]
            for scope in envelope.scope_spans:
                del scope.spans[1:]
        if request.ByteSize() < 4000:
            found.append(request.SerializeToString())
    return found


def mutants(seeds: list[bytes], rng: random.Random) -> Iterator[bytes]:
    """Mutations of `seeds`, without end."""
    while True:
        body = rng.choice(seeds)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            body = _mutated(body, rng, seeds)
        yield body


def _mutated(body: bytes, rng: random.Random, seeds: list[bytes]) -> bytes:
    if not body or rng.random() < 0.9:
        return _fields_mutated(body, rng)
    if rng.random() < 0.3:
        other = rng.choice(seeds)
        return body[: rng.randrange(len(body) + 1)] + other[rng.randrange(len(other)) :]
    return _bytes_mutated(body, rng)


def _bytes_mutated(body: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(body) + 1)
    end = min(len(body), start + rng.choice((0, 1, 1, 1, 2, 8)))
    filling = bytes(rng.choice(_TELLING) for _ in range(rng.choice((0, 1, 1, 1, 2, 5))))
    if rng.random() < 0.3 and start < len(body):
        filling = bytes((body[start] ^ 1 << rng.randrange(8),))
    return body[:start] + filling + body[end:]


def _fields_mutated(body: bytes, rng: random.Random) -> bytes:
    try:
        found = list(fields(body, 0, len(body)))
    except DecodeError:
        return _bytes_mutated(body, rng)
    if not found:
        return _field(rng)
    chosen = rng.choice(found)
    before, after = body[: chosen.tag], body[chosen.end :]
    whole, value = body[chosen.tag : chosen.end], body[chosen.start : chosen.end]
    if chosen.wire_type == LEN and rng.random() < 0.9:
        tag = body[chosen.tag : chosen.start - len(varint(len(value)))]
        inner = _fields_mutated(value, rng)
        return before + tag + _size(len(inner), rng) + inner + after
    return rng.choice(
        (
            before + after,
            before + whole + whole + after,
            before + after + whole,
            before + whole + _field(rng) + after,
            before + _bytes_mutated(whole, rng) + after,
            before + _renumbered(whole, rng) + after,
            before + _field(rng, chosen.number) + after,
        )
    )


def _size(size: int, rng: random.Random) -> bytes:
    if rng.random() < 0.99:
        return varint(size)
    if rng.random() < 0.5:
        return varint(max(0, size + rng.choice((-1, 1, 2**31, 2**32))))
    # longer than needed, which is allowed up to five bytes
    short = varint(size)
    padding = rng.randrange(1, 6)
    return short[:-1] + bytes((short[-1] | 0x80,)) + b"\x80" * (padding - 1) + b"\x00"


def _renumbered(whole: bytes, rng: random.Random) -> bytes:
    tag = rng.choice((rng.randrange(1, 17), 100, 2**29 - 1, 0)) << 3 | rng.choice((whole[0] & 7, 2))
    return varint(tag) + whole[1:]


def _field(rng: random.Random, number: int = 0) -> bytes:
    number = number or rng.choice((*range(1, 17), 17, 100, 2**29 - 1))
    wire_type = rng.randrange(6)
    tag = varint(number << 3 | wire_type)
    match wire_type:
        case 0:
            return tag + varint(rng.choice(_NUMBERS))
        case 1:
            return tag + rng.choice(_NUMBERS).to_bytes(8, "little")
        case 2:
            text = rng.choice(_TEXTS) or _field(rng)
            return tag + varint(len(text)) + text
        case 3:
            depth = rng.choice((1, 2, 90, 96, 97, 98, 99, 100, _DEEP_MAX))
            closing = varint(number << 3 | 4)
            inside = rng.choice((b"", b"\x00\x01", b"\x0a\x00"))
            return tag * depth + inside + closing * (depth - (rng.random() < 0.1))
        case 4:
            return tag
        case _:
            return tag + rng.randbytes(4)


_ODD: tuple[object, ...] = (
    None, True, False, 0, 1, -1, 7, 2**31 - 1, 2**31, 2**32, 2**63 - 1, -(2**63), 2**64 - 1,
    0.0, -0.0, 7.0, 1.5, 1e300, "", "0", "-0", "7", "007", "-1", "9999999999999999999",
    "9223372036854775807", "9223372036854775808", "18446744073709551615", "1.5", "NaN",
    "Infinity", "AP8=", "!", "ab", "ABCDEF", "abc", "é\n\0", "\u0663", [], {}, [None], [{}],
    {"stringValue": "x"}, {"intValue": "5"}, {"intValue": 5, "stringValue": "x"},
    {"stringValue": None}, {"arrayValue": {"values": [{}, {"boolValue": True}]}},
    {"kvlistValue": {"values": [{"key": "k", "value": {"doubleValue": 1}}]}},
    {"arrayValue": None}, {"doubleValue": -0.0}, {"bytesValue": "_-8"}, {"new": 1},
)  # fmt: skip


def documents(request: bytes, rng: random.Random) -> Iterator[bytes]:
    """`request` as JSON, with a few values in it exchanged, without end."""
    whole = as_json(request)
    while True:
        document = orjson.loads(whole)
        for _ in range(rng.choice((1, 1, 2, 3))):
            _exchange(document, rng)
        yield orjson.dumps(document)


def _exchange(document: Any, rng: random.Random) -> None:
    inside = document
    while True:
        keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(inside[key], dict | list) and rng.random() < 0.93:
            inside = inside[key]
            continue
        if isinstance(inside, dict) and rng.random() < 0.1:
            inside[rng.choice(("key", "value", "other", "name", "flags"))] = inside.pop(key)
        else:
            inside[key] = deepcopy(rng.choice(_ODD))
        return
