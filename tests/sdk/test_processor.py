from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import (
    ReadableSpan,
    Span,
    SpanLimits,
    SpanProcessor,
    TracerProvider,
)
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_llmops import AgentSpanProcessor, agent
from otel_llmops.sdk import failures
from otel_llmops.sdk.span_attributes import put
from tests.sdk.recorder import Recorder, record

REVISION = "vcs.ref.head.revision"


def test_spans_below_an_agent_carry_its_name_however_deep(recorded: Recorder) -> None:
    with (
        agent("planner", tracer_provider=recorded.provider),
        recorded.tracer.start_as_current_span("http"),
        recorded.tracer.start_as_current_span("socket"),
    ):
        pass
    assert recorded.attributes("socket", "llmops.") == {"llmops.agent.name": "planner"}


def test_spans_outside_of_agents_carry_no_name(recorded: Recorder) -> None:
    with agent("planner", tracer_provider=recorded.provider):
        pass
    with recorded.tracer.start_as_current_span("later"):
        pass
    assert recorded.attributes("later", "llmops.") == {}


def test_the_inner_of_two_agents_owns_what_is_below_it(recorded: Recorder) -> None:
    with (
        agent("planner", tracer_provider=recorded.provider),
        agent("writer", tracer_provider=recorded.provider),
        recorded.tracer.start_as_current_span("http"),
    ):
        pass
    assert recorded.attributes("http", "llmops.") == {"llmops.agent.name": "writer"}


@pytest.mark.parametrize(
    "mark",
    [
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "theirs"},
        {"openinference.span.kind": "AGENT"},
        {"traceloop.span.kind": "agent"},
    ],
    ids=["gen_ai", "openinference", "traceloop"],
)
def test_a_frameworks_agent_in_between_ends_our_stamp(
    recorded: Recorder, mark: dict[str, str]
) -> None:
    with (
        agent("planner", tracer_provider=recorded.provider),
        recorded.tracer.start_as_current_span("their agent", attributes=mark),
        recorded.tracer.start_as_current_span("step"),
        recorded.tracer.start_as_current_span("call"),
    ):
        pass
    stamps = [recorded.attributes(name, "llmops.") for name in ("their agent", "step", "call")]
    assert stamps == [{}, {}, {}]


def test_a_frameworks_agent_marked_after_its_start_ends_our_stamp_too(recorded: Recorder) -> None:
    with (
        agent("planner", tracer_provider=recorded.provider),
        recorded.tracer.start_as_current_span("their agent") as theirs,
    ):
        theirs.set_attribute("openinference.span.kind", "AGENT")
        with recorded.tracer.start_as_current_span("call"):
            pass
    assert recorded.attributes("call", "llmops.") == {}


def test_the_conversation_goes_on_below_a_frameworks_agent(recorded: Recorder) -> None:
    mark = {"gen_ai.operation.name": "invoke_agent"}
    with (
        agent("planner", conversation_id="c-1", tracer_provider=recorded.provider),
        recorded.tracer.start_as_current_span("their agent", attributes=mark),
        recorded.tracer.start_as_current_span("call"),
    ):
        pass
    assert recorded.attributes("call", "llmops.", "gen_ai.") == {"llmops.conversation.id": "c-1"}


def test_the_stamp_survives_a_context_that_holds_the_parent_span_alone(recorded: Recorder) -> None:
    with agent("planner", tracer_provider=recorded.provider) as span:
        bare = trace.set_span_in_context(span, Context())
    recorded.tracer.start_span("callback", context=bare).end()
    assert recorded.attributes("callback", "llmops.") == {"llmops.agent.name": "planner"}


def test_spans_below_an_unrecorded_span_take_the_agent_from_the_context(recorded: Recorder) -> None:
    sampled = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    remote = trace.NonRecordingSpan(trace.SpanContext(1, 2, is_remote=True, trace_flags=sampled))
    with (
        agent("planner", tracer_provider=recorded.provider),
        trace.use_span(remote),
        recorded.tracer.start_as_current_span("call"),
    ):
        pass
    assert recorded.attributes("call", "llmops.") == {"llmops.agent.name": "planner"}


def test_the_processor_writes_nothing_of_gen_ai(recorded: Recorder) -> None:
    given = {"gen_ai.operation.name": "chat", "gen_ai.agent.name": "named by them"}
    with (
        agent("planner", conversation_id="c-1", tracer_provider=recorded.provider),
        recorded.tracer.start_as_current_span("chat", attributes=given),
    ):
        pass
    assert recorded.attributes("chat", "gen_ai.") == given


def test_the_processor_may_stand_behind_the_exporters() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.add_span_processor(AgentSpanProcessor())
    behind = Recorder(provider, exporter)
    with agent("planner", tracer_provider=provider), behind.tracer.start_as_current_span("call"):
        pass
    assert behind.attributes("call", "llmops.") == {"llmops.agent.name": "planner"}


def test_a_trace_carries_the_revision_on_its_first_span_alone(tmp_path: Path) -> None:
    commit = "ab" * 20
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text(commit)
    recorded = record(AgentSpanProcessor(project_root=str(tmp_path)))
    with (
        recorded.tracer.start_as_current_span("first"),
        recorded.tracer.start_as_current_span("second"),
    ):
        pass
    both = [recorded.attributes(name, "vcs.") for name in ("first", "second")]
    assert both == [{REVISION: commit}, {}]


def test_a_revision_on_the_resource_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ab" * 20)
    processor = AgentSpanProcessor(project_root=str(tmp_path))
    recorded = record(processor, resource=Resource({REVISION: "cd" * 20}))
    recorded.tracer.start_span("first").end()
    assert recorded.attributes("first", "vcs.") == {}


class _BrokenSpan(Span):
    def __new__(cls) -> "_BrokenSpan":
        return object.__new__(cls)

    def __init__(self) -> None:
        pass


def test_a_span_that_breaks_us_is_counted_and_swallowed() -> None:
    before = failures().get("processor", 0)
    AgentSpanProcessor().on_start(_BrokenSpan())
    assert failures()["processor"] == before + 1


@pytest.mark.parametrize(
    "limits",
    [SpanLimits(), SpanLimits(max_span_attributes=4), SpanLimits(max_span_attribute_length=9)],
    ids=["none", "few", "short"],
)
def test_a_stamp_is_the_same_as_set_by_the_public_interface(limits: SpanLimits) -> None:
    class Public(SpanProcessor):
        def on_start(self, span: Span, parent_context: Context | None = None) -> None:
            span.set_attributes(stamp)

    class Direct(SpanProcessor):
        def on_start(self, span: Span, parent_context: Context | None = None) -> None:
            put(span, stamp)

    stamp: dict[str, str | int] = {"file": "/a/b/c/d/e/f", "function": "a.b", "line": 12}
    seen = []
    for processor in (Public(), Direct()):
        provider = TracerProvider(shutdown_on_exit=False, span_limits=limits)
        provider.add_span_processor(processor)
        span = provider.get_tracer("x").start_span("s", attributes={"own": "value", "file": "?"})
        assert isinstance(span, ReadableSpan)
        seen.append((dict(span.attributes or {}), span.dropped_attributes))
    assert seen[0] == seen[1]
