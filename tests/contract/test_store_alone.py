"""What a store answers that a test has to itself: empty, or written to meanwhile."""

import asyncio
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from otel_llmops.storage.queries import Queries
from otel_llmops.storage.tables import TABLES
from tests.backends import Destination
from tests.support.tables import derived, spans

BASE = datetime(2026, 1, 1, tzinfo=UTC)
TRACE_1 = "1" * 32


def test_an_empty_store_answers_with_nothing(store: Destination) -> None:
    queries = Queries(store)

    async def everything() -> list[object]:
        return [
            await queries.agents(),
            await queries.agents(since=BASE, until=BASE + timedelta(days=1)),
            await queries.agent("a"),
            await queries.sessions(),
            await queries.sessions(agent="a"),
            await queries.session("s"),
            await queries.handoffs(),
            await queries.ledger(["s"]),
        ]

    assert asyncio.run(everything()) == [[], [], None, [], [], None, [], []]


def test_an_agent_of_the_last_hour_that_a_store_can_say_is_told(store: Destination) -> None:
    last = 2**63 - 1
    rows = [{"session_id": "s", "agent": "a", "started_at": last, "ended_at": last}]
    store.replace_sessions(["s"], derived(agents=rows))
    found = asyncio.run(Queries(store).agents())
    end = datetime(2262, 4, 11, 23, 47, 16, 854775, tzinfo=UTC)
    assert [(agent.name, agent.last_seen) for agent in found] == [("a", end)]


def test_many_read_while_one_writes(store: Destination) -> None:
    columns = TABLES["spans"].c
    count = sa.select(sa.func.count(columns.span_id).label("rows"))
    batch = spans(*({"span_id": str(place), "trace_id": TRACE_1} for place in range(500)))

    async def drive() -> set[int]:
        async def read() -> list[int]:
            return [(await store.fetch(count))[0]["rows"] for _ in range(10)]

        async def write() -> None:
            for number in range(5):
                await asyncio.to_thread(store.export_spans, batch, batch_id=str(number))

        seen, _ = await asyncio.gather(asyncio.gather(*(read() for _ in range(6))), write())
        return {rows for each in seen for rows in each}

    whole_batches = {500 * number for number in range(6)}
    assert asyncio.run(drive()) <= whole_batches
