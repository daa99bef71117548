"""What was spent over time, against sums of the same rows in plain Python."""

import asyncio
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest

from otel_llmops.api.application import application
from otel_llmops.errors import QueryError
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.model.latency import bucket, percentile_ns
from otel_llmops.model.schemas import HANDOFFS, OPERATIONS, SESSIONS
from otel_llmops.storage.queries import Queries
from tests.api.conftest import row

SINCE = datetime(2026, 3, 1, 5, 7, tzinfo=UTC)
UNTIL = datetime(2026, 3, 4, 9, 41, tzinfo=UTC)
_S = timedelta(seconds=1)
_MOMENTS = [SINCE - _S, SINCE, UNTIL - _S, UNTIL]


def _rows() -> dict[str, list[dict[str, Any]]]:
    dice = random.Random(7)  # noqa: S311 - a seeded example
    length_s = (UNTIL - SINCE) // _S
    moments = [*_MOMENTS, *(SINCE + dice.randrange(length_s) * _S for _ in range(400))]
    operations = []
    for number, moment in enumerate(moments):
        duration = dice.randrange(10**6, 10**10)
        operations.append(
            row(
                OPERATIONS,
                session_id=f"s{number}",
                agent=f"a{number % 3}" if number % 5 else "",
                started_at=moment,
                invocations=number % 2,
                llm_calls=1,
                errors=int(number % 7 == 0),
                input_tokens=dice.randrange(1000),
                output_tokens=dice.randrange(100),
                latency_bucket=int(bucket(np.array([duration]))[0]),
                cost_usd=dice.choice([None, 0.25, 1.5]),
            )
        )
    sessions = [
        row(SESSIONS, session_id=f"s{n}", started_at=moment, operations=n % 4)
        for n, moment in enumerate(moments)
    ]
    handoffs = [
        row(HANDOFFS, session_id=f"s{n}", handoff_id=f"h{n}", started_at=moment)
        for n, moment in enumerate(moments)
        if n % 3 == 0
    ]
    return {"agent_operations": operations, "sessions": sessions, "agent_handoffs": handoffs}


ROWS = _rows()
_SCHEMAS = {"agent_operations": OPERATIONS, "sessions": SESSIONS, "agent_handoffs": HANDOFFS}


@pytest.fixture(scope="module")
def queries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queries]:
    store = ClickHouse.embedded(tmp_path_factory.mktemp("usage") / "store")
    tables = {
        name: pa.Table.from_pylist(found, schema=_SCHEMAS[name]) for name, found in ROWS.items()
    }
    store.replace_sessions([f"s{n}" for n in range(len(ROWS["sessions"]))], tables)
    yield Queries(store)
    store.close()


def _expected(step: timedelta) -> list[tuple[Any, ...]]:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    first, last = ((each - epoch) // step for each in (SINCE, UNTIL - timedelta(microseconds=1)))
    points = []
    for number in range(first, last + 1):
        begin, end = epoch + number * step, epoch + (number + 1) * step
        mine = {
            name: [
                each for each in rows if max(begin, SINCE) <= each["started_at"] < min(end, UNTIL)
            ]
            for name, rows in ROWS.items()
        }
        work = mine["agent_operations"]
        priced = [each["cost_usd"] for each in work if each["cost_usd"] is not None]
        buckets = np.array([each["latency_bucket"] for each in work if each["invocations"]], int)
        p95 = percentile_ns(buckets, np.ones(len(buckets), int), 0.95)
        points.append(
            (
                begin,
                sum(each["operations"] > 0 for each in mine["sessions"]),
                len(mine["agent_handoffs"]),
                *(
                    sum(each[name] for each in work)
                    for name in ("llm_calls", "errors", "input_tokens", "output_tokens")
                ),
                sum(priced) if priced else None,
                None if p95 is None else p95 / 1e6,
            )
        )
    return points


@pytest.mark.parametrize(
    ("buckets", "step"),
    [
        (1, timedelta(days=7)),
        (4, timedelta(days=1)),
        (10, timedelta(hours=12)),
        (24, timedelta(hours=6)),
        (100, timedelta(hours=1)),
        (310, timedelta(minutes=15)),
        (1000, timedelta(minutes=5)),
    ],
)
def test_steps_add_up_to_what_happened_in_them(
    queries: Queries, buckets: int, step: timedelta
) -> None:
    found = asyncio.run(queries.usage(since=SINCE, until=UNTIL, buckets=buckets))
    told = [
        (
            *(p.at, p.sessions, p.handoffs, p.llm_calls, p.errors, p.input_tokens),
            *(p.output_tokens, p.cost_usd, p.latency_ms_p95),
        )
        for p in found
    ]
    assert told == _expected(step)


@pytest.mark.parametrize(
    ("since", "until", "buckets"),
    [
        (SINCE, UNTIL, 0),
        (SINCE, UNTIL, 1001),
        (UNTIL, SINCE, 10),
        (SINCE, SINCE, 10),
        (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC), 10),
    ],
)
def test_a_window_that_is_none_is_refused(
    queries: Queries, since: datetime, until: datetime, buckets: int
) -> None:
    with pytest.raises(QueryError):
        asyncio.run(queries.usage(since=since, until=until, buckets=buckets))


def test_rest_and_graphql_tell_the_same(queries: Queries) -> None:
    async def ask() -> tuple[Any, Any]:
        transport = httpx.ASGITransport(app=application(queries))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            window = 'since: "2026-03-01T05:07:00Z", until: "2026-03-04T09:41:00Z", buckets: 4'
            fields = "at sessions handoffs llmCalls errors inputTokens outputTokens costUsd"
            query = {"query": f"{{ usage({window}) {{ {fields} latencyMsP95 }} }}"}
            graphql = (await client.post("/graphql", json=query)).json()["data"]["usage"]
            given = {"since": SINCE.isoformat(), "until": UNTIL.isoformat(), "buckets": "4"}
            rest = (await client.get("/api/usage", params=given)).json()["usage"]
            return graphql, rest

    graphql, rest = asyncio.run(ask())
    assert [list(each.values()) for each in graphql] == [list(each.values()) for each in rest]
