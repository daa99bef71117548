"""Who calls whom: as the source shows it, as spans show it, and both together.

Strategy: edges of a snapshot get what was laid onto them; what spans alone show is added and
marked. Of a snapshot's edges only those are read that an answer holds: it may have half a million.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa

from otel_llmops.storage.laying import EdgeLoad, Laying
from otel_llmops.storage.rows import NS_PER_MS
from otel_llmops.storage.seams import Row, Store
from otel_llmops.storage.tables import TABLES
from otel_llmops.storage.topology_answers import CallEdge

__all__ = ["CHAIN_DEPTH_MAX", "CallQueries"]

CHAIN_DEPTH_MAX = 50
_EDGES_MAX = 1_000
"""Edges in one answer."""
_PLACES_AN_EDGE = 5
_CHAINED_MAX = 20_000
"""Edges that spans show, in which a chain is looked for: those with the most tokens."""
_IDS_MAX = 10_000
RUN_TIME = "run_time"

_SnapshotKey = tuple[str, object]


class CallQueries:
    """Call edges, of a snapshot where there is one."""

    def __init__(self, store: Store, laying: Laying) -> None:
        self._store = store
        self._laying = laying

    async def edges(self, snapshot: _SnapshotKey | None, *, limit: int) -> list[CallEdge]:
        """Edges by tokens (most first), then calls, names; those that no span shows come last."""
        # several places make one edge, so more are read than are answered
        loads = await self._laying.edges(snapshot, limit=_PLACES_AN_EDGE * limit + _EDGES_MAX)
        observed = sorted(loads, key=lambda each: (-each.tokens, -each.calls))[:limit]
        made = await self._joined(snapshot, observed)
        if len(made) < limit and snapshot is not None:
            known = {(edge.caller, edge.callee) for edge in made}
            rows = await self._static(snapshot, limit=limit)
            made += [_edge(row) for row in rows if (row["caller"], row["callee"]) not in known]
        return sorted(made, key=_most_first)[:limit]

    async def chain(
        self, snapshot: _SnapshotKey | None, entry_point: str, *, depth: int
    ) -> list[CallEdge]:
        """Edges from a function on, breadth first; each edge once, at most 1,000."""
        loads = await self._laying.edges(snapshot, limit=_CHAINED_MAX)
        names = await self._names(snapshot, loads)
        out: dict[str, list[EdgeLoad]] = {}
        for load in loads:
            named = _named(load, names)
            out.setdefault(named.caller, []).append(named)
        level = [await self._entry(snapshot, entry_point, out)]
        found: dict[tuple[str, str], CallEdge] = {}
        seen = set(level)
        for _ in range(depth):
            edges = await self._leaving(snapshot, level, out)
            found |= {(edge.caller, edge.callee): edge for edge in edges}
            level = list(dict.fromkeys(e.callee for e in edges if e.callee not in seen))
            seen.update(level)
            if not level or len(found) >= _EDGES_MAX:
                break
        return list(found.values())[:_EDGES_MAX]

    async def _leaving(
        self,
        snapshot: _SnapshotKey | None,
        callers: Sequence[str],
        out: Mapping[str, Sequence[EdgeLoad]],
    ) -> list[CallEdge]:
        rows = await self._static(snapshot, callers=callers) if snapshot is not None else []
        edges = {(row["caller"], row["callee"]): _edge(row) for row in rows}
        for caller in callers:
            for load in out.get(caller, ()):
                key = (load.caller, load.callee)
                edges[key] = _with_load(edges.get(key), load)
        turn = {caller: number for number, caller in enumerate(callers)}
        return sorted(edges.values(), key=lambda each: (turn[each.caller], _most_first(each)))

    async def _entry(
        self,
        snapshot: _SnapshotKey | None,
        entry_point: str,
        out: Mapping[str, Sequence[EdgeLoad]],
    ) -> str:
        """The qualified name that is meant: itself, or the one that ends with it."""
        candidates = set(out)
        if snapshot is not None:
            table = TABLES["code_functions"]
            last = entry_point.rpartition(".")[2]
            rows = await self._store.fetch(
                sa.select(table.c.qualified_name)
                .where(
                    table.c.snapshot_id == snapshot[0],
                    sa.or_(table.c.function_name == last, table.c.qualified_name == entry_point),
                )
                .distinct()
            )
            candidates |= {row["qualified_name"] for row in rows}
        ends = [name for name in candidates if name.endswith(f".{entry_point}")]
        return ends[0] if entry_point not in candidates and len(ends) == 1 else entry_point

    async def _joined(
        self, snapshot: _SnapshotKey | None, loads: Sequence[EdgeLoad]
    ) -> list[CallEdge]:
        """Edges that spans show, with what the snapshot says of them."""
        names = await self._names(snapshot, loads)
        named = [_named(load, names) for load in loads]
        rows: list[Row] = []
        if snapshot is not None:
            callers = list(dict.fromkeys(each.caller for each in named))
            rows = await self._static(snapshot, callers=callers)
        static = {(row["caller"], row["callee"]): _edge(row) for row in rows}
        return [_with_load(static.get((each.caller, each.callee)), each) for each in named]

    async def _names(
        self, snapshot: _SnapshotKey | None, loads: Sequence[EdgeLoad]
    ) -> Mapping[str, str]:
        """Function id -> qualified name, for the ends that were laid."""
        if snapshot is None:
            return {}
        ids = {end for load in loads for end in (load.caller_id, load.callee_id) if end}
        table = TABLES["code_functions"]
        found: dict[str, str] = {}
        for some in _chunks(sorted(ids)):
            chosen = sa.select(table.c.function_id, table.c.qualified_name).where(
                table.c.snapshot_id == snapshot[0], table.c.function_id.in_(some)
            )
            rows = await self._store.fetch(chosen)
            found |= {row["function_id"]: row["qualified_name"] for row in rows}
        return found

    async def _static(
        self,
        snapshot: _SnapshotKey,
        *,
        callers: Sequence[str] | None = None,
        limit: int = _EDGES_MAX,
    ) -> list[Row]:
        table = TABLES["function_calls"]
        columns = (table.c.caller, table.c.callee, table.c.found_by)
        statement = (
            sa.select(*columns)
            .where(table.c.snapshot_id == snapshot[0])
            .order_by(table.c.caller, table.c.callee, table.c.found_by)
        )
        if callers is None:
            return await self._store.fetch(statement.limit(limit))
        rows: list[Row] = []
        for some in _chunks(callers):
            rows += await self._store.fetch(statement.where(table.c.caller.in_(some)))
        return rows


def _chunks(values: Sequence[str]) -> Iterable[list[str]]:
    for start in range(0, len(values), _IDS_MAX):
        yield list(values[start : start + _IDS_MAX])


def _named(load: EdgeLoad, names: Mapping[str, str]) -> EdgeLoad:
    """A load whose ends have the snapshot's names, where they have any."""
    return replace(
        load,
        caller=names.get(load.caller_id, load.caller),
        callee=names.get(load.callee_id, load.callee),
    )


def _edge(row: Row) -> CallEdge:
    return CallEdge(
        caller=row["caller"],
        callee=row["callee"],
        found_by=row["found_by"],
        call_count=0,
        avg_duration_ms=None,
        total_tokens=0,
        observed=False,
        static=True,
    )


def _with_load(static: CallEdge | None, load: EdgeLoad) -> CallEdge:
    return CallEdge(
        caller=load.caller,
        callee=load.callee,
        found_by=static.found_by if static else RUN_TIME,
        call_count=load.calls,
        avg_duration_ms=load.duration_ns / load.calls / NS_PER_MS if load.calls else None,
        total_tokens=load.tokens,
        observed=True,
        static=static is not None and static.static,
    )


def _most_first(edge: CallEdge) -> tuple[int, int, str, str]:
    return -edge.total_tokens, -edge.call_count, edge.caller, edge.callee
