"""Sessions whose answers an earlier version of the analysis gave."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from otel_llmops.storage.seams import Store
from otel_llmops.storage.summaries import live
from otel_llmops.storage.tables import TABLES
from otel_llmops.storage.windows import utc

__all__ = ["count_outdated", "outdated_sessions"]


async def outdated_sessions(
    store: Store, *, version: int, since: datetime | None, after: str, limit: int
) -> list[str]:
    """Ids, in order, of sessions that began at `since` or later; those greater than `after`."""
    table = TABLES["sessions"]
    statement = (
        _outdated(version, since)
        .where(table.c.session_id > after)
        .order_by(table.c.session_id)
        .limit(limit)
    )
    return [row["session_id"] for row in await store.fetch(statement)]


async def count_outdated(store: Store, *, version: int, since: datetime | None) -> int:
    """How many there are."""
    ids = _outdated(version, since).subquery()
    rows = await store.fetch(sa.select(sa.func.count().label("count")).select_from(ids))
    count: int = rows[0]["count"]
    return count


def _outdated(version: int, since: datetime | None) -> sa.Select[Any]:
    table = TABLES["sessions"]
    found = sa.select(table.c.session_id).where(table.c.analysis_version < version)
    first = utc("since", since)
    if first is not None:
        found = found.where(table.c.started_at >= first)
    return found.group_by(table.c.session_id).having(live(table) > 0)
