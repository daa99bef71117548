"""A real disk that is full, and one that is read only: the errors are the kernel's."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
UNSHARE = ["unshare", "--map-root-user", "--mount"]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if (
        shutil.which("unshare") is None
        or subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("this system does not let its users make name spaces")
    folder = tmp_path_factory.mktemp("small")
    done = subprocess.run(
        [*UNSHARE, sys.executable, "-m", "tests.support.journal_filling", str(folder)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_a_full_disk_is_refused_in_its_words(told: dict[str, Any]) -> None:
    words = "no space for the journal: No space left on device"
    assert (told["refused"], told["trouble"]) == (words, words)


def test_when_there_is_room_again_what_was_refused_is_taken(told: dict[str, Any]) -> None:
    before = [False] * told["acknowledged"]
    assert (told["taken"], told["trouble_later"]) == ([*before, True, True, True], None)


def test_after_a_full_disk_each_request_is_there_once(told: dict[str, Any]) -> None:
    assert told["found"] == [1] * (told["acknowledged"] + 3)


def test_a_journal_starts_on_a_full_disk_and_says_so_to_who_sends(told: dict[str, Any]) -> None:
    assert told["full_at_start"] == "no space for the journal: No space left on device"


def test_a_read_only_disk_is_refused_with_what_to_do(told: dict[str, Any]) -> None:
    assert "Read-only file system" in told["read_only"]
    assert "name a data folder that this user can write to" in told["read_only"]
