"""Query.bottlenecks: what holds sessions up."""

from datetime import datetime
from enum import Enum
from typing import Self

import strawberry

from otel_llmops.api.graphql.context import Context, copied, queries_of
from otel_llmops.api.graphql.scalars import Long
from otel_llmops.api.parameters import page
from otel_llmops.storage import answers

__all__ = ["BottleneckCause", "BottleneckInfo", "Severity", "bottlenecks"]


@strawberry.enum
class Severity(Enum):
    """How much of a session's time it costs, by documented thresholds."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@strawberry.enum
class BottleneckCause(Enum):
    """What is wrong, in one word."""

    RATE_LIMIT = "rate_limit"
    RETRIES = "retries"
    FAILURES = "failures"
    WAITING = "waiting"
    SERIAL_CALLS = "serial_calls"
    LARGE_PROMPT = "large_prompt"
    SLOW_TOOL = "slow_tool"
    SLOW_MODEL = "slow_model"
    SLOW_AGENT = "slow_agent"
    DOMINANT = "dominant"


@strawberry.type
class BottleneckInfo:
    """What holds sessions up: an agent, and what it calls (null: what it does by itself).

    Times are means over the sessions in which it was found; the share is of their critical paths.
    """

    agent: str
    operation: str | None
    severity: Severity
    critical_path_share: float
    self_time_ms: float
    wait_ms: float
    occurrences: Long
    token_share: float
    error_rate: float
    saving_ms_low: float
    saving_ms_high: float
    recommendation: str
    example_trace_id: str
    cause: BottleneckCause
    kind: str | None
    model: str | None
    tool: str | None
    impact: float
    path_ms_p50: float | None
    path_ms_p95: float | None
    calls: Long
    path_calls: Long
    errors: Long
    retries: Long
    usual_ms: float | None
    input_tokens_per_call: float
    output_tokens_per_call: float
    usual_input_tokens: float | None
    serial_ms: float
    example_span_id: str
    trace_url: str | None

    @classmethod
    def of(cls, answer: answers.Bottleneck, *, jaeger_url: str) -> Self:
        """The type of this answer; `jaeger_url` is empty where no Jaeger is configured."""
        url = f"{jaeger_url.rstrip('/')}/trace/{answer.example_trace_id}" if jaeger_url else None
        return cls(
            **copied(cls, answer)
            | {
                "severity": Severity(answer.severity),
                "cause": BottleneckCause(answer.cause),
                "trace_url": url,
            }
        )


async def bottlenecks(
    info: Context,
    session_id: str | None = None,
    min_severity: Severity | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> list[BottleneckInfo]:
    """The field's resolver."""
    rows, _ = page(limit, None)
    found = await queries_of(info).bottlenecks(
        session_id=session_id,
        min_severity=min_severity.value if min_severity else None,
        since=since,
        until=until,
        limit=rows,
    )
    return [BottleneckInfo.of(answer, jaeger_url=info.context["jaeger_url"]) for answer in found]
