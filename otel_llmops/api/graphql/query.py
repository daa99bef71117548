"""The fields of Query: each reads its arguments, asks one query, and shapes the answer."""

from collections.abc import Iterable
from datetime import datetime

import strawberry
from strawberry.types.nodes import SelectedField, Selection

from otel_llmops.api.graphql.bottlenecks import BottleneckInfo, bottlenecks
from otel_llmops.api.graphql.coalitions import Coalition
from otel_llmops.api.graphql.coalitions import coalitions as _coalitions
from otel_llmops.api.graphql.context import Context, queries_of
from otel_llmops.api.graphql.coordination import CoordinationGraph
from otel_llmops.api.graphql.coordination import coordination_graph as _coordination_graph
from otel_llmops.api.graphql.drift import ContextDrift, context_drift
from otel_llmops.api.graphql.timeline import Message, Stretch, messages, timeline
from otel_llmops.api.graphql.topology import TopologyQuery
from otel_llmops.api.graphql.types import Agent, AgentHandoff, AgentType, Session, UsagePoint
from otel_llmops.api.parameters import page, share
from otel_llmops.storage.agents import AgentPart
from otel_llmops.storage.usage import BUCKETS_DEFAULT

__all__ = ["Query"]

_PARTS = {
    "latencyMsP50": AgentPart.LATENCY,
    "latencyMsP95": AgentPart.LATENCY,
    "handoffsOut": AgentPart.HANDOFFS,
    "handoffsIn": AgentPart.HANDOFFS,
    "firstSeen": AgentPart.SEEN,
    "lastSeen": AgentPart.SEEN,
}


def _chosen(selections: Iterable[Selection]) -> set[str]:
    """The names of the fields below these, those in fragments included."""
    below = [each for selection in selections for each in selection.selections]
    names = {each.name for each in below if isinstance(each, SelectedField)}
    fragments = [each for each in below if not isinstance(each, SelectedField)]
    return names | (_chosen(fragments) if fragments else set())


async def _agents(
    info: Context,
    type: AgentType | None = None,  # noqa: A002 - the contract's name
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
    offset: int | None = None,
) -> list[Agent]:
    rows, skipped = page(limit, offset)
    chosen = _chosen(info.selected_fields)
    found = await queries_of(info).agents(
        type=type.value if type else None,
        since=since,
        until=until,
        limit=rows,
        offset=skipped,
        parts={part for name, part in _PARTS.items() if name in chosen},
    )
    return [Agent.of(answer) for answer in found]


async def _agent(info: Context, name: str) -> Agent | None:
    answer = await queries_of(info).agent(name)
    return Agent.of(answer) if answer else None


async def _sessions(
    info: Context,
    agent: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
    offset: int | None = None,
) -> list[Session]:
    rows, skipped = page(limit, offset)
    found = await queries_of(info).sessions(
        agent=agent, since=since, until=until, limit=rows, offset=skipped
    )
    return [Session.of(answer) for answer in found]


async def _session(info: Context, session_id: str) -> Session | None:
    answer = await queries_of(info).session(session_id)
    return Session.of(answer) if answer else None


async def _handoffs(  # noqa: PLR0913, PLR0917 - the contract's arguments, given by name
    info: Context,
    session_id: str | None = None,
    agent: str | None = None,
    min_quality: float | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
    offset: int | None = None,
) -> list[AgentHandoff]:
    rows, skipped = page(limit, offset)
    found = await queries_of(info).handoffs(
        session_id=session_id,
        agent=agent,
        min_quality=share(min_quality, name="minQuality"),
        since=since,
        until=until,
        limit=rows,
        offset=skipped,
    )
    jaeger_url = info.context["jaeger_url"]
    return [AgentHandoff.of(answer, jaeger_url=jaeger_url) for answer in found]


async def _usage(
    info: Context,
    since: datetime | None = None,
    until: datetime | None = None,
    buckets: int | None = None,
) -> list[UsagePoint]:
    wanted = BUCKETS_DEFAULT if buckets is None else buckets
    found = await queries_of(info).usage(since=since, until=until, buckets=wanted)
    return [UsagePoint.of(answer) for answer in found]


@strawberry.type(
    description="What the spans tell; since and until bound the time of the spans behind an answer."
)
class Query(TopologyQuery):
    """The contract's Query, as far as it is built."""

    agents: list[Agent] = strawberry.field(
        resolver=_agents, description="Agents, most tokens first, then by name."
    )
    agent: Agent | None = strawberry.field(
        resolver=_agent, description="One agent over all its sessions, null where it is not known."
    )
    sessions: list[Session] = strawberry.field(
        resolver=_sessions, description="Sessions, newest first."
    )
    session: Session | None = strawberry.field(
        resolver=_session,
        description="One session, by any conversation id or trace id that it was ever known by.",
    )
    handoffs: list[AgentHandoff] = strawberry.field(
        resolver=_handoffs, description="Handoffs in the order in which they happened."
    )
    usage: list[UsagePoint] = strawberry.field(
        resolver=_usage,
        description="What was spent over time, in steps that people read (a minute, an hour, a "
        "day) and at most about as many as buckets; the last day, if nothing is said.",
    )
    coordination_graph: CoordinationGraph | None = strawberry.field(
        resolver=_coordination_graph,
        description="Who hands to whom, in a session (null where it is not known) or over all.",
    )
    coalitions: list[Coalition] = strawberry.field(
        resolver=_coalitions,
        description="Sets of agents that solve tasks together: recommended ones first, then by "
        "successRateLow, highest first.",
    )
    context_drift: list[ContextDrift] = strawberry.field(
        resolver=context_drift,
        description="How far the context moved at each handoff of a session, in their order; "
        "the first 1000 or as limit says.",
    )
    bottlenecks: list[BottleneckInfo] = strawberry.field(
        resolver=bottlenecks, description="What holds sessions up, most first."
    )
    timeline: list[Stretch] = strawberry.field(
        resolver=timeline,
        description="The spans of a session by start, with the critical path; the first 20,000 or "
        "as limit says.",
    )
    messages: list[Message] = strawberry.field(
        resolver=messages,
        description="What went into a span and came out of it, where it was captured, in order.",
    )
