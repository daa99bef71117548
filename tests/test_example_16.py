"""Example 16 runs, and prints what its docstring shows."""

import ast
import re
import subprocess
import sys
from pathlib import Path

from tests.support.serving import environment

_PROGRAM = Path(__file__).parents[1] / "examples" / "16_bottlenecks.py"


def _comparable(text: str) -> list[str]:
    """The words, whatever the times and the widths of the columns."""
    words = re.sub(r"\d+(?:[.,]\d+)*", "0", text).split()
    return [word for word in words if word.strip("─-")]


def test_it_names_each_trouble_as_its_docstring_shows() -> None:
    ran = subprocess.run(
        [sys.executable, str(_PROGRAM)],
        env=environment(COLUMNS="94", PYTHONIOENCODING="utf-8"),
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=50,
    )
    told = ast.get_docstring(ast.parse(_PROGRAM.read_text(encoding="utf-8"))) or ""
    shown = told.partition("python examples/16_bottlenecks.py")[2]
    # on a busy machine a saving may be a range, and a severity the next one
    loose = {"low", "medium", "high", "critical", "0", "ms", "s"}
    assert [w for w in _comparable(ran.stdout) if w not in loose] == [
        w for w in _comparable(shown) if w not in loose
    ]
