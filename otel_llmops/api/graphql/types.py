"""Types of the contract, each filled from the answer of the same name.

Strategy: a type repeats the fields of its answer (storage/answers.py) in the contract's own
order and nullability; `copied` moves the values, so a field that one side lacks fails at once.
"""

from datetime import datetime
from enum import Enum
from typing import Self

import strawberry
from strawberry.dataloader import DataLoader

from otel_llmops.api.graphql.context import Context, copied
from otel_llmops.api.graphql.scalars import Long
from otel_llmops.api.parameters import page
from otel_llmops.storage import answers
from otel_llmops.storage.queries import LIMIT_MAX

__all__ = [
    "Agent",
    "AgentHandoff",
    "AgentType",
    "HandoffKind",
    "HandoffQuality",
    "LedgerEntry",
    "Session",
    "TokenUse",
]


@strawberry.enum
class AgentType(Enum):
    """What part an agent plays."""

    PRIMARY = "primary"
    ORCHESTRATOR = "orchestrator"
    SPECIALIST = "specialist"
    TOOL = "tool"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, text: str) -> Self:
        """The member of this text; a type of agent that the contract lacks is UNKNOWN."""
        known = {member.value for member in cls}
        return cls(text if text in known else "unknown")


@strawberry.enum
class HandoffKind(Enum):
    """How control passes from one agent to another."""

    TRANSFER = "transfer"
    DELEGATION = "delegation"
    SEQUENCE = "sequence"
    FAN_OUT = "fan_out"


@strawberry.type
class Agent:
    """An agent, over all its sessions in the time asked for."""

    name: str
    role: str | None
    type: AgentType
    description: str | None
    can_handoff_to: list[str]
    models: list[str]
    services: list[str]
    invocations: Long
    llm_calls: Long
    errors: Long
    input_tokens: Long
    output_tokens: Long
    total_tokens: Long
    cost_usd: float | None
    latency_ms_p50: float | None
    latency_ms_p95: float | None
    handoffs_out: Long
    handoffs_in: Long
    first_seen: datetime
    last_seen: datetime

    @classmethod
    def of(cls, answer: answers.AgentSummary) -> Self:
        """The type of this answer."""
        return cls(**copied(cls, answer) | {"type": AgentType.of(answer.type)})


@strawberry.type
class HandoffQuality:
    """The parts of a handoff's quality, each from 0 to 1, null where there is no evidence."""

    completed: float | None
    context_kept: float | None
    no_bounce: float | None
    promptness: float | None
    allowed: float | None


@strawberry.type
class AgentHandoff:
    """One handoff with all that it rests on."""

    id: strawberry.ID
    session_id: str
    trace_id: str
    from_agent: str
    to_agent: str
    kind: HandoffKind
    started_at: datetime
    latency_ms: float | None
    quality: float
    quality_parts: HandoffQuality
    confidence: float
    quality_confidence: float
    evidence: list[str]
    from_span_id: str | None
    to_span_id: str | None
    final: bool
    trace_url: str | None

    @classmethod
    def of(cls, answer: answers.Handoff, *, jaeger_url: str) -> Self:
        """The type of this answer; `jaeger_url` is empty where no Jaeger is configured."""
        return cls(
            **copied(cls, answer)
            | {
                "id": strawberry.ID(answer.id),
                "kind": HandoffKind(answer.kind),
                "quality_parts": HandoffQuality(**copied(HandoffQuality, answer.quality_parts)),
                "trace_url": f"{jaeger_url.rstrip('/')}/trace/{answer.trace_id}"
                if jaeger_url
                else None,
            }
        )


@strawberry.type
class LedgerEntry:
    """What one span reported, what counts as its own, and by which rule.

    Cached and reasoning tokens are parts of input and output.
    """

    span_id: str
    span_name: str
    agent: str | None
    reported_tokens: Long
    own_tokens: Long
    rule: str
    conflict: bool
    trace_id: str
    above_span_id: str | None
    kind: str
    model: str | None
    started_at: datetime
    reported_input_tokens: Long
    reported_output_tokens: Long
    reported_cache_read_tokens: Long
    reported_cache_write_tokens: Long
    reported_reasoning_tokens: Long
    own_input_tokens: Long
    own_output_tokens: Long
    residual_tokens: Long

    @classmethod
    def of(cls, answer: answers.LedgerEntry) -> Self:
        """The type of this answer."""
        return cls(**copied(cls, answer))


@strawberry.type
class TokenUse:
    """What one agent spent on one model in one session, each token once.

    Cached and reasoning tokens are parts of input and output; unpricedTokens have no known price.
    """

    agent: str | None
    model: str | None
    llm_calls: Long
    input_tokens: Long
    output_tokens: Long
    cache_read_tokens: Long
    cache_write_tokens: Long
    reasoning_tokens: Long
    cost_usd: float | None
    unpriced_tokens: Long

    @classmethod
    def of(cls, answer: answers.TokenUse) -> Self:
        """The type of this answer."""
        return cls(**copied(cls, answer))


LedgerLoader = DataLoader[tuple[str, int, int], list[answers.LedgerEntry]]
"""By session, limit and offset."""


async def _ledger(
    root: strawberry.Parent["Session"],
    info: Context,
    limit: int | None = None,
    offset: int | None = None,
) -> list[LedgerEntry]:
    loader: LedgerLoader = info.context["ledger"]
    rows, skipped = page(limit, offset, otherwise=LIMIT_MAX)
    found = await loader.load((root.session_id, rows, skipped))
    return [LedgerEntry.of(entry) for entry in found]


TokensLoader = DataLoader[str, list[answers.TokenUse]]


async def _tokens(
    root: strawberry.Parent["Session"],
    info: Context,
    limit: int | None = None,
    offset: int | None = None,
) -> list[TokenUse]:
    loader: TokensLoader = info.context["tokens"]
    rows, skipped = page(limit, offset, otherwise=LIMIT_MAX)
    found = await loader.load(root.session_id)
    return [TokenUse.of(use) for use in found[skipped : skipped + rows]]


@strawberry.type
class Session:
    """A conversation, or a trace without one."""

    session_id: str
    trace_ids: list[str]
    agents: list[str]
    started_at: datetime
    duration_ms: float
    handoffs: Long
    llm_calls: Long
    input_tokens: Long
    output_tokens: Long
    cost_usd: float | None
    errors: Long
    drift_score: float | None
    completeness: float
    final: bool
    analysis_version: int = strawberry.field(
        description="Which version of the analysis found this; otel-llmops reanalyze brings it up."
    )
    residual_tokens: Long = strawberry.field(
        description="What was reported and cannot be placed: 0, or the ledger says where."
    )

    tokens: list[TokenUse] = strawberry.field(
        resolver=_tokens,
        description="By agent and model, most tokens first; the first 1000 or as limit says.",
    )
    ledger: list[LedgerEntry] = strawberry.field(
        resolver=_ledger,
        description="Why each number is what it is, in the order of the spans; the first 1000 or "
        "as limit says.",
    )

    @classmethod
    def of(cls, answer: answers.SessionSummary) -> Self:
        """The type of this answer."""
        return cls(**copied(cls, answer))


@strawberry.type
class UsagePoint:
    """What happened in one step of time, which begins `at`."""

    at: datetime
    sessions: Long
    handoffs: Long
    llm_calls: Long
    errors: Long
    input_tokens: Long
    output_tokens: Long
    cost_usd: float | None
    latency_ms_p95: float | None = strawberry.field(
        description="Of the activations of agents; null where none began."
    )

    @classmethod
    def of(cls, answer: answers.UsagePoint) -> Self:
        """The type of this answer."""
        return cls(**copied(cls, answer))
