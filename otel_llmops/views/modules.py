"""What every picture is drawn from: modules, their imports and functions, and what they spent.

Strategy: the tables are read once into a few plain rows, by names that are unique; each format
then only arranges them. Nothing here knows a format.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

__all__ = ["Flow", "Function", "Import", "Module", "Picture", "picture"]


@dataclass(slots=True)
class Function:
    """A function, method, lambda or module body; `name` is within its module."""

    id: str
    name: str
    module: str
    lines: int
    complexity: float
    tokens: int = 0
    cumulative_tokens: int = 0
    calls: int = 0


@dataclass(slots=True)
class Module:
    """A module with what its functions spent.

    `name` is its dotted path, and where two have the same the file as well, so it is unique.
    """

    name: str
    path: str
    file: str
    lines: int
    complexity: float
    afferent: int
    efferent: int
    instability: float
    cohesion: float | None
    functions: list[Function] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """Tokens of its functions."""
        return sum(each.tokens for each in self.functions)

    @property
    def calls(self) -> int:
        """Calls of its functions, as spans show them."""
        return sum(each.calls for each in self.functions)


@dataclass(frozen=True, slots=True)
class Import:
    """One module importing another, in whatever ways."""

    importer: str
    imported: str
    types: tuple[str, ...]
    is_circular: bool


@dataclass(frozen=True, slots=True)
class Flow:
    """Tokens that an agent spent in a function on a model."""

    agent: str
    function: str
    model: str
    tokens: int
    calls: int


@dataclass(frozen=True, slots=True)
class Picture:
    """All of a snapshot that can be seen. `calls` counts call edges between two modules."""

    repository: str
    commit: str
    modules: Sequence[Module]
    imports: Sequence[Import]
    calls: Mapping[tuple[str, str], int]
    flows: Sequence[Flow]


_NO_LOAD: Mapping[str, int] = {}


def picture(
    tables: Mapping[str, pa.Table], *, loads: pa.Table | None, flows: pa.Table | None
) -> Picture:
    """The tables of one snapshot, put together.

    In:     as of views.export.
    Out:    modules by name, imports by importer and imported.
    Cost:   O(rows).
    """
    modules = _modules(_rows(tables, "code_modules"))
    spent = {row["function_id"]: row for row in loads.to_pylist()} if loads is not None else {}
    home = {}
    for row in _rows(tables, "code_functions"):
        module = modules.get(row["module_id"])
        if module is None:
            continue
        home[row["function_id"]] = module.name
        load = spent.get(row["function_id"], _NO_LOAD)
        module.functions.append(
            Function(
                id=row["function_id"],
                name=_within(row["qualified_name"], module.path),
                module=module.name,
                lines=row["line_end"] - row["line_first"] + 1,
                complexity=row["complexity"],
                tokens=load.get("input_tokens", 0) + load.get("output_tokens", 0),
                cumulative_tokens=load.get("cumulative_tokens", 0),
                calls=load.get("calls", 0),
            )
        )
    snapshot = next(iter(_rows(tables, "topology_snapshots")), {})
    return Picture(
        repository=str(snapshot.get("repository_path", "")),
        commit=str(snapshot.get("commit_hash", "")),
        modules=sorted(modules.values(), key=lambda module: module.name),
        imports=_imports(_rows(tables, "module_dependencies"), modules),
        calls=_calls(_rows(tables, "function_calls"), home),
        flows=[Flow(**row) for row in flows.to_pylist()] if flows is not None else [],
    )


def _rows(tables: Mapping[str, pa.Table], name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tables[name].to_pylist() if name in tables else []
    return rows


def _modules(rows: Sequence[Mapping[str, Any]]) -> dict[str, Module]:
    """Modules by id, under names that are unique."""
    shared = Counter(row["module_path"] for row in rows)
    return {
        row["module_id"]: Module(
            name=row["module_path"]
            if shared[row["module_path"]] == 1
            else f"{row['module_path']} ({row['file_path']})",
            path=row["module_path"],
            file=row["file_path"],
            lines=row["line_count"],
            complexity=row["complexity_score"],
            afferent=row["afferent_coupling"],
            efferent=row["efferent_coupling"],
            instability=row["instability"],
            cohesion=row["cohesion"],
        )
        for row in rows
    }


def _within(qualified: str, module_path: str) -> str:
    """A function's name within its module; a module's body is <module>."""
    if qualified == module_path:
        return "<module>"
    return qualified.removeprefix(f"{module_path}.")


def _imports(rows: Sequence[Mapping[str, Any]], modules: Mapping[str, Module]) -> list[Import]:
    ways: dict[tuple[str, str], set[str]] = defaultdict(set)
    circular: set[tuple[str, str]] = set()
    for row in rows:
        ends = modules.get(row["from_module_id"]), modules.get(row["to_module_id"])
        if ends[0] is None or ends[1] is None:
            continue
        edge = (ends[0].name, ends[1].name)
        ways[edge].add(row["import_type"])
        if row["is_circular"]:
            circular.add(edge)
    return [Import(*edge, tuple(sorted(ways[edge])), edge in circular) for edge in sorted(ways)]


def _calls(
    rows: Sequence[Mapping[str, Any]], home: Mapping[str, str]
) -> Mapping[tuple[str, str], int]:
    """How many call edges lead from one module to another one."""
    edges = (
        (home.get(row["caller_function_id"], ""), home.get(row["callee_function_id"], ""))
        for row in rows
    )
    return Counter(edge for edge in edges if edge[0] and edge[1] and edge[0] != edge[1])
