"""Requests for Jaeger's tests: a span with every field that OTLP has, and tags at every level."""

import random
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.otlp import key_values

JANUARY_NS = 1_485_000_000_000_000_000
"""January 2017, when Jaeger's own fixtures happened."""
_UNKNOWN_FIELD = b"\xfa\x3e\x03new"
"""Field 1007, a text that no schema knows yet."""
_VALUES = ["text", "", 7, -(2**63), True, False, 72.5, float("inf"), b"\0\xff", "💡\n"]


def generated(number: int) -> Any:
    """A request of one span in which everything is set, different for each number."""
    dice = random.Random(number)  # noqa: S311 - a seeded example
    request = ExportTraceServiceRequest()
    of_resource = request.resource_spans.add(schema_url="https://schema.example/resource")
    attributes = {"service.name": f"made-{number}", "n": number, "list": ["a", 1, None]}
    of_resource.resource.attributes.extend(key_values(attributes))
    of_resource.resource.dropped_attributes_count = dice.randrange(2**32)
    of_scope = of_resource.scope_spans.add(schema_url="https://schema.example/scope")
    of_scope.scope.name, of_scope.scope.version = "scope", "1.2"
    of_scope.scope.attributes.extend(key_values({"in.scope": number}))
    of_scope.scope.dropped_attributes_count = 3
    start = JANUARY_NS + dice.randrange(10**15)
    span = of_scope.spans.add(
        trace_id=dice.randbytes(16),
        span_id=dice.randbytes(8),
        parent_span_id=dice.randbytes(8) if number % 2 else b"",
        trace_state="vendor=1",
        flags=0x301,
        name=f"work {number} 💡",
        kind=number % 6,
        start_time_unix_nano=start,
        end_time_unix_nano=start + dice.randrange(10**12),
        dropped_attributes_count=1,
        dropped_events_count=2,
        dropped_links_count=3,
    )
    pairs = {f"k{place}": value for place, value in enumerate(_VALUES)}
    span.attributes.extend(key_values(pairs | {"nested": {"a": [1, {"b": None}]}}))
    event = span.events.add(time_unix_nano=start + 1, name="happened", dropped_attributes_count=4)
    event.attributes.extend(key_values({"in.event": "yes"}))
    link = span.links.add(
        trace_id=dice.randbytes(16), span_id=dice.randbytes(8), trace_state="x=y", flags=1
    )
    link.attributes.extend(key_values({"in.link": 1.5}))
    span.status.code, span.status.message = number % 3, "said"
    span.MergeFromString(_UNKNOWN_FIELD)
    return request


def every_level() -> Any:
    """Seven traces, each with the same typed tags at another level, a mixture, and a large one."""
    request = ExportTraceServiceRequest()
    tags = {"same.text": "here", "same.int": 404, "same.bool": True, "same.double": 72.5}
    for place, level in enumerate(("span", "resource", "scope", "event", "link", "none"), start=1):
        of_resource = request.resource_spans.add()
        attributes = {"service.name": "levels"} | (tags if level == "resource" else {})
        of_resource.resource.attributes.extend(key_values(attributes))
        of_scope = of_resource.scope_spans.add()
        of_scope.scope.name = level
        start = JANUARY_NS + place * 10**9
        span = of_scope.spans.add(
            trace_id=bytes([place] * 16),
            span_id=bytes([place] * 8),
            name=f"op-{level}",
            kind=2,
            start_time_unix_nano=start,
            end_time_unix_nano=start + place * 10**6,
        )
        holders = {
            "span": span,
            "scope": of_scope.scope,
            "event": span.events.add(name="e"),
            "link": span.links.add(trace_id=bytes([9] * 16), span_id=bytes([9] * 8)),
        }
        if level in holders:
            holders[level].attributes.extend(key_values(tags))
        if level == "none":  # the keys are there, the values are others
            span.attributes.extend(key_values(dict.fromkeys(tags, "other")))
            span.status.code = 2
            child = of_scope.spans.add(trace_id=bytes([place] * 16), span_id=bytes([77] * 8))
            child.parent_span_id, child.name = bytes([78] * 8), "orphan"
            child.start_time_unix_nano = child.end_time_unix_nano = start
    return request
