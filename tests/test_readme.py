"""The README tells the truth: what it shows is run, what it names exists."""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from otel_llmops.cli.arguments import parser
from otel_llmops.engine.capture import analyze, report
from tests.support.receiving import running
from tests.support.serving import environment

_ROOT = Path(__file__).parents[1]
_README = (_ROOT / "README.md").read_text(encoding="utf-8")
_PROSE = re.sub(r"^```.*?^```$", "", _README, flags=re.DOTALL | re.MULTILINE)
_DEMO_S_MAX = 50
_PROGRAM_S_MAX = 30


def _blocks(language: str) -> list[str]:
    fence = rf"^```{language}\n(.*?)^```$"
    return re.findall(fence, _README, flags=re.DOTALL | re.MULTILINE)


def _links() -> Iterator[str]:
    for target in re.findall(r"\]\(([^)\s]+)\)", _PROSE):
        path = target.partition("#")[0]
        if path and "://" not in target:
            yield path


@cache
def _options_of_serve() -> frozenset[str]:
    command = [sys.executable, "-m", "otel_llmops.cli", "serve", "--help"]
    helped = subprocess.run(
        command, env=environment(COLUMNS="100"), stdout=subprocess.PIPE, text=True, check=True
    )
    return frozenset(re.findall(r"--[a-z][a-z-]*", helped.stdout))


def test_the_two_commands_come_first_the_demo_and_then_the_tests() -> None:
    # the script of CI runs the first two blocks, in this order
    assert [block.splitlines() for block in _blocks("sh")[:2]] == [
        [
            "python3 -m venv .venv && .venv/bin/pip install -q '.[server]'",
            ".venv/bin/otel-llmops demo",
        ],
        [
            "python3 -m venv .venv && .venv/bin/pip install -q -e '.[server,test]'",
            ".venv/bin/pytest",
        ],
    ]


@pytest.mark.parametrize("program", _blocks("python"), ids=["desk"])
def test_a_program_of_the_readme_sends_the_handoff_and_the_tokens_that_it_names(
    program: str, tmp_path: Path
) -> None:
    file = tmp_path / "desk.py"
    file.write_text(program, encoding="utf-8")
    with running(tmp_path / "journal") as receiver:
        ran = subprocess.run(
            [sys.executable, file.name],
            cwd=tmp_path,
            env=environment(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{receiver.grpc_target}"),
            capture_output=True,
            text=True,
            check=False,
            timeout=_PROGRAM_S_MAX,
        )
        sent = receiver.payloads()
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    for place, payload in enumerate(sent):
        (tmp_path / f"{place}.binpb").write_bytes(payload)
    [session] = report(analyze(sorted(tmp_path.glob("*.binpb"))))["sessions"]
    told = [(each["from"], each["to"], round(each["quality"], 1)) for each in session["handoffs"]]
    tokens = (session["input_tokens"], session["output_tokens"])
    assert (told, tokens) == ([("triage", "writer", 1.0)], (21, 5))


@pytest.mark.parametrize("option", sorted(set(re.findall(r"`(--[a-z][a-z-]*)", _README))))
def test_an_option_that_the_readme_names_is_one_of_serve(option: str) -> None:
    assert option in _options_of_serve()


@pytest.mark.parametrize(
    "command", re.findall(r"^\.venv/bin/otel-llmops (.*)$", _README, flags=re.MULTILINE)
)
def test_a_command_of_the_readme_is_understood(command: str) -> None:
    assert parser({}).parse_args(command.split()).command == command.split(maxsplit=1)[0]


@pytest.mark.parametrize("path", sorted(set(_links())))
def test_a_file_that_the_readme_links_to_is_there(path: str) -> None:
    assert (_ROOT / path).exists()


@pytest.mark.parametrize(
    "path", re.findall(r"otel-llmops analyze (.*)$", _README, flags=re.MULTILINE)
)
def test_a_capture_that_the_readme_analyses_holds_a_handoff(path: str) -> None:
    document = report(analyze([_ROOT / path]))
    assert [bool(session["handoffs"]) for session in document["sessions"]] == [True]


def test_the_demo_prints_what_the_readme_shows(tmp_path: Path) -> None:
    environ = environment(COLUMNS="100", TMPDIR=str(tmp_path), PYTHONIOENCODING="utf-8")
    # a newcomer's shell may be set up for another collector, or for none
    environ |= {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://[::1]:9"}
    ran = subprocess.run(
        [sys.executable, "-m", "otel_llmops.cli", "demo"],
        env=environ,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
        timeout=_DEMO_S_MAX,
    )
    [shown] = re.findall(r"<!-- demo -->\n```text\n(.*?)```\n<!-- /demo -->", _README, re.DOTALL)
    printed = _comparable(ran.stdout)
    start = printed.index(_comparable(shown)[0])
    assert printed[start : printed.index("What next")] == [*_comparable(shown), ""]


def _comparable(text: str) -> list[str]:
    """The lines without their padding; a quality may differ on a machine that is slow."""
    return [re.sub(r"\d\.\d\d\b", "0.00", line.rstrip()) for line in text.splitlines()]
