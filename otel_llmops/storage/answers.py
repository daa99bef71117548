"""What the queries answer with: one frozen dataclass for each type of the API.

Times are aware datetimes in UTC; durations are milliseconds as the API shows them; tokens and
counts are unbounded Python integers.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

__all__ = [
    "AgentSummary",
    "Bottleneck",
    "Handoff",
    "HandoffQuality",
    "LedgerEntry",
    "SessionSummary",
    "TokenUse",
    "UsagePoint",
]


@dataclass(frozen=True, slots=True)
class AgentSummary:
    """An agent over all its sessions in the window asked for."""

    name: str
    role: str | None
    type: str
    description: str | None
    can_handoff_to: list[str]
    models: list[str]
    services: list[str]
    invocations: int
    llm_calls: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    latency_ms_p50: float | None
    latency_ms_p95: float | None
    handoffs_out: int
    handoffs_in: int
    first_seen: datetime
    last_seen: datetime

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class HandoffQuality:
    """The parts of a handoff's quality, each in [0, 1], None where there is no evidence."""

    completed: float | None
    context_kept: float | None
    no_bounce: float | None
    promptness: float | None
    allowed: float | None


@dataclass(frozen=True, slots=True)
class Handoff:
    """One handoff with all that it rests on.

    `confidence` is of the handoff, `quality_confidence` of its quality: how many of the parts there
    are.
    """

    id: str
    session_id: str
    trace_id: str
    from_agent: str
    to_agent: str
    kind: str
    started_at: datetime
    latency_ms: float | None
    quality: float
    quality_parts: HandoffQuality
    quality_confidence: float
    confidence: float
    evidence: list[str]
    from_span_id: str | None
    to_span_id: str | None
    final: bool


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """One session. `ledger` and `tokens` are asked for apart (Queries.ledger, Queries.tokens).

    `cost_usd` is of the models whose price is known; `residual_tokens` what the ledger cannot
    place, 0 where all is well; `analysis_version` says which version of the analysis found it.
    """

    session_id: str
    trace_ids: list[str]
    agents: list[str]
    started_at: datetime
    duration_ms: float
    handoffs: int
    llm_calls: int
    input_tokens: int
    output_tokens: int
    residual_tokens: int
    cost_usd: float | None
    errors: int
    drift_score: float | None
    completeness: float
    final: bool
    analysis_version: int


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What one span reported, what counts as its own, and by which rule.

    Cached and reasoning tokens are parts of input and output. `above_span_id` is the nearest span
    above that reports usage too.
    """

    session_id: str
    trace_id: str
    span_id: str
    above_span_id: str | None
    span_name: str
    kind: str
    agent: str | None
    model: str | None
    started_at: datetime
    reported_input_tokens: int
    reported_output_tokens: int
    reported_cache_read_tokens: int
    reported_cache_write_tokens: int
    reported_reasoning_tokens: int
    own_input_tokens: int
    own_output_tokens: int
    residual_tokens: int
    rule: str
    conflict: bool

    @property
    def reported_tokens(self) -> int:
        """Input and output together."""
        return self.reported_input_tokens + self.reported_output_tokens

    @property
    def own_tokens(self) -> int:
        """Input and output together."""
        return self.own_input_tokens + self.own_output_tokens


@dataclass(frozen=True, slots=True)
class TokenUse:
    """What one agent spent on one model in one session, each token once.

    Cached and reasoning tokens are parts of input and output. `cost_usd` is of what has a known
    price; `unpriced_tokens` have none.
    """

    session_id: str
    agent: str | None
    model: str | None
    llm_calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost_usd: float | None
    unpriced_tokens: int


@dataclass(frozen=True, slots=True)
class UsagePoint:
    """What happened in one step of time that begins `at`."""

    at: datetime
    sessions: int
    handoffs: int
    llm_calls: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    latency_ms_p95: float | None


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """What holds sessions up; times are means over the sessions in which it was found.

    `operation` is what is called, None for what the agent does by itself; `impact` in [0, 1] is
    what `severity` is made of; `path_ms_p50` and `path_ms_p95` are of self and waiting time
    together, by session; `usual_ms` is what one such call usually takes others.
    """

    agent: str
    operation: str | None
    kind: str | None
    model: str | None
    tool: str | None
    cause: str
    severity: str
    impact: float
    critical_path_share: float
    self_time_ms: float
    wait_ms: float
    path_ms_p50: float | None
    path_ms_p95: float | None
    occurrences: int
    calls: int
    path_calls: int
    errors: int
    retries: int
    usual_ms: float | None
    input_tokens_per_call: float
    output_tokens_per_call: float
    usual_input_tokens: float | None
    token_share: float
    error_rate: float
    saving_ms_low: float
    saving_ms_high: float
    serial_ms: float
    recommendation: str
    example_trace_id: str
    example_span_id: str

    def with_recommendation(self, text: str) -> Self:
        """The same with what to do about it."""
        return replace(self, recommendation=text)
