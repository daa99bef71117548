"""What spans spent, laid onto the functions of a snapshot.

Strategy: a snapshot's functions are read once and kept ready (an Index); what was spent is read
afresh each time, by place in the code, from the sums that a store keeps ready. So answers are
never older than the store, and the work is that of the distinct places, not of the spans.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa

from otel_llmops.model.loads import EDGE_LOADS, FLOWS, FUNCTION_LOADS
from otel_llmops.storage.functions import known_cost, places
from otel_llmops.storage.seams import Row, Store
from otel_llmops.storage.summaries import SUMMARIES
from otel_llmops.storage.tables import TABLES
from otel_llmops.topology.correlate import Index, Place
from otel_llmops.topology.names import plain_name

__all__ = ["Laying", "Loads", "flows_table", "function_loads_table"]

_KEPT = 4
"""Snapshots whose functions are kept ready; one of 10,000 files takes some 200 MB."""
_FLOWS_MAX = 200
"""Flows in a picture: more than that nobody can tell apart."""


@dataclass(frozen=True, slots=True)
class FunctionLoad:
    """What was laid onto one function."""

    calls: int = 0
    llm_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cumulative_tokens: int = 0
    duration_ns: int = 0
    cost_usd: float | None = None

    @property
    def tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens

    def with_load(self, other: "FunctionLoad") -> "FunctionLoad":
        """Both together."""
        costs = [cost for cost in (self.cost_usd, other.cost_usd) if cost is not None]
        return FunctionLoad(
            calls=self.calls + other.calls,
            llm_calls=self.llm_calls + other.llm_calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cumulative_tokens=self.cumulative_tokens + other.cumulative_tokens,
            duration_ns=self.duration_ns + other.duration_ns,
            cost_usd=sum(costs) if costs else None,
        )


NO_LOAD = FunctionLoad()


@dataclass(frozen=True, slots=True)
class Loads:
    """By function and module id; `how` counts places by how they were laid, or why not."""

    functions: Mapping[str, FunctionLoad]
    modules: Mapping[str, FunctionLoad]
    how: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class EdgeLoad:
    """What spans show of one call edge; the ends by id, and by name where they have none."""

    caller: str
    callee: str
    caller_id: str
    callee_id: str
    calls: int
    duration_ns: int
    tokens: int


class Laying:
    """Lays what the store holds onto snapshots. Safe between tasks of one event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[tuple[str, object], Index] = OrderedDict()
        self._reading = asyncio.Lock()

    async def functions(self, snapshot: tuple[str, object]) -> Loads:
        """Loads by function of a snapshot, told by its id and when it was scanned."""
        index = await self._index(snapshot)
        rows = await places(self._store, "function", "file", "line")
        asked = [(row["function"], row["file"], row["line"]) for row in rows]
        laid = await asyncio.to_thread(index.lay, asked)
        loads: dict[str, FunctionLoad] = {}
        modules: dict[str, FunctionLoad] = {}
        for row, function_id in zip(rows, laid.function_ids, strict=True):
            if function_id:
                load, home = _load(row), index.module_of[function_id]
                loads[function_id] = loads.get(function_id, NO_LOAD).with_load(load)
                modules[home] = modules.get(home, NO_LOAD).with_load(load)
        return Loads(loads, modules, laid.counts)

    async def edges(self, snapshot: tuple[str, object] | None, *, limit: int) -> list[EdgeLoad]:
        """Edges that spans show, laid onto a snapshot, or by their names where there is none.

        Those of the places that most tokens and calls went through: `limit` of them.
        """
        ends = SUMMARIES["by_ends"]
        sums = {label.name: label.element for label in ends.sums}
        through = sums["sum_input_tokens"] + sums["sum_output_tokens"]
        keys = [key.name for key in ends.keys]
        rows = await self._store.fetch(
            ends.select(*keys)
            .having(sums["sum_calls"] > 0)
            .order_by(sa.desc(through), sa.desc(sums["sum_calls"]), *ends.keys)
            .limit(limit)
        )
        of_place: dict[Place, str] = {}
        if snapshot is not None:
            index = await self._index(snapshot)
            asked = list(dict.fromkeys(_end(row, end) for row in rows for end in _ENDS))
            laid = await asyncio.to_thread(index.lay, asked)
            of_place = dict(zip(asked, laid.function_ids, strict=True))
        return _edge_loads(rows, of_place)

    async def flows(self) -> list[Row]:
        """Tokens by agent, function and model, most first."""
        summary = SUMMARIES["by_place"]
        sums = {label.name: label.element for label in summary.sums}
        own = sums["sum_input_tokens"] + sums["sum_output_tokens"]
        statement = (
            summary.select("function", "agent", "model")
            .having(own > 0)
            .order_by(sa.desc(own), *(summary.key(n) for n in ("function", "agent", "model")))
            .limit(_FLOWS_MAX)
        )
        return await self._store.fetch(statement)

    async def _index(self, snapshot: tuple[str, object]) -> Index:
        async with self._reading:  # many fields of one request ask for the same one
            if snapshot in self._kept:
                self._kept.move_to_end(snapshot)
                return self._kept[snapshot]
            read = await self._read(snapshot[0])
            index = await asyncio.to_thread(lambda: Index(**read))
            self._kept[snapshot] = index
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return index

    async def _read(self, snapshot_id: str) -> dict[str, list[Row]]:
        found = {}
        for name, columns in _READ.items():
            table = TABLES[f"code_{name}"]
            chosen = sa.select(*(table.c[column] for column in columns))
            found[name] = await self._store.fetch(chosen.where(table.c.snapshot_id == snapshot_id))
        return found


def _load(row: Row) -> FunctionLoad:
    """A row of the summary by_place."""
    return FunctionLoad(
        calls=row["sum_calls"],
        llm_calls=row["sum_llm_calls"],
        input_tokens=row["sum_input_tokens"],
        output_tokens=row["sum_output_tokens"],
        cumulative_tokens=row["sum_cumulative_input_tokens"] + row["sum_cumulative_output_tokens"],
        duration_ns=row["sum_duration_ns"],
        cost_usd=known_cost(row),
    )


_READ = {
    "modules": ("module_id", "module_path", "file_path"),
    "classes": ("module_id", "qualified_name"),
    "functions": ("function_id", "module_id", "qualified_name", "line_first", "line_end"),
}
_ENDS = ("caller", "callee")


def _end(row: Row, end: str) -> Place:
    return row[end], row[f"{end}_file"], row[f"{end}_line"]


def _edge_loads(rows: Sequence[Row], of_place: Mapping[Place, str]) -> list[EdgeLoad]:
    sums: dict[tuple[str, str, str, str], Counter[str]] = {}
    for row in rows:
        ids = [of_place.get(_end(row, end), "") for end in _ENDS]
        # what has an id has one name, however it was called at run time
        names = [
            "" if known else plain_name(row[end]) or row[f"{end}_file"]
            for end, known in zip(_ENDS, ids, strict=True)
        ]
        held = sums.setdefault((names[0], names[1], ids[0], ids[1]), Counter())
        held["calls"] += row["sum_calls"]
        held["duration_ns"] += row["sum_duration_ns"]
        held["tokens"] += row["sum_input_tokens"] + row["sum_output_tokens"]
    return [
        EdgeLoad(*ends, held["calls"], held["duration_ns"], held["tokens"])
        for ends, held in sums.items()
    ]


def function_loads_table(loads: Mapping[str, FunctionLoad]) -> pa.Table:
    """FUNCTION_LOADS rows."""
    columns = [name for name in FUNCTION_LOADS.names if name != "function_id"]
    rows = [
        {"function_id": function_id, **{name: getattr(load, name) for name in columns}}
        for function_id, load in loads.items()
    ]
    return pa.Table.from_pylist(rows, schema=FUNCTION_LOADS)


def flows_table(rows: Sequence[Row]) -> pa.Table:
    """FLOWS rows of what Laying.flows gives."""
    made = [
        {
            "agent": row["agent"],
            "function": plain_name(row["function"]),
            "model": row["model"],
            "tokens": row["sum_input_tokens"] + row["sum_output_tokens"],
            "calls": row["sum_llm_calls"],
        }
        for row in rows
    ]
    return pa.Table.from_pylist(made, schema=FLOWS)


def edge_loads_table(edges: Sequence[EdgeLoad]) -> pa.Table:
    """EDGE_LOADS rows of the edges that both ends were laid of."""
    made = [
        {
            "caller_function_id": edge.caller_id,
            "callee_function_id": edge.callee_id,
            "calls": edge.calls,
            "duration_ns": edge.duration_ns,
            "tokens": edge.tokens,
        }
        for edge in edges
        if edge.caller_id and edge.callee_id
    ]
    return pa.Table.from_pylist(made, schema=EDGE_LOADS)
