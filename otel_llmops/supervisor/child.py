"""One child process: started, listened to, started again with back-off.

Strategy: a child is a state that the supervisor's loop advances: waiting (until `due`), starting
(a process that has said nothing), ready, ended. Its stdout is the only thing that is watched,
since a dead process closes it.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

__all__ = ["Child", "ending"]

_DELAY_S_MIN = 0.1
_DELAY_S_MAX = 10.0
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}
"""What a child has unless the operator says otherwise: we multiply no matrices, and the threads
that numpy keeps for it spin when they have nothing to do."""
_STEADY_S = 10.0
"""A child that ran this long is not in a loop of crashes: its next start is quick again."""


class Child:
    """The process of one role. Not thread-safe: one loop owns it.

    The kernel ties a child to the thread that started it (prctl(2), PR_SET_PDEATHSIG): `start`
    belongs in a thread that lives as long as the supervisor.
    """

    def __init__(self, role: str) -> None:
        self.role = role
        self.due: float | None = 0.0
        self.is_ready = False
        self.endings = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._heard = b""
        self._delay_s = _DELAY_S_MIN
        self._started_at = 0.0

    @property
    def voice(self) -> int | None:
        """The file descriptor to watch, None where no process runs."""
        if self._process is None or self._process.stdout is None:
            return None
        return self._process.stdout.fileno()

    def start(self, config: Mapping[str, Any]) -> None:
        """Start the process."""
        self.due = None
        self.is_ready = False
        self._heard = b""
        self._started_at = time.monotonic()
        # not in argv, which every user of the machine may read: a store's URL holds a password
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            [sys.executable, "-m", "otel_llmops.app", self.role, str(config["data"])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_ENVIRONMENT | os.environ,
        )
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):  # it has ended already, which its voice tells
                self._process.stdin.write(json.dumps(config).encode() + b"\n")
                self._process.stdin.flush()

    def listen(self) -> list[dict[str, Any]] | None:
        """What it has said since; None once it has ended (`reap` it then). Call when readable."""
        if self.voice is None:
            return None
        heard = os.read(self.voice, 65_536)
        if not heard:
            return None
        *lines, self._heard = (self._heard + heard).split(b"\n")
        return [json.loads(line) for line in lines]

    def reap(self) -> int:
        """Wait for the ended process, and set when the next one is due. Its exit code."""
        if self._process is None:
            raise AssertionError("reap follows an end that was seen")
        code = self._process.wait()
        self._close()
        self.is_ready = False
        self.endings += 1
        now = time.monotonic()
        if now - self._started_at >= _STEADY_S:
            self._delay_s = _DELAY_S_MIN
        self.due = now + self._delay_s
        self._delay_s = min(_DELAY_S_MAX, self._delay_s * 2)
        return code

    def stop(self) -> None:
        """Ask it to end cleanly."""
        self.due = None
        if self._process:
            self._process.send_signal(signal.SIGTERM)

    def has_ended(self, wait_s: float) -> bool:
        """Whether it has ended within `wait_s` seconds from now."""
        if self._process is None:
            return True
        try:
            self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            return False
        self._close()
        return True

    def kill(self) -> None:
        """End it at once."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._close()

    def _close(self) -> None:
        if self._process:
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    pipe.close()
        self._process = None


def ending(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"exit code {code}"
    names: Sequence[signal.Signals] = [each for each in signal.Signals if each == -code]
    return f"killed by {names[0].name if names else f'signal {-code}'}"
