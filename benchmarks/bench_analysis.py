"""How many spans a second analyse() takes on one core, and where the time goes.

Strategy: seeded sessions as a real system makes them (10 to 1,000 spans a trace, a few agents
that hand over by tool or in a workflow, about 13 short attributes a span, OTel GenAI words); each
size is analysed `--repeat` times and the fastest counts; growth is the time of 4 times the rows.

    python benchmarks/bench_analysis.py [--spans 10000 100000] [--repeat 3] [--profile]
"""

import argparse
import cProfile
import os
import platform
import pstats
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from otel_llmops.analysis.agents import activations
from otel_llmops.analysis.derive import analyse
from otel_llmops.analysis.handoffs import handoffs
from otel_llmops.analysis.readings import read
from otel_llmops.analysis.sessions import sessions
from otel_llmops.analysis.tokens import ledger
from otel_llmops.model.schemas import SPANS

AGENTS = ("planner", "researcher", "writer", "critic", "editor")
MS = 1_000_000
BASE_NS = 1_795_000_000_000_000_000
SIZES = (10, 20, 40, 80, 160, 1000)
WEIGHTS = (30, 30, 20, 12, 7, 1)


@dataclass
class Columns:
    """SPANS under construction."""

    chance: random.Random
    trace: list[str] = field(default_factory=list)
    span: list[str] = field(default_factory=list)
    parent: list[str] = field(default_factory=list)
    name: list[str] = field(default_factory=list)
    start: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    attributes: list[list[tuple[str, str]]] = field(default_factory=list)

    def add(
        self, trace: str, parent: str, name: str, times: tuple[int, int], said: dict[str, str]
    ) -> str:
        """Add a span and give its id."""
        self.trace.append(trace)
        self.span.append(f"{self.chance.getrandbits(64):016x}")
        self.parent.append(parent)
        self.name.append(name)
        self.start.append(times[0])
        self.end.append(times[1])
        self.failed.append(2 if self.chance.random() < 0.01 else 0)
        self.attributes.append(list((COMMON | said).items()))
        return self.span[-1]


COMMON = {
    "gen_ai.provider.name": "openai",
    "server.address": "api.openai.com",
    "server.port": "443",
    "code.function.name": "shop.support.answer",
    "code.file.path": "shop/support.py",
    "code.line.number": "42",
    "thread.name": "MainThread",
    "deployment.environment.name": "prod",
}


def made(count: int, seed: int = 1) -> pa.Table:
    """About `count` spans of whole sessions, shuffled as they arrive."""
    columns = Columns(random.Random(seed))
    while len(columns.span) < count:
        session = f"conversation-{columns.chance.getrandbits(48):x}"
        for _ in range(columns.chance.choice((1, 1, 2))):
            one_trace(columns, session)
    order = list(range(len(columns.span)))
    columns.chance.shuffle(order)
    return as_table(columns).take(pa.array(order)).combine_chunks()


def one_trace(columns: Columns, session: str) -> None:
    """A workflow whose agents call models and tools and hand over by a tool."""
    chance = columns.chance
    size = chance.choices(SIZES, WEIGHTS)[0]
    trace = f"{chance.getrandbits(128):032x}"
    start = BASE_NS + chance.randrange(86_400_000) * MS
    until = start + size * 50 * MS
    said = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.conversation.id": session}
    root = columns.add(trace, "", "invoke_workflow crew", (start, until), said)
    left, at = size - 1, start + MS
    agents = list(AGENTS)
    while left > 2:
        work = min(left - 1, chance.randrange(4, 40))
        name, follower = chance.sample(agents, 2)
        stop = at + work * 40 * MS
        said = agent_words(name, session)
        head = columns.add(trace, root, f"invoke_agent {name}", (at, stop), said)
        operations(columns, (trace, head), work, at, follower)
        left, at = left - work - 1, stop + MS


def agent_words(name: str, session: str) -> dict[str, str]:
    return {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": name,
        "gen_ai.agent.id": f"agent-{name}",
        "gen_ai.conversation.id": session,
        "gen_ai.request.model": "gpt-4o",
    }


def operations(columns: Columns, place: tuple[str, str], work: int, at: int, to: str) -> None:
    """Model calls and tools in turn; the last one hands over."""
    for number in range(work):
        times = (at + number * 40 * MS, at + number * 40 * MS + 38 * MS)
        if number == work - 1:
            tool(columns, place, times, f"transfer_to_{to}")
        elif number % 3 == 2:
            tool(columns, place, times, columns.chance.choice(("search", "lookup", "refund")))
        else:
            columns.add(*place, "chat gpt-4o", times, model_words(columns.chance))


def tool(columns: Columns, place: tuple[str, str], times: tuple[int, int], name: str) -> None:
    said = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": name,
        "gen_ai.tool.call.id": "call_1",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.arguments": '{"query": "order 17"}',
    }
    columns.add(*place, f"execute_tool {name}", times, said)


def model_words(chance: random.Random) -> dict[str, str]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.usage.input_tokens": str(chance.randrange(2000)),
        "gen_ai.usage.output_tokens": str(chance.randrange(300)),
        "gen_ai.response.finish_reasons": '["stop"]',
    }


def as_table(columns: Columns) -> pa.Table:
    rows = len(columns.span)
    start, end = np.array(columns.start), np.array(columns.end)
    known = {
        "trace_id": columns.trace,
        "span_id": columns.span,
        "parent_span_id": columns.parent,
        "name": columns.name,
        "start_time": start,
        "end_time": end,
        "duration_ns": end - start,
        "status_code": columns.failed,
        "attributes": columns.attributes,
        "service": ["shop"] * rows,
        "scope_name": ["opentelemetry.instrumentation.openai_v2"] * rows,
        "span_wire": [span.encode() * 20 for span in columns.span],
        "resource_attributes": [[("service.name", "shop")]] * rows,
        "events": [[]] * rows,
        "links": [[]] * rows,
    }
    blanks = {pa.string(): "", pa.binary(): b"", pa.int32(): 1, pa.uint32(): 0}
    return pa.table(
        [
            pa.array(known.get(column.name, [blanks.get(column.type)] * rows), type=column.type)
            for column in SPANS
        ],
        schema=SPANS,
    )


def stages(spans: pa.Table) -> Iterator[tuple[str, float]]:
    """Seconds of each stage, one after the other."""
    readings, seconds = timed(lambda: read(spans))
    yield "read: attributes, kinds, forest", seconds
    tied, seconds = timed(lambda: sessions(readings))
    yield "sessions", seconds
    acts, seconds = timed(lambda: activations(readings, tied.session))
    yield "activations", seconds
    _, seconds = timed(lambda: ledger(readings, tied.session))
    yield "ledger", seconds
    _, seconds = timed(lambda: handoffs(readings, acts, tied.run))
    yield "handoffs", seconds


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.process_time()
    result = work()
    return result, time.process_time() - began


def measure(count: int, repeat: int) -> float:
    spans = made(count)
    seconds = min(timed(lambda: analyse(spans))[1] for _ in range(repeat))
    rows = spans.num_rows
    words = sum(map(len, spans["attributes"].slice(0, 1000).to_pylist())) / min(rows, 1000)
    print(
        f"{rows:,} spans, {words:.1f} attributes a span: {seconds:.2f} s CPU, "
        f"{rows / seconds:,.0f} spans/s"
    )
    spent = 0.0
    for name, part in stages(spans):
        spent += part
        print(f"    {name:34}{part:8.2f} s")
    print(f"    {'tables, checks and the rest':34}{max(0.0, seconds - spent):8.2f} s")
    return float(seconds / rows)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--spans", type=int, nargs="+", default=[10_000, 100_000])
    arguments.add_argument("--repeat", type=int, default=3)
    arguments.add_argument("--profile", action="store_true")
    asked = arguments.parse_args()
    pa.set_cpu_count(1)
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, one used; "
        f"Python {platform.python_version()}, pyarrow {pa.__version__}, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    for count in asked.spans:
        measure(count, asked.repeat)
    small, large = (measure(n, asked.repeat) for n in (asked.spans[-1] // 4, asked.spans[-1]))
    print(f"4 times the rows: {4 * large / small:.2f} times the time")
    if asked.profile:
        spans, profile = made(asked.spans[-1]), cProfile.Profile()
        profile.runcall(analyse, spans)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
