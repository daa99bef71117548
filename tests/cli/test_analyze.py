"""`analyze` as a person and as a program runs it, on a real trace."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from otel_llmops.cli import main

TRACES = Path(__file__).parents[1] / "traces"
SCENARIO = TRACES / "openai-agents--openinference" / "handoff_chain"


@pytest.fixture(scope="module")
def scenario() -> Path:
    found = [folder for folder in sorted(TRACES.glob("*/*")) if (folder / "truth.json").exists()]
    return SCENARIO if SCENARIO in found else found[0]


def test_the_document_has_the_fields_that_programs_rely_on(
    scenario: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["analyze", "--json", str(scenario)])
    document = json.loads(capsys.readouterr().out)
    assert code == 0
    assert {frozenset(session) for session in document["sessions"]} == {
        frozenset(
            {
                "session_id",
                "trace_ids",
                "agents",
                "handoffs",
                "llm_calls",
                "input_tokens",
                "output_tokens",
                "tokens_by_agent",
                "errors",
                "cost_usd",
                "residual_tokens",
                "drift_score",
            }
        )
    }


def test_the_tables_name_every_agent_of_the_document(
    scenario: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["analyze", "--json", str(scenario)])
    document = json.loads(capsys.readouterr().out)
    code = main(["analyze", str(scenario)])
    shown = capsys.readouterr().out
    names = [name for session in document["sessions"] for name in session["agents"]]
    assert (code, bool(names), [name for name in names if name not in shown]) == (0, True, [])


def test_a_path_that_is_not_there_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["analyze", str(tmp_path / "gone")])
    told = capsys.readouterr()
    assert (code, told.out, told.err) == (
        2,
        "",
        f"otel-llmops: {tmp_path / 'gone'}: there is no such file or folder\n",
    )


def test_a_file_that_is_no_otlp_is_one_line_that_names_it_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.binpb"
    bad.write_bytes(b"\xff\xff\xff not otlp")
    code = main(["analyze", str(bad)])
    told = capsys.readouterr()
    assert (code, told.out, str(bad) in told.err, told.err.count("\n")) == (1, "", True, 1)


@pytest.mark.parametrize(("columns", "longest"), [(None, 120), ("90", 90)])
def test_a_pipe_is_wide_unless_columns_says_otherwise(
    columns: str | None, longest: int, tmp_path: Path
) -> None:
    environ = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    command = [
        sys.executable,
        "-m",
        "otel_llmops.cli",
        "analyze",
        str(_capture(tmp_path, agent="agent-" * 40)),
    ]
    ran = subprocess.run(
        command,
        env=environ | ({"COLUMNS": columns} if columns else {}),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
        timeout=30,
    )
    assert max(map(len, ran.stdout.splitlines())) == longest


def test_a_terminal_that_knows_ascii_alone_is_no_reason_to_fail(tmp_path: Path) -> None:
    capture = _capture(tmp_path, agent="Über-Prüfer")
    ran = subprocess.run(
        [sys.executable, "-m", "otel_llmops.cli", "analyze", str(capture)],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        stdout=subprocess.PIPE,
        encoding="ascii",
        check=True,
        timeout=30,
    )
    assert "?ber-Pr?fer" in ran.stdout


def _capture(folder: Path, *, agent: str) -> Path:
    span = {
        "traceId": "0" * 31 + "1",
        "spanId": "0" * 15 + "1",
        "name": "invoke_agent",
        "startTimeUnixNano": "1",
        "endTimeUnixNano": "2",
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "invoke_agent"}},
            {"key": "gen_ai.agent.name", "value": {"stringValue": agent}},
        ],
    }
    capture = folder / "capture.json"
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    capture.write_text(json.dumps(document))
    return capture
