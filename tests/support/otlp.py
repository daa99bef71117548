"""Makes OTLP requests, in both encodings, from a few words."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

TRACE_ID = bytes(range(1, 17))
SPAN_ID = bytes(range(1, 9))
TRACES = Path(__file__).parents[1] / "traces"

_HEX_KEYS = {"traceId", "spanId", "parentSpanId"}


def span(
    name: str = "work", *, attributes: Mapping[str, object] | None = None, **fields: Any
) -> Any:
    """A Span that is valid unless `fields` say otherwise."""
    ids = {"trace_id": TRACE_ID, "span_id": SPAN_ID}
    return Span(name=name, attributes=key_values(attributes or {}), **(ids | fields))


def spans(count: int, **fields: Any) -> list[Any]:
    """`count` spans of one trace with ids 1, 2, 3, ..."""
    return [span(span_id=number.to_bytes(8, "big"), **fields) for number in range(1, count + 1)]


def log_record(event_name: str = "gen_ai.choice", **fields: Any) -> Any:
    """A LogRecord that is a GenAI event of a span unless `fields` say otherwise."""
    ids = {"trace_id": TRACE_ID, "span_id": SPAN_ID}
    return LogRecord(event_name=event_name, **(ids | fields))


def trace_request(*members: Any, resource: Mapping[str, object] | None = None) -> bytes:
    """One request of one resource and one scope."""
    request = ExportTraceServiceRequest()
    envelope = request.resource_spans.add()
    envelope.resource.attributes.extend(key_values(resource or {"service.name": "shop"}))
    scope = envelope.scope_spans.add()
    scope.scope.name, scope.scope.version = "test", "1"
    scope.spans.extend(members)
    return _bytes(request)


def log_request(*members: Any) -> bytes:
    """One request of one resource and one scope."""
    request = ExportLogsServiceRequest()
    envelope = request.resource_logs.add()
    envelope.resource.attributes.extend(key_values({"service.name": "shop"}))
    envelope.scope_logs.add().log_records.extend(members)
    return _bytes(request)


def metric_request(*names: str) -> bytes:
    """One request with a gauge for each name."""
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    for name in names:
        metric = scope.metrics.add(name=name)
        metric.gauge.data_points.add(as_int=1, time_unix_nano=1)
    return _bytes(request)


def key_values(attributes: Mapping[str, object]) -> list[Any]:
    """KeyValue messages of plain Python values; None is an empty AnyValue."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def any_value(value: object) -> Any:
    """An AnyValue of a plain Python value."""
    made = AnyValue()
    match value:
        case None:
            pass
        case bool():
            made.bool_value = value
        case str():
            made.string_value = value
        case int():
            made.int_value = value
        case float():
            made.double_value = value
        case bytes():
            made.bytes_value = value
        case list():
            made.array_value.SetInParent()
            made.array_value.values.extend(any_value(item) for item in value)
        case dict():
            made.kvlist_value.SetInParent()
            made.kvlist_value.values.extend(key_values(value))
        case _:
            raise TypeError(type(value))
    return made


def as_json(payload: bytes, kind: Any = ExportTraceServiceRequest) -> bytes:
    """A protobuf request as OTLP/JSON, by json_format with the ids put right."""
    document = MessageToDict(kind.FromString(payload), use_integers_for_enums=True)
    return orjson.dumps(_hex_ids(document))


def recorded_requests(pattern: str = "*/*/request-*.binpb") -> list[Path]:
    """Bodies that real frameworks sent, in order."""
    found = sorted(TRACES.glob(pattern))
    assert found, f"no recorded requests match {pattern}"
    return found


def scenarios() -> list[Path]:
    """Folders of one recorded scenario each."""
    return sorted({path.parent for path in recorded_requests()})


def _hex_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_hex_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64decode(item).hex() if key in _HEX_KEYS else _hex_ids(item)
        for key, item in value.items()
    }


def _bytes(message: Any) -> bytes:
    payload: bytes = message.SerializeToString()
    return payload
