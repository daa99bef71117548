"""The one way in, whatever the transport: check, redact, journal, and only then say yes."""

import logging
import threading
import traceback
from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass, field

from otel_llmops.errors import RedactionError
from otel_llmops.journal import Journal
from otel_llmops.otlp import LIMITS, Encoding, Limits, Signal, Verdict, check
from otel_llmops.redaction import Redactor

__all__ = ["Intake", "IntakeStats", "Taking"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IntakeStats:
    """Counters since the start, by signal; `refused` by signal and reason, `redacted` by rule.

    `requests` were answered with success. Of these, `duplicates` were in the journal already.
    What was refused before its signal was known stands under None.
    """

    requests: Counter[Signal] = field(default_factory=Counter)
    accepted_records: Counter[Signal] = field(default_factory=Counter)
    rejected_records: Counter[Signal] = field(default_factory=Counter)
    duplicates: Counter[Signal] = field(default_factory=Counter)
    refused: Counter[tuple[Signal | None, str]] = field(default_factory=Counter)
    redacted: Counter[tuple[Signal, str]] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Taking:
    """A checked request on its way to the disk.

    `stored` is done when the journal has it, with False where it had it before; None where
    nothing of it was accepted.
    """

    verdict: Verdict
    stored: "Future[bool] | None"


class Intake:
    """Takes requests into a journal, from any thread."""

    def __init__(
        self, journal: Journal, limits: Limits = LIMITS, redactor: Redactor | None = None
    ) -> None:
        """Without a `redactor`, what is accepted is journalled as it came."""
        self.limits = limits
        self._journal = journal
        self._redactor = redactor
        self._lock = threading.Lock()
        self._stats = IntakeStats()

    @property
    def redacts(self) -> bool:
        """Whether anything may be taken out of a request."""
        return self._redactor is not None

    def take(self, payload: bytes, *, signal: Signal, encoding: Encoding) -> Taking:
        """Check `payload` and give the journal what is accepted; does not wait for the disk.

        Raises: DecodeError (not OTLP); RedactionError. JournalFull and JournalError come out of
                `stored`: then nothing was taken.
        Edge:   A request of which nothing is accepted is not journalled.
        """
        verdict = check(payload, signal=signal, encoding=encoding, limits=self.limits)
        if not verdict.accepted:
            return Taking(verdict, None)
        kept = self._redacted(payload, signal, encoding, verdict)
        stored = self._journal.submit(
            kept, signal=signal, encoding=encoding, rejected=verdict.rejected
        )
        return Taking(verdict, stored)

    def _redacted(
        self, payload: bytes, signal: Signal, encoding: Encoding, verdict: Verdict
    ) -> bytes:
        if self._redactor is None:
            return payload
        try:
            kept, counts = self._redactor.redact(
                payload, signal=signal, encoding=encoding, refused=verdict.rejected
            )
        except Exception as error:  # noqa: BLE001 - the boundary, see below
            # whatever went wrong: what is not redacted is not kept, and not quoted in a log either
            where = traceback.extract_tb(error.__traceback__)[-1]
            _log.error(
                "a request for %s could not be redacted: %s in %s, line %s",
                signal.name,
                type(error).__name__,
                where.name,
                where.lineno,
            )
            raise RedactionError(
                "the request could not be redacted, so nothing of it was kept"
            ) from None
        with self._lock:
            for rule, number in counts.items():
                self._stats.redacted[signal, rule] += number
        return kept

    def count(self, signal: Signal, verdict: Verdict, *, fresh: bool) -> None:
        """Count a request that is answered with success; not `fresh`, if it was known."""
        with self._lock:
            self._stats.requests[signal] += 1
            self._stats.accepted_records[signal] += verdict.accepted
            self._stats.rejected_records[signal] += len(verdict.rejected)
            self._stats.duplicates[signal] += not fresh

    def count_refusal(self, signal: Signal | None, reason: str) -> None:
        """Count a request that was answered with an error."""
        with self._lock:
            self._stats.refused[signal, reason] += 1

    def stats(self) -> IntakeStats:
        """The counters as they stand."""
        with self._lock:
            return IntakeStats(
                Counter(self._stats.requests),
                Counter(self._stats.accepted_records),
                Counter(self._stats.rejected_records),
                Counter(self._stats.duplicates),
                Counter(self._stats.refused),
                Counter(self._stats.redacted),
            )
