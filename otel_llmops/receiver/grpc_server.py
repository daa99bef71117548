"""OTLP/gRPC on raw bytes: what arrives is what is journalled.

Strategy: without a deserializer of grpc's own, undecodable bytes are answered with
INVALID_ARGUMENT; with one, grpc says INTERNAL, and the sender learns nothing. The methods are
served as if requests were streams, of which one message is read: so it is us who say when a message
may come into memory, and how long it may take. On the wire there is no difference.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc
from grpc import aio

from otel_llmops.errors import DecodeError
from otel_llmops.otlp import Encoding, Signal
from otel_llmops.receiver.access import Access
from otel_llmops.receiver.exchange import Exchange
from otel_llmops.receiver.memory import Booking
from otel_llmops.receiver.status import grpc_trailers

__all__ = ["grpc_server"]

_PACKAGE = "opentelemetry.proto.collector"
_SERVICES = {
    f"{_PACKAGE}.trace.v1.TraceService": Signal.TRACES,
    f"{_PACKAGE}.logs.v1.LogsService": Signal.LOGS,
    f"{_PACKAGE}.metrics.v1.MetricsService": Signal.METRICS,
}
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_OPTIONS: Mapping[str, int] = {
    # two servers on one port would each get half of the spans
    "grpc.so_reuseport": 0,
    # calls in flight on one connection; a sender's further calls wait on its side
    "grpc.max_concurrent_streams": 128,
    # what a call that is not read yet may keep here: fixed, or it grows with the bandwidth
    "grpc.http2.lookahead_bytes": 64 * 1024,
    "grpc.http2.bdp_probe": 0,
    "grpc.max_metadata_size": 16 * 1024,
    "grpc.max_allowed_incoming_connections": 1024,
    "grpc.server_handshake_timeout_ms": 10_000,
    # a peer that vanished is noticed; one that has nothing to say makes room
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.max_connection_idle_ms": 600_000,
    # many SDKs are told to ping more often than C-core likes, which would cut them off
    "grpc.http2.min_ping_interval_without_data_ms": 5_000,
    "grpc.keepalive_permit_without_calls": 1,
}


def grpc_server(exchange: Exchange, access: Access, *, read_timeout_s: float) -> Any:
    """A grpc.aio.Server, not bound and not started, that answers the three Export methods.

    `read_timeout_s`: how long a message may take once it may come.
    """
    options = {
        **_OPTIONS,
        # C-core holds both the wire size and the decompressed size to it
        "grpc.max_receive_message_length": exchange.limits.request_bytes,
    }
    server = aio.server(options=tuple(options.items()))
    for service, signal in _SERVICES.items():
        export = _export(exchange, access, signal, read_timeout_s)
        methods = {"Export": grpc.stream_unary_rpc_method_handler(export)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
    return server


def _export(
    exchange: Exchange, access: Access, signal: Signal, read_timeout_s: float
) -> Callable[[Any, Any], Awaitable[bytes]]:
    async def export(_messages: Any, context: Any) -> bytes:
        async def read(booking: Booking) -> bytes:
            async with exchange.memory.permit(read_timeout_s):
                payload = await _message(context)
                await booking.grow(len(payload))
            return payload

        stranger = access.refusal(_authorization(context))
        answer = (
            exchange.refused(signal, stranger)
            if stranger
            else await exchange.answer(read, signal=signal, encoding=Encoding.PROTOBUF)
        )
        if isinstance(answer, bytes):
            return answer
        context.set_trailing_metadata(grpc_trailers(answer))
        raise await context.abort(_CODES[answer.grpc_code], answer.message)  # abort itself raises

    return export


async def _message(context: Any) -> bytes:
    """The one message of the call."""
    payload = await context.read()
    if not isinstance(payload, bytes):
        raise DecodeError("the call has no message")
    return payload


def _authorization(context: Any) -> str | bytes | None:
    found: list[str | bytes] = [
        value for key, value in context.invocation_metadata() or () if key == "authorization"
    ]
    # of two, nobody knows which one counts
    return found[0] if len(found) == 1 else None
