"""OTLP/HTTP as an ASGI application that knows nothing of the server it runs on.

Every answer, also to what is no request of ours, has a google.rpc.Status body in the request's
encoding (JSON where it has none that we know).

Source: OTLP specification, "OTLP/HTTP".
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from functools import partial

import orjson
from google.rpc.code_pb2 import Code
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from otel_llmops.otlp import Encoding, Signal
from otel_llmops.receiver.body import Disconnected, inflated, read_body, too_large
from otel_llmops.receiver.exchange import exchange
from otel_llmops.receiver.intake import Intake
from otel_llmops.receiver.status import (
    RETRY_DELAY_S,
    Refusal,
    TooLarge,
    refusal_of,
    status_json,
    status_message,
)

__all__ = ["OtlpHttpApp"]

_SIGNALS: Mapping[str, Signal] = {
    "/v1/traces": Signal.TRACES,
    "/v1/logs": Signal.LOGS,
    "/v1/metrics": Signal.METRICS,
}
_ENCODINGS: Mapping[str, Encoding] = {
    "application/x-protobuf": Encoding.PROTOBUF,
    "application/json": Encoding.JSON,
}
_CONTENT_TYPES = {encoding: name for name, encoding in _ENCODINGS.items()}
_DIGITS_MAX = 18
_COMPRESSIONS = {"", "identity", "gzip"}

# the body of a request refused by its head is never read, so the connection cannot go on
_CLOSE = {"Connection": "close"}


class OtlpHttpApp:
    """POST /v1/traces, /v1/logs and /v1/metrics, protobuf or JSON, gzip or not."""

    def __init__(self, intake: Intake, pool: Executor, *, in_flight_max: int = 256) -> None:
        """`pool` runs what blocks; beyond `in_flight_max` requests senders are told to wait."""
        self._intake = intake
        self._pool = pool
        self._in_flight = 0
        self._in_flight_max = in_flight_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        if scope["type"] != "http":
            raise ValueError(f"no {scope['type']} here")
        headers = Headers(scope=scope)
        signal, encoding = _SIGNALS.get(scope["path"]), _encoding(headers)
        refusal = (
            _route_refusal(scope["method"], scope["path"], headers)
            or _content_refusal(headers)
            or self._load_refusal(headers)
        )
        try:
            answer: bytes | Refusal
            if refusal or signal is None or encoding is None:
                answer = self._refused(signal, refusal)
            else:
                answer = await self._answer(receive, headers, signal, encoding)
        except Disconnected:
            return
        await _response(answer, encoding or Encoding.JSON)(scope, receive, send)

    def _load_refusal(self, headers: Headers) -> Refusal | None:
        length = headers.get("content-length", "").lstrip("0")
        limit = self._intake.limits.request_bytes
        # what is no number is left to the server and to read_body, which count for themselves
        if length.isdecimal() and (len(length) > _DIGITS_MAX or int(length) > limit):
            return _closing(refusal_of(too_large(limit)))
        if self._in_flight >= self._in_flight_max:
            message = "too many requests are in flight"
            return Refusal("busy", Code.UNAVAILABLE, 503, message, RETRY_DELAY_S, _CLOSE)
        return None

    def _refused(self, signal: Signal | None, refusal: Refusal | None) -> Refusal:
        assert refusal is not None  # noqa: S101 - an unknown path or type is always refused
        if signal is not None:
            self._intake.count_refusal(signal, refusal.reason)
        return refusal

    async def _answer(
        self, receive: Receive, headers: Headers, signal: Signal, encoding: Encoding
    ) -> bytes | Refusal:
        limit = self._intake.limits.request_bytes
        self._in_flight += 1
        try:
            body = await read_body(receive, limit)
            content = (
                partial(inflated, body, limit) if _compression(headers) == "gzip" else lambda: body
            )
            work = partial(exchange, self._intake, content, signal=signal, encoding=encoding)
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except TooLarge as error:
            return self._refused(signal, _closing(refusal_of(error)))
        finally:
            self._in_flight -= 1


def _route_refusal(method: str, path: str, headers: Headers) -> Refusal | None:
    if "content-length" in headers and "transfer-encoding" in headers:
        # two lengths are how a second request is smuggled past a proxy (RFC 9112, 6.3)
        return _by_head(400, "both Content-Length and Transfer-Encoding were sent")
    if path not in _SIGNALS:
        return _by_head(404, f"there is nothing at {path[:100]}; spans go to /v1/traces")
    if method != "POST":
        return _by_head(405, f"{method} is not allowed, POST is", {"Allow": "POST"})
    return None


def _content_refusal(headers: Headers) -> Refusal | None:
    if _encoding(headers) is None:
        return _by_head(415, f"Content-Type must be {' or '.join(_ENCODINGS)}")
    if _compression(headers) not in _COMPRESSIONS:
        return _by_head(415, "Content-Encoding must be gzip or none")
    return None


def _by_head(http_status: int, message: str, headers: Mapping[str, str] | None = None) -> Refusal:
    code = {400: Code.INVALID_ARGUMENT, 404: Code.NOT_FOUND, 405: Code.UNIMPLEMENTED}
    reasons = {400: "ambiguous_length", 404: "path", 405: "method", 415: "content_type"}
    return Refusal(
        reasons[http_status],
        code.get(http_status, Code.INVALID_ARGUMENT),
        http_status,
        message,
        headers=_CLOSE | dict(headers or {}),
    )


def _closing(refusal: Refusal) -> Refusal:
    return Refusal(
        refusal.reason, refusal.grpc_code, refusal.http_status, refusal.message, headers=_CLOSE
    )


def _encoding(headers: Headers) -> Encoding | None:
    media_type = headers.get("content-type", "").partition(";")[0]
    return _ENCODINGS.get(media_type.strip().lower())


def _compression(headers: Headers) -> str:
    return headers.get("content-encoding", "").strip().lower()


def _response(answer: bytes | Refusal, encoding: Encoding) -> Response:
    content_type = _CONTENT_TYPES[encoding]
    if isinstance(answer, bytes):
        return Response(answer, 200, media_type=content_type)
    content = (
        orjson.dumps(status_json(answer))
        if encoding == Encoding.JSON
        else status_message(answer).SerializeToString()
    )
    return Response(content, answer.http_status, answer.http_headers(), content_type)
