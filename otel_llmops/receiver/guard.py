"""uvicorn's HTTP/1.1, with what it leaves out: limits, time-outs, and no two readings of a request.

Strategy: llhttp, the parser of Node.js, refuses what could be framed in two ways (two lengths,
bare line feeds, folded headers); uvicorn drives it. The guard stands on its callbacks and counts
what a request costs before the application sees it. One timer a connection, moved as the request
goes on: a head must come within a time, a body at a rate. A refusal is answered as OTLP asks, never
in the place of another request's answer, and ends the connection: after a request that was not
understood nobody knows where the next one begins.

Source: RFC 9112; CWE-444 (request smuggling), CWE-770 (limits). Which servers were tried, and what
they did: docs/design.md, "HTTP server".
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, ClassVar

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from otel_llmops.otlp import Encoding
from otel_llmops.receiver.heads import busy, faulty, head_refusal
from otel_llmops.receiver.lingering import LingeringTransport
from otel_llmops.receiver.media_types import CONTENT_TYPES, encoding_of, refusal_body
from otel_llmops.receiver.status import Refusal

__all__ = ["GuardSettings", "GuardedHttp", "guarded"]

_FRAMING_BYTES = 64 * 1024
_FRAMING_RATIO = 8
"""Chunks of one byte each cost five bytes of framing a byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """What one connection may cost. Precedents: nginx, Apache's mod_reqtimeout.

    A body has `body_timeout_s`, and one second more for each `body_bytes_s_min` that came.
    """

    head_bytes_max: int = 64 * 1024
    headers_max: int = 100
    head_timeout_s: float = 10.0
    body_timeout_s: float = 20.0
    body_bytes_s_min: int = 16 * 1024
    write_timeout_s: float = 30.0
    linger_s: float = 5.0
    pipelined_max: int = 16
    connections_max: int = 1024


def _uncounted(_reason: str) -> None:
    """Nobody asked for figures."""


def guarded(
    settings: GuardSettings | None = None, *, count: Callable[[str], None] = _uncounted
) -> type["GuardedHttp"]:
    """The protocol class for `uvicorn.Config(http=...)`; `count` is told each refusal's reason."""
    members = {"settings": settings or GuardSettings(), "count": staticmethod(count)}
    return type("Guarded", (GuardedHttp,), members)


class _Phase(Enum):
    IDLE = auto()  # between two requests
    HEAD = auto()
    BODY = auto()
    OVER = auto()  # nothing that comes is read any more


class _Refused(Exception):  # noqa: N818 - names what happened
    """Carries a refusal out of the parser."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class GuardedHttp(HttpToolsProtocol):
    """One connection. Use `guarded`."""

    settings: ClassVar[GuardSettings] = GuardSettings()
    count: "ClassVar[staticmethod[[str], None]]" = staticmethod(_uncounted)
    transport: LingeringTransport

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._phase = _Phase.IDLE
        self._messages = 0
        self._stopping = False
        self._answering: RequestResponseCycle | None = None
        self._head_bytes = self._head_wire_bytes = 0
        self._body_bytes = self._body_wire_bytes = 0
        self._body_since = 0.0
        self._due: float | None = None
        self._write_due: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    # what asyncio tells

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's own narrowing
        """A peer came."""
        super().connection_made(LingeringTransport(transport, self._lingers))
        if len(self.connections) > self.settings.connections_max:
            self._stopping = True  # no lingering: that is what there is no room for
            self._refuse(busy("too many connections are open"))
        else:
            self._expire_in(self.settings.head_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer, or we, left."""
        self._phase, self._due, self._write_due = _Phase.OVER, None, None
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came, in any portions."""
        self._unset_keepalive_if_required()
        if self._phase is _Phase.OVER:
            return
        if self._phase is _Phase.IDLE and self._due is None:
            # also for what begins no request, as empty lines do
            self._expire_in(self.settings.head_timeout_s)
        before = self._phase, self._messages
        try:
            self.parser.feed_data(data)
            if before == (self._phase, self._messages):
                self._count_wire(len(data))
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            if self._becomes_web_socket():
                self._hand_over()
            else:
                self.data_received(self._head_without_upgrade() + rest)
        except _Refused as refused:
            self._refuse(refused.refusal)
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(
                cause.refusal
                if isinstance(cause, _Refused)
                else faulty("http", 400, f"the request cannot be read: {error}")
            )

    def pause_writing(self) -> None:
        """The peer does not read its answers."""
        super().pause_writing()
        self._write_due = self.loop.time() + self.settings.write_timeout_s
        self._wake_at(self._write_due)

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        self._write_due = None

    # what the parser tells

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._messages += 1
        self._phase = _Phase.HEAD
        self._head_bytes = self._head_wire_bytes = 0
        self._body_bytes = self._body_wire_bytes = 0
        if self._due is None:
            self._expire_in(self.settings.head_timeout_s)

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which nothing here reads and which must not pass for a header."""
        if self._phase is _Phase.HEAD:
            self._count_head(len(name) + len(value))
            if len(self.headers) >= self.settings.headers_max:
                limit = self.settings.headers_max
                raise _Refused(faulty("head", 431, f"there are more than {limit} headers"))
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A whole head: the application is called, unless there is a doubt about it."""
        if self.parser.get_method() == b"CONNECT":
            raise _Refused(faulty("http", 501, "CONNECT is not served"))
        if self.parser.should_upgrade():
            return  # the parser reads no further, and says so
        refusal = head_refusal(self.parser.get_http_version(), self.headers)
        if refusal is None and len(self.pipeline) >= self.settings.pipelined_max:
            refusal = busy("too many requests wait on this connection")
        if refusal is not None:
            raise _Refused(refusal)
        self._phase = _Phase.BODY
        self._body_since = self.loop.time()
        self._expire_in(self.settings.body_timeout_s)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self.parser.should_upgrade():
            return
        self._phase, self._due = _Phase.IDLE, None
        super().on_message_complete()

    # what uvicorn asks

    def shutdown(self) -> None:
        """Answer what was asked, and end."""
        self._stopping = True
        if self._phase is _Phase.OVER and self.transport.is_closing():
            self.transport.end()
        else:
            super().shutdown()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _becomes_web_socket(self) -> bool:
        """Whether web sockets are served, this asks for one, and nothing is being answered."""
        return (
            self._should_upgrade()
            and self.parser.get_method() == b"GET"
            and head_refusal(self.parser.get_http_version(), self.headers) is None
            and (self._answering is None or self._answering.response_complete)
        )

    def _hand_over(self) -> None:
        """The connection is the web socket's from now on, which pings whoever is silent."""
        self._phase, self._due, self._write_due = _Phase.OVER, None, None
        if self._timer is not None:
            self._timer.cancel()
        self.scope["method"] = "GET"
        self.transport = self.transport.bare  # type: ignore[assignment]  # no longer ours to close
        self.handle_websocket_upgrade()

    def _head_without_upgrade(self) -> bytes:
        """The head again, without what asks for another protocol.

        No other upgrade is offered, so a request that asks for one is answered as it is (RFC 9110,
        7.8; Java's client asks each server). But httptools takes its body for the other protocol,
        which would lose the spans in it; so the head is read once more, by a new parser.
        """
        method = self.parser.get_method()
        self.parser = httptools.HttpRequestParser(self)
        self._phase = _Phase.IDLE
        kept = [b"%s: %s" % each for each in self.headers if each[0] != b"upgrade"]
        return b"\r\n".join([b"%s %s HTTP/1.1" % (method, self.url), *kept, b"", b""])

    # what it costs

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self.settings.head_bytes_max:
            raise _Refused(self._head_too_large())

    def _count_wire(self, size: int) -> None:
        """What the parser keeps to itself: half a header, or what frames the chunks."""
        if self._phase is _Phase.HEAD:
            self._head_wire_bytes += size
            if self._head_wire_bytes > self.settings.head_bytes_max:
                raise _Refused(self._head_too_large())
        elif self._phase is _Phase.BODY:
            self._body_wire_bytes += size
            framing = self._body_wire_bytes - self._body_bytes
            if framing > _FRAMING_BYTES + _FRAMING_RATIO * self._body_bytes:
                raise _Refused(faulty("framing", 400, "the chunks are nearly all framing"))

    def _head_too_large(self) -> Refusal:
        limit = self.settings.head_bytes_max
        return faulty("head", 431, f"target and headers have more than {limit} bytes")

    # how long it takes

    def _expire_in(self, seconds: float) -> None:
        self._due = self.loop.time() + seconds
        self._wake_at(self._due)

    def _wake_at(self, moment: float) -> None:
        """A timer that stands earlier looks at the clock itself, and is set anew then."""
        if self._timer is None or self._timer.when() > moment:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self.loop.call_at(moment, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        self._timer = None
        now = self.loop.time()
        if self._phase is _Phase.BODY and self._due is not None:
            self._due = self._body_due()
        if self._write_due is not None and self._write_due <= now:
            self.count("unread_answer")
            self.transport.abort()
        elif self._due is not None and self._due <= now:
            self._expire()
        for due in (self._due, self._write_due):
            if due is not None:
                self._wake_at(due)

    def _body_due(self) -> float:
        if self.flow.read_paused:  # it is us who do not read
            return self.loop.time() + self.settings.body_timeout_s
        earned_s = self._body_bytes / self.settings.body_bytes_s_min
        return self._body_since + self.settings.body_timeout_s + earned_s

    def _expire(self) -> None:
        self._due = None
        if self._phase is _Phase.OVER:
            self.transport.end()
        elif self._phase is _Phase.BODY:
            # 503, not 408, which OTLP counts as final: the network was slow, the spans are good
            self._refuse(busy("the body came too slowly", reason="slow_body"))
        elif self._phase is _Phase.HEAD:
            self._refuse(faulty("slow_head", 408, "the head of the request came too slowly"))
        else:
            self.count("silent")
            self.transport.close()

    # how it ends

    def _refuse(self, refusal: Refusal) -> None:
        self.count(refusal.reason)
        in_body, self._phase = self._phase is _Phase.BODY, _Phase.OVER
        answering = self._answering
        if answering is None or answering.response_complete:
            self._answer(refusal)
        elif not (in_body and answering is self.cycle):
            # an earlier request is being answered, and this refusal is not its answer
            self.pipeline.clear()
            answering.keep_alive = False
        else:
            if not answering.response_started:
                self._answer(refusal)
            else:
                self.transport.close()
            answering.disconnected = True
            answering.message_event.set()

    def _answer(self, refusal: Refusal) -> None:
        named = dict(self.headers or ())
        content_type = named.get(b"content-type", b"").decode("latin-1")
        encoding = encoding_of(content_type) or Encoding.JSON
        body = refusal_body(refusal, encoding)
        headers = refusal.http_headers() | {
            "Content-Type": CONTENT_TYPES[encoding],
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        status = HTTPStatus(refusal.http_status)
        lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.transport.write("\r\n".join([*lines, "", ""]).encode() + body)
        self.transport.close()

    def _lingers(self) -> bool:
        """Whether the peer may still be sending; asked when the connection is to be closed."""
        if self._phase is _Phase.IDLE or self._stopping:
            return False
        self._phase = _Phase.OVER
        self._expire_in(self.settings.linger_s)
        return True
