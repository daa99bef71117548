"""What is told while it happens, over graphql-transport-ws.

Strategy: the feed says what changed, and a field shapes it. Where only the newest state matters
(agents), changes that come together are told once, and no more often than somebody can read.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import strawberry

from otel_llmops.api.graphql.context import Context, feed_of, queries_of
from otel_llmops.api.graphql.coordination import CoordinationGraph
from otel_llmops.api.graphql.types import Agent, AgentHandoff

__all__ = ["REST_S", "Subscription"]

REST_S = 1.0
"""A whole state is told no more often."""


@strawberry.type(description="What is told while it happens, from the subscription on.")
class Subscription:
    """The contract's Subscription, as far as it is built."""

    @strawberry.subscription(  # type: ignore[untyped-decorator]  # strawberry tells no type
        description="Each handoff when it is first seen, and again when it has changed (final)."
    )
    async def handoffs(
        self, info: Context, session_id: str | None = None
    ) -> AsyncGenerator[AgentHandoff, None]:
        """Of one session, or of all."""
        jaeger_url = info.context["jaeger_url"]
        async with aclosing(feed_of(info).changes(session_id=session_id)) as changes:
            async for change in changes:
                for each in change.handoffs:
                    yield AgentHandoff.of(each, jaeger_url=jaeger_url)

    @strawberry.subscription(  # type: ignore[untyped-decorator]  # strawberry tells no type
        description="The first hundred agents, most tokens first, whenever something changed."
    )
    async def agents(self, info: Context) -> AsyncGenerator[list[Agent], None]:
        """The newest state, no more often than somebody can read."""
        async with aclosing(feed_of(info).changes()) as changes:
            async for _ in changes:
                yield [Agent.of(answer) for answer in await queries_of(info).agents()]
                await asyncio.sleep(REST_S)

    @strawberry.subscription(  # type: ignore[untyped-decorator]  # strawberry tells no type
        description="The graph of a session, or over all, whenever something changed in it."
    )
    async def coordination_graph(
        self, info: Context, session_id: str | None = None
    ) -> AsyncGenerator[CoordinationGraph, None]:
        """The newest state, no more often than somebody can read."""
        async with aclosing(feed_of(info).changes(session_id=session_id)) as changes:
            async for _ in changes:
                found = await queries_of(info).coordination_graph(session_id)
                if found is not None:
                    yield CoordinationGraph.of(found)
                await asyncio.sleep(REST_S)
