"""OTLP/gRPC on raw bytes: what arrives is what is journalled.

Without a deserializer of grpc's own, undecodable bytes are answered with INVALID_ARGUMENT; with
one, grpc says INTERNAL, and the sender learns nothing.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from otel_llmops.otlp import Encoding, Signal
from otel_llmops.receiver.exchange import exchange
from otel_llmops.receiver.intake import Intake
from otel_llmops.receiver.status import grpc_trailers

__all__ = ["grpc_server"]

_PACKAGE = "opentelemetry.proto.collector"
_SERVICES = {
    f"{_PACKAGE}.trace.v1.TraceService": Signal.TRACES,
    f"{_PACKAGE}.logs.v1.LogsService": Signal.LOGS,
    f"{_PACKAGE}.metrics.v1.MetricsService": Signal.METRICS,
}
_STREAMS_MAX = 128
"""Calls in flight on one connection; a sender's further calls wait on its side."""

_CODES = {code.value[0]: code for code in grpc.StatusCode}


def grpc_server(intake: Intake, pool: ThreadPoolExecutor) -> Any:
    """A grpc.Server, not bound and not started, that answers the three Export methods."""
    server = grpc.server(
        pool,
        options=(
            # two servers on one port would each get half of the spans
            ("grpc.so_reuseport", 0),
            # C-core holds both the wire size and the decompressed size to it
            ("grpc.max_receive_message_length", intake.limits.request_bytes),
            ("grpc.max_concurrent_streams", _STREAMS_MAX),
        ),
    )
    server.add_generic_rpc_handlers(
        tuple(
            grpc.method_handlers_generic_handler(
                service, {"Export": grpc.unary_unary_rpc_method_handler(_export(intake, signal))}
            )
            for service, signal in _SERVICES.items()
        )
    )
    return server


def _export(intake: Intake, signal: Signal) -> Callable[[bytes, Any], bytes]:
    def export(payload: bytes, context: Any) -> bytes:
        answer = exchange(intake, lambda: payload, signal=signal, encoding=Encoding.PROTOBUF)
        if isinstance(answer, bytes):
            return answer
        context.set_trailing_metadata(grpc_trailers(answer))
        raise context.abort(_CODES[answer.grpc_code], answer.message)  # abort itself raises

    return export
