"""What crosses to another process: the two ends are real propagators, as clients call them."""

import gc
import logging
import weakref
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage, propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context, attach, detach
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import otel_llmops
from otel_llmops.sdk import failures
from otel_llmops.sdk.caller import NOBODY, Caller, caller
from otel_llmops.sdk.hosts import AllowedHosts
from otel_llmops.sdk.propagation import BoundaryPropagator
from tests.sdk.recorder import Recorder, record

ALLOWED = "http://agents.internal/a2a"
MODEL = "https://api.openai.com/v1"
_AGENT = {"openinference.span.kind": "AGENT"}
TOLD = "llmops.agent.name=frontdesk,llmops.conversation.id=c+1"


def _stock() -> TextMapPropagator:
    return CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])


def _boundary(*hosts: str) -> BoundaryPropagator:
    allowed = AllowedHosts()
    allowed.add(hosts)
    return BoundaryPropagator(_stock(), allowed)


@pytest.fixture
def installed() -> Iterator[None]:
    """The process's propagator is put back after the test; agents.internal may be told."""
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(_stock())
    otel_llmops.propagate(to=["agents.internal"])
    yield
    propagate.set_global_textmap(before)


def _sent(
    recorded: Recorder,
    propagator: TextMapPropagator,
    url: str,
    *,
    kind: SpanKind = SpanKind.CLIENT,
    headers: dict[str, str] | None = None,
) -> str | None:
    """The baggage of a call, by a client that is instrumented as httpx, requests and others are."""
    carrier = {} if headers is None else headers
    with (
        otel_llmops.agent("frontdesk", conversation_id="c 1", tracer_provider=recorded.provider),
        recorded.tracer.start_as_current_span("step"),
        recorded.tracer.start_as_current_span("GET", kind=kind, attributes={"http.url": url}),
    ):
        propagator.inject(carrier)
    return carrier.get("baggage")


def test_a_call_to_an_allowed_host_tells_agent_and_conversation(recorded: Recorder) -> None:
    assert _sent(recorded, _boundary("agents.internal"), ALLOWED) == TOLD


def test_a_call_to_any_other_host_tells_nothing(recorded: Recorder) -> None:
    assert _sent(recorded, _boundary("agents.internal"), MODEL) is None


def test_nobody_is_told_anything_by_default(recorded: Recorder) -> None:
    assert _sent(recorded, _boundary(), ALLOWED) is None


@pytest.mark.parametrize("kind", [kind for kind in SpanKind if kind is not SpanKind.CLIENT])
def test_a_span_that_is_no_clients_does_not_say_where_a_call_goes(
    recorded: Recorder, kind: SpanKind
) -> None:
    assert _sent(recorded, _boundary("agents.internal"), ALLOWED, kind=kind) is None


def test_headers_that_go_on_to_another_host_lose_what_an_allowed_one_was_told(
    recorded: Recorder,
) -> None:
    headers = {"baggage": f"user=7,{TOLD}", "accept": "*/*"}
    _sent(recorded, _boundary("agents.internal"), MODEL, headers=headers)
    del headers["traceparent"]
    assert headers == {"baggage": "user=7", "accept": "*/*"}


def test_the_users_own_baggage_goes_where_it_always_went(recorded: Recorder) -> None:
    token = attach(baggage.set_baggage("user", "7"))
    both = [_sent(recorded, _boundary("agents.internal"), url) for url in (ALLOWED, MODEL)]
    detach(token)
    assert both == [f"user=7,{TOLD}", "user=7"]


def test_what_is_received_is_known_here_and_no_baggage_any_more() -> None:
    found = _boundary().extract({"baggage": f"user=7,{TOLD}"}, Context())
    assert (caller(found), baggage.get_all(found)) == (Caller("frontdesk", "c 1"), {"user": "7"})


def test_a_call_without_a_word_has_no_caller_even_within_a_call_that_had_one() -> None:
    propagator = _boundary()
    outer = propagator.extract({"baggage": TOLD}, Context())
    assert caller(propagator.extract({}, outer)) is NOBODY


def test_a_boundary_within_a_boundary_changes_nothing() -> None:
    allowed = AllowedHosts()
    twice = BoundaryPropagator(BoundaryPropagator(_stock(), allowed), allowed)
    outer = twice.extract({"baggage": "llmops.agent.name=a"}, Context())
    inner = twice.extract({"baggage": TOLD}, outer)
    assert (caller(inner), caller(twice.extract({}, inner))) == (Caller("frontdesk", "c 1"), NOBODY)


@pytest.mark.parametrize(
    "header",
    [
        "llmops.agent.name=" + "a" * 257,
        "llmops.conversation.id=" + "%C3%A4" * 513,
        "llmops.agent.name=a%0Ab",
        "llmops.agent.name=%20",
        "llmops.agent.name=",
        "llmops.agent.role=boss",
    ],
    ids=["long name", "long id", "line break", "blank", "empty", "another member"],
)
def test_what_no_program_of_ours_sends_is_not_believed(header: str) -> None:
    assert caller(_boundary().extract({"baggage": header}, Context())) == NOBODY


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_header_and_no_name_raises(header: str, name: str) -> None:
    recorded = record()
    before = failures()
    _boundary().extract({"baggage": header}, Context())
    propagator = _boundary("agents.internal")
    carrier: dict[str, str] = {"baggage": header}
    with (
        otel_llmops.agent(name, conversation_id=header, tracer_provider=recorded.provider),
        recorded.tracer.start_as_current_span(
            "GET", kind=SpanKind.CLIENT, attributes={"url.full": ALLOWED}
        ),
    ):
        propagator.inject(carrier)
    assert failures() == before


@given(
    st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=256),
    st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=200),
)
def test_any_printable_name_and_id_arrive_as_they_were(name: str, conversation_id: str) -> None:
    recorded = record()
    carrier: dict[str, str] = {}
    with (
        otel_llmops.agent(name, conversation_id=conversation_id, tracer_provider=recorded.provider),
        recorded.tracer.start_as_current_span(
            "GET", kind=SpanKind.CLIENT, attributes={"url.full": ALLOWED}
        ),
    ):
        _boundary("agents.internal").inject(carrier)
    found = caller(_boundary().extract(carrier, Context()))
    assert found == Caller(name, conversation_id)


def test_the_first_spans_of_a_call_say_who_called_and_all_say_the_conversation(
    recorded: Recorder,
) -> None:
    called = _boundary().extract({"baggage": TOLD}, Context())
    token = attach(called)
    with (
        recorded.tracer.start_as_current_span("POST /", kind=SpanKind.SERVER),
        recorded.tracer.start_as_current_span("step"),
    ):
        pass
    detach(token)
    conversation = {"llmops.conversation.id": "c 1"}
    assert [recorded.attributes(name, "llmops.") for name in ("POST /", "step")] == [
        {"llmops.handoff.source.name": "frontdesk", **conversation},
        conversation,
    ]


def test_within_an_agents_run_here_no_span_says_that_the_caller_handed_over(
    recorded: Recorder,
) -> None:
    token = attach(_boundary().extract({"baggage": TOLD}, Context()))
    unrecorded = trace.NonRecordingSpan(trace.INVALID_SPAN_CONTEXT)
    with (
        otel_llmops.agent("billing", tracer_provider=recorded.provider),
        trace.use_span(unrecorded),
        recorded.tracer.start_as_current_span("call"),
    ):
        pass
    detach(token)
    assert recorded.attributes("call", "llmops.") == {
        "llmops.agent.name": "billing",
        "llmops.conversation.id": "c 1",
    }


def test_an_agent_that_is_called_tells_the_callers_conversation_as_its_own(
    recorded: Recorder,
) -> None:
    token = attach(_boundary().extract({"baggage": TOLD}, Context()))
    with otel_llmops.agent("billing", tracer_provider=recorded.provider):
        pass
    detach(token)
    told = recorded.attributes("invoke_agent billing", "gen_ai.conv", "llmops.agent.name")
    assert told == {"gen_ai.conversation.id": "c 1", "llmops.agent.name": "billing"}


def test_a_conversation_that_the_program_names_wins_over_the_callers(recorded: Recorder) -> None:
    token = attach(_boundary().extract({"baggage": TOLD}, Context()))
    with otel_llmops.agent("billing", conversation_id="own", tracer_provider=recorded.provider):
        pass
    detach(token)
    told = recorded.attributes("invoke_agent billing", "gen_ai.conv", "llmops.conv")
    assert told == {"gen_ai.conversation.id": "own", "llmops.conversation.id": "own"}


@pytest.mark.usefixtures("installed")
def test_a_process_without_agents_of_its_own_passes_on_who_called_it(recorded: Recorder) -> None:
    token = attach(_boundary().extract({"baggage": TOLD}, Context()))
    with (
        recorded.tracer.start_as_current_span("POST /", kind=SpanKind.SERVER),
        recorded.tracer.start_as_current_span("step"),
    ):
        headers = otel_llmops.outgoing_headers(ALLOWED)
    detach(token)
    assert headers["baggage"] == TOLD


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    "marks",
    [
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "theirs"},
        {"openinference.span.kind": "AGENT", "agent.name": "theirs"},
        {"traceloop.span.kind": "agent", "traceloop.entity.name": "theirs"},
    ],
    ids=["gen_ai", "openinference", "traceloop"],
)
def test_a_frameworks_agent_speaks_for_itself(recorded: Recorder, marks: dict[str, str]) -> None:
    with (
        otel_llmops.agent("ours", tracer_provider=recorded.provider),
        recorded.tracer.start_as_current_span("a", attributes={**marks, "session.id": "s"}),
        recorded.tracer.start_as_current_span("tool"),
        recorded.tracer.start_as_current_span("step"),
    ):
        headers = otel_llmops.outgoing_headers(ALLOWED)
    assert headers["baggage"] == "llmops.agent.name=theirs,llmops.conversation.id=s"


@pytest.mark.usefixtures("installed")
def test_our_agents_speak_also_where_no_processor_stamps_spans() -> None:
    bare = record(SpanProcessor())
    with (
        otel_llmops.monitor_llm(agent_name="frontdesk", tracer_provider=bare.provider),
        bare.tracer.start_as_current_span("GET"),
    ):
        headers = otel_llmops.outgoing_headers(ALLOWED)
    assert headers["baggage"] == "llmops.agent.name=frontdesk"


@pytest.mark.usefixtures("installed")
def test_a_frameworks_agent_may_get_its_name_after_its_start(recorded: Recorder) -> None:
    with (
        otel_llmops.agent("ours", tracer_provider=recorded.provider),
        recorded.tracer.start_as_current_span("a") as theirs,
        recorded.tracer.start_as_current_span("tool"),
    ):
        theirs.set_attributes({"openinference.span.kind": "AGENT", "agent.name": "theirs"})
        headers = otel_llmops.outgoing_headers(ALLOWED)
    assert headers["baggage"] == "llmops.agent.name=theirs"


@pytest.mark.usefixtures("installed")
def test_an_agent_without_a_name_does_not_speak_for_the_one_around_it(recorded: Recorder) -> None:
    with (
        recorded.tracer.start_as_current_span("a", attributes={"agent.name": "outer", **_AGENT}),
        recorded.tracer.start_as_current_span("b", attributes=_AGENT),
        recorded.tracer.start_as_current_span("tool"),
    ):
        headers = otel_llmops.outgoing_headers(ALLOWED)
    assert "baggage" not in headers


@pytest.mark.usefixtures("installed")
def test_a_span_does_not_keep_the_spans_above_it_alive(recorded: Recorder) -> None:
    above = recorded.provider.get_tracer("x").start_span("above")
    below = recorded.tracer.start_span("below", context=trace.set_span_in_context(above))
    gone = weakref.ref(above)
    del above
    gc.collect()
    assert (gone(), below.is_recording()) == (None, True)


@pytest.mark.usefixtures("installed")
def test_a_client_without_a_span_is_told_its_headers(recorded: Recorder) -> None:
    with otel_llmops.agent("frontdesk", tracer_provider=recorded.provider) as span:
        headers = [otel_llmops.outgoing_headers(url) for url in (ALLOWED, MODEL, "?", "http://[")]
    here = span.get_span_context()
    ids = f"{trace.format_trace_id(here.trace_id)}-{trace.format_span_id(here.span_id)}"
    plain = {"traceparent": f"00-{ids}-{here.trace_flags:02x}"}
    assert headers == [plain | {"baggage": "llmops.agent.name=frontdesk"}, plain, plain, plain]


@pytest.mark.usefixtures("installed")
def test_a_url_that_cannot_be_read_is_not_replaced_by_the_span_around(recorded: Recorder) -> None:
    with (
        otel_llmops.agent("frontdesk", tracer_provider=recorded.provider),
        recorded.tracer.start_as_current_span(
            "GET", kind=SpanKind.CLIENT, attributes={"url.full": ALLOWED}
        ),
    ):
        headers = otel_llmops.outgoing_headers("http://[")
    assert "baggage" not in headers


@pytest.mark.usefixtures("installed")
def test_propagate_again_adds_hosts_to_the_one_propagator(recorded: Recorder) -> None:
    first = propagate.get_global_textmap()
    otel_llmops.propagate(to="more.internal")
    assert propagate.get_global_textmap() is first
    assert _sent(recorded, first, "http://more.internal/") == TOLD


def test_a_text_that_is_no_host_is_logged(
    installed: None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "otel_llmops"):
        otel_llmops.propagate(to=["*", "ok.internal"])
    assert [record.getMessage() for record in caplog.records] == [
        "otel-llmops: no host that could be told anything: *"
    ]


def test_where_no_baggage_is_propagated_nothing_is_told_and_a_warning_says_so(
    installed: None, caplog: pytest.LogCaptureFixture, recorded: Recorder
) -> None:
    propagate.set_global_textmap(TraceContextTextMapPropagator())
    with caplog.at_level(logging.WARNING, "otel_llmops"):
        otel_llmops.propagate(to=["agents.internal"])
    with otel_llmops.agent("frontdesk", tracer_provider=recorded.provider):
        headers = otel_llmops.outgoing_headers(ALLOWED)
    assert (list(headers), len(caplog.records)) == (["traceparent"], 1)
