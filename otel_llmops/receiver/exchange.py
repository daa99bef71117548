"""One request and its answer, the same for every transport: the receiver's error boundary.

Strategy: what costs CPU (inflating, checking, hashing) runs in a few threads, mostly native code
that lets the others run; nobody but the journal's writer waits for the disk.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from typing import Any, TypeVar

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_llmops.errors import LlmopsError
from otel_llmops.otlp import Encoding, Limits, Signal, Verdict
from otel_llmops.receiver.intake import Intake, Taking
from otel_llmops.receiver.memory import Booking, Memory
from otel_llmops.receiver.status import Disconnected, Overloaded, Refusal, refusal_of

__all__ = ["Exchange"]

_log = logging.getLogger(__name__)

# message, what it calls the rejected records in protobuf and in JSON
_ANSWERS: Mapping[Signal, tuple[Any, str, str]] = {
    Signal.TRACES: (ExportTraceServiceResponse, "rejected_spans", "rejectedSpans"),
    Signal.LOGS: (ExportLogsServiceResponse, "rejected_log_records", "rejectedLogRecords"),
    Signal.METRICS: (ExportMetricsServiceResponse, "rejected_data_points", "rejectedDataPoints"),
}
_CHECKING = {Encoding.PROTOBUF: 1, Encoding.JSON: 8}
"""Bytes that checking a byte takes beside it: cut records; a document of Python objects."""

_REDACTING = {Encoding.PROTOBUF: 16, Encoding.JSON: 30}
"""The same for redacting: where each text is."""

_HERE_BYTES = 64 * 1024
"""Below this, handing a request to another thread costs more than checking it."""

_T = TypeVar("_T")
_Read = Callable[[Booking], Awaitable[bytes]]


class Exchange:
    """Answers requests, in the event loop."""

    def __init__(
        self, intake: Intake, memory: Memory, pool: Executor, *, calls_max: int = 1024
    ) -> None:
        """`pool` runs what costs CPU; beyond `calls_max` requests senders are told to wait."""
        self.memory = memory
        self.calls = 0
        self._intake = intake
        self._pool = pool
        self._calls_max = calls_max

    @property
    def limits(self) -> Limits:
        """What one request may hold."""
        return self._intake.limits

    async def answer(self, read: _Read, *, signal: Signal, encoding: Encoding) -> bytes | Refusal:
        """The response's bytes, in the request's encoding, or why there is none.

        `read` gives the decompressed request and books what it holds; it may raise what
        `refusal_of` knows. Raises: Disconnected, as `read` does.
        """
        self.calls += 1
        try:
            self._require_room()
            with self.memory.booking() as booking:
                return await self._journalled(await read(booking), booking, signal, encoding)
        except Disconnected:
            raise
        except LlmopsError as error:
            return self.refused(signal, refusal_of(error))
        except Exception as error:  # noqa: BLE001 - the boundary: a bug of ours fails one request alone
            _log.exception("a request for %s failed", signal.name)
            return self.refused(signal, refusal_of(error))
        finally:
            self.calls -= 1

    def refused(self, signal: Signal | None, refusal: Refusal) -> Refusal:
        """`refusal`, counted."""
        self._intake.count_refusal(signal, refusal.reason)
        return refusal

    async def work(
        self, booking: Booking, size: int, what: Callable[..., _T], *arguments: Any
    ) -> _T:
        """What `what` gives, called in a thread if its `size` bytes are worth it."""
        if size <= _HERE_BYTES:
            return what(*arguments)
        loop = asyncio.get_running_loop()
        return await booking.outlived_by(loop.run_in_executor(self._pool, what, *arguments))

    def _require_room(self) -> None:
        if self.calls > self._calls_max:
            raise Overloaded(f"more than {self._calls_max} requests are in flight")

    async def _journalled(
        self, payload: bytes, booking: Booking, signal: Signal, encoding: Encoding
    ) -> bytes:
        redacts = self._intake.redacts
        beside = len(payload) * (_REDACTING if redacts else _CHECKING)[encoding]
        await booking.grow(beside)
        size = beside if redacts else len(payload)  # its work grows like its memory
        taking = await self.work(booking, size, self._take, payload, signal, encoding)
        fresh = taking.stored is None or await booking.outlived_by(
            asyncio.wrap_future(taking.stored)
        )
        self._intake.count(signal, taking.verdict, fresh=fresh)
        return _response(taking.verdict, signal, encoding)

    def _take(self, payload: bytes, signal: Signal, encoding: Encoding) -> Taking:
        return self._intake.take(payload, signal=signal, encoding=encoding)


def _response(verdict: Verdict, signal: Signal, encoding: Encoding) -> bytes:
    message, name, json_name = _ANSWERS[signal]
    rejected = len(verdict.rejected)
    # OTLP: partial_success stays unset where everything was accepted
    if encoding == Encoding.JSON:
        partial = {json_name: str(rejected), "errorMessage": verdict.message}
        return orjson.dumps({"partialSuccess": partial} if rejected else {})
    if not rejected:
        return b""
    response = message()
    setattr(response.partial_success, name, rejected)
    response.partial_success.error_message = verdict.message
    payload: bytes = response.SerializeToString()
    return payload
