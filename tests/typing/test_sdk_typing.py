import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("sdk_program.py")
ROOT = PROGRAM.parents[2]


@pytest.mark.slow
def test_the_public_face_is_typed_as_it_is_used(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path), str(PROGRAM)]
    run = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("Success: no issues found in 1 source file\n", "")
