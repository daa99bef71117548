"""A trace as JSON: OTLP's own for /api/v3, and the older form that Jaeger's UI draws.

Source: Jaeger's model of a trace in its UI (types/trace), and how Jaeger 2 makes it of OTLP spans:
status, kind, scope and trace state are tags; a link is a reference.
"""

import base64
import math
from collections.abc import Iterable, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from otel_llmops.otlp import nested
from otel_llmops.otlp.attributes import text_of
from otel_llmops.storage.search import SPAN_KINDS
from otel_llmops.storage.spans import WireSpan

__all__ = ["otlp_document", "ui_trace"]

_IDS = {"traceId", "spanId", "parentSpanId"}
_TYPES = {"bool_value": "bool", "int_value": "int64", "double_value": "float64"}
_STATUSES = {1: "OK", 2: "ERROR"}
_SAFE_INTEGER = 2**53
_RELATION = "opentracing.ref_type"


def otlp_document(traces: Iterable[Sequence[WireSpan]]) -> dict[str, Any]:
    """OTLP/JSON of some traces: ids in hex, enums as numbers, 64-bit numbers as text."""
    data = TracesData.FromString(b"".join(nested(spans) for spans in traces))
    found: dict[str, Any] = _with_hex_ids(MessageToDict(data, use_integers_for_enums=True))
    return found


def _with_hex_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: base64.b64decode(held).hex() if key in _IDS else _with_hex_ids(held)
            for key, held in value.items()
        }
    return [_with_hex_ids(each) for each in value] if isinstance(value, list) else value


def ui_trace(trace_id: str, wires: Sequence[WireSpan]) -> dict[str, Any]:
    """One trace as Jaeger's UI has it: times in µs, tags with their types, processes apart."""
    data = TracesData.FromString(nested(wires))
    processes: dict[str, Any] = {}
    spans = []
    for place, resource in enumerate(data.resource_spans, start=1):
        name = f"p{place}"
        processes[name] = _process(resource.resource)
        for of_scope in resource.scope_spans:
            spans += [_span(span, of_scope.scope, name) for span in of_scope.spans]
    return {"traceID": trace_id, "spans": spans, "processes": processes, "warnings": None}


def _process(resource: Any) -> dict[str, Any]:
    names = [text_of(each.value) for each in resource.attributes if each.key == "service.name"]
    tags = [_tag(each) for each in resource.attributes if each.key != "service.name"]
    return {"serviceName": names[0] if names else "unknown-service", "tags": tags}


def _span(span: Any, scope: Any, process: str) -> dict[str, Any]:
    duration_ns = max(0, span.end_time_unix_nano - span.start_time_unix_nano)
    return {
        "traceID": span.trace_id.hex(),
        "spanID": span.span_id.hex(),
        "operationName": span.name,
        "references": list(_references(span)),
        "startTime": span.start_time_unix_nano // 1000,
        "duration": duration_ns // 1000,
        "tags": [_tag(each) for each in span.attributes] + list(_facts(span, scope)),
        "logs": [_log(each) for each in span.events],
        "processID": process,
        "flags": span.flags & 1,
        "warnings": None,
    }


def _references(span: Any) -> Iterable[dict[str, str]]:
    trace_id = span.trace_id.hex()
    if any(span.parent_span_id):
        parent = span.parent_span_id.hex()
        yield {"refType": "CHILD_OF", "traceID": trace_id, "spanID": parent}
    for link in span.links:
        told = [text_of(each.value) for each in link.attributes if each.key == _RELATION]
        kind = "CHILD_OF" if told == ["child_of"] else "FOLLOWS_FROM"
        yield {"refType": kind, "traceID": link.trace_id.hex(), "spanID": link.span_id.hex()}


def _facts(span: Any, scope: Any) -> Iterable[dict[str, Any]]:
    """What is no attribute, as tags."""
    texts = {
        "span.kind": SPAN_KINDS[span.kind] if 0 <= span.kind < len(SPAN_KINDS) else "",
        "otel.scope.name": scope.name,
        "otel.scope.version": scope.version,
        "otel.status_code": _STATUSES.get(span.status.code, ""),
        "otel.status_description": span.status.message,
        "w3c.tracestate": span.trace_state,
    }
    yield from ({"key": k, "type": "string", "value": v} for k, v in texts.items() if v)
    if span.status.code == 2:
        yield {"key": "error", "type": "bool", "value": True}


def _log(event: Any) -> dict[str, Any]:
    fields = [_tag(each) for each in event.attributes]
    if event.name and not any(each["key"] == "event" for each in fields):
        fields.insert(0, {"key": "event", "type": "string", "value": event.name})
    return {"timestamp": event.time_unix_nano // 1000, "fields": fields}


def _tag(attribute: Any) -> dict[str, Any]:
    kind = attribute.value.WhichOneof("value")
    if kind == "bytes_value":
        return {"key": attribute.key, "type": "binary", "value": text_of(attribute.value)}
    value = getattr(attribute.value, kind) if kind in _TYPES else None
    # what JavaScript's numbers cannot hold is told as text
    holds = isinstance(value, bool) or (
        value is not None and math.isfinite(value) and abs(value) <= _SAFE_INTEGER
    )
    if not holds:
        return {"key": attribute.key, "type": "string", "value": text_of(attribute.value)}
    return {"key": attribute.key, "type": _TYPES[kind], "value": value}
