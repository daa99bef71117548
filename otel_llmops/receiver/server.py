"""Both OTLP servers around one intake: started together, stopped without losing a request."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import uvicorn

from otel_llmops.errors import ConfigError
from otel_llmops.journal import Journal
from otel_llmops.otlp import LIMITS, Limits
from otel_llmops.receiver.grpc_server import grpc_server
from otel_llmops.receiver.http_app import OtlpHttpApp
from otel_llmops.receiver.intake import Intake, IntakeStats
from otel_llmops.receiver.listening import listening_socket, require_free

__all__ = ["Endpoints", "Receiver"]

_THREADS = 32
"""For each transport. A thread mostly waits for the disk: the more wait, the larger a commit."""


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
        limits: Limits = LIMITS,
    ) -> None:
        """Port 0 takes any free port."""
        self._host, self._grpc_port, self._http_port = host, grpc_port, http_port
        self._intake = Intake(journal, limits)
        self._grpc_pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="otlp-grpc")
        self._http_pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="otlp-http")
        self._grpc: Any = None
        self._http: uvicorn.Server | None = None
        self._http_thread: threading.Thread | None = None

    def start(self) -> Endpoints:
        """Listen on both ports, and return when requests are answered.

        Raises: ConfigError, if a port is taken or may not be used; then neither is held.
        """
        listener = listening_socket(self._host, self._http_port, flag="--http-port")
        try:
            grpc_port = self._start_grpc()
        except ConfigError:
            listener.close()
            raise
        http_port: int = listener.getsockname()[1]
        self._http = uvicorn.Server(
            uvicorn.Config(
                OtlpHttpApp(self._intake, self._http_pool),
                http="h11",
                loop="asyncio",
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
            )
        )
        self._http_thread = threading.Thread(
            target=asyncio.run,
            args=(self._http.serve(sockets=[listener]),),
            name="otlp-http",
            daemon=True,
        )
        self._http_thread.start()
        return Endpoints(self._host, grpc_port, http_port)

    def stop(self, grace_s: float = 10.0) -> None:
        """Take no more requests, answer those in flight within `grace_s`, and return.

        Safe to call twice, and before `start`. What is not answered in time is the sender's to
        send again; in the journal it is once.
        """
        stopped = self._grpc.stop(grace_s) if self._grpc is not None else None
        if self._http is not None:
            self._http.config.timeout_graceful_shutdown = max(1, round(grace_s))
            self._http.should_exit = True
        if stopped is not None:
            stopped.wait()
        if self._http_thread is not None:
            self._http_thread.join()
        self._grpc_pool.shutdown()
        self._http_pool.shutdown()

    def stats(self) -> IntakeStats:
        """The counters as they stand."""
        return self._intake.stats()

    def _start_grpc(self) -> int:
        # grpc's own error does not say why it cannot bind
        require_free(self._host, self._grpc_port, flag="--grpc-port")
        server = grpc_server(self._intake, self._grpc_pool)
        host = f"[{self._host}]" if ":" in self._host else self._host
        try:
            port: int = server.add_insecure_port(f"{host}:{self._grpc_port}")
        except RuntimeError as error:
            raise ConfigError(
                f"cannot listen on {self._host}, port {self._grpc_port}",
                hint="choose another with --grpc-port",
            ) from error
        server.start()
        self._grpc = server
        return port
