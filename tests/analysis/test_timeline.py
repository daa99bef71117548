from datetime import UTC, datetime

import pyarrow as pa

from otel_llmops.analysis.timeline import said, timeline
from otel_llmops.otlp import Request, decode_traces
from tests.support.busy_day import busy_day
from tests.support.otlp import key_values, spans, trace_request

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def _spans() -> pa.Table:
    return decode_traces([Request(each) for each in busy_day(NOW, sessions=1)])


def test_the_critical_path_adds_up_to_what_a_trace_takes() -> None:
    told = timeline(_spans())
    root = next(each for each in told if not each.parent_span_id)
    assert abs(sum(each.critical_ms for each in told) - root.duration_ms) < 1e-3


def test_each_stretch_says_whose_work_it_is_and_where_it_was_made() -> None:
    told = [each for each in timeline(_spans()) if each.agent == "concierge"]
    assert [each.kind for each in told] == ["agent", "llm"]
    assert (told[1].function, told[1].file, told[1].line) == (
        "desk.agents.classify",
        "desk/agents.py",
        14,
    )


def test_what_was_said_is_told_by_who_said_it() -> None:
    spans = _spans()
    call = next(each for each in timeline(spans) if each.kind == "llm")
    texts = said(spans, call.span_id)
    assert [(each.speaker, each.received) for each in texts] == [("user", True), ("agent", False)]
    assert texts[0].text == "ticket-1000: what does concierge say?"


def test_nothing_is_told_of_no_spans() -> None:
    empty = _spans().slice(0, 0)
    assert timeline(empty) == []
    assert said(empty, "00") == []


def test_what_failed_says_why_and_what_did_not_says_nothing() -> None:
    raised, told, silent, well = made = spans(4)
    raised.name, told.name, silent.name, well.name = "raised", "told", "silent", "well"
    raised.status.code = told.status.code = silent.status.code = 2
    raised.status.message, told.status.message = "Exception", "rate limit" * 1_000
    well.status.message = "all is well"
    event = raised.events.add(name="exception")
    event.attributes.extend(key_values({"exception.type": "ValueError", "exception.message": "no"}))
    found = timeline(decode_traces([Request(trace_request(*made))]))
    assert {each.name: (each.error_type, each.error_message) for each in found} == {
        "raised": ("ValueError", "no"),
        "told": ("", "rate limit" * 200),
        "silent": ("", ""),
        "well": ("", ""),
    }
