"""A real process, writing a real disk, dies at any system call of its journal."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
SOME = 23
"""Every so many of the calls are tried in the normal run; a prime, so that all kinds come."""


def dying(folder: Path, every: int) -> dict[str, Any]:
    """How many processes died, and what was wrong with what they left."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.journal_dying", str(folder), str(every)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_process_that_dies_at_some_calls_loses_and_repeats_nothing(tmp_path: Path) -> None:
    found = dying(tmp_path, SOME)
    assert (found["wrong"], found["deaths"] >= 20) == ({}, True)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_process_that_dies_at_any_call_loses_and_repeats_nothing(tmp_path: Path) -> None:
    found = dying(tmp_path, 1)
    assert (found["wrong"], found["deaths"] >= 500) == ({}, True)
    print(f"{found['deaths']} deaths")  # noqa: T201 - the figure for the note
