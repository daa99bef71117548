"""Spans as they came: by trace, by search, and which service calls which.

Strategy: a trace is the wire bytes of its spans, nothing interpreted. A search gives trace ids, the
newest first; where its attributes are not all in columns, candidates are read page by page until
enough are found. Calls between services join spans to their parents, and a join of a whole window
would hold all of it in memory: so it is made in slices of the trace ids, which are random.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from otel_llmops.storage.seams import Row, Store
from otel_llmops.storage.search import SPAN_KINDS, WIRES, SpanSearch, by_column, matches, wanted
from otel_llmops.storage.summaries import time_slot
from otel_llmops.storage.tables import TABLES

__all__ = ["FoundTrace", "ServiceSpans", "SpanQueries", "TraceSummary", "WireSpan"]

_CANDIDATES = 2_000
"""Spans that are read at once, to look for attributes in their bytes."""
_CANDIDATES_MAX = 50_000
_JOINED_SPANS = 500_000
_SLICES_MAX = 256
_ERROR = 2


class WireSpan(NamedTuple):
    """The bytes of one span, and of what it was in."""

    resource_wire: bytes
    scope_wire: bytes
    span_wire: bytes


class FoundTrace(NamedTuple):
    """A trace id in hex, and when the spans that were found of it began and ended, in ns."""

    trace_id: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class ServiceSpans:
    """How many spans of a trace a service has."""

    name: str
    spans: int
    errors: int


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """A trace at a glance; `orphans` are spans whose parent is not there."""

    trace_id: str
    root_service: str
    root_operation: str
    start_ns: int
    end_ns: int
    orphans: int
    services: list[ServiceSpans]

    @property
    def spans(self) -> int:
        """How many spans it has."""
        return sum(each.spans for each in self.services)

    @property
    def errors(self) -> int:
        """How many of them failed."""
        return sum(each.errors for each in self.services)


class SpanQueries:
    """One asynchronous method for each question about spans."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._spans = TABLES["spans"].c

    async def trace(self, trace_id: str) -> list[WireSpan]:
        """The spans of a trace, those of one envelope together; what came twice is there twice."""
        spans = self._spans
        wires = (spans.resource_wire, spans.scope_wire, spans.span_wire)
        order = (spans.resource_wire, spans.scope_wire, spans.start_time, spans.span_id)
        statement = sa.select(*wires).where(spans.trace_id == trace_id).order_by(*order)
        return [WireSpan(**row) for row in await self._store.fetch(statement)]

    async def services(self) -> list[str]:
        """Every service that sent a span, by name."""
        name = self._spans.service
        rows = await self._store.fetch(sa.select(name).distinct().order_by(name))
        return [row["service"] for row in rows]

    async def operations(self, service: str, kind: str = "") -> list[tuple[str, str]]:
        """Names of a service's spans and their kinds, by name; of one kind, if it is given."""
        spans = self._spans
        statement = (
            sa.select(spans.name, spans.kind)
            .where(spans.service == service)
            .distinct()
            .order_by(spans.name, spans.kind)
        )
        if kind:
            if kind not in SPAN_KINDS:
                return []
            statement = statement.where(spans.kind == SPAN_KINDS.index(kind))
        rows = await self._store.fetch(statement)
        return [(row["name"], _kind_name(row["kind"])) for row in rows]

    async def find(self, search: SpanSearch, *, limit: int) -> list[FoundTrace]:
        """Traces with a span that is searched for, the newest first."""
        if not search.attributes:
            return await self._grouped(search, limit)
        found: dict[str, FoundTrace] = {}
        for offset in range(0, _CANDIDATES_MAX, _CANDIDATES):
            rows = await self._store.fetch(self._candidates(search, offset))
            for row in rows:
                if row["trace_id"] not in found and len(found) == limit:
                    return list(found.values())
                if matches(search, row):
                    _widen(found, row)
            if len(rows) < _CANDIDATES:
                break
        return list(found.values())

    async def _grouped(self, search: SpanSearch, limit: int) -> list[FoundTrace]:
        spans = self._spans
        start = sa.func.min(_ns(spans.start_time)).label("start_ns")
        end = sa.func.max(_ns(spans.end_time)).label("end_ns")
        statement = (
            sa.select(spans.trace_id, start, end)
            .where(*wanted(search))
            .group_by(spans.trace_id)
            .order_by(sa.func.max(spans.start_time).desc(), spans.trace_id)
            .limit(limit)
        )
        return [FoundTrace(**row) for row in await self._store.fetch(statement)]

    def _candidates(self, search: SpanSearch, offset: int) -> sa.Select[Any]:
        spans = self._spans
        return (
            sa.select(
                spans.trace_id,
                _ns(spans.start_time).label("start_ns"),
                _ns(spans.end_time).label("end_ns"),
                *(spans[wire] for wire in WIRES),
                *by_column(search),
            )
            .where(*wanted(search))
            .order_by(spans.start_time.desc(), spans.trace_id, spans.span_id)
            .limit(_CANDIDATES)
            .offset(offset)
        )

    async def summaries(self, trace_ids: Sequence[str]) -> list[TraceSummary]:
        """Traces at a glance, in this order; one that is not there is left out."""
        if not trace_ids:
            return []
        by_service = await self._store.fetch(self._by_service(trace_ids))
        roots = {row["trace_id"]: row for row in await self._store.fetch(self._roots(trace_ids))}
        lost = await self._store.fetch(self._orphans(trace_ids))
        orphans = {row["trace_id"]: row["orphans"] for row in lost}
        grouped: dict[str, list[Row]] = {}
        for row in by_service:
            grouped.setdefault(row["trace_id"], []).append(row)
        return [
            _summary(each, grouped[each], roots.get(each), orphans.get(each, 0))
            for each in dict.fromkeys(trace_ids)
            if each in grouped
        ]

    def _by_service(self, trace_ids: Sequence[str]) -> sa.Select[Any]:
        spans = self._spans
        failed = sa.cast(spans.status_code == _ERROR, sa.Integer())
        return (
            sa.select(
                spans.trace_id,
                spans.service,
                sa.func.count().label("spans"),
                sa.func.sum(failed, type_=sa.BigInteger()).label("errors"),
                sa.func.min(_ns(spans.start_time)).label("start_ns"),
                sa.func.max(_ns(spans.end_time)).label("end_ns"),
            )
            .where(spans.trace_id.in_(trace_ids))
            .group_by(spans.trace_id, spans.service)
            .order_by(spans.trace_id, spans.service)
        )

    def _roots(self, trace_ids: Sequence[str]) -> sa.Select[Any]:
        """Root spans, the earliest of a trace last."""
        spans = self._spans
        return (
            sa.select(spans.trace_id, spans.service, spans.name)
            .where(spans.trace_id.in_(trace_ids), spans.parent_span_id == "")
            .order_by(spans.start_time.desc(), spans.span_id.desc())
        )

    def _orphans(self, trace_ids: Sequence[str]) -> sa.Select[Any]:
        spans = self._spans
        there = sa.select(spans.trace_id, spans.span_id).where(spans.trace_id.in_(trace_ids))
        return (
            sa.select(spans.trace_id, sa.func.count().label("orphans"))
            .where(spans.trace_id.in_(trace_ids), spans.parent_span_id != "")
            .where(sa.tuple_(spans.trace_id, spans.parent_span_id).not_in(there))
            .group_by(spans.trace_id)
        )

    async def dependencies(self, since: datetime, until: datetime) -> list[tuple[str, str, int]]:
        """Which service's spans are parents of which service's, and how often, by name.

        Of spans that began between `since` and `until` (exclusive).
        """
        spans = self._spans
        within = spans.start_time >= since, spans.start_time < until
        (row,) = await self._store.fetch(sa.select(sa.func.count().label("spans")).where(*within))
        counts: dict[tuple[str, str], int] = {}
        for first, last in _slices(row["spans"]):
            for each in await self._store.fetch(_calls(since, until, first, last)):
                pair = (each["parent"], each["child"])
                counts[pair] = counts.get(pair, 0) + each["calls"]
        return [(*pair, count) for pair, count in sorted(counts.items())]


def _calls(since: datetime, until: datetime, first: str, last: str) -> sa.Select[Any]:
    """Calls in the traces whose ids lie between two prefixes; '' is open."""
    table = TABLES["spans"]
    child, parent = table.alias("child"), table.alias("parent")
    bounds = [
        bound
        for each in (child, parent)
        for bound in (each.c.trace_id >= first, each.c.trace_id < last if last else sa.true())
    ]
    return (
        sa.select(
            parent.c.service.label("parent"),
            child.c.service.label("child"),
            sa.func.count().label("calls"),
        )
        .select_from(
            child.join(
                parent,
                sa.and_(
                    child.c.trace_id == parent.c.trace_id,
                    child.c.parent_span_id == parent.c.span_id,
                ),
            )
        )
        .where(child.c.start_time >= since, child.c.start_time < until, *bounds)
        .group_by(parent.c.service, child.c.service)
    )


def _slices(spans: int) -> Iterable[tuple[str, str]]:
    """Ranges of trace ids, as [first, last), each with a part of so many spans."""
    count = min(_SLICES_MAX, spans // _JOINED_SPANS + 1)
    edges = [f"{256 * place // count:02x}" for place in range(count)]
    yield from zip(["", *edges[1:]], [*edges[1:], ""], strict=True)


def _ns(moment: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    return time_slot(moment, sa.literal(1))


def _widen(found: dict[str, FoundTrace], row: Row) -> None:
    trace_id, start, end = row["trace_id"], row["start_ns"], row["end_ns"]
    before = found.get(trace_id, FoundTrace(trace_id, start, end))
    found[trace_id] = FoundTrace(trace_id, min(start, before.start_ns), max(end, before.end_ns))


def _kind_name(kind: int) -> str:
    return SPAN_KINDS[kind] if 0 <= kind < len(SPAN_KINDS) else ""


def _summary(trace_id: str, rows: Sequence[Row], root: Row | None, orphans: int) -> TraceSummary:
    return TraceSummary(
        trace_id=trace_id,
        root_service=root["service"] if root else "",
        root_operation=root["name"] if root else "",
        start_ns=min(row["start_ns"] for row in rows),
        end_ns=max(row["end_ns"] for row in rows),
        orphans=orphans,
        services=[ServiceSpans(row["service"], row["spans"], row["errors"]) for row in rows],
    )
