"""The one way in, whatever the transport: check, journal, and only then say yes."""

import threading
from collections import Counter
from dataclasses import dataclass, field

from otel_llmops.journal import Journal
from otel_llmops.otlp import LIMITS, Encoding, Limits, Signal, Verdict, check

__all__ = ["Intake", "IntakeStats"]


@dataclass(frozen=True, slots=True)
class IntakeStats:
    """Counters since the start, by signal; `refused` by signal and reason.

    `requests` were answered with success. Of these, `duplicates` were in the journal already.
    """

    requests: Counter[Signal] = field(default_factory=Counter)
    accepted_records: Counter[Signal] = field(default_factory=Counter)
    rejected_records: Counter[Signal] = field(default_factory=Counter)
    duplicates: Counter[Signal] = field(default_factory=Counter)
    refused: Counter[tuple[Signal, str]] = field(default_factory=Counter)


class Intake:
    """Takes requests into a journal. `accept` may be called from any thread."""

    def __init__(self, journal: Journal, limits: Limits = LIMITS) -> None:
        self.limits = limits
        self._journal = journal
        self._lock = threading.Lock()
        self._stats = IntakeStats()

    def accept(self, payload: bytes, *, signal: Signal, encoding: Encoding) -> Verdict:
        """The verdict on `payload`; what it accepts is on the disk when this returns.

        Raises: DecodeError (not OTLP), JournalFull, JournalError: then nothing was taken.
        Edge:   A request of which nothing is accepted is not journalled.
        """
        verdict = check(payload, signal=signal, encoding=encoding, limits=self.limits)
        stored = True
        if verdict.accepted:
            stored = self._journal.append(
                payload, signal=signal, encoding=encoding, rejected=verdict.rejected
            )
        with self._lock:
            self._stats.requests[signal] += 1
            self._stats.accepted_records[signal] += verdict.accepted
            self._stats.rejected_records[signal] += len(verdict.rejected)
            self._stats.duplicates[signal] += not stored
        return verdict

    def count_refusal(self, signal: Signal, reason: str) -> None:
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
