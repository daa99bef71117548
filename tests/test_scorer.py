"""The scorer says whether a new version of a framework has broken us."""

import json
import subprocess
import sys
from pathlib import Path

_SCORER = Path(__file__).parents[1] / "benchmarks" / "score_traces.py"
_ONE = "openai-agents--traceloop/linear_transfer"
_SCORE_S_MAX = 50


def _scored(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, _SCORER, "--only", _ONE, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=_SCORE_S_MAX,
    )


def test_means_that_are_high_enough_end_well_with_their_figures(tmp_path: Path) -> None:
    ran = _scored("--at-least", "1", "1", "1", "--json", tmp_path / "scores.json")
    f1s = {"pairs": "1.000", "kinds": "1.000", "agents": "1.000"}
    combination = f1s | {"tokens": "1/1", "by_agent": "1/1"}
    assert (ran.returncode, ran.stderr, json.loads((tmp_path / "scores.json").read_bytes())) == (
        0,
        "",
        {"combinations": {"openai-agents--traceloop": combination}, "off": {}},
    )


def test_a_mean_below_what_is_asked_for_ends_with_status_1_and_what_is_off(tmp_path: Path) -> None:
    case = tmp_path / _ONE
    case.mkdir(parents=True)
    truth = {"handoffs": [], "agents": ["A"], "input_tokens": 0, "output_tokens": 0}
    (case / "truth.json").write_text(json.dumps(truth | {"tokens_by_agent": {}}))
    (case / "request-000.binpb").write_bytes(b"")
    ran = _scored(tmp_path, "--at-least", "0", "0", "1", "--json", tmp_path / "scores.json")
    off = json.loads((tmp_path / "scores.json").read_bytes())["off"]
    assert (ran.returncode, ran.stderr, off) == (1, "below --at-least\n", {_ONE: "agents"})
