"""How much of all requests may be in memory at one time, whatever the transport.

Strategy: two halves. A request whose size is not known yet (a gRPC message on its way, a gzip body
being inflated) takes a permit, of which there are as many as the largest requests fit into one
half. As soon as the size is known it is booked in the other half, and the permit is free again: so
many small requests go through at full speed, and many large ones wait. Who waits too long is told
to retry. Everything happens in the event loop, so there are no locks.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from otel_llmops.receiver.status import Overloaded

__all__ = ["Booking", "Memory"]

_T = TypeVar("_T")

_WAIT_S = 2.0
"""A fifth of the 10 s that an exporter gives a request in all."""


class Memory:
    """The bytes of requests in memory, of `bytes_max` allowed."""

    def __init__(self, bytes_max: int, request_bytes_max: int, *, wait_s: float = _WAIT_S) -> None:
        """One request of `request_bytes_max` is always possible, when nothing else is there."""
        self.bytes_max = bytes_max
        self.booked_bytes = 0
        self._permit_bytes = request_bytes_max
        self._room = max(bytes_max // 2, request_bytes_max)
        self._wait_s = wait_s
        self._held: dict[asyncio.Timeout, float] = {}
        self._waiting_for_permit = 0
        self._permits = asyncio.Semaphore(max(1, bytes_max // 2 // request_bytes_max))
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def bytes_used(self) -> int:
        """What may be in memory now: the permits at their largest, and what is booked."""
        return len(self._held) * self._permit_bytes + self.booked_bytes

    @asynccontextmanager
    async def permit(self, read_s: float | None = None) -> AsyncIterator[None]:
        """For as long as the size of one request is not known, and no longer than `read_s`.

        Whoever has had it for a second, while others wait, gives it up.
        Raises: Overloaded, if it is not to be had, or held for too long.
        """
        await self._permitted()
        try:
            async with asyncio.timeout(read_s) as limit:
                self._held[limit] = asyncio.get_running_loop().time()
                if self._waiting_for_permit:
                    self._hurry()
                try:
                    yield
                finally:
                    del self._held[limit]
        except TimeoutError:
            raise Overloaded("the request did not come in time") from None
        finally:
            self._permits.release()

    async def _permitted(self) -> None:
        if not self._permits.locked():
            await self._permits.acquire()  # at once
            return
        self._waiting_for_permit += 1
        self._hurry()
        try:
            async with asyncio.timeout(self._wait_s):
                await self._permits.acquire()
        except TimeoutError:
            raise _overloaded() from None
        finally:
            self._waiting_for_permit -= 1

    def _hurry(self) -> None:
        """What comes whole comes at once: who stalls must not keep out those who do not."""
        now = asyncio.get_running_loop().time()
        for limit, since in self._held.items():
            end, soon = limit.when(), max(now, since + self._wait_s / 2)
            if end is not None and soon < end:
                limit.reschedule(soon)

    def booking(self) -> "Booking":
        """An empty booking, to be used in a `with`."""
        return Booking(self)

    async def take(self, size: int, held: int) -> int:
        """Book `size` bytes beside `held`, at most all there are; how many were booked."""
        size = min(size, self._room - held)
        if not self._waiting and self._fits(size):
            self.booked_bytes += size
            return size
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            async with asyncio.timeout(self._wait_s):
                await turn
        except BaseException as error:
            self._forget(size, turn)
            if isinstance(error, TimeoutError):
                raise _overloaded() from None
            raise
        return size

    def give_back(self, size: int) -> None:
        """End a booking of `size` bytes."""
        self.booked_bytes -= size
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            size, turn = self._waiting.popleft()
            if not turn.done():
                self.booked_bytes += size
                turn.set_result(None)

    def _forget(self, size: int, turn: "asyncio.Future[None]") -> None:
        """Whoever waited does so no more; his turn may have come in the same moment."""
        if turn.done() and not turn.cancelled():
            self.give_back(size)
        else:
            self._waiting = deque(each for each in self._waiting if each[1] is not turn)
            self._serve()

    def _fits(self, size: int) -> bool:
        return self.booked_bytes + size <= self._room


class Booking:
    """What one request holds; all of it is given back at the end of the `with`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._size = 0

    async def grow(self, size: int) -> None:
        """Hold `size` bytes more; waits for them a while. Raises Overloaded."""
        self._size += await self._memory.take(size, self._size)

    async def outlived_by(self, future: "asyncio.Future[_T]") -> _T:
        """What `future` gives. Where this is cancelled, as when the sender left, what is held is
        given back when the future is done: until then the request is in memory all the same.
        """
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if not future.done():
                memory, size, self._size = self._memory, self._size, 0
                future.add_done_callback(lambda done: _give_back(done, memory, size))
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._memory.give_back(self._size)
        self._size = 0


def _give_back(done: "asyncio.Future[Any]", memory: Memory, size: int) -> None:
    memory.give_back(size)
    if not done.cancelled():
        done.exception()  # nobody is left to be told


def _overloaded() -> Overloaded:
    return Overloaded("too much is in flight", hint="it may be sent again")
