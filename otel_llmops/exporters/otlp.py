"""OTLP/gRPC to another collector: the requests as they came.

Source: OTLP specification, "OTLP/gRPC" (which status codes may be retried, RetryInfo, partial
success).
"""

from collections.abc import Mapping
from typing import Any

import grpc
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_llmops.errors import PermanentExport, RetryableExport, UnsupportedSignal
from otel_llmops.otlp import Signal

__all__ = ["OtlpSender"]

_PACKAGE = "/opentelemetry.proto.collector"
_METHODS: Mapping[Signal, tuple[str, type[Any], str]] = {
    Signal.TRACES: (
        f"{_PACKAGE}.trace.v1.TraceService/Export",
        ExportTraceServiceResponse,
        "rejected_spans",
    ),
    Signal.LOGS: (
        f"{_PACKAGE}.logs.v1.LogsService/Export",
        ExportLogsServiceResponse,
        "rejected_log_records",
    ),
    Signal.METRICS: (
        f"{_PACKAGE}.metrics.v1.MetricsService/Export",
        ExportMetricsServiceResponse,
        "rejected_data_points",
    ),
}
_TIMEOUT_S = 30.0
_DETAILS = "grpc-status-details-bin"
_FOR_EVER = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.INTERNAL,
    }
)
"""What OTLP says is not to be retried; not who may not come in: the operator can mend that."""


class OtlpSender:
    """One connection to `target` (host:port), plain or over TLS."""

    def __init__(self, target: str, *, tls: bool) -> None:
        options = (
            ("grpc.max_send_message_length", -1),
            ("grpc.enable_http_proxy", 0),
            # how long to wait is the caller's to say
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 5_000),
        )
        self._channel = (
            grpc.secure_channel(target, grpc.ssl_channel_credentials(), options=options)
            if tls
            else grpc.insecure_channel(target, options=options)
        )
        self._export = {
            signal: self._channel.unary_unary(path) for signal, (path, _, _) in _METHODS.items()
        }

    def send(self, payload: bytes, signal: Signal) -> int:
        """Have the destination take one request; how many of its records it refused.

        Raises: RetryableExport; UnsupportedSignal, PermanentExport.
        """
        try:
            answer = self._export[signal](payload, timeout=_TIMEOUT_S)
        except grpc.RpcError as error:
            raise _translated(error) from error
        _, message, refused = _METHODS[signal]
        return int(getattr(message.FromString(answer).partial_success, refused))

    def close(self) -> None:
        """Let the connection go. Safe to call twice."""
        self._channel.close()


def _translated(error: Any) -> RetryableExport | PermanentExport:
    code, told = error.code(), f"{error.code().name}: {error.details()}"
    if code == grpc.StatusCode.UNIMPLEMENTED:
        return UnsupportedSignal(told)
    if code in _FOR_EVER:
        return PermanentExport(told)
    return RetryableExport(told, delay_s=_delay_s(error))


def _delay_s(error: Any) -> float:
    """What the destination asks for."""
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS:
            for detail in Status.FromString(value).details:
                asked = RetryInfo()
                if detail.Unpack(asked):
                    return float(asked.retry_delay.seconds + asked.retry_delay.nanos / 1e9)
    return 0.0
