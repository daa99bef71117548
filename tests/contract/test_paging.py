"""A page that is cut by time is the page that the whole list has, in every store."""

import asyncio

import sqlalchemy as sa

from otel_llmops.storage.paging import paged
from otel_llmops.storage.summaries import live
from otel_llmops.storage.tables import TABLES
from tests.backends import Destination
from tests.support.tables import BASE_NS, SECOND_NS, derived

_TIMES_ANALYSED, _MOMENTS, _SESSIONS = 6, 4, ("a", "b", "c")


def test_a_page_is_the_same_however_few_rows_are_looked_at_first(store: Destination) -> None:
    for turn in range(_TIMES_ANALYSED):  # so that more rows are taken back than live
        rows = [
            {
                "session_id": session,
                "handoff_id": f"{session}{moment}",
                "started_at": BASE_NS + moment * SECOND_NS,
                "quality": turn / 8,
            }
            for session in _SESSIONS
            for moment in range(_MOMENTS)
        ]
        store.replace_sessions(_SESSIONS, derived(agent_handoffs=rows))
    asyncio.run(_compare(store))


async def _compare(store: Destination) -> None:
    table = TABLES["agent_handoffs"]
    moment, keys = table.c.started_at, (table.c.started_at, table.c.handoff_id)
    every = sa.select(*keys).group_by(*keys).having(live(table) > 0)
    lengths = set()
    for newest_first in (False, True):
        ordered = every.order_by(moment.desc() if newest_first else moment, table.c.handoff_id)
        for limit, offset in ((1, 0), (1, 11), (3, 2), (5, 9), (20, 0), (3, 12)):
            page = await paged(
                store,
                ordered,
                moment,
                limit=limit,
                offset=offset,
                newest_first=newest_first,
                rows_first=1,
            )
            assert page == await store.fetch(ordered.limit(limit).offset(offset))
            lengths.add(len(page))
    assert lengths == {0, 1, 3, 12}
