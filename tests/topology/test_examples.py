"""Each numbered example runs offline, and prints what its docstring says."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from textwrap import indent

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
PROGRAMS = [EXAMPLES / "18_topology_scan.py", EXAMPLES / "19_token_consumption_by_component.py"]


def _printed(program: Path, *arguments: str) -> str:
    quiet = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    ran = subprocess.run(
        [sys.executable, str(program), *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
        env=quiet,
    )
    assert ran.stderr == ""
    return ran.stdout


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_an_example_prints_what_it_says(program: Path) -> None:
    said = ast.get_docstring(ast.parse(program.read_text()))
    assert said is not None
    assert indent(_printed(program).rstrip(), "    ") in said


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_an_example_writes_its_page(program: Path, tmp_path: Path) -> None:
    _printed(program, "--html", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "desk.agents" in page


def test_the_readme_names_each_example() -> None:
    readme = (EXAMPLES.parent / "README.md").read_text()
    assert [each.name for each in PROGRAMS if each.name not in readme] == []
