"""Who may ask what, before anything is asked: one ASGI middleware around the whole API.

Strategy: three questions, each with its own attack. Is the request meant for us (Host: a page whose
name was made to resolve to this machine says another)? Does a page of somebody else's send it
(Origin)? Does it bear a token that may do this? What may be done is told by the method alone:
everything that changes the store is neither GET nor POST /graphql, and asks for an admin's.

Source: RFC 9110, 7.2 (Host); WHATWG Fetch (Origin); CWE-350 (DNS rebinding), CWE-352 (CSRF).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from otel_llmops.tokens import Tokens

__all__ = ["Doors", "Keys"]

_OPEN = frozenset({"/healthz", "/readyz", "/"})
"""Probes of whoever runs us, and the page: they bear no tokens, and the answers hold no data."""
_PAGE = "/page/"
"""The page without its data: it asks whoever opens it for a token."""
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_QUERIES = "/graphql"
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_NO_CODE = "default-src 'none'; frame-ancestors 'none'"
"""For what is no page: a browser that shows an answer runs nothing of it."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Tokens that may read, and those that may change as well; without any, everybody may.

    `hosts`: names that requests may be meant for; empty for any, which only tokens make safe.
    """

    read: Tokens = field(default_factory=Tokens)
    admin: Tokens = field(default_factory=Tokens)
    hosts: frozenset[str] = frozenset()

    @classmethod
    def of_this_machine(cls, more: Iterable[str] = (), **tokens: Tokens) -> "Keys":
        """For an API that listens on the loopback interface: its names, and `more`."""
        return cls(hosts=_HERE | {name.lower() for name in more}, **tokens)

    def may(self, authorization: str | None, *, change: bool) -> int:
        """200 if whoever bears this Authorization header may; else 401 or 403."""
        if not self.read and not self.admin:
            return 200
        if self.admin.known(authorization):
            return 200
        if self.read.known(authorization):
            return 403 if change else 200
        # who only guards what changes lets everybody read
        return 200 if not self.read and not change else 401


class Doors:
    """`app` behind `keys`."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope, Headers(scope=scope))
        if refusal is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await WebSocketClose(1008, refusal.reason)(scope, receive, send)
        else:
            await refusal.response()(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope, headers: Headers) -> "_Refusal | None":
        asked = headers.get("host", "").lower()
        host = _name(asked)
        if self._keys.hosts and host not in self._keys.hosts:
            return _Refusal(
                421, f"this is no API of {host[:100]!r}", "ask for localhost, or see --api-hosts"
            )
        origin = headers.get("origin")
        if (
            origin is not None
            and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
        ):
            return _Refusal(403, "a page of another origin may not ask", "open our own page")
        if scope["path"] in _OPEN or scope["path"].startswith(_PAGE):
            return None
        return self._without_token(scope, headers)

    def _without_token(self, scope: Scope, headers: Headers) -> "_Refusal | None":
        if scope["type"] == "websocket" and "authorization" not in headers:
            # a browser cannot send the header: the first message bears the token then
            scope.setdefault("state", {})["keys"] = self._keys
            return None
        method = scope.get("method", "GET")
        change = method not in _READING and not (
            method == "POST" and scope["path"].rstrip("/") == _QUERIES
        )
        match self._keys.may(headers.get("authorization"), change=change):
            case 401:
                return _Refusal(
                    401, "a bearer token is needed", "send it in the Authorization header"
                )
            case 403:
                return _Refusal(403, "this token may only read", "an admin's token is needed")
        return None


@dataclass(frozen=True, slots=True)
class _Refusal:
    status: int
    reason: str
    hint: str

    def response(self) -> JSONResponse:
        more = {"WWW-Authenticate": "Bearer"} if self.status == 401 else {}
        body = {"error": self.reason, "hint": self.hint}
        return JSONResponse(body, self.status, headers=more)


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _with_headers(send: Send) -> Send:
    """`send`, with what every answer says to a browser."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Content-Security-Policy", _NO_CODE)
        await send(message)

    return sent
