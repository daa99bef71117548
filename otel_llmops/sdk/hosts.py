"""Hosts that may hear of our agents, and the host that a call goes to.

Strategy
    What a call's span says of its destination decides, and doubt means no: a destination that is
    not told, or told in two ways, is on no list.
"""

import re
import threading
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

_URLS = ("url.full", "http.url")  # stable and deprecated name
_HOSTS = (("server.address", "server.port"), ("net.peer.name", "net.peer.port"))
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PORT_MAX = 65_535
# clients disagree on what a host with one of these is: http://a\@b is a to some and b to others
_DOUBTFUL = re.compile(r"[\s\\\x00-\x20\x7f]")
_PATTERN = re.compile(
    r"(?P<wild>\*\.)?(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\s*\[\]:/@\\?#]+)(?::(?P<port>\d{1,5}))?"
)


class Destination(NamedTuple):
    """Where a call goes; `port` is None where it is not known."""

    host: str
    port: int | None


class HostPattern(NamedTuple):
    """`host` and, if `wild`, only the hosts below it; any port where `port` is None."""

    host: str
    wild: bool
    port: int | None

    def matches(self, destination: Destination) -> bool:
        """Whether the destination is one of these."""
        if self.port is not None and self.port != destination.port:
            return False
        if self.wild:
            return destination.host.endswith(f".{self.host}")
        return destination.host == self.host


def host_pattern(text: str) -> HostPattern | None:
    """`agents.internal`, `agents.internal:8443`, `*.svc.cluster.local`, `[::1]:80`; else None.

    Edge: `*` alone is none: a list of all hosts would hold the model's provider too.
    """
    found = _PATTERN.fullmatch(text.strip())
    host = _plain(found["host"]) if found else ""
    port = int(found["port"]) if found and found["port"] else None
    if found is None or not host or (port is not None and not 0 < port <= _PORT_MAX):
        return None
    return HostPattern(host, wild=found["wild"] is not None, port=port)


class AllowedHosts:
    """A list of host patterns that only grows; empty at first. Safe between threads."""

    def __init__(self) -> None:
        self.patterns: tuple[HostPattern, ...] = ()
        self._lock = threading.Lock()

    def add(self, texts: Iterable[str]) -> list[str]:
        """Add patterns; gives back those texts that are none."""
        read = [(text, host_pattern(text)) for text in texts]
        known = [pattern for _, pattern in read if pattern is not None]
        with self._lock:
            self.patterns = tuple(dict.fromkeys((*self.patterns, *known)))
        return [text for text, pattern in read if pattern is None]

    def __contains__(self, destination: Destination | None) -> bool:
        if destination is None:
            return False
        return any(pattern.matches(destination) for pattern in self.patterns)


ALLOWED = AllowedHosts()
"""The hosts that may hear of this process's agents."""


def destination_of_url(url: str) -> Destination | None:
    """Host and port of an absolute URL, None where it is doubtful."""
    try:
        parts = urlsplit(url)
        host, port = _plain(parts.hostname or ""), parts.port
    except ValueError:
        return None
    if not host or _DOUBTFUL.search(url):
        return None
    return Destination(host, _DEFAULT_PORTS.get(parts.scheme) if port is None else port)


def destination_of_call(attributes: Mapping[str, object]) -> Destination | None:
    """Where the call goes whose CLIENT span has these attributes, None where that is doubtful.

    In:     `url.full` or `server.address` and `server.port`, or their deprecated names.
    Source: OpenTelemetry HTTP and RPC conventions, client spans.
    """
    told = [destination_of_url(url) for key in _URLS if isinstance(url := attributes.get(key), str)]
    by_url = len(told)
    for key, port_key in _HOSTS:
        if isinstance(host := attributes.get(key), str):
            port = attributes.get(port_key)
            told.append(Destination(_plain(host), port if isinstance(port, int) else None))
    first = told[0] if told else None
    if first is None or any(each is None or each.host != first.host for each in told):
        return None
    if any(each != first for each in told[:by_url]):
        return None
    return first


def _plain(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()
