"""Sessions that somebody wants deleted: asked for from any thread, done by the engine's own.

Strategy: what is stored, in memory, or handed over from one half of the engine to the other may not
bring a session back. So whoever analyses does it, while nothing is being stored, up to a place in
the journal: all that was stored before it is gone, all that is stored after it is new.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYetError
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from otel_llmops.engine.insistence import StoppedError
from otel_llmops.errors import ExportError, RetryableExport
from otel_llmops.storage.seams import Exporter

__all__ = ["Deleted", "Deletions", "named"]

_WAIT_S = 60.0
_TRACE_ID_DIGITS = 32
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Deleted:
    """What was deleted: under which ids it was stored, its traces, rows by table."""

    session_ids: Sequence[str]
    trace_ids: Sequence[str]
    rows: Mapping[str, int]


class Deletions:
    """What is to be deleted, and whoever waits for it."""

    def __init__(self, *, wait_s: float = _WAIT_S) -> None:
        self._wait_s = wait_s
        self._asked: SimpleQueue[tuple[str, Future[Deleted]]] = SimpleQueue()
        self._closed = threading.Event()

    def delete(self, session_id: str) -> Deleted | None:
        """Have a session deleted, by any id it is known under; None where nothing is stored of it.

        Raises: ExportError, if the store refuses or it takes too long; it is then given up, unless
                it has begun.
        """
        answer: Future[Deleted] = Future()
        self._asked.put((session_id, answer))
        if self._closed.is_set():
            self.close()
        try:
            found = answer.result(self._wait_s)
        except NotYetError as error:
            answer.cancel()
            raise RetryableExport(f"not deleted within {self._wait_s:.0f} s") from error
        except StoppedError as error:
            raise RetryableExport("the engine is stopping") from error
        return found if any(found.rows.values()) else None

    def close(self) -> None:
        """Nothing is deleted any more; nobody waits for it any longer."""
        self._closed.set()
        for asked in self.asked():
            asked.failed(StoppedError())

    @property
    def are_asked(self) -> bool:
        """Whether there is something to do."""
        return not self._asked.empty()

    def asked(self) -> Iterator["Asked"]:
        """What is wanted now, and nobody has given up."""
        while True:
            try:
                session_id, answer = self._asked.get_nowait()
            except Empty:
                return
            if answer.set_running_or_notify_cancel():
                yield Asked(session_id, answer)


@dataclass(frozen=True, slots=True)
class Asked:
    """One session, and the answer that somebody waits for."""

    session_id: str
    _answer: "Future[Deleted]"

    def done(self, deleted: Deleted) -> None:
        """It is deleted."""
        self._answer.set_result(deleted)

    def failed(self, error: ExportError | StoppedError) -> None:
        """It is not, or not wholly."""
        self._answer.set_exception(error)


def named(exporter: Exporter, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The ids that a session of these names is stored under, and its traces.

    A trace that it only links to does not name it. What was never analysed is found by its trace.
    Raises: RetryableExport, PermanentExport, as the exporter.
    """
    keys = exporter.session_keys(names).to_pylist()
    sessions = {row["session_id"] for row in keys if row["kind"] != "link"}.union(names)
    traces = set(exporter.trace_ids(sorted(sessions)))
    traces.update(name for name in names if len(name) == _TRACE_ID_DIGITS and _HEX.issuperset(name))
    return sorted(sessions), sorted(traces)


class Turns:
    """Lets one thread in between what another does over and over.

    A lock alone may be taken again and again by the one that let it go a moment ago.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted = threading.Event()

    def give_way(self, stop: threading.Event, *, wait_s: float) -> None:
        """Wait a moment where somebody wants to come in."""
        if self._wanted.is_set():
            stop.wait(wait_s)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def come_in(self, *, wait_s: float) -> bool:
        """Whether nobody else is in until `release`."""
        self._wanted.set()
        try:
            return self._lock.acquire(timeout=wait_s)
        finally:
            self._wanted.clear()

    def release(self) -> None:
        """Let the others go on."""
        self._lock.release()
