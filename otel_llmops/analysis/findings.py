"""All that one analysis found, before it becomes tables."""

from dataclasses import dataclass

from otel_llmops.analysis.agents import Activations
from otel_llmops.analysis.code import Code
from otel_llmops.analysis.drift import Drift
from otel_llmops.analysis.edges import Edges
from otel_llmops.analysis.forest import Mask
from otel_llmops.analysis.readings import Readings
from otel_llmops.analysis.sessions import Sessions
from otel_llmops.analysis.tokens import Ledger

__all__ = ["Findings"]


@dataclass(frozen=True, slots=True)
class Findings:
    """`failure` marks spans that failed on their own account, `final` sessions that settled.

    `edges` are in the order of their rows, by session and start, and `drift` is in theirs.
    """

    readings: Readings
    sessions: Sessions
    acts: Activations
    ledger: Ledger
    edges: Edges
    drift: Drift
    code: Code
    failure: Mask
    final: Mask
