"""A receiver with a journal of its own, for tests over real sockets."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from otel_llmops.journal import Journal, JournalSettings, Reader, Record
from otel_llmops.journal._disk import Disk
from otel_llmops.otlp import LIMITS, Limits
from otel_llmops.receiver import Receiver, ReceiverSettings

DEADLINE_S = 20.0
_EXPORT = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}


class SlowDisk(Disk):
    """A disk whose fdatasync waits, once it is told to, until it is released."""

    def __init__(self) -> None:
        self.slow = False
        self.waiting = threading.Event()
        self.released = threading.Event()

    def fdatasync(self, fd: int) -> None:
        if self.slow:
            self.waiting.set()
            assert self.released.wait(DEADLINE_S)
        super().fdatasync(fd)


class Running:
    """A receiver that listens, and what is in its journal."""

    def __init__(self, receiver: Receiver, folder: Path) -> None:
        self.receiver = receiver
        self.endpoints = receiver.start()
        self._folder = folder

    @property
    def grpc_target(self) -> str:
        return f"127.0.0.1:{self.endpoints.grpc_port}"

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.endpoints.http_port}"

    def journalled(self) -> list[Record]:
        """All that is durable, read as a consumer reads it."""
        with Reader.open(self._folder, "test") as reader:
            return reader.read(2**30)

    def payloads(self) -> list[bytes]:
        return [record.payload for record in self.journalled()]

    def export(self, payload: bytes, *, signal: str = "traces") -> bytes:
        """One raw gRPC call; raises grpc.RpcError."""
        with grpc.insecure_channel(self.grpc_target) as channel:
            answer: bytes = channel.unary_unary(_EXPORT[signal])(payload, timeout=DEADLINE_S)
            return answer

    def refused(self, payload: bytes, *, signal: str = "traces") -> Any:
        """The error of a raw gRPC call that must fail."""
        try:
            self.export(payload, signal=signal)
        except grpc.RpcError as error:
            return error
        raise AssertionError("the call succeeded")


@contextmanager
def running(
    folder: Path,
    *,
    limits: Limits = LIMITS,
    settings: ReceiverSettings | None = None,
    budget_bytes: int = 2**30,
    disk: Disk | None = None,
) -> Iterator[Running]:
    """A receiver on free ports; `settings` say the `limits` too."""
    budget = JournalSettings(budget_bytes=budget_bytes)
    with Journal.open(folder, budget, required_consumers=["test"], disk=disk) as journal:
        receiver = Receiver(
            journal,
            grpc_port=0,
            http_port=0,
            settings=settings or ReceiverSettings(limits=limits),
        )
        try:
            yield Running(receiver, folder)
        finally:
            receiver.stop(grace_s=1)
