"""An engine between a real journal and a real embedded store, under a clock that tests move."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_llmops.analysis.derive import analyse
from otel_llmops.engine.pipeline import Engine, EngineSettings
from otel_llmops.engine.service import Analysis
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.journal import Disk, Journal, Reader
from otel_llmops.model.schemas import DERIVED
from otel_llmops.otlp import Encoding, Signal
from otel_llmops.storage.answers import SessionSummary
from otel_llmops.storage.queries import Queries
from otel_llmops.storage.seams import Exporter
from otel_llmops.storage.summaries import live
from otel_llmops.storage.tables import TABLES, data_columns
from tests.support.otlp import span, trace_request

DEADLINE_S = 20.0
"""How long to wait for what an engine in a thread of its own brings about."""

BASE_NS = 1_795_000_000_000_000_000
MS = 1_000_000
CONSUMERS = ("store", "analysis")
Content = Mapping[str, Counter[str]]


class Clock:
    """Stands still until it is moved; s."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += seconds


class Collector:
    """Everything behind the receiver, in one folder; `restart` is what a crash leaves."""

    def __init__(
        self,
        folder: Path,
        *,
        settings: EngineSettings | None = None,
        disk: Disk | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.folder = folder
        self.disk = disk or Disk()
        self.clock = Clock()
        self.settings = settings or EngineSettings(retry_s_min=0.001, retry_s_max=0.002)
        self.stop = threading.Event()
        self.journal = Journal.open(
            folder / "journal", required_consumers=CONSUMERS, disk=self.disk, clock_ns=clock_ns
        )
        self.store = ClickHouse.embedded(folder / "store")
        self.engine = self.fresh()

    def fresh(self, exporter: Exporter | None = None, analysis: Analysis | None = None) -> Engine:
        """A new engine over the same journal and store, resumed."""
        engine = Engine(
            spans_reader=self.reader("store"),
            analysis_reader=self.reader("analysis"),
            exporter=exporter or self.store,
            directory=self.folder / "engine",
            settings=self.settings,
            clock=self.clock,
            analysis=analysis or analyse,
            disk=self.engine_disk(),
        )
        engine.resume(self.stop)
        return engine

    def reader(self, consumer: str) -> Reader:
        return Reader.open(self.folder / "journal", consumer, disk=self.engine_disk())

    def engine_disk(self) -> Disk:
        """What the engine writes to, beside the store."""
        return self.disk

    def restart(self, exporter: Exporter | None = None) -> None:
        """Throw the engine away as it stands, and make another."""
        self.engine = self.fresh(exporter)

    def send(self, *spans: Any) -> None:
        """One request."""
        self.send_body(trace_request(*spans))

    def send_body(
        self,
        body: bytes,
        signal: Signal = Signal.TRACES,
        encoding: Encoding = Encoding.PROTOBUF,
    ) -> None:
        self.journal.append(body, signal=signal, encoding=encoding)

    def turn(self, *, after_s: float = 0.0) -> None:
        """One turn of the engine, `after_s` later."""
        self.clock.move(after_s)
        self.engine.turn(self.stop)

    def settle(self) -> None:
        """Turn until all that was sent is stored and nothing grows any more."""
        self.turn()
        while self.engine.stats()["growing_traces"]:
            self.turn(after_s=2.5)

    def sessions(self) -> list[SessionSummary]:
        return asyncio.run(Queries(self.store).sessions())

    def session(self, session_id: str) -> SessionSummary | None:
        return asyncio.run(Queries(self.store).session(session_id))

    def stored_spans(self) -> Counter[bytes]:
        """Every stored span by its bytes, with how often it is there."""
        statement = sa.select(TABLES["spans"].c.span_wire)
        rows = asyncio.run(self.store.fetch(statement))
        return Counter(row["span_wire"] for row in rows)

    def stored_events(self) -> Counter[str]:
        """Every stored log event as text, with how often it is there."""
        rows = asyncio.run(self.store.fetch(sa.select(*TABLES["log_events"].c)))
        return Counter(repr(sorted(row.items())) for row in rows)

    def content(self) -> Content:
        """All live derived rows as text, with how many copies there are."""
        return content(self.store)

    def close(self) -> None:
        self.journal.close()
        self.store.close()


def content(store: ClickHouse) -> Content:
    """All live derived rows of a store as text, with how many copies there are."""
    return {name: _live_rows(store, name) for name in DERIVED}


def _live_rows(store: ClickHouse, name: str) -> Counter[str]:
    columns = data_columns(TABLES[name])
    copies = live(TABLES[name]).label("copies")
    statement = sa.select(*columns, copies).group_by(*columns).having(copies != 0)
    rows = asyncio.run(store.fetch(statement))
    return Counter({repr([row[c.name] for c in columns]): row["copies"] for row in rows})


@contextmanager
def collector(folder: Path, **options: Any) -> Iterator[Collector]:
    """A Collector that is closed afterwards."""
    folder.mkdir(exist_ok=True)
    opened = Collector(folder, **options)
    try:
        yield opened
    finally:
        opened.close()


def trace_id(number: int) -> str:
    """The trace id of trace `number`, as answers show it."""
    return f"{number:032x}"


def work(
    kind: str,
    name: str,
    *,
    trace: int = 1,
    id: int = 1,  # noqa: A002 - OTLP's word
    parent: int = 0,
    tokens: int = 0,
    conversation: str = "",
    link: int = 0,
) -> Any:
    """A span of an `agent` or an `llm` call; it starts `id` ms after its trace, for 1 ms."""
    begin = BASE_NS + trace * 1000 * MS + id * MS
    said: dict[str, object] = {
        "gen_ai.operation.name": {"agent": "invoke_agent", "llm": "chat"}[kind],
        {"agent": "gen_ai.agent.name", "llm": "gen_ai.request.model"}[kind]: name,
    }
    if tokens:
        said |= {"gen_ai.usage.input_tokens": tokens, "gen_ai.usage.output_tokens": 1}
    if conversation:
        said["gen_ai.conversation.id"] = conversation
    return span(
        f"{kind} {name}",
        trace_id=trace.to_bytes(16, "big"),
        span_id=(trace << 32 | id).to_bytes(8, "big"),
        parent_span_id=(trace << 32 | parent).to_bytes(8, "big") if parent else b"",
        start_time_unix_nano=begin,
        end_time_unix_nano=begin + MS,
        attributes=said,
        links=[Span.Link(trace_id=link.to_bytes(16, "big"), span_id=b"linkedto")] if link else [],
    )


@contextmanager
def running(house: Collector) -> Iterator[None]:
    """The engine at work in a thread of its own; asked to stop and waited for afterwards."""
    stop = threading.Event()
    thread = threading.Thread(target=house.engine.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(DEADLINE_S)
    assert not thread.is_alive()


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for what the engine will bring about."""
    deadline, pause = time.monotonic() + DEADLINE_S, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        pause.wait(0.01)
