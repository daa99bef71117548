"""The demo as a newcomer runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.serving import environment, processes_of

_SECONDS_MAX = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def shown(folder: Path) -> list[list[str]]:
    """The words of each line that the demo printed."""
    ran = subprocess.run(
        [sys.executable, "-m", "otel_llmops.cli", "demo"],
        env=environment(COLUMNS="120", TMPDIR=str(folder)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=_SECONDS_MAX,
    )
    return [line.split() for line in ran.stdout.splitlines()]


def test_the_demo_shows_every_handoff_with_its_kind(shown: list[list[str]]) -> None:
    handoffs = [line[line.index("→") - 1 :] for line in shown if "→" in line]
    assert [(line[0], line[2], line[3]) for line in handoffs] == [
        ("triage", "researcher", "delegation"),
        ("triage", "writer", "sequence"),
        ("triage", "billing", "transfer"),
        ("triage", "researcher", "fan"),
        ("triage", "billing", "fan"),
        ("triage", "writer", "sequence"),
    ]


@pytest.mark.parametrize(
    ("agent", "calls"), [("researcher", "4"), ("writer", "2"), ("triage", "3"), ("billing", "2")]
)
def test_the_demo_shows_each_agent_with_its_calls(
    shown: list[list[str]], agent: str, calls: str
) -> None:
    [line] = [line for line in shown if line[:1] == [agent] and "→" not in line]
    assert calls in line


@pytest.mark.parametrize("function", ["look_up", "draft", "classify", "check_invoice"])
def test_the_demo_charges_the_functions_of_the_program(
    shown: list[list[str]], function: str
) -> None:
    assert sum(line[:2] == [f"support_desk.{function}", "support_desk.py"] for line in shown) == 1


def test_the_demo_leaves_nothing_behind(shown: list[list[str]], folder: Path) -> None:
    assert (bool(shown), list(folder.iterdir()), processes_of(folder)) == (True, [], [])
