"""What a record is in each of OTLP's signals, and what makes one unfit.

All three signals nest alike: request -1-> resource envelope -2-> scope envelope -2-> record.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llmops.otlp.limits import Limits
from otel_llmops.otlp.types import Signal

__all__ = ["RECORDS", "RESOURCES", "SCOPES", "SHAPES", "Message", "Shape"]

RESOURCES, SCOPES, RECORDS = 1, 2, 2
"""Field numbers from the request down."""

Message = Any
"""A protobuf message: the generated classes carry no types."""

_TRACE_ID_BYTES = 16
_SPAN_ID_BYTES = 8
_NO_TRACE = bytes(_TRACE_ID_BYTES)
_NO_SPAN = bytes(_SPAN_ID_BYTES)


@dataclass(frozen=True, slots=True)
class Shape:
    """One signal: its messages, its names, and what is wrong with a record that did parse."""

    request: Callable[[], Message]
    resources: str
    scopes: str
    records: str
    noun: str
    fault: Callable[[Message, Limits], str]
    weight: Callable[[Message], int]


def _span_fault(span: Message, limits: Limits) -> str:
    return _identity_fault(span) or _size_fault(span, limits)


def _identity_fault(span: Message) -> str:
    # OTLP trace.proto: an id of another length, or all zero, makes the span invalid
    if len(span.trace_id) != _TRACE_ID_BYTES or span.trace_id == _NO_TRACE:
        return "trace_id must be 16 bytes, not all zero"
    if len(span.span_id) != _SPAN_ID_BYTES or span.span_id == _NO_SPAN:
        return "span_id must be 8 bytes, not all zero"
    if len(span.parent_span_id) not in {0, _SPAN_ID_BYTES}:
        return "parent_span_id must be empty or 8 bytes"
    if not all(map(_fits, span.links)):
        return "a link's ids must be empty, or 16 and 8 bytes"
    return ""


def _size_fault(span: Message, limits: Limits) -> str:
    if len(span.attributes) > limits.attributes:
        return f"more than {limits.attributes} attributes"
    if len(span.events) > limits.events:
        return f"more than {limits.events} events"
    if len(span.links) > limits.links:
        return f"more than {limits.links} links"
    return ""


def _log_fault(record: Message, limits: Limits) -> str:
    if not _fits(record):
        return "trace_id and span_id must be empty, or 16 and 8 bytes"
    if len(record.attributes) > limits.attributes:
        return f"more than {limits.attributes} attributes"
    return ""


def _metric_fault(_metric: Message, _limits: Limits) -> str:
    return ""


def _fits(message: Message) -> bool:
    return len(message.trace_id) in {0, _TRACE_ID_BYTES} and len(message.span_id) in {
        0,
        _SPAN_ID_BYTES,
    }


def _span_weight(span: Message) -> int:
    weight = len(span.attributes) + len(span.events) + len(span.links)
    for event in span.events:
        weight += len(event.attributes)
    for link in span.links:
        weight += len(link.attributes)
    return weight


def _log_weight(record: Message) -> int:
    return len(record.attributes)


def _no_weight(_metric: Message) -> int:
    return 0


SHAPES: Mapping[Signal, Shape] = {
    Signal.TRACES: Shape(
        ExportTraceServiceRequest,
        "resource_spans",
        "scope_spans",
        "spans",
        "spans",
        _span_fault,
        _span_weight,
    ),
    Signal.LOGS: Shape(
        ExportLogsServiceRequest,
        "resource_logs",
        "scope_logs",
        "log_records",
        "log records",
        _log_fault,
        _log_weight,
    ),
    Signal.METRICS: Shape(
        ExportMetricsServiceRequest,
        "resource_metrics",
        "scope_metrics",
        "metrics",
        "metrics",
        _metric_fault,
        _no_weight,
    ),
}
