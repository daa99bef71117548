"""What changed in the store, for whoever listens while it happens.

Strategy: the engine publishes after the store has it, from its own thread, and never waits: each
listener has a bound of its own, and one who reads too slowly is ended. Nothing is computed where
nobody listens. A session is analysed several times while it grows, so a handoff is told when it is
first seen and again when it has changed.
"""

import asyncio
import threading
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from otel_llmops.errors import QueryError
from otel_llmops.storage.answers import Handoff
from otel_llmops.storage.rows import handoff

__all__ = ["Changes", "Feed"]

_HANDOFFS_WAITING_MAX = 10_000
"""For one listener; about 4 MB."""
_SESSIONS_WAITING_MAX = 10_000
_TOLD_MAX = 100_000
"""Handoffs that are remembered, to tell what is new of them."""
_LISTENERS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened since the last time; `sessions` are ids, `more` how many others changed."""

    sessions: list[str]
    handoffs: list[Handoff]
    more: int = 0


class Feed:
    """One publishes, from any thread; any number listen, each in its own event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: set[_Listener] = set()
        self._told: OrderedDict[str, tuple[Any, ...]] = OrderedDict()
        self._is_closed = False
        self.dropped = 0

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def publish(self, session_ids: Sequence[str], handoffs: pa.Table) -> None:
        """These sessions were stored anew, with these HANDOFFS rows."""
        with self._lock:
            if not self._listeners:
                self._told.clear()
                return
            fresh = self._fresh(handoffs)
            for listener in self._listeners:
                listener.tell(session_ids, fresh)

    def close(self) -> None:
        """Nothing happens any more: whoever listens, or begins to, comes to the end."""
        with self._lock:
            self._is_closed = True
            for listener in self._listeners:
                listener.end()

    async def changes(
        self, *, session_id: str | None = None, silence_s: float | None = None
    ) -> AsyncGenerator[Changes, None]:
        """What happens from now on, of one session or of all; nothing, after so long a silence.

        Raises: QueryError, if whoever iterates is too slow, or too many listen.
        """
        listener = _Listener(session_id, asyncio.get_running_loop())
        with self._lock:
            if len(self._listeners) >= _LISTENERS_MAX:
                raise QueryError(
                    f"{_LISTENERS_MAX} listen already", hint="close a subscription, try again"
                )
            if self._is_closed:
                return
            self._listeners.add(listener)
        try:
            while (found := await listener.next(silence_s)) is not None:
                yield found
        finally:
            with self._lock:
                self._listeners.discard(listener)
                self.dropped += listener.is_too_slow

    def _fresh(self, handoffs: pa.Table) -> list[Handoff]:
        """Those that were not told before, or have changed since."""
        fresh = []
        for row in _in_microseconds(handoffs).to_pylist():
            said = tuple(row.values())
            if self._told.get(row["handoff_id"]) != said:
                self._told[row["handoff_id"]] = said
                fresh.append(handoff(row))
        while len(self._told) > _TOLD_MAX:
            self._told.popitem(last=False)
        return fresh


@dataclass(eq=False, slots=True)
class _Listener:
    session_id: str | None
    loop: asyncio.AbstractEventLoop
    is_too_slow: bool = False
    _is_ended: bool = False
    _sessions: dict[str, None] = field(default_factory=dict)
    _more: int = 0
    _handoffs: deque[Handoff] = field(default_factory=deque)
    _something: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, session_ids: Sequence[str], handoffs: Sequence[Handoff]) -> None:
        """From any thread."""
        if self.session_id is not None:
            if self.session_id not in session_ids:
                return
            session_ids = [self.session_id]
            handoffs = [each for each in handoffs if each.session_id == self.session_id]
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._hear, list(session_ids), list(handoffs))

    def end(self) -> None:
        """From any thread."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self._is_ended = True
        self._something.set()

    def _hear(self, session_ids: list[str], handoffs: list[Handoff]) -> None:
        room = max(0, _SESSIONS_WAITING_MAX - len(self._sessions))
        self._sessions.update(dict.fromkeys(session_ids[:room]))
        self._more += len(session_ids[room:])
        self._handoffs.extend(handoffs)
        if len(self._handoffs) > _HANDOFFS_WAITING_MAX:
            self.is_too_slow = True
            self._handoffs.clear()
        self._something.set()

    async def next(self, silence_s: float | None) -> Changes | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(silence_s):
                await self._something.wait()
        self._something.clear()
        if self.is_too_slow:
            raise QueryError(
                "more happened than was read", hint="subscribe again, to one session perhaps"
            )
        if self._is_ended:
            return None
        found = Changes(list(self._sessions), list(self._handoffs), self._more)
        self._sessions, self._more = {}, 0
        self._handoffs.clear()
        return found


def _in_microseconds(rows: pa.Table) -> pa.Table:
    """`rows` with times that Python's datetime can hold."""
    for place, column in enumerate(rows.schema):
        if pa.types.is_timestamp(column.type):
            whole = rows[place].cast(pa.timestamp("us", tz="UTC"), safe=False)
            rows = rows.set_column(place, column.name, whole)
    return rows
