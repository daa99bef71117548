"""What is known of agents: work from the operations, profiles from the analyses, percentiles from
latency buckets, and who hands over to whom.

Strategy: each part comes from a Summary, so that without a window a store reads sums it keeps
ready. With a window the whole hours or days in it come from those sums too, and rows are read for
its beginning and its end alone.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

import numpy as np
import sqlalchemy as sa

from otel_llmops.model.latency import percentile_ns
from otel_llmops.storage.answers import AgentSummary
from otel_llmops.storage.rows import NS_PER_MS, listed
from otel_llmops.storage.seams import Row, Store
from otel_llmops.storage.summaries import NANO_USD, SUMMARIES, live
from otel_llmops.storage.tables import TABLES
from otel_llmops.storage.windows import EPOCH, Window, between, within

__all__ = ["AgentPart", "AgentQueries"]

_HOUR = timedelta(hours=1)
_LAST_HOUR = (2**63 - 1) // 3_600_000_000_000
"""The hour in which int64 nanoseconds end (2262-04-11): no store's time type can say its end."""
_TEXTS = ("role", "type", "description")
_LISTS = ("can_handoff_to", "models", "services")


class AgentPart(Enum):
    """What takes statements of its own, beside what every answer needs."""

    LATENCY = auto()
    HANDOFFS = auto()
    SEEN = auto()


@dataclass(frozen=True, slots=True)
class _Profile:
    """What the analyses say of an agent; texts are the newest that are not empty."""

    texts: Mapping[str, str]
    lists: Mapping[str, list[str]]
    first_hour: int
    last_hour: int


class AgentQueries:
    """Makes AgentSummary from the four Summaries that know of agents."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def summaries(
        self,
        *,
        window: Window,
        limit: int,
        offset: int,
        name: str | None = None,
        type: str | None = None,  # noqa: A002 - the API's name for it
        parts: Collection[AgentPart] = frozenset(AgentPart),
    ) -> list[AgentSummary]:
        """Agents by total tokens (most first), then name; without `parts`, those say nothing."""
        profiles, work = await asyncio.gather(self._profiles(name), self.work(window, name))
        windowed = window != (None, None)
        names = [
            agent
            for agent, profile in profiles.items()
            if (type is None or profile.texts["type"] == type) and (agent in work or not windowed)
        ]
        names.sort(key=lambda agent: (-_tokens(work.get(agent)), agent))
        page = names[offset : offset + limit]
        if not page:
            return []
        chosen = {agent: profiles[agent] for agent in page}
        latencies, handoffs, seen = await asyncio.gather(
            self._latencies(page if AgentPart.LATENCY in parts else (), window),
            self._handoffs(page if AgentPart.HANDOFFS in parts else (), window),
            self._seen(chosen, exact=AgentPart.SEEN in parts),
        )
        return [
            _summary(
                agent,
                profile,
                work.get(agent),
                latencies.get(agent, (None, None)),
                (handoffs["from_agent"].get(agent, 0), handoffs["to_agent"].get(agent, 0)),
                seen[agent],
            )
            for agent, profile in chosen.items()
        ]

    async def _profiles(self, name: str | None) -> dict[str, _Profile]:
        summary = SUMMARIES["by_profile_hour"]
        keys = [key.name for key in summary.keys]
        hours = summary.select(*keys).having(live(TABLES["agents"]) > 0)
        agent = TABLES["agents"].c.agent
        inner = hours.where(agent == name if name is not None else agent != "").subquery()
        said = [inner.c[key] for key in keys if not key.endswith("_hour")]
        last = sa.func.max(inner.c.end_hour)
        statement = (
            sa.select(
                *said,
                sa.func.min(inner.c.start_hour).label("first_hour"),
                last.label("last_hour"),
            )
            .group_by(*said)
            .order_by(inner.c.agent, last.desc(), *said[1:])
        )
        by_agent: dict[str, list[Row]] = {}
        for row in await self._store.fetch(statement):
            by_agent.setdefault(row["agent"], []).append(row)
        return {agent: _profile(rows) for agent, rows in by_agent.items()}

    async def work(self, window: Window, name: str | None = None) -> dict[str, Row]:
        """Sums of by_agent_hour for each agent that worked in the window."""
        summary = SUMMARIES["by_agent_hour"]
        agent = summary.key("agent")
        wanted = agent == name if name is not None else agent != ""
        rows = await self._store.fetch(within(summary, window, ["agent"], wanted))
        return {row["agent"]: row for row in rows if row["rows"] > 0}

    async def _latencies(
        self, agents: Sequence[str], window: Window
    ) -> dict[str, tuple[float | None, float | None]]:
        """p50 and p95 in ms of the activations of each agent."""
        if not agents:
            return {}
        summary = SUMMARIES["by_agent_bucket_day"]
        wanted = summary.key("agent").in_(agents)
        statement = within(summary, window, ["agent", "latency_bucket"], wanted)
        counted: dict[str, list[tuple[int, int]]] = {}
        for row in await self._store.fetch(statement):
            pair = (row["latency_bucket"], row["sum_invocations"])
            counted.setdefault(row["agent"], []).append(pair)
        return {
            agent: (_percentile_ms(pairs, 0.5), _percentile_ms(pairs, 0.95))
            for agent, pairs in counted.items()
        }

    async def _handoffs(self, agents: Sequence[str], window: Window) -> dict[str, dict[str, int]]:
        """Handoffs of each agent, by the side it was on."""
        summary = SUMMARIES["by_agents_hour"]
        sides = ("from_agent", "to_agent")
        if not agents:
            return {side: {} for side in sides}
        found = await asyncio.gather(
            *(
                self._store.fetch(within(summary, window, [side], summary.key(side).in_(agents)))
                for side in sides
            )
        )
        return {
            side: {row[side]: row["rows"] for row in rows}
            for side, rows in zip(sides, found, strict=True)
        }

    async def _seen(
        self, profiles: Mapping[str, _Profile], *, exact: bool
    ) -> dict[str, tuple[datetime, datetime]]:
        """When each agent was first and last seen: by its rows, or roughly by the hours."""
        asked = profiles if exact else {}
        firsts, lasts = await asyncio.gather(
            self._extreme("started_at", {a: p.first_hour for a, p in asked.items()}),
            self._extreme("ended_at", {a: p.last_hour for a, p in asked.items()}),
        )
        # a session that is analysed again between two reads may move out of its hour
        return {
            agent: (
                firsts.get(agent, EPOCH + profile.first_hour * _HOUR),
                lasts.get(agent, EPOCH + profile.last_hour * _HOUR),
            )
            for agent, profile in profiles.items()
        }

    async def _extreme(self, column: str, hours: Mapping[str, int]) -> dict[str, datetime]:
        if not hours:
            return {}
        table = TABLES["agents"]
        moment = table.c[column]
        by_hour: dict[int, list[str]] = {}
        for agent, hour in hours.items():
            by_hour.setdefault(hour, []).append(agent)
        wanted = (
            sa.and_(
                *between(moment, _of_hour(hour)),
                table.c.agent.in_(agents),
            )
            for hour, agents in by_hour.items()
        )
        rows = (
            sa.select(table.c.agent, moment.label("moment"))
            .where(sa.or_(*wanted))
            .group_by(table.c.agent, moment)
            .having(live(table) > 0)
            .subquery()
        )
        pick = sa.func.min if column == "started_at" else sa.func.max
        statement = sa.select(rows.c.agent, pick(rows.c.moment).label("seen")).group_by(
            rows.c.agent
        )
        return {row["agent"]: row["seen"] for row in await self._store.fetch(statement)}


def _of_hour(hour: int) -> Window:
    end = EPOCH + (hour + 1) * _HOUR if hour < _LAST_HOUR else None
    return EPOCH + hour * _HOUR, end


def _tokens(work: Row | None) -> int:
    return work["sum_input_tokens"] + work["sum_output_tokens"] if work else 0


def _percentile_ms(pairs: Sequence[tuple[int, int]], share: float) -> float | None:
    buckets, counts = np.array(pairs, dtype=np.int64).T
    duration_ns = percentile_ns(buckets, counts, share)
    return None if duration_ns is None else duration_ns / NS_PER_MS


def _profile(rows: Sequence[Row]) -> _Profile:
    """One profile of what was said at several times, newest first."""
    return _Profile(
        texts={key: next((row[key] for row in rows if row[key]), "") for key in _TEXTS},
        lists={key: sorted({each for row in rows for each in listed(row[key])}) for key in _LISTS},
        first_hour=min(row["first_hour"] for row in rows),
        last_hour=max(row["last_hour"] for row in rows),
    )


def _summary(
    agent: str,
    profile: _Profile,
    work: Row | None,
    latency_ms: tuple[float | None, float | None],
    handoffs: tuple[int, int],
    seen: tuple[datetime, datetime],
) -> AgentSummary:
    sums: Row = work or {}
    return AgentSummary(
        name=agent,
        role=profile.texts["role"] or None,
        type=profile.texts["type"] or "unknown",
        description=profile.texts["description"] or None,
        **profile.lists,
        invocations=sums.get("sum_invocations", 0),
        llm_calls=sums.get("sum_llm_calls", 0),
        errors=sums.get("sum_errors", 0),
        input_tokens=sums.get("sum_input_tokens", 0),
        output_tokens=sums.get("sum_output_tokens", 0),
        cost_usd=sums["nano_usd"] / NANO_USD if sums.get("priced", 0) > 0 else None,
        latency_ms_p50=latency_ms[0],
        latency_ms_p95=latency_ms[1],
        handoffs_out=handoffs[0],
        handoffs_in=handoffs[1],
        first_seen=seen[0],
        last_seen=seen[1],
    )
