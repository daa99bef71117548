"""Our errors as OTLP says them: a gRPC code, an HTTP status, and one google.rpc.Status for both.

Source: OTLP specification, "Failures" and "OTLP/HTTP Throttling": only 429, 502, 503 and 504 make
an HTTP sender try again, RESOURCE_EXHAUSTED only with RetryInfo. So whatever a later try may mend
is never answered with 500 or INTERNAL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status

from otel_llmops.errors import DecodeError, JournalError, JournalFull, LlmopsError, RedactionError

__all__ = [
    "RETRY_DELAY_S",
    "Disconnected",
    "Overloaded",
    "Refusal",
    "TooLarge",
    "grpc_trailers",
    "refusal_of",
    "status_json",
    "status_message",
]

RETRY_DELAY_S = 1
"""The Python exporters give up after 10 s in all, at once where the wait is longer than that."""

_MESSAGE_CHARS_MAX = 1000
"""gRPC carries the message in trailers, which many peers hold to 8 KiB."""


class TooLarge(LlmopsError):  # noqa: N818 - names what is found
    """A request is over the byte limit: it must be split, trying again does not help."""


class Disconnected(Exception):  # noqa: N818 - names what happened
    """The sender left before its request was whole."""


class Overloaded(LlmopsError):  # noqa: N818 - names what is found
    """More is in flight than may be in memory: a later try may find room."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a sender is told. `reason` is a short constant name, for counters."""

    reason: str
    grpc_code: int
    http_status: int
    message: str
    retry_delay_s: int | None = None
    headers: Mapping[str, str] | None = None

    def http_headers(self) -> dict[str, str]:
        """Headers to answer with, beside the content type."""
        headers = dict(self.headers or {})
        if self.retry_delay_s is not None:
            headers["Retry-After"] = str(self.retry_delay_s)
        return headers


# the first class that fits: reason, gRPC code, HTTP status, delay before another try
_BY_CLASS: tuple[tuple[type[Exception], str, int, int, int | None], ...] = (
    (DecodeError, "malformed", Code.INVALID_ARGUMENT, 400, None),
    (TooLarge, "too_large", Code.RESOURCE_EXHAUSTED, 413, None),
    (Overloaded, "overloaded", Code.RESOURCE_EXHAUSTED, 429, RETRY_DELAY_S),
    # not to be tried again: the same bytes would fail the same way
    (RedactionError, "redaction_failed", Code.INTERNAL, 500, None),
    (JournalFull, "journal_full", Code.RESOURCE_EXHAUSTED, 429, RETRY_DELAY_S),
    (JournalError, "journal_failed", Code.UNAVAILABLE, 503, RETRY_DELAY_S),
)


def refusal_of(error: Exception) -> Refusal:
    """What to tell the sender of a request that ended in `error`.

    Edge:   An error that is not ours is a bug: its text stays here, the sender learns no internals.
    """
    for kind, reason, grpc_code, http_status, delay_s in _BY_CLASS:
        if isinstance(error, kind):
            return Refusal(reason, grpc_code, http_status, str(error), delay_s)
    return Refusal("internal", Code.INTERNAL, 500, "the receiver failed, see its log")


def status_message(refusal: Refusal) -> Any:
    """The google.rpc.Status of `refusal`."""
    status = Status(code=refusal.grpc_code, message=refusal.message[:_MESSAGE_CHARS_MAX])
    if refusal.grpc_code == Code.INVALID_ARGUMENT:
        violation = BadRequest.FieldViolation(description=status.message)
        status.details.add().Pack(BadRequest(field_violations=[violation]))
    if refusal.retry_delay_s is not None:
        status.details.add().Pack(_retry_info(refusal.retry_delay_s))
    return status


def status_json(refusal: Refusal) -> dict[str, Any]:
    """The google.rpc.Status of `refusal` as its JSON object."""
    found: dict[str, Any] = MessageToDict(status_message(refusal))
    return found


def grpc_trailers(refusal: Refusal) -> tuple[tuple[str, bytes], ...]:
    """Trailing metadata: the Status for Go, Java and the Collector, RetryInfo for Python."""
    trailers = [("grpc-status-details-bin", status_message(refusal).SerializeToString())]
    if refusal.retry_delay_s is not None:
        retry_info = _retry_info(refusal.retry_delay_s).SerializeToString()
        trailers.append(("google.rpc.retryinfo-bin", retry_info))
    return tuple(trailers)


def _retry_info(delay_s: int) -> Any:
    return RetryInfo(retry_delay=Duration(seconds=delay_s))
