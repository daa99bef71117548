"""The answers about code: snapshots, modules, functions, calls, pictures.

Strategy: structure comes from the newest snapshot asked for, numbers from laying what spans spent
onto it (laying.py). Without a snapshot there is still all that spans alone tell: who spent what,
and who called whom.
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from otel_llmops.model.topology import TOPOLOGY
from otel_llmops.storage.calls import CallQueries
from otel_llmops.storage.difference import difference
from otel_llmops.storage.functions import functions_by_tokens, ranked_components
from otel_llmops.storage.laying import (
    NO_LOAD,
    Laying,
    Loads,
    flows_table,
    function_loads_table,
)
from otel_llmops.storage.rows import listed
from otel_llmops.storage.seams import Row, Store
from otel_llmops.storage.tables import TABLES
from otel_llmops.storage.topology_answers import (
    CallEdge,
    CodeFunction,
    CodeModule,
    ComponentUsage,
    FunctionUsage,
    ModuleDependency,
    TokenStats,
    TopologySnapshot,
)
from otel_llmops.topology.excerpt import Excerpt, excerpt
from otel_llmops.views import export

__all__ = ["SnapshotKey", "TopologyQueries", "token_stats"]

SnapshotKey = tuple[str, datetime]
"""A snapshot's id and when it was scanned: the same commit may be scanned again."""


class TopologyQueries:
    """One asynchronous method for each answer. Not found is empty or None, never an error."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._laying = Laying(store)
        self._calls = CallQueries(store, self._laying)

    async def snapshot(
        self, *, repository: str | None = None, commit: str | None = None
    ) -> TopologySnapshot | None:
        """The newest snapshot; of a repository (its path, or the end of it) or a commit (its hash,
        or the beginning of it), where they are given.
        """
        found = await self.snapshots(repository=repository, commit=commit, limit=1, offset=0)
        return found[0] if found else None

    async def snapshots(
        self, *, repository: str | None = None, commit: str | None = None, limit: int, offset: int
    ) -> list[TopologySnapshot]:
        """Snapshots, newest first."""
        table = TABLES["topology_snapshots"]
        told = (table.c.snapshot_id, table.c.repository_path, table.c.commit_hash)
        every = await self._store.fetch(
            sa.select(*told).order_by(table.c.scanned_at.desc(), table.c.snapshot_id)
        )
        # chosen here, for there are few: what a caller writes is no pattern of the store's
        ids = [row["snapshot_id"] for row in every if _is_asked(row, repository, commit)]
        page = ids[offset : offset + limit]
        if not page:
            return []
        rows = await self._store.fetch(sa.select(table).where(table.c.snapshot_id.in_(page)))
        found = {row["snapshot_id"]: _snapshot(row) for row in rows}
        return [found[each] for each in page if each in found]

    async def modules(self, snapshot_id: str, *, limit: int, offset: int) -> list[CodeModule]:
        """Modules of a snapshot by name, then file."""
        table = TABLES["code_modules"]
        statement = (
            sa.select(table)
            .where(table.c.snapshot_id == snapshot_id)
            .order_by(table.c.module_path, table.c.file_path)
            .limit(limit)
            .offset(offset)
        )
        return [_copied(CodeModule, row) for row in await self._store.fetch(statement)]

    async def loads(self, snapshot: SnapshotKey) -> Loads:
        """What spans spent, by function of this snapshot."""
        return await self._laying.functions(snapshot)

    async def functions(
        self, snapshot: SnapshotKey, module_ids: Sequence[str], loads: Loads
    ) -> list[CodeFunction]:
        """Functions of these modules, by module, line and name, with what was laid onto them."""
        if not module_ids:
            return []
        functions, modules = TABLES["code_functions"], TABLES["code_modules"]
        files = sa.select(modules.c.module_id, modules.c.file_path).where(
            modules.c.snapshot_id == snapshot[0], modules.c.module_id.in_(list(module_ids))
        )
        paths = {row["module_id"]: row["file_path"] for row in await self._store.fetch(files)}
        statement = (
            sa.select(functions)
            .where(
                functions.c.snapshot_id == snapshot[0],
                functions.c.module_id.in_(list(module_ids)),
            )
            .order_by(functions.c.module_id, functions.c.line_first, functions.c.qualified_name)
        )
        rows = await self._store.fetch(statement)
        return [_function(row, paths.get(row["module_id"], ""), loads) for row in rows]

    async def function(
        self, snapshot: SnapshotKey, qualified_name: str, loads: Loads
    ) -> CodeFunction | None:
        """The function of this name, the first where there are several."""
        table = TABLES["code_functions"]
        statement = (
            sa.select(table.c.module_id)
            .where(table.c.snapshot_id == snapshot[0], table.c.qualified_name == qualified_name)
            .order_by(table.c.line_first)
            .limit(1)
        )
        for row in await self._store.fetch(statement):
            for each in await self.functions(snapshot, [row["module_id"]], loads):
                if each.qualified_name == qualified_name:
                    return each
        return None

    async def excerpt(self, snapshot_id: str, function_id: str) -> Excerpt | None:
        """The lines of a function, where its repository lies on this machine as it was scanned."""
        functions, modules = TABLES["code_functions"], TABLES["code_modules"]
        snapshots = TABLES["topology_snapshots"]
        statement = sa.select(
            functions.c.qualified_name, functions.c.body_hash, modules.c.module_path,
            modules.c.file_path, snapshots.c.repository_path,
        ).where(
            snapshots.c.snapshot_id == snapshot_id,
            modules.c.snapshot_id == snapshot_id,
            modules.c.module_id == functions.c.module_id,
            functions.c.snapshot_id == snapshot_id,
            functions.c.function_id == function_id,
        ).limit(1)  # fmt: skip
        for row in await self._store.fetch(statement):
            return await asyncio.to_thread(
                excerpt,
                row["repository_path"],
                row["file_path"],
                qualname=row["qualified_name"].removeprefix(f"{row['module_path']}."),
                body_hash=row["body_hash"],
            )
        return None

    async def dependencies(
        self, snapshot: SnapshotKey, module_ids: Sequence[str]
    ) -> list[tuple[str, ModuleDependency]]:
        """(id of the importing module, what it imports), by name and line."""
        if not module_ids:
            return []
        table = TABLES["module_dependencies"]
        statement = (
            sa.select(table)
            .where(
                table.c.snapshot_id == snapshot[0], table.c.from_module_id.in_(list(module_ids))
            )
            .order_by(
                table.c.from_module, table.c.to_module, table.c.line, table.c.import_type,
                table.c.scope,
            )
        )  # fmt: skip
        rows = await self._store.fetch(statement)
        return [(row["from_module_id"], _copied(ModuleDependency, row)) for row in rows]

    async def functions_by_tokens(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int,
        offset: int = 0,
    ) -> list[FunctionUsage]:
        """Functions by own tokens (most first), as spans tell them: no snapshot is needed."""
        window = (since, until)
        return await functions_by_tokens(self._store, window=window, limit=limit, offset=offset)

    async def hotspots(self, *, limit: int) -> list[ComponentUsage]:
        """Functions, modules and calls by tokens (most first), with what stands out in each."""
        return await ranked_components(self._store, limit=limit)

    async def function_calls(
        self, *, repository: str | None = None, commit: str | None = None, limit: int
    ) -> list[CallEdge]:
        """Call edges by tokens (most first), then calls and names, as laid onto a snapshot.

        It is chosen as by `snapshot`; none where one is asked for that is not there.
        """
        key = await self._key(repository, commit)
        if key is None and (repository, commit) != (None, None):
            return []
        return await self._calls.edges(key, limit=limit)

    async def call_chain(
        self,
        entry_point: str,
        *,
        repository: str | None = None,
        commit: str | None = None,
        depth: int,
    ) -> list[CallEdge]:
        """Edges that lead from a function, level by level; none where it is not known.

        `entry_point` is a qualified name, or the end of just one; the snapshot is chosen as by
        function_calls.
        """
        key = await self._key(repository, commit)
        if key is None and (repository, commit) != (None, None):
            return []
        return await self._calls.chain(key, entry_point, depth=depth)

    async def module_graph(self, format_: str, *, repository: str | None = None) -> Any:
        """The newest snapshot as a picture (views.export); an empty one where there is none."""
        found = await self.snapshot(repository=repository)
        if found is None:
            return export(format_, {})
        loads = await self.loads((found.snapshot_id, found.scanned_at))
        return export(
            format_,
            await self._tables(found.snapshot_id),
            loads=function_loads_table(loads.functions),
            flows=flows_table(await self._laying.flows()),
        )

    async def difference(self, before: str, after: str) -> dict[str, Any]:
        """What moved between two commits, in structure and in tokens a call.

        Raises: QueryError, if neither a snapshot nor a span is of one of them.
        """
        snapshots = [await self.snapshot(commit=each) for each in (before, after)]
        return await difference(self._store, (before, after), (snapshots[0], snapshots[1]))

    async def _key(self, repository: str | None, commit: str | None) -> SnapshotKey | None:
        found = await self.snapshot(repository=repository, commit=commit)
        return None if found is None else (found.snapshot_id, found.scanned_at)

    async def _tables(self, snapshot_id: str) -> dict[str, pa.Table]:
        """The tables of a snapshot that a picture is drawn from."""
        tables = {}
        for name in _DRAWN:
            table = TABLES[name]
            rows = await self._store.fetch(
                sa.select(table).where(table.c.snapshot_id == snapshot_id)
            )
            tables[name] = pa.Table.from_pylist([dict(row) for row in rows], TOPOLOGY[name])
        return tables


_DRAWN = (
    "topology_snapshots",
    "code_modules",
    "code_functions",
    "function_calls",
    "module_dependencies",
)


def _is_asked(row: Row, repository: str | None, commit: str | None) -> bool:
    if commit is not None and not row["commit_hash"].startswith(commit.lower()):
        return False
    if repository is None:
        return True
    path, asked = row["repository_path"].rstrip("/"), repository.rstrip("/")
    return bool(path == asked or path.endswith(f"/{asked}"))


def _copied(kind: type[Any], row: Row) -> Any:
    return kind(**{name: row[name] for name in kind.__dataclass_fields__})


def _snapshot(row: Row) -> TopologySnapshot:
    cycles = json.loads(row["graph_data"] or "{}").get("cycles", [])
    names = TopologySnapshot.__dataclass_fields__
    copied = {name: row[name] for name in names if name != "cycles"}
    copied["commit_hash"] = row["commit_hash"] or None
    return TopologySnapshot(**copied, cycles=[list(each["modules"]) for each in cycles])


def token_stats(loads: Loads, module_id: str) -> TokenStats:
    """What the functions of a module spent."""
    load = loads.modules.get(module_id, NO_LOAD)
    return TokenStats(load.input_tokens, load.output_tokens, load.calls, load.cost_usd)


def _function(row: Row, file_path: str, loads: Loads) -> CodeFunction:
    load = loads.functions.get(row["function_id"], NO_LOAD)
    names = ("function_id", "module_id", "function_name", "qualified_name", "kind", "line_start",
             "line_end", "complexity", "cognitive_complexity", "docstring")  # fmt: skip
    return CodeFunction(
        **{name: row[name] for name in names},
        file_path=file_path,
        is_async=bool(row["is_async"]),
        decorators=listed(row["decorators"]),
        total_tokens=load.tokens,
        cumulative_tokens=load.cumulative_tokens,
        call_count=load.calls,
    )
