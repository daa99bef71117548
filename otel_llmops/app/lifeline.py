"""The tie between a child of `serve` and its parent: a line each way, and death down.

Strategy: stdin is a pipe that only the parent holds: its first line is what the child is to do, and
its end of file means that the parent is gone, however it went. A thread that waits for it can be
late while native code holds the interpreter; so on Linux the kernel is asked to kill this process
together with its parent (prctl(2), PR_SET_PDEATHSIG). The parent may have died before it was asked:
the pipe tells that.
"""

import ctypes
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from typing import Any

__all__ = ["Lifeline"]

_PR_SET_PDEATHSIG = 1
_ORPHANED = 3


class Lifeline:
    """What a child says to its parent, and when it is asked to stop.

    `order` is the line that the parent gave it.
    """

    def __init__(self, voice: int, order: str) -> None:
        self._voice = voice
        self.order = order
        self.stopping = threading.Event()

    @classmethod
    def hold(cls) -> "Lifeline":
        """Tie this process to its parent. Call it first, once, in the main thread.

        Afterwards stdout is stderr, so that no library can write between our lines; SIGTERM sets
        `stopping`; SIGINT and SIGHUP are the parent's to answer, although a terminal sends them to
        all of us.
        """
        _die_with_parent()
        voice = os.dup(sys.stdout.fileno())
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        lifeline = cls(voice, _line(sys.stdin.fileno()))
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: lifeline.stopping.set())
        threading.Thread(target=_end_with, args=(sys.stdin.fileno(),), daemon=True).start()
        return lifeline

    def say(self, message: Mapping[str, Any]) -> None:
        """One line of JSON to the parent."""
        os.write(self._voice, json.dumps(message).encode() + b"\n")


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _line(fd: int) -> str:
    """The first line, and nothing after it; whoever has no parent to give one ends here."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(fd, 1)
        if not byte:
            os._exit(_ORPHANED)
        line += byte
    return line.decode()


def _end_with(fd: int) -> None:
    while os.read(fd, 4096):
        pass
    os._exit(_ORPHANED)
