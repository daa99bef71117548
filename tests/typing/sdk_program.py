"""Checked by mypy, not run: decorators keep signatures, and misuse does not type-check."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import assert_type

from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import Span

from otel_llmops import (
    AgentSpanProcessor,
    agent,
    handoff,
    monitor_llm,
    outgoing_headers,
    propagate,
    record_usage,
)


@agent
def bare(goal: str, *, steps: int = 3) -> list[str]:
    return [goal] * steps


@agent("planner", role="plans", can_handoff_to=["writer"])
async def plan(goal: str) -> str:
    return goal


@monitor_llm(
    operation_name="classify_query",
    agent_name="customer_classifier",
    agent_role="classifier",
    agent_type="specialist",
    can_handoff_to=["support", "billing"],
)
async def classify_customer_query(query: str) -> str:
    return query


@agent()
def words(count: int) -> Iterator[str]:
    yield "word" * count


@agent()
async def tokens(count: int) -> AsyncIterator[str]:
    yield "word" * count


class Team:
    @agent("member")
    def work(self, hours: float) -> bool:
        return hours > 0


assert_type(bare("go", steps=1), list[str])
assert_type(words(1), Iterator[str])
assert_type(tokens(1), AsyncIterator[str])
assert_type(Team().work(1.0), bool)
same: Callable[[str], Awaitable[str]] = plan
also: Callable[[str], Awaitable[str]] = classify_customer_query
propagate(to=["agents.internal"])
assert_type(outgoing_headers("http://agents.internal"), dict[str, str])
processor: SpanProcessor = AgentSpanProcessor(code_location=True, project_root=None)

bare(1)  # type: ignore[arg-type]  # the signature is kept
bare("go", pace=1)  # type: ignore[call-arg]  # and so are its keywords
agent("a", rank="high")  # type: ignore[call-overload]  # no such trait
handoff("b", kind="shove")  # type: ignore[arg-type]  # no such kind
AgentSpanProcessor(True)  # type: ignore[call-arg]  # options are named


async def blocks() -> None:
    with agent("planner") as span:
        assert_type(span, Span)
    async with monitor_llm(operation_name="ask") as call:
        assert_type(call, Span)
    record_usage(input_tokens=1, response=object(), tracer_provider=TracerProvider())
    handoff("writer", from_agent="planner", kind="delegation", reason="because")
