"""`tokens` as a person and as a program runs it, over a capture in which everything occurs."""

import json
from pathlib import Path
from typing import Any

import pytest

from otel_llmops.analysis import tokens
from otel_llmops.cli import main
from otel_llmops.cli.spent import RULES

SESSION = "conv/1 ?x"
_AGENT = "plan\x1b]0;er\u202e"
_USAGE = "gen_ai.usage."


def _span(number: int, above: int, name: str, at: tuple[int, int], **said: Any) -> dict[str, Any]:
    values = {
        name: {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}
        for name, value in said.items()
    }
    return {
        "traceId": f"{1:032x}",
        "spanId": f"{number:016x}",
        "parentSpanId": f"{above:016x}" if above else "",
        "name": name,
        "startTimeUnixNano": str(1_795_000_000_000_000_000 + at[0]),
        "endTimeUnixNano": str(1_795_000_000_000_000_000 + at[1]),
        "attributes": [{"key": key, "value": value} for key, value in values.items()],
    }


def _used(tokens_in: int, tokens_out: int) -> dict[str, int]:
    return {f"{_USAGE}input_tokens": tokens_in, f"{_USAGE}output_tokens": tokens_out}


def _chat(model: str, tokens: tuple[int, int] | None = None, **more: Any) -> dict[str, Any]:
    said = {"gen_ai.operation.name": "chat", "gen_ai.request.model": model, **more}
    return said | (_used(*tokens) if tokens else {})


def _spans() -> list[dict[str, Any]]:
    agent = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": _AGENT,
        "gen_ai.conversation.id": SESSION,
    }
    cached = {f"{_USAGE}cache_read.input_tokens": 80, "gen_ai.provider.name": "openai"}
    return [
        _span(1, 0, "invoke_agent", (0, 900), **agent, **_used(500, 50)),
        _span(2, 1, "chat a", (10, 100), **_chat("gpt-4o", (200, 20), **cached)),
        _span(3, 1, "chat silent", (110, 200), **_chat("gpt-4o")),
        _span(4, 1, "chat outer", (210, 400), **_chat("home-grown", (10, 5))),
        _span(5, 4, "chat inner", (220, 390), **_chat("home-grown", (15, 5))),
    ]


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("capture") / "capture.json"
    made.write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": _spans()}]}]}))
    return made


Told = tuple[int, list[str], str]


def _run(capsys: pytest.CaptureFixture[str], *argv: str) -> Told:
    """Exit code, the lines of stdout without blank ones, stderr."""
    code = main(["tokens", *argv])
    told = capsys.readouterr()
    lines = [line.rstrip() for line in told.out.splitlines()]
    return code, [line for line in lines if line.strip(" ─")], told.err


def test_each_rule_of_the_ledger_has_a_word_and_a_meaning() -> None:
    assert set(RULES) == {rule for rule in tokens.RULES if rule}


def test_tokens_are_shown_by_agent_and_model_with_what_has_no_price(
    capture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(capsys, SESSION, "--file", str(capture)) == (
        0,
        [
            "Session conv/1 ?x",
            "1 agent · 3 LLM calls · 215 input tokens · 25 output tokens · $0.00060",
            "Tokens by agent and model",
            "agent        model       calls  input  cached  output      cost",
            "plan�]0;er�  gpt-4o          2    200      80      20  $0.00060",
            "plan�]0;er�  home-grown      1     15       0       5         ?",
            "all                          3    215      80      25  $0.00060",
            "Parts of input and output: cached.",
            "No price is known for 20 of these tokens: home-grown",
            "315 reported tokens have no place: --why says where",
        ],
        "",
    )


def test_each_report_is_shown_in_its_place_with_its_reason(
    capture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines, _ = _run(capsys, SESSION, "--why", "--file", str(capture))
    rows = lines[lines.index("Why: each span that reports usage") + 2 :]
    assert (code, [" ".join(row.split()) for row in rows[:4]]) == (
        0,
        [
            "invoke_agent plan�]0;er� 500 50 0 repeats +310",
            "chat a plan�]0;er� 200 (80) 20 220 call",
            "chat outer plan�]0;er� 10 5 0 around !",
            "chat inner plan�]0;er� 15 5 20 call",
        ],
    )


def test_what_has_no_place_is_named_with_its_span(
    capture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, lines, _ = _run(capsys, SESSION, "--why", "--file", str(capture))
    start = lines.index("240 tokens count; 315 have no place (the residual):")
    named = " ".join(lines[start + 1 :])
    assert named.startswith(f"  310 at invoke_agent {1:016x}: more than count below it")
    assert f"5 at chat outer {4:016x}: differ" in named


def test_without_a_session_those_that_there_are_are_listed(
    capture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(capsys, "--file", str(capture))[1] == [
        "Sessions",
        "session    started              calls  tokens      cost",
        "conv/1 ?x  2026-11-18 11:06:40      3     240  $0.00060",
        "otel-llmops tokens SESSION shows who spent them, --why each reason",
    ]


@pytest.mark.parametrize(("flags", "with_ledger"), [([], False), (["--why"], True)])
def test_the_document_has_the_ledger_where_it_is_asked_why(
    flags: list[str], capture: Path, capsys: pytest.CaptureFixture[str], *, with_ledger: bool
) -> None:
    main(["tokens", SESSION, "--json", "--file", str(capture), *flags])
    document = json.loads(capsys.readouterr().out)
    assert (document["residual_tokens"], document["unpriced_tokens"], "ledger" in document) == (
        315,
        20,
        with_ledger,
    )


def test_a_session_that_is_not_there_is_one_line_and_exit_code_2(
    capture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(capsys, "gone", "--file", str(capture)) == (
        2,
        [],
        "otel-llmops: there is no session 'gone' (otel-llmops tokens lists them)\n",
    )


def test_a_folder_that_nothing_was_collected_in_is_one_line_and_is_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "none"
    code, lines, told = _run(capsys, "--data", str(folder))
    start = f"otel-llmops: nothing was collected in {folder} yet"
    assert (code, lines, told[: len(start)], folder.exists()) == (2, [], start, False)


def test_an_api_that_is_not_there_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, lines, told = _run(capsys, "--url", "http://127.0.0.1:1")
    line = "otel-llmops: the API at http://127.0.0.1:1 cannot be reached: Connection refused\n"
    assert (code, lines, told) == (2, [], line)


@pytest.mark.parametrize("url", ["localhost:8080", "file:///etc/passwd", "http://"])
def test_what_is_no_address_of_an_api_is_refused(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines, told = _run(capsys, "--url", url)
    assert (code, lines, told) == (
        2,
        [],
        f"otel-llmops: url: {url!r} is not an http:// or https:// URL\n",
    )
