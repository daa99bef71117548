"""Example 16: what holds a workflow up, and what to do about it.

Four agents plan a trip. Each has a trouble that multi-agent systems have in real life, and each is
told apart by what the spans show:

- the weather agent asks for three towns one after the other, though none needs the others;
- the booking agent runs into a rate limit, and waits before it tries again;
- the guide reads whole web pages where a summary would do;
- the writer stands in a queue before it may begin.

The model is a script, so this needs no network and no key. The spans go to a file, as an
OpenTelemetry Collector would write them, and are analysed from there:

    python examples/16_bottlenecks.py

    Bottlenecks
    agent    operation             severity  cause         path    self    wait   saves  sessions
    ─────────────────────────────────────────────────────────────────────────────────────────────
    booking  chat gpt-4o           high      rate limit     17%   93 ms  249 ms  171 ms         1
    writer   by itself             medium    waiting        26%    0 ms  500 ms  250 ms         1
    guide    chat gpt-4o           medium    large prompt   28%  553 ms    0 ms  276 ms         1
    weather  execute_tool weather  low       serial calls   18%  361 ms    0 ms  180 ms         1

    1. 3 of 4 calls of chat gpt-4o by booking failed, mostly because there were too many of them;
    waiting for the next try took 249 ms. Send fewer at once, raise the limit, or spread the calls
    over more keys or models. Twice as fast here saves 171 ms a session.
    2. writer waits 500 ms of a session in which nothing that it calls runs: 26% of the critical
    path. Look for a queue, a lock, a pause between tries or a person in between; or trace what
    runs there. Twice as fast here saves 250 ms a session.
    3. guide gives chat gpt-4o 60,000 tokens a call, 120 times the usual, for 150 back; 28% of
    the critical path. Pass on only what the call needs: sum up the history, cut tool results, or
    let the provider cache the part that repeats. Twice as fast here saves 276 ms a session.
    4. weather makes calls of execute_tool weather one after the other though none shows that it
    needs another's answer; side by side they would take 240 ms less. Start them together and wait
    for all.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_llmops import AgentSpanProcessor, agent, monitor_llm
from otel_llmops.cli import main as otel_llmops

tracer = trace.get_tracer("trip_planner")

TOWNS = ("Lisbon", "Porto", "Faro")


class RateLimitError(Exception):
    """What a model's client raises for HTTP 429."""


@monitor_llm(operation_name="ask the model")
def model(prompt_tokens: int, answer_tokens: int, *, seconds: float = 0.1) -> dict[str, Any]:
    """A scripted model. Swap it for your client, whose instrumentation names the model."""
    trace.get_current_span().set_attribute("gen_ai.request.model", "gpt-4o")
    time.sleep(seconds)
    return {
        "model": "gpt-4o",
        "usage": {"prompt_tokens": prompt_tokens, "completion_tokens": answer_tokens},
    }


@monitor_llm(operation_name="ask the model")
def busy_model() -> dict[str, Any]:
    """The same model when it has had enough."""
    trace.get_current_span().set_attribute("gen_ai.request.model", "gpt-4o")
    time.sleep(0.01)
    raise RateLimitError("429: too many requests, please try again later")


def weather(town: str) -> str:
    """A tool."""
    told = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "weather"}
    with tracer.start_as_current_span("execute_tool weather", attributes=told) as span:
        span.set_attribute("gen_ai.tool.call.arguments", f'{{"town": "{town}"}}')
        time.sleep(0.12)
        answer = f'{{"degrees": {18 + len(town)}}}'
        span.set_attribute("gen_ai.tool.call.result", answer)
        return answer


@agent("weather")
def look_at_the_weather() -> None:
    """One town after the other."""
    model(400, 60)
    for town in TOWNS:
        weather(town)


@agent("booking")
def book() -> None:
    """Try again, and wait longer each time."""
    for attempt in range(3):
        try:
            busy_model()
        except RateLimitError:
            time.sleep(0.035 * 2**attempt)
    model(500, 80, seconds=0.06)


@agent("guide")
def read_about_it() -> None:
    """Give the model everything that was found."""
    model(60_000, 150, seconds=0.55)


@agent("writer")
def write() -> None:
    """Write it down, when it is its turn."""
    time.sleep(0.5)
    model(600, 200)


def plan_a_trip() -> None:
    """The workflow."""
    said = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.conversation.id": "trip-7"}
    with tracer.start_as_current_span("invoke_workflow trip", attributes=said):
        look_at_the_weather()
        book()
        read_about_it()
        write()


def main() -> int:
    """Plan a trip, write its spans to a file, and ask what held it up."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(AgentSpanProcessor())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    plan_a_trip()
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "trip.binpb"
        capture.write_bytes(encode_spans(exporter.get_finished_spans()).SerializeToString())
        return otel_llmops(["bottlenecks", "trip-7", "--file", str(capture)])


if __name__ == "__main__":
    sys.exit(main())
