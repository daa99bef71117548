"""A call between two processes of which the second one knows who called, and perhaps the trace."""

from collections.abc import Sequence

import pytest
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import otel_llmops
from otel_llmops.analysis.derive import analyse
from otel_llmops.otlp import Encoding, Request, decode_traces
from otel_llmops.sdk.decorators import Observed
from otel_llmops.sdk.hosts import AllowedHosts
from otel_llmops.sdk.propagation import BoundaryPropagator
from tests.sdk.recorder import Recorder, record


def _boundary(*hosts: str) -> BoundaryPropagator:
    stock = CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])
    allowed = AllowedHosts()
    allowed.add(hosts)
    return BoundaryPropagator(stock, allowed)


def _two_processes(*, carried: Sequence[str], hosts: Sequence[str]) -> list[ReadableSpan]:
    """Spans of a front desk that calls billing, of whose headers only these arrive."""
    here, there = record(), record()
    headers: dict[str, str] = {}
    with (
        otel_llmops.agent("frontdesk", conversation_id="c", tracer_provider=here.provider),
        _model(here),
        here.tracer.start_as_current_span(
            "POST", kind=SpanKind.CLIENT, attributes={"url.full": "http://billing.internal/"}
        ),
    ):
        _boundary(*hosts).inject(headers)
    arrived = {name: value for name, value in headers.items() if name in carried}
    token = attach(_boundary().extract(arrived, Context()))
    with (
        there.tracer.start_as_current_span("POST /", kind=SpanKind.SERVER),
        otel_llmops.agent("billing", tracer_provider=there.provider),
        _model(there),
    ):
        pass
    detach(token)
    return [*here.exporter.get_finished_spans(), *there.exporter.get_finished_spans()]


def _model(recorded: Recorder) -> Observed:
    return otel_llmops.monitor_llm(tracer_provider=recorded.provider)


def _analysed(spans: Sequence[ReadableSpan]) -> tuple[list[str], list[tuple[str, str, str]]]:
    """Ids of the sessions; (from, to, kind) of the handoffs."""
    payload = encode_spans(spans).SerializeToString()
    derived = analyse(decode_traces([Request(payload, Encoding.PROTOBUF)]))
    handoffs = [
        (row["from_agent"], row["to_agent"], row["kind"])
        for row in derived["agent_handoffs"].to_pylist()
    ]
    return derived["sessions"].column("session_id").to_pylist(), handoffs


def test_a_call_with_its_trace_is_a_delegation_in_one_session() -> None:
    spans = _two_processes(carried=["traceparent", "baggage"], hosts=["billing.internal"])
    assert _analysed(spans) == (["c"], [("frontdesk", "billing", "delegation")])


def test_a_call_that_lost_its_trace_is_still_of_its_callers_session() -> None:
    spans = _two_processes(carried=["baggage"], hosts=["billing.internal"])
    assert _analysed(spans)[0] == ["c"]


@pytest.mark.parametrize("hosts", [(), ("elsewhere.internal",)])
def test_a_host_that_is_not_allowed_does_not_learn_the_session(hosts: Sequence[str]) -> None:
    sessions, handoffs = _analysed(_two_processes(carried=["baggage"], hosts=hosts))
    assert (len(sessions), handoffs) == (2, [])
