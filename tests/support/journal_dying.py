"""A journal's process that dies at its k-th system call, on a real disk: run as a program.

    python -m tests.support.journal_dying FOLDER EVERY

Strategy: a process without threads is forked for each k and each moment of a call (before it, in
the middle of a write, after it). The child works and tells through a pipe what its senders and
its consumer saw; at its moment it is gone, by `os._exit`, with all of its threads. Then a journal
is opened on what it left. Every `EVERY`th k is tried; what went wrong comes out as JSON.
"""

import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from otel_llmops.journal import Disk, Position
from tests.support.journal_work import ONCE, History, finish, run

_DIED, _FAILED = 7, 1
_CALLS = (
    "make_directory",
    "open",
    "close",
    "lock",
    "size",
    "pread",
    "fdatasync",
    "truncate",
    "rename",
    "unlink",
    "sync_directory",
)


class DyingDisk(Disk):
    """The real disk, until the k-th call."""

    def __init__(self, k: int, moment: str) -> None:
        self._k, self._moment = k, moment
        self._lock = threading.Lock()
        self._calls = 0
        for name in _CALLS:
            setattr(self, name, self._mortal(getattr(super(), name)))

    def _is_last(self) -> bool:
        with self._lock:
            self._calls += 1
            return self._calls == self._k

    def _mortal(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **more: Any) -> Any:
            last = self._is_last()
            if last and self._moment != "after":
                os._exit(_DIED)
            try:
                return call(*args, **more)
            finally:
                if last:
                    os._exit(_DIED)

        return called

    def pwritev(self, fd: int, buffers: Sequence[bytes | memoryview], offset: int) -> int:
        if not self._is_last():
            return super().pwritev(fd, buffers, offset)
        block = b"".join(buffers)
        cut = {"before": 0, "middle": len(block) // 2, "after": len(block)}[self._moment]
        super().pwritev(fd, [block[:cut]], offset)
        os._exit(_DIED)


class Telling(History):
    """A history that another process hears, also when this one is cut off."""

    def __init__(self, voice: int) -> None:
        super().__init__()
        self._voice = voice

    def acknowledge(self, payload: bytes) -> None:
        super().acknowledge(payload)
        self._say({"acknowledged": payload.hex()})

    def take(self, position: Position, payload: bytes) -> None:
        super().take(position, payload)
        self._say({"taken": payload.hex(), "at": position})

    def _say(self, what: dict[str, Any]) -> None:
        os.write(self._voice, json.dumps(what).encode() + b"\n")


def heard(ear: int) -> History:
    """What a child told until its end."""
    history = History()
    with os.fdopen(ear, "rb") as lines:
        for line in lines:
            said = json.loads(line)
            if "taken" in said:
                history.take(Position(*said["at"]), bytes.fromhex(said["taken"]))
            else:
                history.acknowledge(bytes.fromhex(said["acknowledged"]))
    return history


def life(folder: Path, k: int, moment: str) -> tuple[bool, History]:
    """Whether a child died of its k-th call, and what it had told by then."""
    ear, voice = os.pipe()
    child = os.fork()
    if child == 0:
        code = _FAILED
        try:
            run(DyingDisk(k, moment), Telling(voice), folder)
            code = 0
        finally:
            os._exit(code)
    os.close(voice)
    history = heard(ear)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in {0, _DIED}, f"the child ended with {code} at call {k}"
    return code == _DIED, history


def verdict(folder: Path, history: History) -> str:
    """What is wrong with what is left; "" for nothing."""
    try:
        found = finish(Disk(), history, folder)
    except AssertionError as error:
        return str(error)
    return "" if found == ONCE else f"missing or twice: {ONCE - found or found - ONCE}"


def main(folder: Path, every: int) -> dict[str, Any]:
    """How many died, and what was wrong afterwards, by call and moment."""
    deaths, wrong, k, died = 0, {}, 1, True
    while died:
        for moment in ("before", "middle", "after"):
            place = folder / f"{k}-{moment}"
            died, history = life(place, k, moment)
            deaths += died
            if why := verdict(place, history):
                wrong[f"{moment} call {k}"] = why
            shutil.rmtree(place)
        k += every
    return {"deaths": deaths, "wrong": wrong}


if __name__ == "__main__":
    json.dump(main(Path(sys.argv[1]), int(sys.argv[2])), sys.stdout)
