"""One request and its answer, the same for every transport: the receiver's error boundary."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_llmops.errors import LlmopsError
from otel_llmops.otlp import Encoding, Signal, Verdict
from otel_llmops.receiver.intake import Intake
from otel_llmops.receiver.status import Refusal, refusal_of

__all__ = ["exchange"]

_log = logging.getLogger(__name__)

# message, what it calls the rejected records in protobuf and in JSON
_ANSWERS: Mapping[Signal, tuple[Any, str, str]] = {
    Signal.TRACES: (ExportTraceServiceResponse, "rejected_spans", "rejectedSpans"),
    Signal.LOGS: (ExportLogsServiceResponse, "rejected_log_records", "rejectedLogRecords"),
    Signal.METRICS: (ExportMetricsServiceResponse, "rejected_data_points", "rejectedDataPoints"),
}


def exchange(
    intake: Intake, body: Callable[[], bytes], *, signal: Signal, encoding: Encoding
) -> bytes | Refusal:
    """The response's bytes, in the request's encoding, or why there is none.

    `body` gives the decompressed request and may raise what `refusal_of` knows. Never raises.
    """
    try:
        verdict = intake.accept(body(), signal=signal, encoding=encoding)
        return _response(verdict, signal, encoding)
    except LlmopsError as error:
        refusal = refusal_of(error)
    except Exception as error:  # noqa: BLE001 - the boundary: a bug of ours fails one request alone
        _log.exception("a request for %s failed", signal.name)
        refusal = refusal_of(error)
    intake.count_refusal(signal, refusal.reason)
    return refusal


def _response(verdict: Verdict, signal: Signal, encoding: Encoding) -> bytes:
    message, name, json_name = _ANSWERS[signal]
    rejected = len(verdict.rejected)
    # OTLP: partial_success stays unset where everything was accepted
    if encoding == Encoding.JSON:
        partial = {json_name: str(rejected), "errorMessage": verdict.message}
        return orjson.dumps({"partialSuccess": partial} if rejected else {})
    response = message()
    if rejected:
        setattr(response.partial_success, name, rejected)
        response.partial_success.error_message = verdict.message
    payload: bytes = response.SerializeToString()
    return payload
