"""A real `otel-llmops serve` in a process of its own, and what one does to it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own

from otel_llmops.app.endpoints import Endpoints, read_endpoints
from otel_llmops.journal import Reader

DEADLINE_S = 30.0
_PAUSE_S = 0.02

SpanKey = tuple[str, str]

_STORED = """
import json, sys
from contextlib import closing
from pathlib import Path
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from otel_llmops.exporters.clickhouse import ClickHouse

asked = json.load(sys.stdin)
with closing(ClickHouse.embedded(Path(asked["folder"]))) as store:
    wires = store.wire_spans(asked["traces"]).column("span_wire").to_pylist()
spans = (Span.FromString(wire) for wire in wires)
json.dump([(span.trace_id.hex(), span.span_id.hex()) for span in spans], sys.stdout)
"""


def until(condition: Callable[[], Any], *, deadline_s: float = DEADLINE_S, what: str = "") -> Any:
    """What `condition` gives as soon as it is true; fails after `deadline_s` seconds."""
    end = time.monotonic() + deadline_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"not within {deadline_s} s: {what or condition}"
        time.sleep(_PAUSE_S)


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


def is_reachable(port: int) -> bool:
    """Whether somebody listens there, on this machine."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def serve_command(data: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "otel_llmops.cli", "serve", "--data", str(data), *more]


class Serving:
    """One data folder and fixed ports, served by one process after the other."""

    def __init__(self, data: Path, *flags: str, log: Path | None = None) -> None:
        self.data = data
        self._log = log
        names = ("--grpc-port", "--http-port", "--api-port")
        ports = free_ports(len(names))
        self.grpc_port, self.http_port, self.api_port = ports
        self._flags = [
            each for name, port in zip(names, ports, strict=True) for each in (name, str(port))
        ] + list(flags)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def launch(self) -> None:
        """Start it, and return at once."""
        with ExitStack() as opened:
            stderr = opened.enter_context(self._log.open("ab")) if self._log else None
            self._process = subprocess.Popen(
                serve_command(self.data, *self._flags), stdout=subprocess.DEVNULL, stderr=stderr
            )

    def start(self) -> Endpoints:
        """Start it; return when it is ready."""
        self.launch()
        return self.ready()

    def ready(self) -> Endpoints:
        def answer() -> Endpoints | None:
            assert self.process.poll() is None, f"serve ended with {self.process.returncode}"
            found = read_endpoints(self.data)
            return found if found is not None and found.pid == self.process.pid else None

        found: Endpoints = until(answer, what="serve is ready")
        return found

    def children(self) -> dict[str, psutil.Process]:
        """Role -> process."""
        found = psutil.Process(self.process.pid).children()
        lines = [(each, _command_line(each)) for each in found]
        return {
            line[line.index("otel_llmops.app") + 1]: each
            for each, line in lines
            if "otel_llmops.app" in line
        }

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it as an operator would; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)

    def kill(self, who: str) -> None:
        """kill -9 of `receiver`, `engine`, `serve` (the parent) or `all`; return when gone."""
        parent = psutil.Process(self.process.pid)
        children = self.children()
        doomed = {"serve": [parent], "all": [parent, *children.values()]}
        victims = doomed.get(who) or [until(lambda: self.children().get(who), what=who)]
        for victim in victims:
            victim.kill()
        if who in doomed:
            self.process.wait(DEADLINE_S)
            until(lambda: not any(map(_lives, children.values())), what="the children die too")
        else:
            until(lambda: not _lives(victims[0]), what=f"the {who} is dead")

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.api_port}{path}", timeout=10)

    def delete(self, path: str) -> httpx.Response:
        return httpx.delete(f"http://127.0.0.1:{self.api_port}{path}", timeout=20)

    def graphql(self, query: str) -> Any:
        url = f"http://127.0.0.1:{self.api_port}/graphql"
        answer = httpx.post(url, json={"query": query}, timeout=10).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def post(self, payload: bytes, *, content_type: str) -> httpx.Response:
        """One OTLP/HTTP request of traces."""
        url = f"http://127.0.0.1:{self.http_port}/v1/traces"
        headers = {"content-type": content_type}
        return httpx.post(url, content=payload, headers=headers, timeout=10)

    def stored(self, trace_ids: Iterable[str], *, store: Path | None = None) -> Counter[SpanKey]:
        """How often each span of these traces is in the store. Only while nothing serves."""
        asked = {"folder": str(store or self.data / "store"), "traces": sorted(set(trace_ids))}
        # a process of its own: chDB has one folder open at a time in a process
        answer = subprocess.run(
            [sys.executable, "-c", _STORED],
            input=json.dumps(asked),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=DEADLINE_S,
        )
        return Counter((trace, span) for trace, span in json.loads(answer.stdout))

    def lag_bytes(self) -> int:
        """What is journalled and not stored."""
        with Reader.open(self.data / "journal", "store") as reader:
            return reader.lag_bytes()


@contextmanager
def serving(data: Path, *flags: str) -> Iterator[Serving]:
    """Serve `data`; whatever is left of it at the end is killed."""
    served = Serving(data, *flags)
    served.start()
    try:
        yield served
    finally:
        if served.process.poll() is None:
            served.kill("all")


def _command_line(process: psutil.Process) -> list[str]:
    try:
        found: list[str] = process.cmdline()
    except psutil.NoSuchProcess:
        return []
    return found


def _lives(process: psutil.Process) -> bool:
    """A zombie without threads is dead: it holds nothing, and waits for whoever adopted it."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1)
    except psutil.NoSuchProcess:
        return False


def processes_of(folder: Path) -> list[int]:
    """The ids of all processes whose command line names `folder`."""
    return [
        process.pid
        for process in psutil.process_iter()
        if any(str(folder) in part for part in _command_line(process))
    ]


def environment(**more: str) -> dict[str, str]:
    """This process's environment without what steers an SDK, and with `more`."""
    return {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")} | more
