"""How much one request may hold before anything of it is built in memory."""

import sys
from dataclasses import dataclass

__all__ = ["LIMITS", "NO_LIMITS", "Limits"]

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Structural limits of one request. Bytes alone are no bound: 10 MB can be 5 million spans.

    Over a limit of the request nothing of it is taken (DecodeError); over a limit of a record
    that record is refused and the rest is kept. How deep messages nest is protobuf's own limit:
    100 levels, counted from the request.
    """

    request_bytes: int = 64 * _MIB
    """Decompressed body, By. Precedent: OTLP 1.11.0 recommends 64 MiB."""
    records: int = 100_000
    """Spans, log records or metrics in a request, and as many envelopes around them."""
    attributes: int = 8192
    """Attributes of one span or log record; SDKs stop at 128 unless told otherwise."""
    events: int = 8192
    """Events of one span."""
    links: int = 8192
    """Links of one span."""
    record_fields: int = 524_288
    """Fields inside one record or envelope, on all levels; an attribute is about four."""
    request_attributes: int = 2_000_000
    """Attributes, events and links of all records of a request together."""
    spread_bytes: int = 256 * _MIB
    """Sum over records of the size of their resource and scope, which every row repeats, By.

    A scope without records counts as one: it is read with its resource all the same.
    """
    json_tokens: int = 4_000_000
    """Commas and opening brackets of a JSON body: no document has more values than that + 1."""


LIMITS = Limits()
"""What a receiver applies unless told otherwise."""

_ANY = sys.maxsize
NO_LIMITS = Limits(
    request_bytes=_ANY,
    records=_ANY,
    attributes=_ANY,
    events=_ANY,
    links=_ANY,
    record_fields=_ANY,
    request_attributes=_ANY,
    spread_bytes=_ANY,
    json_tokens=_ANY,
)
"""For what was let in already: a reader refuses nothing that was acknowledged."""
