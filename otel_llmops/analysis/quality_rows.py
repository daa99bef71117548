"""The quality of each handoff of an analysis: its parts, gathered."""

import numpy as np
import pyarrow as pa

from otel_llmops.analysis.findings import Findings
from otel_llmops.analysis.quality import (
    Quality,
    allowed,
    combined,
    no_bounce,
    promptness,
    succeeded,
)

__all__ = ["quality_of"]


def quality_of(found: Findings, latency: pa.Array) -> Quality:
    """Quality, a row for each of the handoffs, whose latencies are given, in their order."""
    readings, acts, edges = found.readings, found.acts, found.edges
    session = found.sessions.session[acts.head[edges.target]]
    return combined(
        {
            "completed": succeeded(readings, acts)[edges.target].astype(np.float64),
            "context_kept": found.drift.context_kept,
            "no_bounce": no_bounce(readings, acts, edges, session),
            "promptness": promptness(readings, acts, edges, latency),
            "allowed": allowed(readings, acts, edges),
        }
    )
