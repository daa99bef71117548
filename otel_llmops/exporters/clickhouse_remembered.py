"""Answers that need not be worked out twice, because nothing was written in between.

Strategy: whoever opens a store alone knows when it changes. Until a table that
it reads does, the same statement has the same answer, and who asks it while somebody else waits for
it waits as well: a page that twenty people have open costs what it costs one of them.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import NamedTuple

import pyarrow as pa

__all__ = ["Remembered"]

_BYTES_MAX = 32 * 2**20
_ANSWER_BYTES_MAX = 2 * 2**20
_AGE_S_MAX = 60.0
"""What is older than a store keeps it goes without anybody writing."""


class _Answer(NamedTuple):
    table: "Future[pa.Table]"
    asked_at: float


class Remembered:
    """Answers of statements. Thread-safe."""

    def __init__(
        self,
        ask: Callable[[str], pa.Table],
        *,
        bytes_max: int = _BYTES_MAX,
        age_s_max: float = _AGE_S_MAX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._bytes_max = bytes_max
        self._age_s_max = age_s_max
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, _Answer] = OrderedDict()
        self._nbytes = 0

    def forget(self, table: str = "") -> None:
        """A table is about to change, or has changed; any of them, where none is named.

        What only has its name in it is forgotten as well.
        """
        with self._lock:
            for sql in [each for each in self._answers if table in each]:
                self._drop(sql)

    def select(self, sql: str) -> pa.Table:
        """The rows of a statement. Raises: as `ask`."""
        mine = _Answer(Future(), self._clock())
        with self._lock:
            known = self._answers.get(sql)
            if known is None or mine.asked_at - known.asked_at > self._age_s_max:
                self._drop(sql)
                self._answers[sql] = known = mine
        if known is mine:
            self._find(sql, mine)
        return known.table.result()

    def _find(self, sql: str, mine: _Answer) -> None:
        try:
            table = self._ask(sql)
        except BaseException as error:  # noqa: BLE001 - whoever asks for the answer has it raised
            with self._lock:
                if self._answers.get(sql) is mine:
                    del self._answers[sql]
            mine.table.set_exception(error)
            return
        with self._lock:
            mine.table.set_result(table)
            if self._answers.get(sql) is mine:
                self._keep(sql, table.nbytes)

    def _keep(self, sql: str, nbytes: int) -> None:
        self._nbytes += nbytes
        self._answers.move_to_end(sql)
        if nbytes > _ANSWER_BYTES_MAX:
            self._drop(sql)
        while self._nbytes > self._bytes_max:
            self._drop(next(each for each in self._answers if self._answers[each].table.done()))

    def _drop(self, sql: str) -> None:
        known = self._answers.pop(sql, None)
        if known is not None and known.table.done():
            self._nbytes -= known.table.result().nbytes
