"""Both OTLP servers around one intake: started together, stopped without losing a request.

Strategy: one event loop in one thread reads and answers on both transports, so what they share
(memory, counts) needs no locks; a few threads check and hash.
"""

import asyncio
import os
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from socket import socket
from typing import Any

import uvicorn

from otel_llmops.errors import ConfigError
from otel_llmops.journal import Journal
from otel_llmops.otlp import LIMITS, Limits
from otel_llmops.receiver.access import Access
from otel_llmops.receiver.cors import Cors
from otel_llmops.receiver.exchange import Exchange
from otel_llmops.receiver.grpc_server import grpc_server
from otel_llmops.receiver.guard import GuardSettings, guarded
from otel_llmops.receiver.http_app import OtlpHttpApp
from otel_llmops.receiver.intake import Intake, IntakeStats
from otel_llmops.receiver.listening import listening_socket, require_free
from otel_llmops.receiver.memory import Memory
from otel_llmops.receiver.metrics import Figures, metrics_text
from otel_llmops.receiver.tls import Tls
from otel_llmops.redaction import Redactor

__all__ = ["Endpoints", "Receiver", "ReceiverSettings", "http_config"]

_IDLE_S = 75
"""Precedent: nginx. SDKs send every 5 s, so a shorter time would often meet a request half-way."""

_WEBSOCKET_BYTES_MAX = 64 * 1024
"""One message that comes in over a web socket: a subscription is some hundred bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverSettings:
    """What the operator may turn, beside the addresses.

    `memory_bytes_max`: of all requests in memory together. `tokens`: one of them is asked for,
    where there are any. `read_timeout_s`: for a gRPC message, once it may come; exporters give up
    after 10 s. `origins`: of web pages that may send. `redactor`: what goes through it before
    the journal. `journal_budget_bytes` is only told.
    """

    limits: Limits = LIMITS
    memory_bytes_max: int = 1 << 30
    calls_max: int = 1024
    read_timeout_s: float = 10.0
    guard: GuardSettings = field(default_factory=GuardSettings)
    tokens: tuple[str, ...] = field(default=(), repr=False)
    tls: Tls | None = None
    origins: tuple[str, ...] = ()
    redactor: Redactor | None = None
    journal_budget_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the servers listen, with the ports they really have."""

    host: str
    grpc_port: int
    http_port: int


class Receiver:
    """OTLP/gRPC and OTLP/HTTP into a journal, which stays the caller's to close."""

    def __init__(
        self,
        journal: Journal,
        *,
        host: str = "127.0.0.1",
        grpc_port: int = 4317,
        http_port: int = 4318,
        settings: ReceiverSettings | None = None,
        page: Callable[[], str] | None = None,
    ) -> None:
        """Port 0 takes any free port. `page` gives what GET /metrics answers, else `metrics`."""
        self._host, self._grpc_port, self._http_port = host, grpc_port, http_port
        self._settings = settings or ReceiverSettings()
        self._journal = journal
        self._intake = Intake(journal, self._settings.limits, self._settings.redactor)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._grace_s = 0.0
        self._own_metrics: Callable[[], str] = str
        self._page = page or self.metrics

    def start(self) -> Endpoints:
        """Listen on both ports, and return when requests are answered.

        Raises: ConfigError, if a port is taken or may not be used, or TLS cannot be; then neither
                port is held.
        """
        context = self._settings.tls.context() if self._settings.tls else None
        listener = listening_socket(self._host, self._http_port, flag="--http-port")
        started: Future[int] = Future()
        self._thread = threading.Thread(
            target=asyncio.run,
            args=(self._run(listener, context, started),),
            name="otlp",
            daemon=True,
        )
        self._thread.start()
        http_port: int = listener.getsockname()[1]
        try:
            return Endpoints(self._host, started.result(), http_port)
        except BaseException:
            listener.close()
            raise

    def stop(self, grace_s: float = 10.0) -> None:
        """Take no more requests, answer those in flight within `grace_s`, and return.

        Safe to call twice, and before `start`. What is not answered in time is the sender's to
        send again; in the journal it is once.
        """
        if self._thread is None or not self._thread.is_alive():
            return
        self._grace_s = grace_s
        if self._loop is not None and self._stopping is not None:
            with suppress(RuntimeError):  # the loop has ended by itself since we looked
                self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def metrics(self) -> str:
        """The receiver's own figures, as Prometheus reads them; nothing before `start`."""
        return self._own_metrics()

    def stats(self) -> IntakeStats:
        """The counters as they stand."""
        return self._intake.stats()

    async def _run(
        self, listener: socket, context: ssl.SSLContext | None, started: "Future[int]"
    ) -> None:
        try:
            await self._serve(listener, context, started)
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)  # `start` waits for it, and raises it

    async def _serve(
        self, listener: socket, context: ssl.SSLContext | None, started: "Future[int]"
    ) -> None:
        settings = self._settings
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        memory = Memory(settings.memory_bytes_max, settings.limits.request_bytes)
        access = Access(settings.tokens)
        with ThreadPoolExecutor(max(2, os.cpu_count() or 2), thread_name_prefix="check") as pool:
            exchange = Exchange(self._intake, memory, pool, calls_max=settings.calls_max)
            grpc = grpc_server(exchange, access, read_timeout_s=settings.read_timeout_s)
            grpc_port = self._bind(grpc)
            await grpc.start()
            http = uvicorn.Server(
                http_config(
                    OtlpHttpApp(
                        exchange,
                        access,
                        Cors(settings.origins),
                        self._page,
                    ),
                    guarded(
                        settings.guard, count=lambda why: self._intake.count_refusal(None, why)
                    ),
                    context,
                )
            )
            self._own_metrics = lambda: metrics_text(self._figures(exchange, http))
            serving = asyncio.create_task(http.serve(sockets=[listener]))
            started.set_result(grpc_port)
            await self._stopping.wait()
            http.config.timeout_graceful_shutdown = max(1, round(self._grace_s))
            http.should_exit = True
            await asyncio.gather(grpc.stop(self._grace_s), serving)

    def _bind(self, server: Any) -> int:
        # grpc's own error does not say why it cannot bind
        require_free(self._host, self._grpc_port, flag="--grpc-port")
        host = f"[{self._host}]" if ":" in self._host else self._host
        address, tls = f"{host}:{self._grpc_port}", self._settings.tls
        try:
            port: int = (
                server.add_secure_port(address, tls.credentials())
                if tls
                else server.add_insecure_port(address)
            )
        except RuntimeError as error:
            raise ConfigError(
                f"cannot listen on {self._host}, port {self._grpc_port}",
                hint="choose another with --grpc-port",
            ) from error
        return port

    def _figures(self, exchange: Exchange, http: uvicorn.Server) -> Figures:
        return Figures(
            intake=self._intake.stats(),
            journal=self._journal.stats(),
            journal_budget_bytes=self._settings.journal_budget_bytes,
            calls=exchange.calls,
            connections=len(http.server_state.connections),
            memory_bytes=exchange.memory.bytes_used,
            memory_bytes_max=exchange.memory.bytes_max,
        )


def http_config(
    app: Any,
    protocol: type[asyncio.Protocol],
    context: ssl.SSLContext | None = None,
    *,
    websockets: bool = False,
) -> uvicorn.Config:
    """For uvicorn, without anything that a collector does not need, behind the guard `protocol`."""
    return uvicorn.Config(
        app,
        http=protocol,
        loop="asyncio",
        ws="websockets-sansio" if websockets else "none",
        ws_max_size=_WEBSOCKET_BYTES_MAX,
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_IDLE_S,
        ssl_context_factory=(lambda _config, _default: context) if context else None,
    )
