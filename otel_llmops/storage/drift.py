"""Context drift as an answer: how far each handoff of a session moved, and what tells it."""

from dataclasses import dataclass
from datetime import datetime

from otel_llmops.storage.seams import Row

__all__ = ["ContextDrift", "context_drift"]

_SHARES = (
    "request_kept",
    "answer_kept",
    "facts_known",
    "on_topic",
    "growth",
    "repeated_prefix",
    "tools_changed",
)


@dataclass(frozen=True, slots=True)
class ContextDrift:
    """One handoff. `score` is from 0 to 1; with the method `no content captured` it is 0 and says
    nothing. What is None has no evidence (docs/quality.md).
    """

    session_id: str
    trace_id: str
    from_agent: str | None
    to_agent: str
    score: float
    method: str
    at: datetime
    handoff_id: str
    request_kept: float | None
    answer_kept: float | None
    facts_known: float | None
    on_topic: float | None
    growth: float | None
    repeated_prefix: float | None
    tools_changed: float | None
    bytes_read: int
    bytes_cut: int


def context_drift(row: Row) -> ContextDrift:
    """A row of context_drift."""
    return ContextDrift(
        session_id=row["session_id"],
        trace_id=row["trace_id"],
        from_agent=row["from_agent"] or None,
        to_agent=row["to_agent"],
        score=row["score"],
        method=row["method"],
        at=row["started_at"],
        handoff_id=row["handoff_id"],
        bytes_read=row["bytes_read"],
        bytes_cut=row["bytes_cut"],
        **{name: row[name] for name in _SHARES},
    )
