"""`analyze` as a person and as a program runs it, on a real trace."""

import json
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
