"""Partitions of PostgreSQL's tables: made when rows of their time come, dropped when they are old.

Strategy: a day of spans and a month of derived rows have a partition each. Clocks that are wrong
would make thousands, and each costs every query; so only the recent past and the next days have
one, and all else is in `_rest`, which retention empties row by row.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from otel_llmops.exporters.postgres_schema import rest
from otel_llmops.storage.tables import TABLES, TIME_COLUMN

__all__ = ["Partitions", "drop_statements", "month_ns"]

_PAST_DAYS = 400
_FUTURE_DAYS = 2
_DAY_NS = 86_400_000_000_000
_IS_IN_REST = "23514"
"""CHECK VIOLATION: `_rest` has rows of that time, from when it was the far future."""
_EXISTS = frozenset({"42P07", "42P17"})
"""DUPLICATE TABLE, INVALID OBJECT DEFINITION (it would overlap): somebody else made it."""


def _is_by_day(name: str) -> bool:
    """Whether each day has a partition, or each month."""
    return "session_id" not in TABLES[name].columns


class Partitions:
    """Knows which partitions there are, and makes what is missing."""

    def __init__(self, today: Callable[[], date]) -> None:
        self._today = today
        self._known: set[str] = set()

    def missing(self, name: str, rows: pa.Table) -> list[tuple[str, str]]:
        """(partition, statement) for what these rows need and nobody made."""
        if name not in TIME_COLUMN or not rows.num_rows:
            return []
        moments = rows[TIME_COLUMN[name]].cast(pa.int64()).to_numpy()
        days = np.unique(moments // _DAY_NS)
        today = (self._today() - date(1970, 1, 1)).days
        near = days[(days >= today - _PAST_DAYS) & (days <= today + _FUTURE_DAYS)]
        wanted = {_partition(name, date(1970, 1, 1) + timedelta(days=int(day))) for day in near}
        return sorted(each for each in wanted if each[0] not in self._known)

    async def make(self, connection: AsyncConnection, missing: Iterable[tuple[str, str]]) -> None:
        """Make them, each in a transaction of its own: readers wait only for a moment."""
        for partition, statement in missing:
            try:
                async with connection.begin():
                    await connection.execute(sa.text(statement))
            except sa.exc.DBAPIError as error:
                if getattr(error.orig, "sqlstate", "") not in _EXISTS | {_IS_IN_REST}:
                    raise
            self._known.add(partition)

    def forget(self) -> None:
        """Some were dropped."""
        self._known.clear()


def _partition(name: str, day: date) -> tuple[str, str]:
    first, end = _bounds(name, day)
    partition = f"{name}_{first:%Y%m%d}" if _is_by_day(name) else f"{name}_{first:%Y%m}"
    return partition, (
        f"CREATE TABLE IF NOT EXISTS {partition} PARTITION OF {name} "
        f"FOR VALUES FROM ({_ns(first)}) TO ({_ns(end)})"
    )


def _bounds(name: str, day: date) -> tuple[date, date]:
    if _is_by_day(name):
        return day, day + timedelta(days=1)
    first = day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1)


def month_ns(day: date) -> int:
    """When the month of that day began: derived rows go by months."""
    return _ns(day.replace(day=1))


def _ns(day: date) -> int:
    return (day - date(1970, 1, 1)).days * _DAY_NS


def drop_statements(partitions: Iterable[str], oldest: date) -> list[str]:
    """What takes away all that is older than the day `oldest`; derived rows by whole months.

    `partitions` are the names of all that there are. The sums of the rows go with them: to be
    executed in one transaction with storage.kept.forgetting(month_ns(oldest)).
    """
    old = [name for name in partitions if _is_over(name, oldest)]
    statements = [f"DROP TABLE IF EXISTS {name}" for name in old]
    for name, column in TIME_COLUMN.items():
        end = _ns(oldest) if _is_by_day(name) else month_ns(oldest)
        statements.append(f"DELETE FROM {rest(name)} WHERE {column} < {end}")  # noqa: S608 - names of ours
    return statements


def _is_over(partition: str, oldest: date) -> bool:
    found = re.fullmatch(r"(\w+)_(\d{6})(\d{2})?", partition)
    if found is None or found[1] not in TIME_COLUMN:
        return False
    first = datetime.strptime(found[2] + (found[3] or "01"), "%Y%m%d").replace(tzinfo=UTC).date()
    return _bounds(found[1], first)[1] <= oldest
