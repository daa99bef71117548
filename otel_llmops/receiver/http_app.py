"""OTLP/HTTP as an ASGI application, and the receiver's own figures at GET /metrics.

Every answer, also to what is no request of ours, has a google.rpc.Status body in the request's
encoding (JSON where it has none that we know). How requests are framed is the guard's matter.

Source: OTLP specification, "OTLP/HTTP".
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from google.rpc.code_pb2 import Code
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from otel_llmops.otlp import Encoding, Signal
from otel_llmops.receiver.access import Access
from otel_llmops.receiver.body import COMPRESSIONS, inflated, read_body, too_large
from otel_llmops.receiver.cors import Cors
from otel_llmops.receiver.exchange import Exchange
from otel_llmops.receiver.media_types import CONTENT_TYPES, encoding_of, refusal_body
from otel_llmops.receiver.memory import Booking
from otel_llmops.receiver.status import Disconnected, Refusal, refusal_of

__all__ = ["OtlpHttpApp"]

_SIGNALS: Mapping[str, Signal] = {
    "/v1/traces": Signal.TRACES,
    "/v1/logs": Signal.LOGS,
    "/v1/metrics": Signal.METRICS,
}
_DIGITS_MAX = 18
_PLAIN = {"", "identity"}
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# the body of a request refused by its head is never read, so the connection cannot go on
_CLOSE = {"Connection": "close"}


class OtlpHttpApp:
    """POST /v1/traces, /v1/logs and /v1/metrics, protobuf or JSON, compressed or not."""

    def __init__(
        self, exchange: Exchange, access: Access, cors: Cors, metrics: Callable[[], str]
    ) -> None:
        """`metrics` gives the text that Prometheus reads."""
        self._exchange = exchange
        self._access = access
        self._cors = cors
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        if scope["type"] != "http":
            raise ValueError(f"no {scope['type']} here")
        headers = Headers(scope=scope)
        preflight = self._cors.preflight(scope["method"], headers)
        if preflight is not None:
            response = Response(status_code=204, headers=dict(preflight))
        else:
            try:
                response = await self._respond(scope, receive, headers)
            except Disconnected:
                return
            response.headers.update(self._cors.headers(headers))
        await response(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive, headers: Headers) -> Response:
        method, path = scope["method"], scope["path"]
        signal, encoding = _SIGNALS.get(path), encoding_of(headers.get("content-type", ""))
        stranger = self._access.refusal(_only(headers, "authorization"))
        if stranger is None and (method, path) == ("GET", "/metrics"):
            return Response(self._metrics(), 200, media_type=_METRICS_TYPE)
        refusal = stranger or _route_refusal(method, path) or self._content_refusal(headers)
        answer: bytes | Refusal
        if refusal or signal is None or encoding is None:
            assert refusal is not None  # noqa: S101 - an unknown path or type is always refused
            answer = self._exchange.refused(signal, refusal)
        else:
            answer = await self._answer(receive, headers, signal, encoding)
        return _response(answer, encoding or Encoding.JSON)

    def _content_refusal(self, headers: Headers) -> Refusal | None:
        if encoding_of(headers.get("content-type", "")) is None:
            names = " or ".join(CONTENT_TYPES.values())
            return _by_head(415, f"Content-Type must be {names}")
        if _compression(headers) not in {*_PLAIN, *COMPRESSIONS}:
            return _by_head(415, "Content-Encoding must be gzip, deflate or none")
        length = headers.get("content-length", "").lstrip("0")
        limit = self._exchange.limits.request_bytes
        # a body without a length is counted by read_body
        if len(length) > _DIGITS_MAX or int(length or 0) > limit:
            return _closing(refusal_of(too_large(limit)))
        return None

    async def _answer(
        self, receive: Receive, headers: Headers, signal: Signal, encoding: Encoding
    ) -> bytes | Refusal:
        exchange, limit = self._exchange, self._exchange.limits.request_bytes
        is_whole = False

        async def read(booking: Booking) -> bytes:
            nonlocal is_whole
            body = await read_body(receive, booking, limit)
            is_whole = True
            compression = _compression(headers)
            if compression in _PLAIN:
                return body
            async with exchange.memory.permit():
                content = await exchange.work(
                    booking, len(body), inflated, body, limit, compression
                )
                await booking.grow(len(content))
            return content

        answer = await exchange.answer(read, signal=signal, encoding=encoding)
        return answer if isinstance(answer, bytes) or is_whole else _closing(answer)


def _route_refusal(method: str, path: str) -> Refusal | None:
    if path not in _SIGNALS:
        return _by_head(404, f"there is nothing at {path[:100]}; spans go to /v1/traces")
    if method != "POST":
        return _by_head(405, f"{method} is not allowed, POST is", {"Allow": "POST"})
    return None


def _by_head(http_status: int, message: str, headers: Mapping[str, str] | None = None) -> Refusal:
    code = {404: Code.NOT_FOUND, 405: Code.UNIMPLEMENTED}
    reasons = {404: "path", 405: "method", 415: "content_type"}
    return Refusal(
        reasons[http_status],
        code.get(http_status, Code.INVALID_ARGUMENT),
        http_status,
        message,
        headers=_CLOSE | dict(headers or {}),
    )


def _closing(refusal: Refusal) -> Refusal:
    return replace(refusal, headers=_CLOSE | dict(refusal.headers or {}))


def _only(headers: Headers, name: str) -> str | None:
    """The value of a header that came once; of two, nobody knows which one counts."""
    found = headers.getlist(name)
    return found[0] if len(found) == 1 else None


def _compression(headers: Headers) -> str:
    return headers.get("content-encoding", "").strip().lower()


def _response(answer: bytes | Refusal, encoding: Encoding) -> Response:
    content_type = CONTENT_TYPES[encoding]
    if isinstance(answer, bytes):
        return Response(answer, 200, media_type=content_type)
    content = refusal_body(answer, encoding)
    return Response(content, answer.http_status, answer.http_headers(), content_type)
