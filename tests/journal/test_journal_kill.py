"""kill -9 of a real writer under load: what it acknowledged is there exactly once."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import IO

import pytest

from otel_llmops.journal import Journal, JournalSettings, Reader

# Appends from 8 threads until it is killed; one line on stdout for each acknowledgement
APPENDER = """
import os, sys, threading
from pathlib import Path
from otel_llmops.journal import Journal, JournalSettings

directory, round_ = Path(sys.argv[1]), sys.argv[2]
settings = JournalSettings(segment_bytes_max=200_000)
journal = Journal.open(directory, settings, required_consumers=["store"])
os.write(1, b"ready\\n")

def work(thread):
    for number in range(10**9):
        name = f"{round_}-{thread}-{number}"
        payload = (name + ":" + name * (number % 500)).encode()
        journal.append(payload, signal=1, encoding=1)
        os.write(1, (name + "\\n").encode())

for thread in range(8):
    threading.Thread(target=work, args=(thread,)).start()
"""


class Appender:
    """The child process and the names it acknowledged."""

    def __init__(self, directory: Path, round_: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", APPENDER, str(directory), str(round_)],
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self._stdout: IO[bytes] = self._process.stdout
        assert self._stdout.readline() == b"ready\n"
        self._lines: list[bytes] = []
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        self._lines.extend(self._stdout)

    def kill(self, after_s: float) -> list[str]:
        """kill -9 after a while; the names that were acknowledged, whole lines only."""
        threading.Event().wait(after_s)
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._listener.join()
        self._stdout.close()
        return [line.decode().rstrip("\n") for line in self._lines if line.endswith(b"\n")]


def names_in(directory: Path) -> Counter[str]:
    with Reader.open(directory, "store") as reader:
        names: Counter[str] = Counter()
        while records := reader.read(2**20):
            names.update(record.payload.decode().partition(":")[0] for record in records)
        assert reader.damaged_records == 0
    return names


def kill_repeatedly(directory: Path, rounds: int) -> tuple[int, Counter[str], Counter[str]]:
    """Acknowledgements in all; names missing; names that are there more than once."""
    rng = random.Random(rounds)  # noqa: S311 - repeatable on purpose
    acknowledged: set[str] = set()
    for round_ in range(rounds):
        acknowledged.update(Appender(directory, round_).kill(rng.uniform(0.0, 0.3)))
    Journal.open(directory, JournalSettings(), required_consumers=["store"]).close()
    names = names_in(directory)
    return len(acknowledged), Counter(acknowledged) - names, names - Counter(set(names))


@pytest.mark.slow
def test_nothing_acknowledged_is_missing_or_twice_after_kills(tmp_path: Path) -> None:
    acknowledged, missing, twice = kill_repeatedly(tmp_path, rounds=4)
    assert acknowledged > 0
    assert (missing, twice) == (Counter(), Counter())


@pytest.mark.long
@pytest.mark.timeout(600)
def test_nothing_acknowledged_is_missing_or_twice_after_a_hundred_kills(tmp_path: Path) -> None:
    acknowledged, missing, twice = kill_repeatedly(tmp_path, rounds=100)
    assert acknowledged > 0
    assert (missing, twice) == (Counter(), Counter())
    print(f"{acknowledged} acknowledged over 100 kills")  # noqa: T201 - the figure for the note


def test_a_reader_in_another_process_than_the_writers_sees_records_while_it_writes(
    tmp_path: Path,
) -> None:
    appender = Appender(tmp_path, 0)
    deadline = time.monotonic() + 10
    with Reader.open(tmp_path, "store") as reader:
        while not reader.read(2**20):
            assert time.monotonic() < deadline, "nothing was published"
    appender.kill(0.0)
