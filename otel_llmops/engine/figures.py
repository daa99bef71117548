"""The engine's figures as Prometheus reads them; names and rules in otel_llmops/metrics.py."""

from collections.abc import Iterable, Mapping

from otel_llmops.metrics import Metric, one

__all__ = ["engine_metrics"]

_COUNTERS = (
    ("stored_requests_total", "requests", "Requests that passed from the journal to the store."),
    ("exported_spans_total", "spans", "Spans that the store took."),
    ("exported_log_events_total", "log_events", "Log events that the store took."),
    ("export_batches_total", "batches", "Ranges of the journal that were stored."),
    ("export_retries_total", "export_retries", "Calls of the store that were made again."),
    ("engine_disk_retries_total", "disk_retries", "Calls of the disk that were made again."),
    (
        "quarantined_requests_total",
        "requests_quarantined",
        "Requests that were put aside, because nobody could read them or the store refused them.",
    ),
    (
        "damaged_records_total",
        "damaged_records",
        "Runs of bytes in the journal that are no record.",
    ),
    ("damaged_bytes_total", "damaged_bytes", "Bytes of these runs."),
    ("journal_gaps_total", "gaps", "Times that what was to be read next had been deleted."),
    ("analyses_total", "analyses", "Analyses, each of all sessions that were due."),
    ("analysis_seconds_total", "analysis_s", "Time that they took."),
    ("sessions_analysed_total", "sessions_analysed", "Sessions that were analysed and stored."),
    ("sessions_deleted_total", "sessions_deleted", "Sessions that somebody had deleted."),
    ("analyses_failed_total", "analyses_failed", "Traces that could not be analysed."),
)
_GAUGES = (
    ("quarantine_requests", "quarantined", "Requests that lie in the quarantine folder."),
    ("growing_traces", "growing_traces", "Traces that no final analysis has seen."),
    ("recent_spans", "recent_spans", "Spans in memory."),
    ("recent_bytes", "recent_bytes", "Bytes of these spans."),
)


def engine_metrics(figures: Mapping[str, float], *, store_is_up: bool) -> Iterable[Metric]:
    """Metrics out of `Engine.figures()`."""
    for name, key, about in _COUNTERS:
        yield one(name, "counter", about, figures[key])
    for name, key, about in _GAUGES:
        yield one(name, "gauge", about, figures[key])
    about = "1 where the store did what it was last asked, 0 while it is waited for."
    yield one("store_up", "gauge", about, int(store_is_up))
