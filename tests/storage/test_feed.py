"""What is told while it happens."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pyarrow as pa
import pytest

from otel_llmops.errors import QueryError
from otel_llmops.model.schemas import HANDOFFS
from otel_llmops.storage.feed import Changes, Feed
from tests.api.conftest import row


def _handoffs(*pairs: tuple[str, str], final: bool = False) -> pa.Table:
    rows = [
        row(
            HANDOFFS, handoff_id=name, session_id=session, from_agent="a", to_agent="b", final=final
        )
        for session, name in pairs
    ]
    return pa.Table.from_pylist(rows, schema=HANDOFFS)


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 10))


def _told(changes: Changes) -> tuple[list[str], list[tuple[str, bool]]]:
    return changes.sessions, [(each.id, each.final) for each in changes.handoffs]


def test_a_handoff_is_told_when_it_is_new_and_when_it_has_changed() -> None:
    async def listen() -> list[Any]:
        feed, found = Feed(), []
        changes = feed.changes()
        first = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)
        feed.publish(["s"], _handoffs(("s", "1")))
        found.append(_told(await first))
        feed.publish(["s"], _handoffs(("s", "1"), ("s", "2")))
        found.append(_told(await anext(changes)))
        feed.publish(["s"], _handoffs(("s", "1"), ("s", "2"), final=True))
        found.append(_told(await anext(changes)))
        feed.publish(["s"], _handoffs(("s", "1"), ("s", "2"), final=True))
        found.append(_told(await anext(changes)))
        await changes.aclose()
        return found

    assert _run(listen()) == [
        (["s"], [("1", False)]),
        (["s"], [("2", False)]),
        (["s"], [("1", True), ("2", True)]),
        (["s"], []),
    ]


def test_whoever_listens_when_it_is_closed_comes_to_the_end() -> None:
    async def listen() -> list[Changes]:
        feed = Feed()
        found = asyncio.ensure_future(_all(feed))
        await asyncio.sleep(0)
        feed.close()
        return [*await found, *await _all(feed)]

    async def _all(feed: Feed) -> list[Changes]:
        return [each async for each in feed.changes()]

    assert _run(listen()) == []


def test_who_listens_to_a_session_hears_of_no_other() -> None:
    async def listen() -> Any:
        feed = Feed()
        changes = feed.changes(session_id="mine")
        first = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)
        feed.publish(["other"], _handoffs(("other", "1")))
        feed.publish(["other", "mine"], _handoffs(("other", "2"), ("mine", "3")))
        return _told(await first)

    assert _run(listen()) == (["mine"], [("3", False)])


def test_what_happens_between_two_looks_is_told_at_once() -> None:
    async def listen() -> Any:
        feed = Feed()
        changes = feed.changes()
        first = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)
        for number in range(3):
            feed.publish([f"s{number}"], _handoffs((f"s{number}", str(number))))
        return _told(await first)

    assert _run(listen()) == (
        ["s0", "s1", "s2"],
        [("0", False), ("1", False), ("2", False)],
    )


def test_who_reads_too_slowly_is_ended_and_nobody_waits_for_him() -> None:
    async def listen() -> int:
        feed = Feed()
        changes = feed.changes()
        waiting = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)
        feed.publish(["s"], _handoffs(("s", "0")))
        await waiting
        feed.publish(["s"], _handoffs(*(("s", f"a{n}") for n in range(10_001))))
        await asyncio.sleep(0)
        with pytest.raises(QueryError):
            await anext(changes)
        return feed.listeners + 10 * feed.dropped

    assert _run(listen()) == 10


def test_who_goes_is_forgotten() -> None:
    async def listen() -> int:
        feed = Feed()
        changes = feed.changes()
        waiting = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)
        feed.publish(["s"], _handoffs())
        await waiting
        await changes.aclose()
        return feed.listeners

    assert _run(listen()) == 0
