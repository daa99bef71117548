"""A page of a list in the order of time, without grouping all that the list is made of.

Strategy: signed rows have to be added up before it is known which are live, and to group millions
of them for a page of 100 takes most of a second. But no page is longer than a moment allows: where
the few thousand rows that come first reach to a moment, only rows up to there need adding up. Where
too many of those were taken back, more are looked at.
"""

from typing import Any

import sqlalchemy as sa

from otel_llmops.storage.seams import Row, Store

__all__ = ["paged"]

_ROWS_FIRST = 1_000
_ROWS_A_GROUP = 4
"""For each row of a page so many are looked at: one that was analysed again leaves two behind."""
_GROWTH = 16


async def paged(  # noqa: PLR0913 - a page, and how tests look at few rows
    store: Store,
    statement: sa.Select[Any],
    moment: sa.ColumnElement[Any],
    *,
    limit: int,
    offset: int,
    newest_first: bool = False,
    rows_first: int = _ROWS_FIRST,
) -> list[Row]:
    """A page of the groups of `statement`, which are ordered by `moment` before all else.

    In:   a statement that groups by `moment` and more, without limit and offset; at first it looks
          at `rows_first` rows or more.
    Out:  the very rows that it gives with them.
    """
    looked_at = max(_ROWS_A_GROUP * (offset + limit), rows_first)
    page = statement.limit(limit).offset(offset)
    while True:
        bound = await _bound(store, statement, moment, looked_at, newest_first=newest_first)
        if bound is None:
            return await store.fetch(page)
        found = await store.fetch(page.where(moment >= bound if newest_first else moment <= bound))
        if len(found) == limit:
            return found
        looked_at *= _GROWTH


async def _bound(
    store: Store,
    statement: sa.Select[Any],
    moment: sa.ColumnElement[Any],
    rows: int,
    *,
    newest_first: bool,
) -> Any:
    """The moment of that many-th row, None where there are fewer."""
    bound = sa.select(moment.label("moment")).order_by(moment.desc() if newest_first else moment)
    if statement.whereclause is not None:
        bound = bound.where(statement.whereclause)
    found = await store.fetch(bound.limit(1).offset(rows - 1))
    return found[0]["moment"] if found else None
