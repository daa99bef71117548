"""Sessions of an earlier version of the analysis, analysed again: a page at a time, where asked.

Strategy: what is left to do is what the store says has an old version, so nothing is written down:
after a crash, or a stop, whoever asks again goes on where it ended. Pages are taken by the thread
that analyses anyway, between what has just come, so a store is written by one thread alone.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from otel_llmops.analysis.tables import ANALYSIS_VERSION
from otel_llmops.storage.outdated import count_outdated, outdated_sessions
from otel_llmops.storage.seams import Store

__all__ = ["Progress", "Reanalysis"]

_PAGE = 64
"""Sessions that are analysed at once: what comes meanwhile waits for as long."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is. `left_out` could not be analysed, or nothing is stored of them any more."""

    version: int
    running: bool
    sessions: int
    done: int
    left_out: int


class Reanalysis:
    """What is to be analysed again in `store`; asked from any thread, done by one."""

    def __init__(self, store: Store, *, version: int = ANALYSIS_VERSION, page: int = _PAGE) -> None:
        self._store = store
        self._page = page
        self._lock = threading.Lock()
        self._since: datetime | None = None
        self._after = ""
        self._asked = 0
        self._progress = Progress(version, running=False, sessions=0, done=0, left_out=0)

    def ask(self, since: datetime | None) -> Progress:
        """Have sessions that began at `since` or later analysed again, all without it.

        Raises: QueryError, as the store.
        """
        version = self._progress.version
        count = asyncio.run(count_outdated(self._store, version=version, since=since))
        with self._lock:
            self._since, self._after = since, ""
            self._asked += 1
            self._progress = Progress(version, count > 0, count, 0, 0)
            return self._progress

    def progress(self) -> Progress:
        """How far the last one is."""
        with self._lock:
            return self._progress

    def step(self, analyse: Callable[[Sequence[str]], int]) -> bool:
        """Have the next page of sessions analysed; whether there was one.

        `analyse` gives how many of these sessions it analysed.
        Raises: QueryError, as the store; whatever `analyse` raises: the page is then still to do.
        """
        with self._lock:
            if not self._progress.running:
                return False
            asked, since, after = self._asked, self._since, self._after
        version = self._progress.version
        page = asyncio.run(
            outdated_sessions(
                self._store, version=version, since=since, after=after, limit=self._page
            )
        )
        done = analyse(page) if page else 0
        with self._lock:
            if asked == self._asked:
                self._pass(page, done)
        return bool(page)

    def _pass(self, page: Sequence[str], done: int) -> None:
        before = self._progress
        self._after = page[-1] if page else self._after
        self._progress = replace(
            before,
            running=bool(page),
            done=before.done + done,
            left_out=before.left_out + len(page) - done,
        )
