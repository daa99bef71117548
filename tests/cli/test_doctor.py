"""`doctor` as a person and as a program runs it, over recorded traces and over nothing."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from otel_llmops.analysis.diagnosis import Group, diagnose
from otel_llmops.cli import main
from otel_llmops.model.schemas import SPANS
from otel_llmops.otlp import Request, decode_traces
from tests.support.otlp import TRACES, span, trace_request

_STRANDS = sorted((TRACES / "strands-agents--native").glob("*"))[0]


def _spans(*members: object) -> pa.Table:
    return decode_traces([Request(trace_request(*members))])


def test_spans_are_counted_by_how_they_were_read() -> None:
    chat = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.input.messages": "[]",
        "code.function.name": "desk.ask",
    }
    found = diagnose(
        _spans(
            span("chat a", attributes=chat),
            span("chat b", span_id=b"b" * 8, attributes=chat | {"code.function.name": ""}),
            span("GET /", span_id=b"c" * 8, parent_span_id=b"z" * 8),
        )
    )
    assert (found.spans, found.traces, found.ignored) == (3, 1, 1)
    assert found.groups == [
        Group("test", "otel-genai", "llm", 2, ["chat a", "chat b"], 0, 2, 2, 2, 1),
        Group("test", "", "other", 1, ["GET /"], 0, 0, 0, 0, 0),
    ]
    assert [each.what for each in found.findings] == [
        "no agent was found",
        "1 spans are parents of others and are not here (3 are)",
    ]


def test_what_answers_will_lack_is_told() -> None:
    calls = [
        span(f"chat {n}", span_id=bytes([n] * 8), trace_id=bytes([n] * 16),
             attributes={"gen_ai.operation.name": "chat"})
        for n in (1, 2)
    ]  # fmt: skip
    found = diagnose(_spans(*calls))
    assert [each.what for each in found.findings] == [
        "no agent was found",
        "no span reports tokens",
        "no message was captured",
        "no span says where in your code it was made",
        "no span has a conversation id",
    ]


def test_messages_in_events_are_content() -> None:
    requests = [Request(each.read_bytes()) for each in _STRANDS.glob("request-*.binpb")]
    found = diagnose(decode_traces(requests))
    assert any(group.content for group in found.groups)
    assert all("message" not in each.what for each in found.findings)


def test_of_nothing_nothing_is_told() -> None:
    assert diagnose(SPANS.empty_table()).groups == []
    (finding,) = diagnose(_spans(span("GET /"))).findings
    assert finding.what == "no span here is an agent, a model call or a tool"


def test_a_person_reads_a_page(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["doctor", "--file", str(_STRANDS)]) == 0
    told = capsys.readouterr().out
    assert "strands.telemetry.tracer" in told
    assert "! no span says where in your code it was made" in told


def test_a_program_reads_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    hostile = trace_request(span("\x1b]0;x\x07", attributes={"gen_ai.operation.name": "chat"}))
    (tmp_path / "a.binpb").write_bytes(hostile)
    assert main(["doctor", "--json", "--file", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert json.loads(told)["groups"][0]["names"] == ["\x1b]0;x\x07"]


def test_a_session_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "nobody", "--file", str(_STRANDS)]) == 2
    assert "there is no session 'nobody'" in capsys.readouterr().err
