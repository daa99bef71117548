"""What the SDK costs in the user's process, against the bare OpenTelemetry SDK.

Strategy: every variant runs in blocks, the blocks of all variants interleaved, in one process and
one thread; thread CPU time, so that the exporter's thread and the neighbours stay out of it. Each
variant has its own provider with a BatchSpanProcessor and an exporter that throws spans away. A
tail is not seen in blocks, so as many calls again are timed one by one.

    python benchmarks/bench_sdk.py [--rounds 200] [--calls 100] [--propagate]
"""

import argparse
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.version import __version__ as sdk_version

from otel_llmops import AgentSpanProcessor, agent, monitor_llm, propagate
from otel_llmops.sdk.attaching import AutomaticProcessor

EIGHT: dict[str, str | int] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.id": "chatcmpl-123",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 20,
    "server.address": "api.openai.com",
}
ANSWER = {
    "model": "gpt-4o-2024-08-06",
    "choices": [{"finish_reason": "stop"}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 20},
}


BARE = "bare span, 8 attributes"
DEEP = "bare span, 12 library frames"


class Nowhere(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


class Empty(SpanProcessor):
    pass


def provider(*processors: SpanProcessor) -> TracerProvider:
    made = TracerProvider(resource=Resource({}), shutdown_on_exit=False)
    for processor in processors:
        made.add_span_processor(processor)
    made.add_span_processor(BatchSpanProcessor(Nowhere(), max_queue_size=1 << 16))
    return made


Call = Callable[[], object]


def spans_of(made: TracerProvider) -> Call:
    tracer = made.get_tracer("bench")

    def call() -> object:
        with tracer.start_as_current_span("chat", attributes=EIGHT):
            return None

    return call


def under_library(inner: Call, depth: int) -> Call:
    """As an instrumentation library calls: so many frames that are not the user's."""
    source = "def down(call, depth):\n    return down(call, depth - 1) if depth else call()\n"
    scope: dict[str, Callable[..., object]] = {}
    exec(compile(source, "/lib/site-packages/library.py", "exec"), scope)  # noqa: S102
    down = scope["down"]
    return lambda: down(inner, depth)


@dataclass(frozen=True)
class Variant:
    """A call, inside of an agent's open span as it is in a program that uses agents."""

    made: TracerProvider
    call: Call
    base: str = BARE

    def measured(self, calls: int) -> float:
        """Thread CPU time of one call, in us, over a block of `calls`."""
        call = self.call
        with agent("planner", conversation_id="c-1", tracer_provider=self.made):
            start = time.thread_time_ns()
            for _ in range(calls):
                call()
            return (time.thread_time_ns() - start) / calls / 1000

    def one_by_one(self, calls: int) -> list[float]:
        """Thread CPU time of each of `calls`, in us, with what reading the clock takes."""
        call, times = self.call, []
        with agent("planner", conversation_id="c-1", tracer_provider=self.made):
            for _ in range(calls):
                start = time.thread_time_ns()
                call()
                times.append((time.thread_time_ns() - start) / 1000)
        return times


def variants() -> dict[str, Variant]:
    made: dict[str, Variant] = {}

    def add(name: str, call: Callable[[TracerProvider], Call], *processors: SpanProcessor) -> None:
        each = provider(*processors)
        made[name] = Variant(each, call(each), DEEP if "12 library" in name else BARE)

    add(BARE, spans_of)
    add("the same again (noise)", spans_of)
    add("+ empty processor", spans_of, Empty())
    add("+ AgentSpanProcessor(code_location=False)", spans_of, no_location())
    add("+ AgentSpanProcessor", spans_of, AgentSpanProcessor())
    add("+ AgentSpanProcessor, as opentelemetry-instrument adds it", spans_of, AutomaticProcessor())
    add(DEEP, lambda each: under_library(spans_of(each), 12))
    add(
        "+ AgentSpanProcessor, 12 library frames",
        lambda each: under_library(spans_of(each), 12),
        AgentSpanProcessor(),
    )
    add("@agent", lambda each: agent("a", tracer_provider=each)(lambda: None))
    add(
        "@agent, AgentSpanProcessor",
        lambda e: agent("a", tracer_provider=e)(lambda: None),
        AgentSpanProcessor(),
    )
    add("@monitor_llm, usage read", monitored)
    add("@monitor_llm, usage read, AgentSpanProcessor", monitored, AgentSpanProcessor())
    return made


def no_location() -> AgentSpanProcessor:
    return AgentSpanProcessor(code_location=False)


def monitored(made: TracerProvider) -> Call:
    return monitor_llm(operation_name="ask", tracer_provider=made)(lambda: ANSWER)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="blocks of each variant")
    parser.add_argument("--calls", type=int, default=100, help="calls in a block")
    parser.add_argument("--propagate", action="store_true", help="calls may tell hosts who calls")
    options = parser.parse_args()
    if options.propagate:
        propagate(to=["agents.internal"])
    made = variants()
    order = list(made)
    times: dict[str, list[float]] = {name: [] for name in order}
    single: dict[str, list[float]] = {name: [] for name in order}
    for variant in made.values():
        variant.measured(options.calls)  # warm
    for _ in range(options.rounds):
        random.shuffle(order)  # or each would pay for the garbage of the one before it
        for name in order:
            times[name].append(made[name].measured(options.calls))
            single[name] += made[name].one_by_one(options.calls)
    print(
        f"n = {options.rounds} blocks x {options.calls} calls a variant, interleaved; us of thread "
        f"CPU a call; Python {platform.python_version()}, opentelemetry-sdk {sdk_version}, "
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n"
    )
    report(times, single, {name: variant.base for name, variant in made.items()})


def report(
    times: dict[str, list[float]], single: dict[str, list[float]], bases: dict[str, str]
) -> None:
    print(
        "| variant | median us | p10 us | ratio median | ratio p10 | added us (median) "
        "| p99.9 us | added at p99.9 |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    tail = {name: statistics.quantiles(each, n=1000)[-1] for name, each in single.items()}
    for name, each in times.items():
        base = times[bases[name]]
        ratio = statistics.median(mine / theirs for mine, theirs in zip(each, base, strict=True))
        added = statistics.median(mine - theirs for mine, theirs in zip(each, base, strict=True))
        low, base_low = statistics.quantiles(each, n=10)[0], statistics.quantiles(base, n=10)[0]
        print(
            f"| {name} | {statistics.median(each):.1f} | {low:.1f} | {ratio:.2f} "
            f"| {low / base_low:.2f} | {added:+.1f} "
            f"| {tail[name]:.0f} | {tail[name] - tail[bases[name]]:+.0f} |"
        )


if __name__ == "__main__":
    main()
