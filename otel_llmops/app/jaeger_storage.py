"""Jaeger's remote storage in the engine's process: an event loop of its own in a thread."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from otel_llmops.errors import ConfigError

__all__ = ["JaegerStorage"]

_GRACE_S = 1.0
_START_S = 10.0


class JaegerStorage:
    """Serves what `make` gives (a grpc.aio.Server, made in its loop) until `stop`."""

    def __init__(
        self, make: Callable[[], Any], *, host: str, port: int, credentials: Any = None
    ) -> None:
        self._make = make
        self._address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._credentials = credentials
        self._started: Future[int] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="jaeger-storage", daemon=True)

    def start(self) -> int:
        """Listen; the port it has. Raises: ConfigError, if the port is taken."""
        self._thread.start()
        return self._started.result(_START_S)

    def stop(self) -> None:
        """Finish what is being answered, and end."""
        if self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - whoever started it is told
            if not self._started.done():
                self._started.set_exception(error)

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        server = self._make()
        try:
            port = (
                server.add_secure_port(self._address, self._credentials)
                if self._credentials
                else server.add_insecure_port(self._address)
            )
        except RuntimeError as error:
            raise ConfigError(
                f"cannot listen on {self._address}",
                hint="choose another with --jaeger-storage-port",
            ) from error
        await server.start()
        self._started.set_result(port)
        await self._stopping.wait()
        await server.stop(_GRACE_S)
