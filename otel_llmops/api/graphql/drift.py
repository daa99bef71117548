"""The field contextDrift and its type."""

from datetime import datetime
from typing import Self

import strawberry

from otel_llmops.api.graphql.context import Context, copied, queries_of
from otel_llmops.api.graphql.scalars import Long
from otel_llmops.api.parameters import page
from otel_llmops.storage import drift
from otel_llmops.storage.queries import LIMIT_MAX

__all__ = ["ContextDrift", "context_drift"]


@strawberry.type
class ContextDrift:
    """How far what an agent works on has moved from what was asked and handed over.

    The method says how the score was found; with `no content captured` it is 0 and says nothing.
    Shares are null where there is no evidence.
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
    bytes_read: Long
    bytes_cut: Long

    @classmethod
    def of(cls, answer: drift.ContextDrift) -> Self:
        """The type of this answer."""
        return cls(**copied(cls, answer))


async def context_drift(
    info: Context, session_id: str, limit: int | None = None, offset: int | None = None
) -> list[ContextDrift]:
    """The handoffs of a session, in their order."""
    rows, skipped = page(limit, offset, otherwise=LIMIT_MAX)
    found = await queries_of(info).context_drift(session_id, limit=rows, offset=skipped)
    return [ContextDrift.of(answer) for answer in found]
