"""Traces of real frameworks: each is analysed, and where nobody hands over nobody is seen to."""

import json
from pathlib import Path

import pytest

from otel_llmops.engine.capture import analyze, report
from tests.support.otlp import scenarios

KNOWN_GAPS: dict[str, str] = {}
"""combination/scenario -> why its agents are not those of its truth yet."""

_ALONE = [
    path for path in scenarios() if path.name == "single" or path.name.startswith("no_agents_")
]


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _marked(paths: list[Path]) -> list[object]:
    return [
        pytest.param(path, id=_name(path), marks=_gap(KNOWN_GAPS.get(_name(path))))
        for path in paths
    ]


def _gap(reason: str | None) -> list[pytest.MarkDecorator]:
    return [pytest.mark.xfail(strict=True, reason=reason)] if reason else []


@pytest.mark.parametrize("path", scenarios(), ids=_name)
def test_every_scenario_is_analysed_and_reported(path: Path) -> None:
    document = json.loads(json.dumps(report(analyze([path]))))
    for session in document["sessions"]:
        handing = {handoff[end] for handoff in session["handoffs"] for end in ("from", "to")}
        assert handing <= set(session["agents"]) == set(session["tokens_by_agent"])


@pytest.mark.parametrize("path", _marked(_ALONE))
def test_who_works_alone_is_seen_alone(path: Path) -> None:
    truth = json.loads((path / "truth.json").read_text())
    sessions = report(analyze([path]))["sessions"]
    found = sorted({agent for session in sessions for agent in session["agents"]})
    assert found == sorted(truth["agents"])


@pytest.mark.parametrize("path", _ALONE, ids=_name)
def test_who_works_alone_hands_over_to_nobody(path: Path) -> None:
    sessions = report(analyze([path]))["sessions"]
    assert [handoff for session in sessions for handoff in session["handoffs"]] == []
