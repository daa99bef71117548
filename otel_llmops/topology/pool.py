"""Files to workers, and what they made of them back.

Strategy: plain child processes on pipes, a thread for each that waits for its answers. Not
multiprocessing: a spawned child there runs the caller's main module again, and a dead one takes
the whole pool along. Here a worker that dies is started again, and the files that it had are given
out one by one, so the file that killed it is found and named; a file that kills twice is left.

A worker is started isolated (`-I -S`) with the directory of this package last on its path, so the
scanned code cannot be what it imports, wherever the scan is started.
"""

import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import repeat
from pathlib import Path
from typing import Any

from otel_llmops.topology.worker import RECURSION_MAX, Buffer, Job, Look, look, receive, send

__all__ = ["Beside", "Progress", "asked_apart", "look_at_all"]

Progress = Callable[[int, int], None]
"""Called with (done, total), from any thread, one at a time."""

Beside = Callable[[Callable[[], bool]], None]
"""Given a function that says whether all files have been given out."""

_CHUNK_BYTES = 1 << 20
_CHUNK_FILES_MAX = 200
_ALONE_BYTES_MAX = 200_000
"""Less than this is read in this process sooner than a worker has started."""
_DYING_S = 1.0
_KILLED = "not read: the parser died of it"


def look_at_all(
    jobs: Sequence[Job],
    sizes: Sequence[int],
    *,
    workers: int,
    progress: Progress | None = None,
    beside: Beside | None = None,
) -> list[Look]:
    """Look at files in parallel.

    In:     `sizes` in bytes, as many as `jobs`; `beside`, what one of the workers' threads does
            before it takes a file, unless there is but one or the files are few.
    Out:    one Look a job, in their order.
    Edge:   a file that ends its worker (a crash, no memory) has a Look that says so.
    """
    if not jobs:
        return []
    if workers < 1 or (sum(sizes) <= _ALONE_BYTES_MAX):
        return _Pool(jobs, [], progress).alone()
    chunks = _chunks(sizes)
    return _Pool(jobs, chunks, progress).run(min(workers, len(chunks)), beside)


def _chunks(sizes: Sequence[int]) -> list[list[int]]:
    """Indexes of jobs, big files first: none of them is what the others wait for in the end."""
    chunks: list[list[int]] = []
    room = files = 0
    for index in sorted(range(len(sizes)), key=lambda index: -sizes[index]):
        if room < sizes[index] or not files:
            chunks.append([])
            room, files = _CHUNK_BYTES, _CHUNK_FILES_MAX
        chunks[-1].append(index)
        room -= sizes[index]
        files -= 1
    return chunks


class _Pool:
    def __init__(
        self, jobs: Sequence[Job], chunks: list[list[int]], progress: Progress | None
    ) -> None:
        self._jobs = jobs
        self._waiting = deque(chunks)
        self._progress = progress
        self._looks: list[Look | None] = [None] * len(jobs)
        self._done = 0
        self._lock = threading.Lock()
        self._stopped = False
        self._errors: list[BaseException] = []

    def alone(self) -> list[Look]:
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, RECURSION_MAX))
        try:
            for index, job in enumerate(self._jobs):
                self._keep([index], [look(job)])
        finally:
            sys.setrecursionlimit(before)
        return self._answers()

    def run(self, workers: int, beside: Beside | None = None) -> list[Look]:
        firsts = [beside if workers > 1 else None, *repeat(None, workers - 1)]
        threads = [threading.Thread(target=self._serve, args=[one], daemon=True) for one in firsts]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        finally:
            self._stopped = True
        if self._errors:
            raise self._errors[0]
        return self._answers()

    def _answers(self) -> list[Look]:
        return [answer or Look(b"", b"", b"", 0, _KILLED) for answer in self._looks]

    def _serve(self, first: Beside | None) -> None:
        worker: subprocess.Popen[bytes] | None = None
        try:
            if first is not None:
                first(lambda: self._stopped or not self._waiting)
            while not self._stopped and (chunk := self._next()):
                if worker is None:
                    worker = _start()
                answers = _ask(worker, [self._jobs[index] for index in chunk])
                if answers is not None:
                    self._keep(chunk, answers)
                    continue
                _end(worker)
                worker = None
                if len(chunk) == 1:
                    self._keep(chunk, [Look(b"", b"", b"", 0, _KILLED)])
                else:
                    with self._lock:
                        self._waiting.extend([index] for index in chunk)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            self._errors.append(error)
        finally:
            if worker is not None:
                _end(worker)

    def _next(self) -> list[int] | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def _keep(self, chunk: Sequence[int], answers: Sequence[Look]) -> None:
        with self._lock:
            for index, answer in zip(chunk, answers, strict=True):
                self._looks[index] = answer
            self._done += len(chunk)
            if self._progress is not None:
                self._progress(self._done, len(self._jobs))


def _start(room: str = "worker") -> subprocess.Popen[bytes]:
    here = str(Path(__file__).parents[2])
    program = (
        f"import sys; sys.path.append({here!r}); "
        f"from otel_llmops.topology.{room} import main; main()"
    )
    return subprocess.Popen(  # noqa: S603 - this Python, this program
        [sys.executable, "-I", "-S", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _ask(worker: subprocess.Popen[bytes], jobs: Sequence[Job]) -> list[Look] | None:
    """The worker's answers; None if it is dead."""
    answers = _answer(worker, [tuple(job) for job in jobs])
    return None if answers is None else [Look(*answer) for answer in answers]


def _answer(worker: subprocess.Popen[bytes], request: Any) -> Any:
    if worker.stdin is None or worker.stdout is None:
        raise AssertionError("both are pipes")
    try:
        send(worker.stdin, request)  # type: ignore[arg-type]
        return receive(worker.stdout)  # type: ignore[arg-type]
    except OSError:
        return None


def asked_apart(own: Sequence[Buffer], known: Sequence[Buffer]) -> bytes | None:
    """What `solving.answered` gives in a process of its own; None if that dies.

    Raises: KeyboardInterrupt, if the process was interrupted: so was everyone at this terminal.
    """
    worker = _start("solving")
    try:
        answer: bytes | None = _answer(worker, (own, known))
        if answer is None:
            with suppress(subprocess.TimeoutExpired):
                if worker.wait(_DYING_S) == -signal.SIGINT:
                    raise KeyboardInterrupt
    finally:
        _end(worker)
    return answer


def _end(worker: subprocess.Popen[bytes]) -> None:
    worker.kill()
    worker.communicate()
