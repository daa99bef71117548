"""Request bodies over HTTP: read and inflated, never beyond the limit."""

import zlib
from collections.abc import Mapping

from starlette.types import Receive

from otel_llmops.errors import DecodeError
from otel_llmops.receiver.memory import Booking
from otel_llmops.receiver.status import Disconnected, TooLarge

__all__ = ["COMPRESSIONS", "inflated", "read_body", "too_large"]

_CHUNK_BYTES = 64 * 1024
_MEMBERS_MAX = 1000
COMPRESSIONS: Mapping[str, int] = {"gzip": 31, "deflate": 15}
"""Content-Encoding -> zlib's window bits, which say the framing (RFC 9110, 8.4.1: deflate has
zlib's)."""


async def read_body(receive: Receive, booking: Booking, limit_bytes: int) -> bytes:
    """The body as it is on the wire; `booking` grows with what came.

    Raises: TooLarge, as soon as it is over the limit; Overloaded; Disconnected.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part = message.get("body", b"")
        size += len(part)
        if size > limit_bytes:
            raise too_large(limit_bytes)
        await booking.grow(len(part))
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def inflated(body: bytes, limit_bytes: int, compression: str) -> bytes:
    """The content of a body in one of COMPRESSIONS, of one member or several.

    Raises: TooLarge, before more than the limit is built; DecodeError, if it is not that.
    """
    window_bits = COMPRESSIONS[compression]
    parts: list[bytes] = []
    room = limit_bytes
    inflater = zlib.decompressobj(window_bits)
    members = 1
    try:
        for start in range(0, len(body), _CHUNK_BYTES):
            rest = body[start : start + _CHUNK_BYTES]
            while rest:
                if inflater.eof:
                    inflater, members = zlib.decompressobj(window_bits), members + 1
                    if members > _MEMBERS_MAX:
                        raise DecodeError(
                            f"the {compression} body has more than {_MEMBERS_MAX} members"
                        )
                part = inflater.decompress(rest, room + 1)
                room -= len(part)
                if room < 0:
                    raise too_large(limit_bytes)
                parts.append(part)
                rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    except zlib.error as error:
        raise DecodeError(f"the body is not {compression}: {error}") from error
    if body and not inflater.eof:
        raise DecodeError(f"the {compression} body ends too early")
    return b"".join(parts)


def too_large(limit_bytes: int) -> TooLarge:
    """The error for a request over the limit."""
    return TooLarge(f"the request is larger than {limit_bytes} bytes", hint="send smaller batches")
