"""The numbered examples run as a reader runs them, and print what their docstrings show."""

import ast
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.support.serving import environment

_EXAMPLES = Path(__file__).parents[2] / "examples"
_RUN_S_MAX = 50
_PROGRAMS = ("14_handoff_tracking", "15_coordination_graph", "17_optimal_team")

pytestmark = pytest.mark.slow


def _run(name: str, *arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, str(_EXAMPLES / f"{name}.py"), *arguments],
        env=environment(PYTHONIOENCODING="utf-8"),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
        timeout=_RUN_S_MAX,
    )
    return ran.stdout


def _shown(name: str) -> str:
    """The first indented block after `It prints:`."""
    source = (_EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    after = (ast.get_docstring(ast.parse(source)) or "").partition("It prints:\n\n")[2]
    block = []
    for line in after.splitlines():
        if line and not line.startswith("    "):
            break
        block.append(line)
    return textwrap.dedent("\n".join(block))


def _trimmed(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


@pytest.mark.parametrize("name", _PROGRAMS)
def test_an_example_prints_what_its_docstring_shows(name: str) -> None:
    assert _trimmed(_run(name)) == _trimmed(_shown(name))


def test_a_coordination_graph_is_written_in_each_format(tmp_path: Path) -> None:
    _run("15_coordination_graph", str(tmp_path))
    d3, cytoscape, sankey = (
        json.loads((tmp_path / f"newsroom-{name}.json").read_text())
        for name in ("d3", "cytoscape", "sankey")
    )
    assert {node["id"] for node in d3["nodes"]} == {
        "editor",
        "researcher",
        "writer",
        "critic",
        "printer",
    }
    assert len(cytoscape["elements"]["edges"]) == len(sankey["links"]) == len(d3["edges"]) == 5


@pytest.mark.parametrize("name", _PROGRAMS)
def test_the_readers_guide_lists_the_example(name: str) -> None:
    for page in (_EXAMPLES / "README.md", _EXAMPLES.parent / "README.md"):
        assert f"{name}.py" in page.read_text(encoding="utf-8")
