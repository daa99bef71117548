"""A sender that remembers what was acknowledged, and sends again what was not."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import grpc
import httpx

from tests.support.otlp import span, trace_request
from tests.support.serving import Serving, SpanKey

_SPANS_A_REQUEST = 20
_TIMEOUT_S = 5.0
_PAUSE_S = 0.004
_TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_QUICK = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200)]

_Send = Callable[[bytes], bool]


class Load:
    """Two senders, one for each transport; every request is a trace of its own."""

    def __init__(self, served: Serving) -> None:
        self._served = served
        self._numbers = itertools.count(1)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self.acknowledged: set[SpanKey] = set()
        self.sent: set[SpanKey] = set()
        self.requests = 0
        self._threads = [
            threading.Thread(target=self._run, args=(sender,), daemon=True)
            for sender in (_over_grpc, _over_http)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self, sender: Callable[[Serving], Any]) -> None:
        with sender(self._served) as send:
            while not self._stopping.is_set():
                trace_id = next(self._numbers).to_bytes(16, "big")
                payload, keys = _request(trace_id)
                with self._lock:
                    self.sent |= keys
                if self._send_until_taken(send, payload):
                    with self._lock:
                        self.acknowledged |= keys
                        self.requests += 1
                self._stopping.wait(_PAUSE_S)

    def _send_until_taken(self, send: _Send, payload: bytes) -> bool:
        """As an SDK does: the same bytes again, until they are acknowledged."""
        while not send(payload):
            if self._stopping.wait(_PAUSE_S):
                return False
        return True


def _request(trace_id: bytes) -> tuple[bytes, set[SpanKey]]:
    made = [
        span(trace_id=trace_id, span_id=number.to_bytes(8, "big"))
        for number in range(1, _SPANS_A_REQUEST + 1)
    ]
    return trace_request(*made), {(each.trace_id.hex(), each.span_id.hex()) for each in made}


@contextmanager
def _over_grpc(served: Serving) -> Iterator[_Send]:
    with grpc.insecure_channel(f"127.0.0.1:{served.grpc_port}", options=_QUICK) as channel:
        export = channel.unary_unary(_TRACES)

        def send(payload: bytes) -> bool:
            with suppress(grpc.RpcError):
                export(payload, timeout=_TIMEOUT_S)
                return True
            return False

        yield send


@contextmanager
def _over_http(served: Serving) -> Iterator[_Send]:
    url = f"http://127.0.0.1:{served.http_port}/v1/traces"
    headers = {"content-type": "application/x-protobuf"}
    with httpx.Client(timeout=_TIMEOUT_S, headers=headers) as client:

        def send(payload: bytes) -> bool:
            with suppress(httpx.TransportError):
                return client.post(url, content=payload).status_code == httpx.codes.OK
            return False

        yield send
