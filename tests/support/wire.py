"""Bytes on a real socket, and the HTTP answers that come back."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic

HEAD = b"POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\n"
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: (\d+)")


@dataclass(frozen=True)
class Heard:
    """What came back: each answer's status, in order, and whether the peer closed."""

    statuses: list[int]
    closed: bool
    raw: bytes = b""


class Wire:
    """One connection."""

    def __init__(self, port: int, deadline_s: float, receive_bytes: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(deadline_s)
        self.socket.connect(("127.0.0.1", port))
        self.heard = b""

    def say(self, data: bytes) -> None:
        """Send; a peer that has closed already is heard, not an error here."""
        with suppress(ConnectionError):
            self.socket.sendall(data)

    def hear(self, answers: int) -> Heard:
        """Listen until so many answers are whole or the peer closes; 100 Continue is none."""
        closed = False
        while not (closed or len(self._statuses()) - self._statuses().count(100) >= answers):
            part = self._read()
            closed = not part
            self.heard += part
        return Heard(self._statuses(), closed, self.heard)

    def hear_all(self) -> Heard:
        """Listen until the peer closes."""
        return self.hear(10_000)

    def _read(self) -> bytes:
        try:
            return self.socket.recv(65_536)
        except ConnectionError:
            return b""

    def _statuses(self) -> list[int]:
        """Of the answers that are there with all of their body."""
        rest, found = self.heard, []
        while (end := rest.find(b"\r\n\r\n")) >= 0:
            head, rest = rest[:end], rest[end + 4 :]
            length = _LENGTH.search(head)
            size = int(length[1]) if length else 0
            if len(rest) < size:
                break
            rest = rest[size:]
            found.append(int(head.split(b" ", 2)[1]))
        return found


@contextmanager
def wire(
    port: int, deadline_s: float = 20.0, *, receive_bytes: int | None = None
) -> Iterator[Wire]:
    """A connection that is closed at the end; `receive_bytes` is what the kernel keeps for it."""
    opened = Wire(port, deadline_s, receive_bytes)
    try:
        yield opened
    finally:
        opened.socket.close()


def request(body: bytes = b"", *headers: bytes) -> bytes:
    """A whole POST of traces."""
    lines = b"".join(header + b"\r\n" for header in headers)
    return HEAD + lines + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(*chunks: bytes) -> bytes:
    """The same with a chunked body."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


def seconds_until_closed(opened: Wire, piece: bytes, every_s: float) -> float:
    """Send `piece` again and again until the peer closes; how long that took."""
    begun = monotonic()
    opened.socket.settimeout(every_s)
    while True:
        opened.say(piece)
        try:
            part = opened.socket.recv(65_536)
        except TimeoutError:
            continue
        except ConnectionError:
            part = b""
        if not part:
            return monotonic() - begun
        opened.heard += part
