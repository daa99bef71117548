"""What was spent over time: sums for each step of a window.

Strategy: a step is one that people read (a minute, an hour, a day), the shortest that needs no more
points than were asked for. Steps of whole hours come from the sums that a store keeps ready, and
only the window's ragged ends are read row by row; shorter steps bound the window, so its rows are
few.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa

from otel_llmops.errors import QueryError
from otel_llmops.model.latency import percentile_ns
from otel_llmops.storage.agents import Window, between, within
from otel_llmops.storage.answers import UsagePoint
from otel_llmops.storage.rows import NS_PER_MS
from otel_llmops.storage.seams import Row, Store
from otel_llmops.storage.summaries import DAY_NS, HOUR_NS, NANO_USD, SUMMARIES, time_slot
from otel_llmops.storage.tables import TABLES

__all__ = ["BUCKETS_DEFAULT", "BUCKETS_MAX", "usage"]

BUCKETS_DEFAULT = 24
BUCKETS_MAX = 1000

_S = 1_000_000_000
_STEPS_NS = (
    *(each * _S for each in (1, 2, 5, 10, 15, 30)),
    *(each * 60 * _S for each in (1, 2, 5, 10, 15, 30)),
    *(each * HOUR_NS for each in (1, 2, 3, 6, 12)),
    *(each * DAY_NS for each in (1, 2, 7, 14, 28, 56, 112, 224, 448)),
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WINDOW_MAX = timedelta(days=448 * 10)
_SUMS = ("llm_calls", "errors", "input_tokens", "output_tokens")

_Sums = dict[int, Row]
"""Step, counted from 1970 -> its sums."""


async def usage(
    store: Store, *, since: datetime, until: datetime, buckets: int
) -> list[UsagePoint]:
    """Points in order of time, those without anything as well; the first may begin before `since`.

    `latency_ms_p95` is of the activations of agents.

    Raises: QueryError, if there are no or too many buckets, or the window is none.
    """
    if not 1 <= buckets <= BUCKETS_MAX:
        raise QueryError(f"buckets is {buckets}", hint=f"ask for 1 to {BUCKETS_MAX}")
    if not timedelta(0) < until - since <= _WINDOW_MAX:
        raise QueryError("until must be after since, and within twelve years of it")
    step_ns = _step_ns(until - since, buckets)
    window = since, until
    work, handoffs, sessions, latencies = await asyncio.gather(
        _work(store, window, step_ns),
        _counted(store, "agent_handoffs", window, step_ns),
        _counted(store, "sessions", window, step_ns),
        _latencies(store, window, step_ns),
    )
    first, last = (_ns(moment) // step_ns for moment in (since, until - timedelta(microseconds=1)))
    return [
        _point(
            step * step_ns,
            work.get(step, {}),
            handoffs=handoffs.get(step, 0),
            sessions=sessions.get(step, 0),
            latency_ms=latencies.get(step),
        )
        for step in range(first, last + 1)
    ]


def _step_ns(length: timedelta, buckets: int) -> int:
    wanted = length // timedelta(microseconds=1) * 1000 / buckets
    return next((step for step in _STEPS_NS if step >= wanted), _STEPS_NS[-1])


def _ns(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


async def _work(store: Store, window: Window, step_ns: int) -> _Sums:
    """What operations add up to, by step."""
    summary = SUMMARIES["by_agent_hour"]
    labels = [label.name for label in summary.sums]
    if step_ns % HOUR_NS == 0:
        rows = await store.fetch(within(summary, window, ["slot"], sa.true()))
        return _added(rows, labels, step_ns // HOUR_NS)
    table = TABLES[summary.table]
    slot = time_slot(table.c.started_at, sa.literal(step_ns)).label("slot")
    statement = sa.select(slot, *summary.sums).where(*between(table.c.started_at, window))
    return _added(await store.fetch(statement.group_by(slot)), labels, 1)


def _added(rows: Sequence[Row], labels: Sequence[str], slots: int) -> _Sums:
    """Rows by slot as sums by step of so many slots."""
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        sums = found.setdefault(row["slot"] // slots, dict.fromkeys(labels, 0))
        for label in labels:
            sums[label] += row[label]
    return dict(found)


async def _counted(store: Store, name: str, window: Window, step_ns: int) -> Mapping[int, int]:
    """Live rows of a table, by step; of sessions, those in which something was done."""
    table = TABLES[name]
    slot = time_slot(table.c.started_at, sa.literal(step_ns)).label("slot")
    count = sa.func.sum(table.c.sign, type_=sa.BigInteger()).label("rows")
    statement = sa.select(slot, count).where(*between(table.c.started_at, window)).group_by(slot)
    if name == "sessions":
        statement = statement.where(table.c.operations > 0)
    return {row["slot"]: row["rows"] for row in await store.fetch(statement)}


async def _latencies(store: Store, window: Window, step_ns: int) -> Mapping[int, float]:
    """p95 in ms of the activations of agents, by step."""
    if step_ns % DAY_NS == 0:
        summary = SUMMARIES["by_agent_bucket_day"]
        statement = within(summary, window, ["slot", "latency_bucket"], sa.true())
        slots = step_ns // DAY_NS
    else:
        table, slots = TABLES["agent_operations"], 1
        keys = (
            time_slot(table.c.started_at, sa.literal(step_ns)).label("slot"),
            table.c.latency_bucket,
        )
        count = sa.func.sum(table.c.invocations * table.c.sign, type_=sa.BigInteger())
        statement = (
            sa.select(*keys, count.label("sum_invocations"))
            .where(table.c.invocations > 0, *between(table.c.started_at, window))
            .group_by(*keys)
        )
    counted: dict[int, list[tuple[int, int]]] = {}
    for row in await store.fetch(statement):
        pair = (row["latency_bucket"], row["sum_invocations"])
        counted.setdefault(row["slot"] // slots, []).append(pair)
    found = {step: _p95_ms(pairs) for step, pairs in counted.items()}
    return {step: value for step, value in found.items() if value is not None}


def _p95_ms(pairs: Sequence[tuple[int, int]]) -> float | None:
    merged: dict[int, int] = {}
    for bucket, count in pairs:
        merged[bucket] = merged.get(bucket, 0) + count
    buckets, counts = np.array(sorted(merged.items()), dtype=np.int64).T
    found = percentile_ns(buckets, counts, 0.95)
    return None if found is None else found / NS_PER_MS


def _point(
    at_ns: int, work: Row, *, handoffs: int, sessions: int, latency_ms: float | None
) -> UsagePoint:
    return UsagePoint(
        at=_EPOCH + timedelta(microseconds=at_ns // 1000),
        sessions=sessions,
        handoffs=handoffs,
        **{name: work.get(f"sum_{name}", 0) for name in _SUMS},
        cost_usd=work["nano_usd"] / NANO_USD if work.get("priced", 0) > 0 else None,
        latency_ms_p95=latency_ms,
    )
