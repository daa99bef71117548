"""In a process that has the package and finds nothing else that is installed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "otel_llmops"

_COMMAND = """
import sys
sys.path.insert(0, sys.argv[1])
from otel_llmops.cli import main
sys.exit(main([sys.argv[2], "nothing"] if sys.argv[2] == "analyze" else [sys.argv[2]]))
"""
_CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
sys.argv = ["app", sys.argv[2], "/dev/null/data"]
from otel_llmops.app.__main__ import main
sys.exit(main())
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    shutil.copytree(PACKAGE, folder / "otel_llmops", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _run(code: str, folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(folder), name],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.parametrize("command", ["analyze", "demo"])
def test_a_command_without_the_extra_says_what_to_install(alone: Path, command: str) -> None:
    ended = _run(_COMMAND, alone, command)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.endswith(" (pip install 'otel-llmops[server]')\n")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("role", ["receiver", "engine"])
def test_a_child_without_the_extra_tells_its_parent_what_to_install(alone: Path, role: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _CHILD, str(alone), role],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b'{"data": "/dev/null/data"}\n')
        child.stdin.flush()
        said = json.loads(child.stdout.readline())
        code = child.wait(timeout=30)
    assert (code, said["hint"]) == (2, "pip install 'otel-llmops[server]'")
