"""Which decoder runs: the native one where it was built, else the reference.

The reference is always there, as `otlp.check.check` and `otlp.spans.decode_traces`; it also reads
what the native decoder leaves to it: logs and metrics.
"""

from collections.abc import Sequence
from typing import Literal

import pyarrow as pa

from otel_llmops.otlp.check import check as reference_check
from otel_llmops.otlp.limits import LIMITS, Limits
from otel_llmops.otlp.spans import decode_traces as reference_decode_traces
from otel_llmops.otlp.types import Encoding, Request, Signal, Verdict

__all__ = ["DECODER", "check", "decode_traces"]

DECODER: Literal["native", "reference"] = "native"
"""Which decoder reads traces here: the reference where the install found no C compiler."""

try:
    from otel_llmops.otlp import native
except ImportError:
    DECODER = "reference"


def check(
    payload: bytes, *, signal: Signal, encoding: Encoding, limits: Limits = LIMITS
) -> Verdict:
    """How many records `payload` (decompressed) holds, which of them are refused, and why.

    Records are spans, log records or metrics; ordinals count them in wire order over the request.

    Raises: DecodeError, where nothing of it is OTLP or the request breaks a limit as a whole.
    Edge:   No bytes, or `{}`, is an empty request: no records, no error.
    Cost:   O(bytes). Memory beyond the payload is bounded by `limits`.
    """
    if DECODER == "native" and signal == Signal.TRACES:
        read = native.check if encoding == Encoding.PROTOBUF else native.check_json
        return read(payload, limits=limits)
    return reference_check(payload, signal=signal, encoding=encoding, limits=limits)


def decode_traces(requests: Sequence[Request]) -> pa.Table:
    """The spans of `requests`, without those that were refused at the door.

    In:     Bodies that `check` accepted, with the ordinals that it refused.
    Out:    SPANS, in the order of `requests` and of the wire within each.
    Raises: DecodeError, if a request was never accepted: the envelopes are not OTLP, or a span
            that was not refused does not parse.
    Edge:   A parent id of zeros is no parent. From JSON, `*_wire` are the protobuf serialisations.
    Cost:   O(bytes).
    """
    if DECODER == "native":
        return native.decode_traces(requests)
    return reference_decode_traces(requests)
