"""The one way in, whatever the transport: check, journal, and only then say yes."""

import threading
from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass, field

from otel_llmops.journal import Journal
from otel_llmops.otlp import LIMITS, Encoding, Limits, Signal, Verdict, check

__all__ = ["Intake", "IntakeStats", "Taking"]


@dataclass(frozen=True, slots=True)
class IntakeStats:
    """Counters since the start, by signal; `refused` by signal and reason.

    `requests` were answered with success. Of these, `duplicates` were in the journal already.
    What was refused before its signal was known stands under None.
    """

    requests: Counter[Signal] = field(default_factory=Counter)
    accepted_records: Counter[Signal] = field(default_factory=Counter)
    rejected_records: Counter[Signal] = field(default_factory=Counter)
    duplicates: Counter[Signal] = field(default_factory=Counter)
    refused: Counter[tuple[Signal | None, str]] = field(default_factory=Counter)


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

    def __init__(self, journal: Journal, limits: Limits = LIMITS) -> None:
        self.limits = limits
        self._journal = journal
        self._lock = threading.Lock()
        self._stats = IntakeStats()

    def take(self, payload: bytes, *, signal: Signal, encoding: Encoding) -> Taking:
        """Check `payload` and give the journal what is accepted; does not wait for the disk.

        Raises: DecodeError (not OTLP). JournalFull and JournalError come out of `stored`: then
                nothing was taken.
        Edge:   A request of which nothing is accepted is not journalled.
        """
        verdict = check(payload, signal=signal, encoding=encoding, limits=self.limits)
        if not verdict.accepted:
            return Taking(verdict, None)
        stored = self._journal.submit(
            payload, signal=signal, encoding=encoding, rejected=verdict.rejected
        )
        return Taking(verdict, stored)

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
            )
