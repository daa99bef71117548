"""CONTEXT_DRIFT rows, and what a session's handoffs come to."""

import numpy as np
import pyarrow as pa

from otel_llmops.analysis.columns import known_or_null
from otel_llmops.analysis.drift import METHODS, NO_CONTENT
from otel_llmops.analysis.findings import Findings

__all__ = ["drift_rows", "session_scores"]

_SHARES = (
    "request_kept",
    "answer_kept",
    "facts_known",
    "on_topic",
    "growth",
    "repeated_prefix",
    "tools_changed",
)
_COPIED = (
    "session_id",
    "trace_id",
    "from_agent",
    "to_agent",
    "started_at",
    "handoff_id",
    "ordinal",
)


def drift_rows(found: Findings, passed: pa.Table) -> pa.Table:
    """A row for each row of HANDOFFS, in its order."""
    drift = found.drift
    methods = pa.array(METHODS, pa.string())
    return pa.table(
        {
            **{name: passed.column(name) for name in _COPIED},
            "score": drift.score,
            "method": methods.take(pa.array(drift.method)),
            "bytes_read": drift.bytes_read,
            "bytes_cut": drift.bytes_cut,
            **{name: known_or_null(getattr(drift, name)) for name in _SHARES},
        }
    )


def session_scores(found: Findings) -> pa.Array:
    """The drift of each session, null where no content tells: half the worst, half the mean.

    One bad handoff has to show, and one odd score among many should not look like one.
    """
    drift, acts = found.drift, found.acts
    session = found.sessions.session[acts.head[found.edges.target]]
    count = len(found.sessions.ids)
    known = drift.method != NO_CONTENT
    session, score = session[known], drift.score[known]
    times = np.bincount(session, minlength=count)
    # added up in an order of their own, so that the order of the rows does not matter
    order = np.lexsort((score, session))
    total = np.bincount(session[order], weights=score[order], minlength=count)
    worst = np.zeros(count)
    np.maximum.at(worst, session, score)
    mean = total / np.maximum(times, 1)
    return pa.array((worst + mean) / 2, mask=times == 0)
