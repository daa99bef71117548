"""The receiver's figures as Prometheus reads them; names and rules in otel_llmops/metrics.py."""

from collections.abc import Iterable
from typing import NamedTuple

from otel_llmops.journal import JournalStats
from otel_llmops.metrics import Metric, exposition, labels, one
from otel_llmops.receiver.intake import IntakeStats

__all__ = ["Figures", "metrics_text"]


class Figures(NamedTuple):
    """All that is told; bytes are By."""

    intake: IntakeStats
    journal: JournalStats
    journal_budget_bytes: int
    calls: int
    connections: int
    memory_bytes: int
    memory_bytes_max: int


def metrics_text(figures: Figures) -> str:
    """The exposition format, version 0.0.4."""
    return exposition((*_received(figures), *_in_flight(figures), *_journal(figures)))


def _received(figures: Figures) -> Iterable[Metric]:
    intake = figures.intake
    by_signal = (
        ("received_requests_total", "Requests answered with success.", intake.requests),
        ("received_records_total", "Records accepted.", intake.accepted_records),
        ("rejected_records_total", "Records rejected in partial success.", intake.rejected_records),
        ("duplicate_requests_total", "Requests that were journalled before.", intake.duplicates),
    )
    for name, about, counts in by_signal:
        values = {labels(signal=signal.name.lower()): n for signal, n in counts.items()}
        yield Metric(name, "counter", about, values)
    refused = {
        labels(signal=signal.name.lower() if signal else "none", reason=reason): n
        for (signal, reason), n in intake.refused.items()
    }
    yield Metric("refused_requests_total", "counter", "Requests answered with an error.", refused)
    redacted = {
        labels(signal=signal.name.lower(), rule=rule): n
        for (signal, rule), n in intake.redacted.items()
    }
    yield Metric("redacted_values_total", "counter", "Values masked or dropped.", redacted)


def _in_flight(figures: Figures) -> Iterable[Metric]:
    yield _gauge("inflight_requests", "Requests being answered.", figures.calls)
    yield _gauge("http_connections", "Open HTTP connections.", figures.connections)
    yield _gauge("inflight_bytes", "Memory that requests may hold now.", figures.memory_bytes)
    about = "Memory that requests may hold at most."
    yield _gauge("inflight_bytes_max", about, figures.memory_bytes_max)


def _journal(figures: Figures) -> Iterable[Metric]:
    stats = figures.journal
    counters = (
        ("journal_records_total", "Requests journalled.", stats.appended_records),
        ("journal_bytes_total", "Bytes journalled.", stats.appended_bytes),
        ("journal_commits_total", "Groups made durable.", stats.commits),
        ("journal_refused_total", "Requests the journal did not take.", stats.refused),
        (
            "journal_failures_total",
            "Times that the disk did not do what was asked.",
            stats.failures,
        ),
        ("journal_lost_records_total", "Acknowledged, not written.", stats.lost_records),
        ("journal_deleted_segments_total", "Segments deleted.", stats.deleted_segments),
    )
    for name, about, value in counters:
        yield one(name, "counter", about, value)
    backlog = "Bytes that a required consumer has not passed."
    yield _gauge("journal_backlog_bytes", backlog, stats.backlog_bytes)
    yield _gauge("journal_budget_bytes", "The most it may be.", figures.journal_budget_bytes)
    yield _gauge("journal_stored_bytes", "Bytes on the disk.", stats.stored_bytes)
    yield _gauge("journal_segments", "Files on the disk.", stats.segments)
    damaged = "Runs of bytes that were no record when the journal was opened."
    yield _gauge("journal_damaged_records", damaged, stats.damaged_records)
    yield _gauge("journal_torn_bytes", "Cut off when it was opened.", stats.torn_bytes)


def _gauge(name: str, about: str, value: float) -> Metric:
    return one(name, "gauge", about, value)
