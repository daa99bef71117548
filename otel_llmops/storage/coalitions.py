"""Coalitions, mined when they are asked for from the sums by (task type, team)."""

import asyncio
from dataclasses import dataclass

import sqlalchemy as sa

from otel_llmops.analysis.coalitions import Coalition, Team, coalitions
from otel_llmops.storage.rows import listed
from otel_llmops.storage.seams import Store
from otel_llmops.storage.summaries import SUMMARIES, live
from otel_llmops.storage.tables import TABLES
from otel_llmops.storage.windows import Window, within

__all__ = ["Outcome", "coalitions_of", "outcome_of"]

_TEAMS_MAX = 5_000
"""Teams of all task types that are looked at, those of most sessions: names made up at run time
make a team of every session, of which nobody could tell anything."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one session was about, who worked on it, and whether it succeeded."""

    task_type: str
    agents: list[str]
    success: bool


async def outcome_of(store: Store, session_id: str) -> Outcome | None:
    """Of the session that is stored under this id; None where no agent acted or it still grows."""
    teams = TABLES["coalitions"]
    told = (teams.c.task_type, teams.c.agents, teams.c.success)
    statement = (
        sa.select(*told)
        .where(teams.c.session_id == session_id)
        .group_by(*told)
        .having(live(teams) > 0)
    )
    rows = await store.fetch(statement)
    if not rows:
        return None
    row = rows[0]
    return Outcome(row["task_type"], listed(row["agents"]), bool(row["success"]))


async def coalitions_of(
    store: Store, *, task_type: str | None, window: Window, limit: int
) -> list[Coalition]:
    """Coalitions as analysis.coalitions orders them; those of one task type, where it is given."""
    summary = SUMMARIES["by_team_day"]
    sums = within(summary, window, ["task_type", "agents"]).subquery()
    statement = (
        sa.select(sums)
        .where(sums.c.rows > 0)
        .order_by(sums.c.rows.desc(), sums.c.task_type, sums.c.agents)
        .limit(_TEAMS_MAX)
    )
    teams = [
        Team(
            task_type=row["task_type"],
            agents=frozenset(listed(row["agents"])),
            sessions=row["rows"],
            successes=row["successes"],
            tokens=row["sum_tokens"],
            duration_ns=row["sum_duration_ns"],
        )
        for row in await store.fetch(statement)
    ]
    # seconds of CPU at worst: the event loop answers others meanwhile
    found = await asyncio.to_thread(coalitions, teams)
    asked = (each for each in found if task_type is None or each.task_type == task_type)
    return [each for each, _ in zip(asked, range(limit), strict=False)]
