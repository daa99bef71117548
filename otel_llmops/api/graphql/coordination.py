"""CoordinationGraph of the contract, and what its shape says; worked out only where asked for."""

import asyncio
from datetime import datetime
from typing import Self

import strawberry
from strawberry.scalars import JSON

from otel_llmops.api.graphql.context import Context, copied, queries_of
from otel_llmops.api.graphql.scalars import Long
from otel_llmops.api.graphql.types import AgentType, HandoffKind
from otel_llmops.storage import coordination as answers
from otel_llmops.views.coordination import FORMATS, export

__all__ = ["CoordinationGraph", "coordination_graph"]


@strawberry.type
class CoordinationNode:
    """An agent, with its work in the session or the time asked for."""

    agent: str
    type: AgentType
    invocations: Long
    llm_calls: Long
    input_tokens: Long
    output_tokens: Long
    total_tokens: Long
    cost_usd: float | None
    errors: Long
    handoffs_in: Long
    handoffs_out: Long

    @classmethod
    def of(cls, answer: answers.CoordinationNode) -> Self:
        """The type of this answer."""
        return cls(**copied(cls, answer) | {"type": AgentType.of(answer.type)})


@strawberry.type(
    description="All handoffs from one agent to another. avgLatencyMs is over the timed ones, 0 "
    "where none is; tokens and costUsd are of the activations that they led to; failed did not "
    "complete; of the judged it is known what their sender may hand to, outside were not to these."
)
class CoordinationEdge:
    """An edge of the graph."""

    from_agent: str
    to_agent: str
    handoffs: Long
    quality: float
    avg_latency_ms: float
    timed: Long
    kinds: list[HandoffKind]
    failed: Long
    judged: Long
    outside: Long
    tokens: Long
    cost_usd: float | None

    @classmethod
    def of(cls, answer: answers.CoordinationEdge) -> Self:
        """The type of this answer."""
        return cls(**copied(cls, answer) | {"kinds": [HandoffKind(kind) for kind in answer.kinds]})


@strawberry.type
class PingPong:
    """Two agents that hand to each other; `back` is from the second to the first."""

    agents: list[str]
    handoffs: Long
    back: Long


@strawberry.type
class Broker:
    """An agent that others need to reach each other; `betweenness` is from 0 to 1."""

    agent: str
    betweenness: float


Root = strawberry.Parent["CoordinationGraph"]


def _nodes(root: Root) -> list[CoordinationNode]:
    return [CoordinationNode.of(node) for node in root.answer.nodes]


def _edges(root: Root) -> list[CoordinationEdge]:
    return [CoordinationEdge.of(edge) for edge in root.answer.edges]


async def _cycles(root: Root) -> list[list[str]]:
    return await asyncio.to_thread(lambda: root.answer.cycles)


def _ping_pongs(root: Root) -> list[PingPong]:
    return [
        PingPong(agents=[agent, other], handoffs=Long(there), back=Long(back))
        for agent, other, there, back in root.answer.ping_pongs
    ]


async def _brokers(root: Root) -> list[Broker]:
    found = await asyncio.to_thread(lambda: root.answer.brokers)
    return [Broker(agent=agent, betweenness=share) for agent, share in found]


async def _communities(root: Root) -> list[list[str]]:
    return await asyncio.to_thread(lambda: root.answer.communities)


def _entry_agents(root: Root) -> list[str]:
    return root.answer.entry_agents


def _exit_agents(root: Root) -> list[str]:
    return root.answer.exit_agents


def _dead_ends(root: Root) -> list[str]:
    return root.answer.dead_ends


def _outside_share(root: Root) -> float | None:
    return root.answer.outside_share


def _export(root: Root, format: str) -> JSON:  # noqa: A002 - the contract's name
    return JSON(export(format, root.answer.nodes, root.answer.edges))


@strawberry.type
class CoordinationGraph:
    """Who hands to whom: agents and edges, those with most handoffs first."""

    answer: strawberry.Private[answers.CoordinationGraph]
    session_id: str | None
    omitted_agents: Long = strawberry.field(description="How many are too many to be in it.")
    omitted_edges: Long = strawberry.field(description="How many are too many to be in it.")
    nodes: list[CoordinationNode] = strawberry.field(
        resolver=_nodes, description="Agents, most handoffs first, then by name."
    )
    edges: list[CoordinationEdge] = strawberry.field(
        resolver=_edges, description="Most handoffs first, then by names."
    )
    cycles: list[list[str]] = strawberry.field(
        resolver=_cycles,
        description="For every agent that control comes back to, a shortest way; shortest first.",
    )
    ping_pongs: list[PingPong] = strawberry.field(
        resolver=_ping_pongs, description="Pairs that hand to each other, the busiest first."
    )
    brokers: list[Broker] = strawberry.field(
        resolver=_brokers, description="Highest betweenness first; an estimate in large graphs."
    )
    communities: list[list[str]] = strawberry.field(
        resolver=_communities,
        description="Groups that hand over among themselves more than to others (Louvain).",
    )
    entry_agents: list[str] = strawberry.field(
        resolver=_entry_agents, description="Who hands over, and is handed nothing."
    )
    exit_agents: list[str] = strawberry.field(
        resolver=_exit_agents, description="Who is handed to, and hands to nobody."
    )
    dead_ends: list[str] = strawberry.field(
        resolver=_dead_ends,
        description="Exit agents to whom at least half of what is handed fails.",
    )
    outside_share: float | None = strawberry.field(
        resolver=_outside_share,
        description="Of the handoffs whose sender declares whom it may hand to, the share to "
        "others; null where nobody declares any.",
    )
    export: JSON = strawberry.field(
        resolver=_export, description=f"As a picture: {', '.join(FORMATS)}."
    )

    @classmethod
    def of(cls, answer: answers.CoordinationGraph) -> Self:
        """The type of this answer."""
        return cls(
            answer=answer,
            session_id=answer.session_id,
            omitted_agents=Long(answer.omitted_agents),
            omitted_edges=Long(answer.omitted_edges),
        )


async def coordination_graph(
    info: Context,
    session_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> CoordinationGraph | None:
    """Query.coordinationGraph."""
    found = await queries_of(info).coordination_graph(session_id, since=since, until=until)
    return CoordinationGraph.of(found) if found else None
