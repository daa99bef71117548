"""The loop of the parent process.

Strategy: one thread, one selector over the children's voices and a pipe that `stop` writes to.
The first start decides: a child that says it cannot start ends everything with its own words.
Once both were ready nothing ends us but a signal; a child that dies is started again, on the
same ports, because senders and readers have those.
"""

import os
import selectors
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from otel_llmops.app.endpoints import Endpoints, claimed, remove_endpoints, write_endpoints
from otel_llmops.config import ServeConfig
from otel_llmops.errors import ConfigError, LlmopsError
from otel_llmops.supervisor.child import Child, ending

__all__ = ["Supervisor"]

_FIRST_STARTS_MAX = 3
_RECEIVER_STOP_S = 10.0
_ENGINE_STOP_S = 20.0
_POLL_S = 0.1
_WAKE = "wake"


class Supervisor:
    """Receiver and engine of one data folder, for as long as `run` runs.

    `say` is told, in one line, what an operator should know.
    """

    def __init__(self, config: ServeConfig, *, say: Callable[[str], None]) -> None:
        self._config = config
        self._say = say
        self._receiver = Child("receiver")
        self._engine = Child("engine")
        self._children = {child.role: child for child in (self._receiver, self._engine)}
        self._announced = False
        self._stops = 0
        self._wake_out, self._wake_in = os.pipe()
        os.set_blocking(self._wake_in, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake_out, selectors.EVENT_READ, _WAKE)

    def run(self, on_ready: Callable[[Endpoints], None]) -> None:
        """Serve until `stop`; `on_ready` is called once, when both children are ready.

        Call it in the main thread: the children die with the thread that started them.
        Raises: LlmopsError, if it cannot start.
        """
        try:
            with claimed(self._config.data):
                try:
                    while not self._stops:
                        self._turn(on_ready)
                finally:
                    remove_endpoints(self._config.data)
                    self._stop_children()
        finally:
            self._selector.close()

    def stop(self) -> None:
        """Stop cleanly; the second time, at once. From any thread, or a signal handler."""
        self._stops += 1
        with suppress(BlockingIOError):  # then a wake-up waits there already
            os.write(self._wake_in, b"!")

    def _turn(self, on_ready: Callable[[Endpoints], None]) -> None:
        self._start_due()
        for key, _ in self._selector.select(self._idle_s()):
            if key.data == _WAKE:
                os.read(self._wake_out, 4096)
            else:
                self._hear(self._children[key.data])
        if not self._announced and all(child.is_ready for child in self._children.values()):
            self._announced = True
            endpoints = self._endpoints()
            write_endpoints(endpoints)
            on_ready(endpoints)

    def _start_due(self) -> None:
        now = time.monotonic()
        for child in self._children.values():
            if child.due is not None and child.due <= now:
                child.start(self._config.as_mapping())
                if child.voice is not None:
                    self._selector.register(child.voice, selectors.EVENT_READ, child.role)

    def _idle_s(self) -> float | None:
        due = [child.due for child in self._children.values() if child.due is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _hear(self, child: Child) -> None:
        voice = child.voice
        messages = child.listen()
        if messages is None:
            if voice is not None:
                self._selector.unregister(voice)
            self._mourn(child, ending(child.reap()))
            return
        for message in messages:
            self._obey(child, message)

    def _obey(self, child: Child, message: dict[str, Any]) -> None:
        if "ready" in message:
            child.is_ready = True
            # the ports that it got are the ports that it keeps
            self._config = replace(self._config, **message["ready"])
            if self._announced:
                self._say(f"the {child.role} is back")
        elif not self._announced:
            raise ConfigError(message["error"], hint=message["hint"])
        else:
            self._say(f"the {child.role} cannot start: {message['error']}")

    def _mourn(self, child: Child, how: str) -> None:
        if not self._announced and child.endings >= _FIRST_STARTS_MAX:
            raise LlmopsError(
                f"the {child.role} ended {child.endings} times before it was ready ({how})",
                hint="what it wrote stands above",
            )
        self._say(f"the {child.role} ended ({how}); starting it again")

    def _endpoints(self) -> Endpoints:
        config = self._config
        return Endpoints(
            pid=os.getpid(),
            host=config.host,
            grpc_port=config.grpc_port,
            http_port=config.http_port,
            api_port=config.api_port,
            data=str(config.data),
            store=config.store,
            api_host=config.api_host,
            tls=bool(config.tls_certificate),
            api_tls=config.api_tls,
        )

    def _stop_children(self) -> None:
        """The receiver first: what it has acknowledged by then, the engine may still store."""
        for child, wait_s in ((self._receiver, _RECEIVER_STOP_S), (self._engine, _ENGINE_STOP_S)):
            child.stop()
            deadline = time.monotonic() + wait_s
            while not child.has_ended(_POLL_S):
                if self._stops > 1 or time.monotonic() >= deadline:
                    child.kill()
