"""The answers: GraphQL, REST, CLI and the page all call these methods, and none has SQL of its own.

Strategy: every sum is sum(x * sign), and a row is listed where the signs of its copies sum to more
than 0: so nothing that a later analysis took back is ever counted or shown. A list is made in two
steps, a page of keys and then their rows, so that only a page's rows are put together whole.
`since` is inclusive, `until` exclusive; both bound `started_at`.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from otel_llmops.analysis.coalitions import Coalition
from otel_llmops.errors import QueryError
from otel_llmops.storage.agents import AgentPart, AgentQueries
from otel_llmops.storage.answers import (
    AgentSummary,
    Bottleneck,
    Handoff,
    LedgerEntry,
    SessionSummary,
    TokenUse,
    UsagePoint,
)
from otel_llmops.storage.bottlenecks import bottlenecks
from otel_llmops.storage.coalitions import Outcome, coalitions_of, outcome_of
from otel_llmops.storage.coordination import CoordinationGraph, CoordinationQueries
from otel_llmops.storage.drift import ContextDrift, context_drift
from otel_llmops.storage.paging import paged
from otel_llmops.storage.rows import handoff, ledger_entry, session_summary
from otel_llmops.storage.seams import Row, Store
from otel_llmops.storage.spans import SpanQueries
from otel_llmops.storage.spending import tokens_by_model
from otel_llmops.storage.summaries import live
from otel_llmops.storage.tables import TABLES, data_columns
from otel_llmops.storage.topology import TopologyQueries
from otel_llmops.storage.topology_answers import FunctionUsage
from otel_llmops.storage.usage import BUCKETS_DEFAULT, usage
from otel_llmops.storage.windows import utc

__all__ = ["LIMIT_DEFAULT", "LIMIT_MAX", "Queries"]

LIMIT_DEFAULT = 100
LIMIT_MAX = 1000

_USAGE_WINDOW = timedelta(days=1)


class Queries:
    """One asynchronous method for each answer. Not found is empty or None, never an error.

    `topology` has those about code.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.topology = TopologyQueries(store)
        self._agents = AgentQueries(store)
        self.spans = SpanQueries(store)
        self._coordination = CoordinationQueries(store)

    async def agents(
        self,
        *,
        type: str | None = None,  # noqa: A002 - the API's name for it
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = LIMIT_DEFAULT,
        offset: int = 0,
        parts: Collection[AgentPart] = frozenset(AgentPart),
    ) -> list[AgentSummary]:
        """Agents by total tokens (most first), then name; in a window, those that worked in it.

        Roles, models, services, first_seen and last_seen are the agent's over all its time. Of what
        is not in `parts` the answer says nothing that holds: it was not asked of the store.

        Raises: QueryError, on a bad limit, offset or time.
        """
        _check_page(limit, offset)
        window = utc("since", since), utc("until", until)
        return await self._agents.summaries(
            type=type, window=window, limit=limit, offset=offset, parts=parts
        )

    async def agent(self, name: str) -> AgentSummary | None:
        """One agent over all its time."""
        found = await self._agents.summaries(name=name, window=(None, None), limit=1, offset=0)
        return found[0] if found else None

    async def sessions(
        self,
        *,
        agent: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = LIMIT_DEFAULT,
        offset: int = 0,
    ) -> list[SessionSummary]:
        """Sessions, newest first, then by id; with `agent`, those it took part in.

        Not those in which nothing is an operation: traces that only build agents, or that have
        nothing to do with models. By their ids they are there.

        Raises: QueryError, on a bad limit, offset or time.
        """
        _check_page(limit, offset)
        table = TABLES["sessions"]
        keys = (table.c.session_id, table.c.started_at)
        page = (
            sa.select(*keys)
            .where(table.c.operations > 0, *_bounds(table, since, until))
            .group_by(*keys)
            .having(live(table) > 0)
            .order_by(table.c.started_at.desc(), table.c.session_id)
        )
        if agent is not None:
            page = page.where(table.c.session_id.in_(_sessions_of(agent)))
        found = await paged(
            self._store, page, table.c.started_at, limit=limit, offset=offset, newest_first=True
        )
        ids = [row["session_id"] for row in found]
        return await self._session_summaries(ids)

    async def session(self, session_id: str) -> SessionSummary | None:
        """The session of that id, or the one that any id it was known by leads to."""
        found = await self._session_summaries(await self._session_ids(session_id))
        return found[0] if found else None

    async def ledger(
        self, session_ids: Sequence[str], *, limit: int | None = None, offset: int = 0
    ) -> list[LedgerEntry]:
        """Every number of these sessions' tokens and its reason, by start, then span id."""
        table = TABLES["token_ledger"]
        order = (table.c.started_at, table.c.span_id, table.c.span_name)
        rows = await self._live_rows(table, session_ids, order, limit=limit, offset=offset)
        return [ledger_entry(row) for row in rows]

    async def tokens(self, session_ids: Sequence[str]) -> list[TokenUse]:
        """What these sessions' agents spent on each model: by session, most tokens first."""
        return await tokens_by_model(self._store, session_ids)

    async def handoffs(  # noqa: PLR0913 - the arguments of the API's field
        self,
        *,
        session_id: str | None = None,
        agent: str | None = None,
        min_quality: float | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = LIMIT_DEFAULT,
        offset: int = 0,
    ) -> list[Handoff]:
        """Handoffs by start, then ordinal; `agent` is either side; `session_id` any it is known by.

        Raises: QueryError, on a bad limit, offset or time.
        """
        _check_page(limit, offset)
        table = TABLES["agent_handoffs"]
        wanted = list(_bounds(table, since, until))
        if agent is not None:
            wanted.append(sa.or_(table.c.from_agent == agent, table.c.to_agent == agent))
        if min_quality is not None:
            wanted.append(table.c.quality >= sa.literal(min_quality))
        keys = (table.c.started_at, table.c.ordinal, table.c.session_id, table.c.handoff_id)
        if session_id is not None:  # few rows: in one step
            ids = await self._session_ids(session_id)
            rows = await self._live_rows(table, ids, keys, *wanted, limit=limit, offset=offset)
            return [handoff(row) for row in rows]
        page = sa.select(*keys).where(*wanted).group_by(*keys).having(live(table) > 0)
        found = await paged(
            self._store, page.order_by(*keys), table.c.started_at, limit=limit, offset=offset
        )
        rows = await self._live_rows(
            table,
            {row["session_id"] for row in found},
            keys,
            table.c.handoff_id.in_([row["handoff_id"] for row in found]),
        )
        return [handoff(row) for row in rows]

    async def coordination_graph(
        self,
        session_id: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> CoordinationGraph | None:
        """The graph of a session, by any id it is known by; without one, over all sessions.

        None where there is no such session.

        Raises: QueryError, on a bad time.
        """
        window = utc("since", since), utc("until", until)
        if session_id is None:
            return await self._coordination.over(window)
        found = await self._known(await self._session_ids(session_id))
        return None if found is None else await self._coordination.of_session(found, window)

    async def coalitions(
        self,
        *,
        task_type: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = LIMIT_DEFAULT,
    ) -> list[Coalition]:
        """Sets of agents that solve tasks together: recommended first, then the surest success.

        Raises: QueryError, on a bad limit or time.
        """
        _check_page(limit, 0)
        window = utc("since", since), utc("until", until)
        return await coalitions_of(self._store, task_type=task_type, window=window, limit=limit)

    async def outcome(self, session_id: str) -> Outcome | None:
        """Task and success of the session of that very id; None where nothing is known of them."""
        return await outcome_of(self._store, session_id)

    async def context_drift(
        self, session_id: str, *, limit: int | None = None, offset: int = 0
    ) -> list[ContextDrift]:
        """How far each handoff of a session moved, in their order; by any id it is known by."""
        table = TABLES["context_drift"]
        order = (table.c.started_at, table.c.ordinal, table.c.handoff_id)
        ids = await self._session_ids(session_id)
        rows = await self._live_rows(table, ids, order, limit=limit, offset=offset)
        return [context_drift(row) for row in rows]

    async def bottlenecks(
        self,
        *,
        session_id: str | None = None,
        min_severity: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = LIMIT_DEFAULT,
    ) -> list[Bottleneck]:
        """What holds sessions up, most first; `session_id` is any that it is known by.

        Raises: QueryError, on a bad limit or time.
        """
        _check_page(limit, 0)
        table = TABLES["bottlenecks"]
        wanted = list(_bounds(table, since, until))
        if session_id is not None:
            wanted.append(table.c.session_id.in_(await self._session_ids(session_id)))
        return await bottlenecks(self._store, wanted, min_severity=min_severity, limit=limit)

    async def functions(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = LIMIT_DEFAULT,
        offset: int = 0,
    ) -> list[FunctionUsage]:
        """Functions of the user's code by own tokens (most first), then name and file.

        Raises: QueryError, on a bad limit, offset or time.
        """
        _check_page(limit, offset)
        window = {"since": utc("since", since), "until": utc("until", until)}
        return await self.topology.functions_by_tokens(**window, limit=limit, offset=offset)

    async def usage(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        buckets: int = BUCKETS_DEFAULT,
    ) -> list[UsagePoint]:
        """What was spent over time, in at most about `buckets` steps; by default the last day.

        Raises: QueryError, on a bad window or number.
        """
        end = utc("until", until) or datetime.now(UTC)
        begin = utc("since", since) or end - _USAGE_WINDOW
        return await usage(self._store, since=begin, until=end, buckets=buckets)

    async def _session_ids(self, key: str) -> list[str]:
        """The session id that a key leads to first, then the key itself."""
        keys = TABLES["session_keys"]
        statement = (
            sa.select(keys.c.session_id)
            .where(keys.c.key == key)
            .group_by(keys.c.session_id)
            .having(live(keys) > 0)
            .order_by(keys.c.session_id)
        )
        found = [row["session_id"] for row in await self._store.fetch(statement)]
        return [*(each for each in found if each != key), key]

    async def _known(self, ids: Sequence[str]) -> str | None:
        """The first of these ids that a session has."""
        table = TABLES["sessions"]
        statement = (
            sa.select(table.c.session_id)
            .where(table.c.session_id.in_(ids))
            .group_by(table.c.session_id)
            .having(live(table) > 0)
        )
        found = {row["session_id"] for row in await self._store.fetch(statement)}
        return next((each for each in ids if each in found), None)

    async def _session_summaries(self, ids: Sequence[str]) -> list[SessionSummary]:
        """Summaries of these sessions in this order; an id that is not there is left out."""
        table = TABLES["sessions"]
        rows = await self._live_rows(table, ids, (table.c.started_at,))
        found = {row["session_id"]: session_summary(row) for row in rows}
        return [found[each] for each in dict.fromkeys(ids) if each in found]

    async def _live_rows(
        self,
        table: sa.Table,
        session_ids: Iterable[str],
        order: Sequence[sa.ColumnElement[Any]],
        *wanted: sa.ColumnElement[bool],
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Row]:
        """Whole live rows of these sessions, each once."""
        ids = list(dict.fromkeys(session_ids))
        if not ids:
            return []
        columns = data_columns(table)
        statement = (
            sa.select(*columns)
            .where(table.c.session_id.in_(ids), *wanted)
            .group_by(*columns)
            .having(live(table) > 0)
            .order_by(*order)
        )
        if limit is not None:
            statement = statement.limit(limit).offset(offset)
        return await self._store.fetch(statement)


def _sessions_of(agent: str) -> sa.Select[Any]:
    agents = TABLES["agents"]
    return (
        sa.select(agents.c.session_id)
        .where(agents.c.agent == agent)
        .group_by(agents.c.session_id)
        .having(live(agents) > 0)
    )


def _check_page(limit: int, offset: int) -> None:
    if not 1 <= limit <= LIMIT_MAX:
        raise QueryError(f"limit is {limit}, not between 1 and {LIMIT_MAX}")
    if not 0 <= offset < 2**63:
        raise QueryError(f"offset is {offset}, not 0 or more")


def _bounds(
    table: sa.Table, since: datetime | None, until: datetime | None
) -> Iterable[sa.ColumnElement[bool]]:
    first, last = utc("since", since), utc("until", until)
    if first is not None:
        yield table.c.started_at >= first
    if last is not None:
        yield table.c.started_at < last
