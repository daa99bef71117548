"""`bottlenecks` as a person and as a program runs it, over a capture."""

import json
from pathlib import Path

import pytest

from otel_llmops.cli import main
from tests.support.requests import request
from tests.support.tree import tree

_SLOW = """
    workflow crew 0-400 conversation=order-17
      agent planner 1-40
        llm gpt-4o 2-39
      agent writer 41-399
        llm gpt-4o 42-398
"""


@pytest.fixture
def capture(tmp_path: Path) -> str:
    made = tmp_path / "capture.binpb"
    made.write_bytes(request(tree(_SLOW)))
    return str(made)


def _run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, list[str]]:
    code = main(["bottlenecks", *argv])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    return code, [line for line in lines if line.strip(" ─")]


def test_a_person_reads_what_holds_a_session_up_and_what_to_do(
    capture: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "240")
    code, lines = _run(capsys, "order-17", "--file", capture)
    assert (code, [line.split() for line in lines[:3]]) == (
        0,
        [
            ["Bottlenecks"],
            ["agent", "operation", "severity", "cause", "path", "self", "wait", "saves",
             "sessions"],
            ["writer", "chat", "gpt-4o", "critical", "slow", "model", "89%", "356", "ms", "0",
             "ms", "178", "ms", "1"],
        ],
    )  # fmt: skip
    assert lines[3] == (
        "1. chat gpt-4o of writer takes 356 ms a call, where 37 ms is usual; 89% of the critical"
        " path. Try a faster model for this step, or ask for a shorter answer."
        " Twice as fast here saves 178 ms a session."
    )


def test_a_program_reads_the_answers_of_the_api(
    capture: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bottlenecks", "--json", "--file", capture]) == 0
    [row] = json.loads(capsys.readouterr().out)["bottlenecks"]
    assert (row["agent"], row["operation"], row["cause"], row["severity"]) == (
        "writer", "chat gpt-4o", "slow_model", "critical",
    )  # fmt: skip


def test_where_nothing_stands_out_it_says_so(
    capture: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = _run(capsys, "somebody-elses", "--file", capture)
    assert told == (0, ["Nothing stands out."])


def test_only_what_began_in_a_window_is_told(
    capture: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*window: str) -> list[str]:
        assert main(["bottlenecks", "--file", capture, "--json", *window]) == 0
        rows = json.loads(capsys.readouterr().out)["bottlenecks"]
        return [row["agent"] for row in rows]

    assert "writer" in told()
    assert told("--since", "2020-01-01T00:00:00Z", "--until", "2038-01-01T00:00:00Z") == told()
    assert told("--since", "2038-01-01T00:00:00Z") == told("--until", "2020-01-01T00:00:00Z") == []


def test_a_time_that_is_none_is_refused_before_anything_is_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["bottlenecks", "--file", "/no/such/file", "--since", "yesterday"]) == 2
    assert "'yesterday' is not a time" in capsys.readouterr().err
