"""Coalition of the contract."""

from datetime import datetime
from typing import Self

import strawberry

from otel_llmops.analysis.coalitions import Coalition as Answer
from otel_llmops.api.graphql.context import Context, copied, queries_of
from otel_llmops.api.graphql.scalars import Long
from otel_llmops.api.parameters import page

__all__ = ["Coalition", "coalitions"]


@strawberry.type(
    description="A set of agents on tasks of one type. exact: counted are sessions of exactly "
    "these agents, else of these and others. baseRate is the success rate of the task type's "
    "other sessions; lift how many times as often the set works on these tasks as by chance, drawn "
    "to 1 where sessions are few; pValue how likely it would differ so much from the others by "
    "chance; docs/coalitions.md says more."
)
class Coalition:
    """A coalition."""

    agents: list[str]
    task_type: str | None
    sessions: Long
    successes: Long
    success_rate: float
    success_rate_low: float = strawberry.field(
        description="The lower end of its 95 % interval (Wilson)."
    )
    base_rate: float | None
    lift: float
    avg_tokens: float
    avg_duration_ms: float
    exact: bool
    p_value: float | None
    community: bool
    recommended: bool
    avoid: bool

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """The type of this answer."""
        return cls(**copied(cls, answer) | {"task_type": answer.task_type or None})


async def coalitions(
    info: Context,
    task_type: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> list[Coalition]:
    """Query.coalitions."""
    rows, _ = page(limit, None)
    found = await queries_of(info).coalitions(
        task_type=task_type, since=since, until=until, limit=rows
    )
    return [Coalition.of(each) for each in found]
