"""The pages that are made are made anew, and what they claim of traces is there to see."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from otel_llmops import semconv
from otel_llmops.cli.arguments import parser
from otel_llmops.config import ServeConfig
from tests.support.otlp import TRACES, scenarios

_ROOT = Path(__file__).parents[1]
_GENERATE = "python docs/generate.py"
_DOCS = _ROOT / "docs"
_KNOWN = tomllib.loads((_DOCS / "frameworks.toml").read_text(encoding="utf-8"))
_GAPS = tomllib.loads((TRACES / "gaps.toml").read_text(encoding="utf-8"))
_RECORDED = json.loads((_DOCS / "scores.json").read_text(encoding="utf-8"))
_SCORE_S_MAX = 150
"""It takes 7 s of CPU time."""


def _claims(word: str) -> list[Any]:
    return [
        pytest.param(scenario, row.get(word), id=f"{scenario} ({row['what']})")
        for row in _KNOWN["missing"]
        for scenario in (row["scenario"], *row.get("also", []))
        if word in row
    ]


def _bytes(scenario: str) -> bytes:
    return b"\n".join(path.read_bytes() for path in (TRACES / scenario).glob("request-*.binpb"))


def _truth(scenario: str) -> dict[str, Any]:
    truth: dict[str, Any] = json.loads((TRACES / scenario / "truth.json").read_bytes())
    return truth


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The figures of all traces as they are now."""
    file = tmp_path_factory.mktemp("scores") / "scores.json"
    scorer = _ROOT / "benchmarks" / "score_traces.py"
    subprocess.run(
        [sys.executable, scorer, "--json", file],
        check=True,
        timeout=_SCORE_S_MAX,
        stdout=subprocess.PIPE,
    )
    figures: dict[str, Any] = json.loads(file.read_bytes())
    return figures


def test_no_page_is_stale() -> None:
    ran = subprocess.run(
        [sys.executable, *_GENERATE.split()[1:], "--check"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SCORE_S_MAX,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", ""), f"run {_GENERATE}"


@pytest.mark.slow
@pytest.mark.timeout(_SCORE_S_MAX + 10)
def test_the_figures_that_the_pages_show_are_those_of_today(fresh: dict[str, Any]) -> None:
    assert fresh == _RECORDED, f"run {_GENERATE} --score"


def test_each_scenario_that_is_not_as_the_truth_has_its_reason() -> None:
    assert sorted(_GAPS) == sorted(_RECORDED["off"])


def test_each_combination_of_the_traces_has_its_line() -> None:
    lines = [by["combination"] for framework in _KNOWN["framework"] for by in framework["by"]]
    assert sorted(lines) == sorted({path.parent.name for path in scenarios()})


@pytest.mark.parametrize(
    "name", [name for name in semconv.__all__ if not callable(getattr(semconv, name))]
)
def test_each_table_of_the_dialects_is_on_the_page(name: str) -> None:
    page = (_DOCS / "dialects.md").read_text(encoding="utf-8")
    assert f"## {name.replace('_', ' ').capitalize()}\n" in page


@pytest.mark.parametrize(("scenario", "texts"), _claims("absent"))
def test_what_a_trace_is_said_not_to_hold_is_not_there(scenario: str, texts: list[str]) -> None:
    held = _bytes(scenario)
    assert [text for text in texts if text.encode() in held] == []


@pytest.mark.parametrize(("scenario", "texts"), _claims("present"))
def test_what_a_trace_is_said_to_hold_instead_is_there(scenario: str, texts: list[str]) -> None:
    held = _bytes(scenario)
    assert [text for text in texts if text.encode() not in held] == []


@pytest.mark.parametrize(("scenario", "lost"), _claims("session"))
def test_a_session_id_that_is_said_to_be_lost_is_lost(scenario: str, lost: bool) -> None:
    assert (_truth(scenario)["session_id"].encode() not in _bytes(scenario)) is lost


@pytest.mark.parametrize(("scenario", "lost"), _claims("tokens"))
def test_where_tokens_are_said_to_be_lost_fewer_are_found(scenario: str, lost: bool) -> None:
    assert ("tokens" in _RECORDED["off"].get(scenario, "").split()) is lost


_ATTACKS = tomllib.loads((_DOCS / "attacks.toml").read_text(encoding="utf-8"))["attack"]


@pytest.mark.parametrize(
    "named", sorted({each for row in _ATTACKS for each in row["socket"] + row["tests"]})
)
def test_a_test_that_is_said_to_answer_an_attack_is_there(named: str) -> None:
    file, _, name = named.partition("::")
    assert f"def {name}(" in (_ROOT / "tests" / file).read_text(encoding="utf-8")


_OPTIONS = re.findall(
    r"^\| `--([a-z-]+)` \| `(OTEL_LLMOPS_\w+)` \|",
    (_DOCS / "configuration.md").read_text(encoding="utf-8"),
    flags=re.MULTILINE,
)
_SAID = {"port": "7", "bytes": "16777216", "max": "16777216", "bind": "true", "tls": "true"}


def test_every_setting_is_on_the_page_of_the_configuration() -> None:
    settings = [option.replace("-", "_") for option, _ in _OPTIONS]
    assert sorted(settings) == sorted(ServeConfig.__dataclass_fields__)


@pytest.mark.parametrize(("option", "variable"), _OPTIONS)
def test_a_variable_that_the_page_names_is_its_option(option: str, variable: str) -> None:
    said = _SAID.get(option.rpartition("-")[2], "os")
    name = option.replace("-", "_")
    found = [
        getattr(parser(environ).parse_args(["serve"]), name) for environ in ({}, {variable: said})
    ]
    assert found[0] != found[1]
    given = found[1] if isinstance(found[1], list) else [found[1]]
    assert [str(each).lower() for each in given] == [said]


def test_every_variable_of_ours_is_on_the_page_of_the_configuration() -> None:
    sources = (_ROOT / "otel_llmops").rglob("*.py")
    read = {
        name
        for path in sources
        for name in re.findall(r"OTEL_LLMOPS_[A-Z_]*[A-Z]", path.read_text(encoding="utf-8"))
    }
    page = (_DOCS / "configuration.md").read_text(encoding="utf-8")
    assert [name for name in sorted(read) if f"`{name}`" not in page] == []
