"""Facts and edges to the tables of a snapshot.

Strategy: columns of Python values where they come from files, arrays for ids and for what is the
same in every row. Rows are in the order of paths and of places in the source, so the same code
gives the same tables.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from otel_llmops.model.topology import TOPOLOGY
from otel_llmops.topology.calls import Edge
from otel_llmops.topology.facts import TYPE_CHECKING, FileSummary, distinct
from otel_llmops.topology.files import Diagnostic
from otel_llmops.topology.functions import Functions
from otel_llmops.topology.ids import identifiers
from otel_llmops.topology.link import Linked

__all__ = ["SCAN_VERSION", "Snapshot", "tables"]

SCAN_VERSION = 1
"""Of what the tables mean; goes up when an answer changes for the same code."""

_UNCALLED = ("overload", ".setter", ".deleter")
"""Decorators of definitions that a call by this name does not mean."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the tables are made of. `files` maps each path to its facts, None if unparsed.

    `functions` are those of `files`, in their order.
    """

    snapshot_id: str
    repository: str
    commit: str
    scanned_at_ns: int
    names: Mapping[str, str]
    files: Mapping[str, FileSummary | None]
    functions: Functions
    linked: Linked


Solved = tuple[list[Edge], Sequence[Diagnostic]]
"""The edges of the call graph, which are used up, since there are many; and all diagnostics."""


def tables(snapshot: Snapshot, solved: Callable[[], Solved]) -> dict[str, pa.Table]:
    """The tables of TOPOLOGY. `solved` may have to wait, and is called when all else is made.

    Cost:   O(rows), about 3 us each.
    """
    modules = identifiers([f"module:{name}" for name in snapshot.names.values()])
    functions, meant = _functions(snapshot, modules)
    made = {
        "code_modules": _modules(snapshot, modules),
        "code_classes": _classes(snapshot, modules),
        "code_functions": functions,
        "module_dependencies": _dependencies(snapshot, modules),
    }
    edges, diagnostics = solved()
    made["function_calls"] = _calls(snapshot, edges, functions, meant)
    made["topology_snapshots"] = _snapshots(snapshot, diagnostics, made)
    return {name: made[name] for name in TOPOLOGY}


def _table(
    snapshot: Snapshot, name: str, columns: Mapping[str, Any], **arrays: pa.Array | pa.ChunkedArray
) -> pa.Table:
    """`columns` are sequences of Python values, `arrays` are arrays already."""
    schema = TOPOLOGY[name]
    given = {
        column: pa.array(values, schema.field(column).type) for column, values in columns.items()
    }
    given.update(arrays)
    count = len(next(iter(given.values())))
    given["snapshot_id"] = pa.repeat(snapshot.snapshot_id, count)
    return pa.table([given[field.name] for field in schema], schema=schema)


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """Rows as columns; no rows are empty columns."""
    parts = zip(*rows, strict=True) if rows else ((),) * len(names)
    return dict(zip(names, parts, strict=True))


def _modules(snapshot: Snapshot, ids: pa.StringArray) -> pa.Table:
    pairs = {(edge.importer, edge.imported) for edge in snapshot.linked.dependencies}
    efferent = Counter(importer for importer, _ in pairs)
    afferent = Counter(imported for _, imported in pairs)
    rows = []
    for path, name in snapshot.names.items():
        facts = snapshot.files[path]
        coming, going = afferent[path], efferent[path]
        instability = going / (coming + going) if coming + going else 0.0
        known = (facts.lines, facts.complexity, facts.cohesion) if facts else (0, 0.0, None)
        rows.append((name, name.rpartition(".")[2], path, *known, coming, going, instability))
    names = ("module_path", "module_name", "file_path", "line_count", "complexity_score",
             "cohesion", "afferent_coupling", "efferent_coupling", "instability")  # fmt: skip
    moments = _moments(snapshot, len(rows))
    return _table(
        snapshot, "code_modules", _columns(names, rows), module_id=ids, last_scanned=moments
    )


def _moments(snapshot: Snapshot, count: int) -> pa.Array:
    kind = TOPOLOGY["topology_snapshots"].field("scanned_at").type
    return pa.repeat(pa.scalar(snapshot.scanned_at_ns, kind), count)


def _classes(snapshot: Snapshot, modules: pa.StringArray) -> pa.Table:
    linked = snapshot.linked
    rows = []
    owners: list[int] = []
    for number, (path, facts) in enumerate(snapshot.files.items()):
        for name, qualname, *rest, _ in facts.classes if facts else ():
            key = (path, qualname)
            coupled = linked.classes_afferent[key], linked.classes_efferent[key]
            rows.append((name, f"{snapshot.names[path]}.{qualname}", *rest, *coupled))
            owners.append(number)
    names = ("class_name", "qualified_name", "line_start", "line_end", "bases", "methods", "lcom4",
             "lcom_hs", "afferent_coupling", "efferent_coupling")  # fmt: skip
    columns = _columns(names, rows)
    ids = identifiers([f"class:{name}" for name in distinct(columns["qualified_name"])])
    owned = modules.take(pa.array(owners, pa.int64()))
    return _table(snapshot, "code_classes", columns, class_id=ids, module_id=owned)


def _functions(snapshot: Snapshot, modules: pa.StringArray) -> tuple[pa.Table, dict[str, int]]:
    """The table, and the row of the function that a call by a name means."""
    functions = snapshot.functions
    names = functions.names
    owners = np.repeat(np.arange(len(functions.counts)), functions.counts)
    if len(set(names)) < len(names):  # a class `a` in a package, and a module `a` below it
        names = distinct(names)
    columns = functions.columns()
    table = _table(
        snapshot, "code_functions", {}, **columns,
        function_id=identifiers(f"function:{name}" for name in names),
        module_id=modules.take(pa.array(owners)),
    )  # fmt: skip
    qualified = columns["qualified_name"].to_pylist()
    return table, _meant(qualified, columns["decorators"].to_pylist())


def _meant(names: Sequence[str], decorators: Sequence[str]) -> dict[str, int]:
    """The last definition of a name counts, as at run time, but not those that are never called."""
    meant = {name: row for row, name in enumerate(names)}
    if len(meant) == len(names):
        return meant
    several = {name for row, name in enumerate(names) if meant[name] != row}
    called = {
        name: row
        for row, name in enumerate(names)
        if name in several and not any(word in decorators[row] for word in _UNCALLED)
    }
    return meant | called


def _calls(
    snapshot: Snapshot, edges: list[Edge], functions: pa.Table, meant: Mapping[str, int]
) -> pa.Table:
    known = [edge for edge in edges if edge[0] in meant and edge[1] in meant]
    edges.clear()
    columns = _columns(("caller", "callee", "found_by", "line"), known)
    count = len(known)
    ids = functions.column("function_id")
    return _table(
        snapshot, "function_calls", columns,
        call_id=identifiers(f"call:{caller}>{callee}" for caller, callee, _, _ in known),
        caller_function_id=ids.take(pa.array([meant[edge[0]] for edge in known], pa.int64())),
        callee_function_id=ids.take(pa.array([meant[edge[1]] for edge in known], pa.int64())),
        call_count=pa.repeat(pa.scalar(0, pa.int64()), count),
        total_tokens=pa.repeat(pa.scalar(0, pa.int64()), count),
        avg_duration_ms=pa.nulls(count, pa.float64()),
        avg_tokens_per_call=pa.nulls(count, pa.float64()),
    )  # fmt: skip


def _dependencies(snapshot: Snapshot, modules: pa.StringArray) -> pa.Table:
    names, component = snapshot.names, snapshot.linked.component
    place = {path: number for number, path in enumerate(names)}
    edges = snapshot.linked.dependencies
    rows = []
    for edge in edges:
        importer, imported = names[edge.importer], names[edge.imported]
        circular = edge.scope != TYPE_CHECKING and (
            component.get(importer, -1) == component.get(imported, -2)
        )
        rows.append((importer, imported, edge.kind, edge.scope, edge.line, circular))
    columns = ("from_module", "to_module", "import_type", "scope", "line", "is_circular")
    return _table(
        snapshot, "module_dependencies", _columns(columns, rows),
        dependency_id=identifiers([f"dependency:{a}>{b}:{c}:{d}" for a, b, c, d, _, _ in rows]),
        from_module_id=modules.take(pa.array([place[edge.importer] for edge in edges], pa.int64())),
        to_module_id=modules.take(pa.array([place[edge.imported] for edge in edges], pa.int64())),
    )  # fmt: skip


def _snapshots(
    snapshot: Snapshot, diagnostics: Sequence[Diagnostic], made: Mapping[str, pa.Table]
) -> pa.Table:
    linked = snapshot.linked
    graph = {
        "cycles": [
            {**cycle._asdict(), "at_import_time": early}
            for cycle, early in zip(linked.cycles, linked.at_import_time, strict=True)
        ],
        "diagnostics": [
            {"file": one.file, "line": one.line, "message": one.message} for one in diagnostics
        ],
        "external": dict(sorted(linked.external.items(), key=lambda item: (-item[1], item[0]))),
    }
    kinds = Counter(made["code_functions"].column("kind").to_pylist())
    columns = {
        "repository_path": [snapshot.repository],
        "commit_hash": [snapshot.commit],
        "total_modules": [made["code_modules"].num_rows],
        "total_functions": [kinds["function"] + kinds["method"]],
        "total_dependencies": [made["module_dependencies"].num_rows],
        "circular_dependencies": [len(linked.cycles)],
        "scan_version": [SCAN_VERSION],
        "graph_data": [json.dumps(graph)],
    }
    return _table(snapshot, "topology_snapshots", columns, scanned_at=_moments(snapshot, 1))
