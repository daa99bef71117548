"""Real database servers for tests: the one that the environment names, else one of our own.

Strategy: a server is started when the first test needs it, in a temporary folder, by a user who is
not root, and ends with the tests. Each folder that a test opens is a database of its own on it.
"""

import atexit
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.ports import free_port

_START_S = 30.0
_PAUSE_S = 0.05
# A server ends with the thread that started it (prctl(2), PR_SET_PDEATHSIG): one that outlives any
# test's own threads.
_STARTER = ThreadPoolExecutor(1, "starter")


class Missing(Exception):  # noqa: N818 - a state, not a fault
    """There is no such server here."""


@dataclass
class Server:
    """A server that can be killed and started again on the same port and data."""

    command: Sequence[str]
    port: int
    folder: Path
    answers: Callable[[int], object]
    as_root: bool = False
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; return when it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = _STARTER.submit(
                subprocess.Popen,
                [*_as(privileged=self.as_root), *self.command],
                stdout=log,
                stderr=log,
                start_new_session=True,
            ).result()
        try:
            self._wait()
        except BaseException:
            self.kill()
            raise

    def _wait(self) -> None:
        end = time.monotonic() + _START_S
        while True:
            try:
                self.answers(self.port)
            except Exception:  # noqa: BLE001 - any driver's words for: not yet
                told = (self.folder / "log").read_text(errors="replace")[-2000:]
                assert self.process is not None
                assert self.process.poll() is None, told
                assert time.monotonic() < end, told
                time.sleep(_PAUSE_S)
            else:
                return

    def kill(self) -> None:
        """kill -9 of it and its children; return when it is gone."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


def own_folder(name: str) -> Path:
    """A temporary folder that the unprivileged user owns; it goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix=f"llmops-{name}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return folder


def _as(*, privileged: bool = False) -> list[str]:
    """What runs a command as another than root, and ends it with us.

    Not `user=` of subprocess: then it forks, and that is no good beside gRPC's threads.
    """
    if os.geteuid() != 0:
        return []
    made = [program("setpriv"), "--pdeathsig=KILL"]
    nobody = pwd.getpwnam("nobody")
    who = [f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    return made if privileged else [*made, *who]


def program(name: str, *folders: str) -> str:
    """The path of a program. Raises: Missing."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *folders])
    found = shutil.which(name, path=path)
    if found is None:
        raise Missing(f"there is no {name} on this machine")
    return found


def run(command: Sequence[str]) -> None:
    """Run a program of a server's as the unprivileged user. Raises: AssertionError."""
    done = subprocess.run(
        [*_as(), *command], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]


def database_name(folder: Path) -> str:
    """A name for the database that stands for a folder."""
    return "t" + hashlib.sha256(str(folder).encode()).hexdigest()[:16]


def or_skip(found: Callable[[], Any]) -> Any:
    """What `found` gives; the test is skipped where there is no such server."""
    try:
        return found()
    except Missing as reason:
        pytest.skip(str(reason))


__all__ = [
    "Missing",
    "Server",
    "database_name",
    "free_port",
    "or_skip",
    "own_folder",
    "program",
    "run",
]
