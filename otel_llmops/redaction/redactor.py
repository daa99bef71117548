"""What the receiver calls: a request in, the same request without what the rules forbid out."""

from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

from otel_llmops.otlp import Encoding, Signal
from otel_llmops.redaction.json import redacted_json
from otel_llmops.redaction.matching import Matching
from otel_llmops.redaction.protobuf import redacted_protobuf
from otel_llmops.redaction.rules import Rules

__all__ = ["Redacted", "Redactor"]


class Redacted(NamedTuple):
    """A request that may be kept, and how many values each rule, by name, masked or dropped.

    `refused` among the names counts records that were refused at the door, and are emptied.
    """

    payload: bytes
    counts: Counter[str]


class Redactor:
    """Applies rules to requests, from any thread."""

    def __init__(self, rules: Rules) -> None:
        self._matching = Matching(rules)

    def redact(
        self,
        payload: bytes,
        *,
        signal: Signal,
        encoding: Encoding,
        refused: Collection[int] = (),
    ) -> Redacted:
        """`payload` without what the rules forbid; the same bytes, if they forbid nothing of it.

        In:     A decompressed request that `otlp.check` accepted, and the ordinals it refused.
        Out:    OTLP in the same encoding, with the same records in the same order, which
                `otlp.check` accepts, limits of size aside. The same for the same request.
        Raises: DecodeError or ArrowInvalid, if it was never accepted.
        Cost:   O(bytes) for each rule that finds something, one search for all else.
        """
        redact = redacted_protobuf if encoding == Encoding.PROTOBUF else redacted_json
        return Redacted(*redact(payload, signal=signal, refused=refused, matching=self._matching))
