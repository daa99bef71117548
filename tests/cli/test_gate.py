"""`gate` as a build runs it, over a capture, which is put into a real store."""

import json
from pathlib import Path

import pytest

from otel_llmops.cli import main
from tests.support.commits import calls_under
from tests.support.otlp import trace_request

_BASE, _HEAD = "a" * 40, "b" * 40
_ALIKE = [100, 101, 99, 100] * 10


def _captured(tmp_path: Path, **after: tuple[str, list[int]]) -> tuple[str, ...]:
    members = []
    for place, (function, tokens) in enumerate(after.values()):
        members += calls_under(_BASE, 10_000 * place + 1, function, _ALIKE[: len(tokens)])
        members += calls_under(_HEAD, 10_000 * place + 5_000, function, tokens)
    made = tmp_path / "capture.binpb"
    made.write_bytes(trace_request(*members))
    return ("gate", "--base", _BASE[:8], "--head", _HEAD, "--file", str(made))


_GREW = ("desk.ask", [each * 2 for each in _ALIKE])
_SAME = ("desk.draft", _ALIKE)
_FEW = ("desk.rare", [900, 901, 902])


def test_what_grew_fails_the_build_with_the_numbers_that_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*_captured(tmp_path, one=_SAME, two=_GREW, three=_FEW), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["decided"], told["grew"], told["max_increase"]) == (2, 1, 0.1)
    assert [(each["function"], each["verdict"]) for each in told["functions"]] == [
        ("desk.ask", "grew"),
        ("desk.draft", "fine"),
        ("desk.rare", "undecided"),
    ]
    (ask, _, rare) = told["functions"]
    assert (ask["before"]["calls"], ask["after"]["mean"], ask["increase"]) == (40, 200.0, 1.0)
    assert 0.95 < ask["low"] < 1
    assert rare["low"] is None


@pytest.mark.parametrize("more", [(), ("--max-increase", "100%")], ids=["same", "allowed"])
def test_a_build_passes_where_nothing_grew_beyond_the_allowed(
    more: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*_captured(tmp_path, one=_GREW if more else _SAME, two=_FEW), *more]) == 0
    assert "Passed: of 1 function, none" in " ".join(capsys.readouterr().out.split())


def test_without_enough_calls_there_is_no_verdict_and_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*_captured(tmp_path, one=_FEW)]) == 2
    told = capsys.readouterr()
    assert "too few" in told.out
    assert told.err == (
        "otel-llmops: nothing can be decided: no function has 20 calls in 10 sessions under both"
        " commits (docs/ci.md)\n"
    )


def test_calls_of_a_few_sessions_are_no_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    members = [
        *calls_under(_BASE, 1, "desk.ask", [100] * 40, calls_a_session=10),
        *calls_under(_HEAD, 100, "desk.ask", [900] * 40, calls_a_session=10),
    ]
    made = tmp_path / "capture.binpb"
    made.write_bytes(trace_request(*members))
    argv = ["gate", "--base", _BASE, "--head", _HEAD, "--file", str(made), "--json"]
    assert main(argv) == 2
    (ask,) = json.loads(capsys.readouterr().out)["functions"]
    after = ask["after"]
    assert (after["calls"], after["sessions"], ask["verdict"]) == (40, 4.0, "undecided")


def test_a_commit_of_which_nothing_is_known_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = _captured(tmp_path, one=_SAME)
    assert main([*argv, "--head", "c" * 40]) == 2
    assert "nothing is known of commit" in capsys.readouterr().err


def test_the_summary_is_markdown_that_a_name_cannot_break(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    function = ("desk.\x1b[31m<b>|`x`", _GREW[1])
    argv = _captured(tmp_path, one=function)
    file = tmp_path / "summary.md"
    assert main([*argv, "--markdown", str(file)]) == 1
    table = capsys.readouterr().out
    assert main([*argv, "--markdown", "-"]) == 1
    assert capsys.readouterr().out == file.read_text(encoding="utf-8")
    (row,) = [line for line in file.read_text().splitlines() if line.startswith("| desk")]
    assert row.startswith(
        "| desk.\ufffd\\[31m\\<b\\>\\|\\`x\\` | 40 | 100.0 | 40 | 200.0 | +100.0%"
    )
    assert "\x1b" not in table + file.read_text()


def test_the_table_fits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    name = "shop.agents.triage.assistants.classify_the_ticket_and_hand_it_over"
    assert main([*_captured(tmp_path, one=(name, _GREW[1]), two=_FEW)]) == 1
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize(
    "argv",
    [
        ("--max-increase", "0.1"),
        ("--max-increase", "-5%"),
        ("--max-increase", "nan%"),
        ("--min-calls", "9"),
        ("--min-calls", "x"),
    ],
    ids=" ".join,
)
def test_what_is_no_number_is_refused(
    argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["gate", "--base", "HEAD", *argv])
    told = capsys.readouterr().err
    assert (caught.value.code, told.count("\n")) == (2, 1)
