"""Heads of requests that llhttp lets pass although two readers could take them for two things.

Source: RFC 9112, sections 2.3, 3.2, 6.1 and 6.3.
"""

import re
from collections.abc import Sequence

from google.rpc.code_pb2 import Code

from otel_llmops.receiver.status import RETRY_DELAY_S, Refusal

__all__ = ["busy", "faulty", "head_refusal"]

_HOST = re.compile(rb"[A-Za-z0-9.\-_~%:\[\]]*")  # RFC 3986, 3.2.2, without sub-delims


def head_refusal(version: str, headers: Sequence[tuple[bytes, bytes]]) -> Refusal | None:
    """Why a request with these headers, in lower case, is not answered; None where it is."""
    if version not in {"1.1", "1.0"}:
        return faulty("http", 505, f"HTTP/{version} is not spoken here, HTTP/1.1 is")
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) > 1 or (not hosts and version == "1.1"):
        return faulty("http", 400, "there must be one Host header")
    if hosts and not _HOST.fullmatch(hosts[0]):
        return faulty("http", 400, "the Host header names no host")
    codings = [value.lower() for name, value in headers if name == b"transfer-encoding"]
    return _length_refusal(version, codings, headers) if codings else None


def _length_refusal(
    version: str, codings: list[bytes], headers: Sequence[tuple[bytes, bytes]]
) -> Refusal | None:
    if version == "1.0" or any(name == b"content-length" for name, _ in headers):
        return faulty("http", 400, "the length of the body is said in two ways")
    if codings != [b"chunked"]:
        return faulty("http", 501, "Transfer-Encoding must be chunked")
    return None


def faulty(reason: str, http_status: int, message: str) -> Refusal:
    """A refusal of a request that is not as HTTP asks."""
    return Refusal(reason, Code.INVALID_ARGUMENT, http_status, message)


def busy(message: str, *, reason: str = "busy") -> Refusal:
    """A refusal of a request that may be sent again as it is."""
    return Refusal(reason, Code.UNAVAILABLE, 503, message, RETRY_DELAY_S)
