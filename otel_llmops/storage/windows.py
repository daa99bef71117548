"""Sums within a window of time: whole slots from what a store keeps ready, the rest from rows."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import Grouping

from otel_llmops.errors import QueryError
from otel_llmops.storage.summaries import Summary
from otel_llmops.storage.tables import TABLES

__all__ = ["EPOCH", "Window", "between", "utc", "within"]

Window = tuple[datetime | None, datetime | None]
"""since (inclusive) and until (exclusive), in UTC; None is open."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime(1900, 1, 1, tzinfo=UTC)
_LAST = datetime(2262, 4, 11, tzinfo=UTC)
"""What int64 nanoseconds, and every store's time type, can hold."""


class unkeyed(Grouping[Any]):  # noqa: N801 - as functions of SQLAlchemy are
    """unkeyed(x): x, of which no key of the rows can tell anything.

    Where sums are kept by x, ClickHouse would look first whether the rows' own key tells of it, and
    work x out for every mark of every part: 10 ms with 10 million rows.
    """

    inherit_cache = True


@compiles(unkeyed)
def _as_it_is(element: unkeyed, compiler: SQLCompiler, **kw: Any) -> str:
    return str(compiler.process(element.element, **kw))


@compiles(unkeyed, "clickhousedb")
def _clickhouse_unkeyed(element: unkeyed, compiler: SQLCompiler, **kw: Any) -> str:
    return f"identity({compiler.process(element.element, **kw)})"


def within(
    summary: Summary, window: Window, keys: Sequence[str], *wanted: sa.ColumnElement[bool]
) -> sa.Select[Any]:
    """The sums by `keys` of what is wanted within the window."""
    if window == (None, None):
        return summary.select(*keys).where(*wanted)
    since, until = window
    length = timedelta(microseconds=summary.slot_ns // 1000)
    first = None if since is None else -((EPOCH - since) // length)
    last = None if until is None else (until - EPOCH) // length
    slot = unkeyed(summary.key("slot").element)
    whole = [] if first is None else [slot >= first]
    whole += [] if last is None else [slot < last]
    pieces = [summary.select(*keys).where(*wanted, *whole)]
    begin = None if first is None else EPOCH + first * length
    end = None if last is None else EPOCH + last * length
    edges = list(_edges(window, (begin, end)))
    if edges:
        started_at = TABLES[summary.table].c.started_at
        outside = sa.or_(*(sa.and_(*between(started_at, edge)) for edge in edges))
        pieces.append(summary.select(*keys).where(*wanted, outside))
    union = sa.union_all(*pieces).subquery()
    chosen = [union.c[key] for key in keys]
    sums = [sa.func.sum(union.c[each.name]).label(each.name) for each in summary.sums]
    return sa.select(*chosen, *sums).group_by(*chosen)


def _edges(window: Window, whole: Window) -> Iterable[Window]:
    """What of the window lies outside its whole slots."""
    (since, until), (begin, end) = window, whole
    if since is not None and until is not None and begin is not None and begin > until:
        yield since, until
        return
    if since is not None and begin is not None and since < begin:
        yield since, begin
    if until is not None and end is not None and end < until:
        yield end, until


def between(moment: sa.ColumnElement[Any], window: Window) -> Iterable[sa.ColumnElement[bool]]:
    """The conditions that bound `moment`."""
    since, until = window
    if since is not None:
        yield moment >= since
    if until is not None:
        yield moment < until


def utc(name: str, moment: datetime | None) -> datetime | None:
    """`moment` in UTC, within what a store can compare with.

    Raises: QueryError, if it has no time zone.
    """
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise QueryError(f"{name} is {moment.isoformat()}, without a time zone")
    # compared before it is converted: the year 1 or 9999 cannot change its zone
    bounded = min(max(moment, _FIRST), _LAST)
    return bounded.astimezone(UTC)
