"""A transport that lets the peer read the last answer before the connection is torn down.

Strategy: where bytes of the peer are unread, closing a socket sends a reset, and the reset takes
the answer with it (RFC 9112, 9.6): the sender of a body that is too large would see a broken
connection and send it again, in place of reading 413. So our side is closed for writing, and what
still comes is read and dropped for a while.
"""

import asyncio
from collections.abc import Callable
from typing import Any

__all__ = ["LingeringTransport"]


class LingeringTransport(asyncio.Transport):
    """`transport`, but `close` asks `lingers` first whether the peer may still be sending."""

    def __init__(self, transport: asyncio.Transport, lingers: Callable[[], bool]) -> None:
        """`lingers` is asked once; where it says yes, its owner calls `end` in due time."""
        super().__init__()
        self._transport = transport
        self._lingers = lingers
        self._closing = False

    @property
    def bare(self) -> asyncio.Transport:
        """The transport below, for a protocol that closes in a way of its own."""
        return self._transport

    def close(self) -> None:
        """Send what was written, then close: at once, or later by `end`."""
        if self._closing:
            return
        self._closing = True
        if self._transport.is_closing() or not self._lingers():
            self._transport.close()
            return
        self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def end(self) -> None:
        """Close now, whatever the peer still sends."""
        self._closing = True
        self._transport.close()

    def abort(self) -> None:
        """Close without sending what was written."""
        self._closing = True
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether nothing is answered any more."""
        return self._closing or self._transport.is_closing()

    def write(self, data: Any) -> None:
        """Send, in order."""
        if not self._closing:
            self._transport.write(data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport below knows."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Leave what comes in the kernel."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self._transport.resume_reading()
