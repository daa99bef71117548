"""The verdict on a request, given at the door and never changed afterwards: the reference."""

from collections import Counter
from collections.abc import Sequence

from otel_llmops.errors import DecodeError
from otel_llmops.otlp.limits import LIMITS, Limits
from otel_llmops.otlp.outline import outline
from otel_llmops.otlp.records import envelopes, parsed
from otel_llmops.otlp.shapes import SHAPES
from otel_llmops.otlp.types import Encoding, Signal, Verdict

__all__ = ["check", "verdict"]

_REASONS_SHOWN = 3


def check(
    payload: bytes, *, signal: Signal, encoding: Encoding, limits: Limits = LIMITS
) -> Verdict:
    """How many records `payload` (decompressed) holds, which of them are refused, and why.

    Records are spans, log records or metrics; ordinals count them in wire order over the request.

    Raises: DecodeError, where nothing of it is OTLP or the request breaks a limit as a whole.
    Edge:   No bytes, or `{}`, is an empty request: no records, no error.
    Cost:   O(bytes). Memory beyond the payload is bounded by `limits`.
    """
    shape = SHAPES[signal]
    faults: list[tuple[int, str]] = []
    ordinal = weight = 0
    for group in outline(payload, signal=signal, encoding=encoding, limits=limits):
        envelopes(group, shape, limits)
        for record in parsed(group.records, shape, limits):
            fault = record if isinstance(record, str) else shape.fault(record, limits)
            if fault:
                faults.append((ordinal, fault))
            else:
                weight += shape.weight(record)
            ordinal += 1
        if weight > limits.request_attributes:
            raise DecodeError(
                f"the {shape.noun} have more than {limits.request_attributes} attributes in all",
                hint="send smaller batches",
            )
    return verdict(ordinal, faults, shape.noun)


def verdict(records: int, faults: Sequence[tuple[int, str]], noun: str) -> Verdict:
    """The verdict on `records` records, of which `faults` names the refused ones and why."""
    if not faults:
        return Verdict(records)
    reasons = Counter(fault for _, fault in faults)
    shown = [f"{reason} ({count})" for reason, count in reasons.most_common(_REASONS_SHOWN)]
    if len(reasons) > _REASONS_SHOWN:
        shown.append("and other faults")
    message = f"{len(faults)} of {records} {noun} were refused: {'; '.join(shown)}."
    return Verdict(records, tuple(ordinal for ordinal, _ in faults), message)
