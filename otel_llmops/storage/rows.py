"""Rows of the derived tables as the dataclasses of the answers."""

import json

from otel_llmops.storage.answers import Handoff, HandoffQuality, LedgerEntry, SessionSummary
from otel_llmops.storage.seams import Row

__all__ = ["NS_PER_MS", "handoff", "ledger_entry", "listed", "session_summary"]

NS_PER_MS = 1e6

_LEDGER_COPIED = (
    "session_id",
    "trace_id",
    "span_id",
    "span_name",
    "kind",
    "started_at",
    "reported_input_tokens",
    "reported_output_tokens",
    "reported_cache_read_tokens",
    "reported_cache_write_tokens",
    "reported_reasoning_tokens",
    "own_input_tokens",
    "own_output_tokens",
    "residual_tokens",
    "rule",
)


def listed(text: str) -> list[str]:
    """A JSON list in a text column; empty text is an empty list."""
    if not text:
        return []
    found: list[str] = json.loads(text)
    return found


def handoff(row: Row) -> Handoff:
    """A row of agent_handoffs."""
    latency_ns = row["latency_ns"]
    return Handoff(
        id=row["handoff_id"],
        session_id=row["session_id"],
        trace_id=row["trace_id"],
        from_agent=row["from_agent"],
        to_agent=row["to_agent"],
        kind=row["kind"],
        started_at=row["started_at"],
        latency_ms=None if latency_ns is None else latency_ns / NS_PER_MS,
        quality=row["quality"],
        quality_parts=HandoffQuality(
            completed=row["completed"],
            context_kept=row["context_kept"],
            no_bounce=row["no_bounce"],
            promptness=row["promptness"],
            allowed=row["allowed"],
        ),
        quality_confidence=row["quality_confidence"],
        confidence=row["confidence"],
        evidence=listed(row["evidence"]),
        from_span_id=row["from_span_id"] or None,
        to_span_id=row["to_span_id"] or None,
        final=bool(row["final"]),
    )


def session_summary(row: Row) -> SessionSummary:
    """A row of sessions."""
    return SessionSummary(
        session_id=row["session_id"],
        trace_ids=listed(row["trace_ids"]),
        agents=listed(row["agents"]),
        started_at=row["started_at"],
        duration_ms=row["duration_ns"] / NS_PER_MS,
        handoffs=row["handoffs"],
        llm_calls=row["llm_calls"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        residual_tokens=row["residual_tokens"],
        cost_usd=row["cost_usd"],
        errors=row["errors"],
        drift_score=row["drift_score"],
        completeness=row["completeness"],
        final=bool(row["final"]),
        analysis_version=row["analysis_version"],
    )


def ledger_entry(row: Row) -> LedgerEntry:
    """A row of token_ledger."""
    return LedgerEntry(
        **{name: row[name] for name in _LEDGER_COPIED},
        above_span_id=row["above_span_id"] or None,
        agent=row["agent"] or None,
        model=row["model"] or None,
        conflict=bool(row["conflict"]),
    )
