from datetime import UTC, datetime

import pyarrow as pa

from otel_llmops.analysis.timeline import said, timeline
from otel_llmops.otlp import Request, decode_traces
from tests.support.busy_day import busy_day

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
