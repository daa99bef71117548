"""The receiver's figures as Prometheus reads them.

Names: otel_llmops_<what>_<unit>, counters end in _total (Prometheus, "Metric and label naming").
Labels have few values: a signal, a reason out of those written in this room.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from otel_llmops.journal import JournalStats
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


class _Metric(NamedTuple):
    name: str
    kind: str
    about: str
    values: Mapping[str, float]
    """Labels, as they are written -> value."""


def metrics_text(figures: Figures) -> str:
    """The exposition format, version 0.0.4."""
    lines: list[str] = []
    for metric in (*_received(figures), *_in_flight(figures), *_journal(figures)):
        name = f"otel_llmops_{metric.name}"
        lines += [f"# HELP {name} {metric.about}", f"# TYPE {name} {metric.kind}"]
        lines += [f"{name}{labels} {value}" for labels, value in sorted(metric.values.items())]
    return "\n".join([*lines, ""])


def _received(figures: Figures) -> Iterable[_Metric]:
    intake = figures.intake
    by_signal = (
        ("received_requests_total", "Requests answered with success.", intake.requests),
        ("received_records_total", "Records accepted.", intake.accepted_records),
        ("rejected_records_total", "Records rejected in partial success.", intake.rejected_records),
        ("duplicate_requests_total", "Requests that were journalled before.", intake.duplicates),
    )
    for name, about, counts in by_signal:
        values = {_labels(signal=signal.name.lower()): n for signal, n in counts.items()}
        yield _Metric(name, "counter", about, values)
    refused = {
        _labels(signal=signal.name.lower() if signal else "none", reason=reason): n
        for (signal, reason), n in intake.refused.items()
    }
    yield _Metric("refused_requests_total", "counter", "Requests answered with an error.", refused)


def _in_flight(figures: Figures) -> Iterable[_Metric]:
    yield _gauge("inflight_requests", "Requests being answered.", figures.calls)
    yield _gauge("http_connections", "Open HTTP connections.", figures.connections)
    yield _gauge("inflight_bytes", "Memory that requests may hold now.", figures.memory_bytes)
    about = "Memory that requests may hold at most."
    yield _gauge("inflight_bytes_max", about, figures.memory_bytes_max)


def _journal(figures: Figures) -> Iterable[_Metric]:
    stats = figures.journal
    counters = (
        ("journal_records_total", "Requests journalled.", stats.appended_records),
        ("journal_bytes_total", "Bytes journalled.", stats.appended_bytes),
        ("journal_commits_total", "Groups made durable.", stats.commits),
        ("journal_refused_total", "Requests the journal did not take.", stats.refused),
        ("journal_failures_total", "Groups the disk did not take.", stats.failures),
        ("journal_lost_records_total", "Acknowledged, not written.", stats.lost_records),
        ("journal_deleted_segments_total", "Segments deleted.", stats.deleted_segments),
    )
    for name, about, value in counters:
        yield _Metric(name, "counter", about, {"": value})
    backlog = "Bytes that a required consumer has not passed."
    yield _gauge("journal_backlog_bytes", backlog, stats.backlog_bytes)
    yield _gauge("journal_budget_bytes", "The most it may be.", figures.journal_budget_bytes)
    yield _gauge("journal_stored_bytes", "Bytes on the disk.", stats.stored_bytes)
    yield _gauge("journal_segments", "Files on the disk.", stats.segments)
    damaged = "Runs of bytes that were no record when the journal was opened."
    yield _gauge("journal_damaged_records", damaged, stats.damaged_records)
    yield _gauge("journal_torn_bytes", "Cut off when it was opened.", stats.torn_bytes)


def _gauge(name: str, about: str, value: float) -> _Metric:
    return _Metric(name, "gauge", about, {"": value})


def _labels(**labels: str) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"
