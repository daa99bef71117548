"""Facts and edges to the tables of a snapshot.

Strategy: rows are plain tuples in the order of a table's own columns, turned into columns by `zip`;
what is the same in every row, and ids, are made as arrays. Sorted by path and place in the source,
so the same code gives the same tables, byte for byte.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from otel_llmops.model.topology import TOPOLOGY
from otel_llmops.topology.calls import Edge
from otel_llmops.topology.facts import TYPE_CHECKING, ClassFacts, FileFacts
from otel_llmops.topology.files import Diagnostic
from otel_llmops.topology.ids import identifiers
from otel_llmops.topology.link import Linked

__all__ = ["SCAN_VERSION", "Snapshot", "tables"]

SCAN_VERSION = 1
"""Of what the tables mean; goes up when an answer changes for the same code."""

_Rows = Sequence[Sequence[Any]]
_UNCALLED = ("overload", ".setter", ".deleter")
"""Decorators of definitions that a call by this name does not mean."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the tables are made of. `files` maps each path to its facts, None if unparsed."""

    snapshot_id: str
    repository: str
    commit: str
    scanned_at_ns: int
    names: Mapping[str, str]
    files: Mapping[str, FileFacts | None]
    linked: Linked
    edges: Sequence[Edge]
    diagnostics: Sequence[Diagnostic]
    module_ids: dict[str, str] = field(default_factory=dict)


def tables(snapshot: Snapshot) -> dict[str, pa.Table]:
    """The tables of TOPOLOGY.

    Cost:   O(rows), about 3 us each.
    """
    modules = list(snapshot.names.values())
    ids = identifiers([f"module:{name}" for name in modules])
    snapshot.module_ids.update(zip(snapshot.names, ids.to_pylist(), strict=True))
    functions, meant = _functions(snapshot)
    made = {
        "code_modules": _modules(snapshot, ids),
        "code_classes": _classes(snapshot),
        "code_functions": functions,
        "function_calls": _calls(snapshot, meant),
        "module_dependencies": _dependencies(snapshot),
    }
    made["topology_snapshots"] = _snapshots(snapshot, made)
    return {name: made[name] for name in TOPOLOGY}


def _table(
    snapshot: Snapshot, name: str, rows: _Rows, columns: Sequence[str], **arrays: pa.Array
) -> pa.Table:
    """`columns` name the parts of a row; `arrays` are columns that are arrays already."""
    schema = TOPOLOGY[name]
    parts = zip(columns, zip(*rows, strict=True), strict=True) if rows else ()
    given = {column: pa.array(part, schema.field(column).type) for column, part in parts}
    given.update(arrays)
    given["snapshot_id"] = pa.repeat(snapshot.snapshot_id, len(rows))
    empty = {field.name: pa.array([], field.type) for field in schema} if not rows else {}
    return pa.table([{**empty, **given}[field.name] for field in schema], schema=schema)


def _modules(snapshot: Snapshot, ids: pa.StringArray) -> pa.Table:
    linked = snapshot.linked
    pairs = {(edge.importer, edge.imported) for edge in linked.dependencies}
    efferent = Counter(importer for importer, _ in pairs)
    afferent = Counter(imported for _, imported in pairs)
    rows = []
    for path, name in snapshot.names.items():
        facts = snapshot.files[path]
        coming, going = afferent[path], efferent[path]
        rows.append(
            (name, name.rpartition(".")[2], path, facts.lines if facts else 0, _complexity(facts),
             coming, going, going / (coming + going) if coming + going else 0.0,
             _cohesion(facts.classes if facts else ()))
        )  # fmt: skip
    return _table(
        snapshot, "code_modules", rows,
        ("module_path", "module_name", "file_path", "line_count", "complexity_score",
         "afferent_coupling", "efferent_coupling", "instability", "cohesion"),
        module_id=ids,
        last_scanned=_moments(snapshot, len(rows)),
    )  # fmt: skip


def _moments(snapshot: Snapshot, count: int) -> pa.Array:
    kind = TOPOLOGY["topology_snapshots"].field("scanned_at").type
    return pa.repeat(pa.scalar(snapshot.scanned_at_ns, kind), count)


def _complexity(facts: FileFacts | None) -> float:
    found = [
        function.complexity
        for function in (facts.functions if facts else ())
        if function.kind in {"function", "method"}
    ]
    return sum(found) / len(found) if found else 0.0


def _cohesion(classes: Sequence[ClassFacts]) -> float | None:
    if not classes:
        return None
    return sum(1.0 - min(1.0, found.lcom_hs) for found in classes) / len(classes)


def _classes(snapshot: Snapshot) -> pa.Table:
    linked, names = snapshot.linked, snapshot.names
    rows = [
        (snapshot.module_ids[path], one.name, f"{names[path]}.{one.qualname}", *one[2:8],
         linked.classes_afferent[path, one.qualname], linked.classes_efferent[path, one.qualname])
        for path, facts in snapshot.files.items()
        for one in (facts.classes if facts else ())
    ]  # fmt: skip
    return _table(
        snapshot, "code_classes", rows,
        ("module_id", "class_name", "qualified_name", "line_start", "line_end", "bases",
         "methods", "lcom4", "lcom_hs", "afferent_coupling", "efferent_coupling"),
        class_id=identifiers(_distinct("class:", (row[2] for row in rows))),
    )  # fmt: skip


def _functions(snapshot: Snapshot) -> tuple[pa.Table, dict[str, str]]:
    """The table, and the id of the function that a call by a name means."""
    rows: list[tuple[Any, ...]] = []
    for path, facts in snapshot.files.items():
        if facts is None:
            continue
        module, module_id = snapshot.names[path], snapshot.module_ids[path]
        prefix = f"{module}."
        body, *others = facts.functions
        rows.append((module_id, module.rpartition(".")[2], module, *body[2:]))
        rows.extend([(module_id, one[1], prefix + one[0], *one[2:]) for one in others])
    ids = identifiers(_distinct("function:", (row[2] for row in rows)))
    table = _table(
        snapshot, "code_functions", rows,
        ("module_id", "function_name", "qualified_name", "kind", "line_first", "line_start",
         "line_end", "complexity", "cognitive_complexity", "is_async", "decorators", "docstring",
         "body_hash"),
        function_id=ids,
    )  # fmt: skip
    meant: dict[str, str] = {}
    for row, found in zip(rows, ids.to_pylist(), strict=True):
        if row[2] not in meant or not any(word in row[10] for word in _UNCALLED):
            meant[row[2]] = found
    return table, meant


def _distinct(kind: str, names: Iterable[str]) -> list[str]:
    """What ids are made of; a second definition of one name (`if`, overloads) is its own."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        again = f"#{seen[name]}" if seen[name] > 1 else ""
        found.append(f"{kind}{name}{again}")
    return found


def _calls(snapshot: Snapshot, meant: Mapping[str, str]) -> pa.Table:
    rows = [
        (meant[edge.caller], meant[edge.callee], *edge, 0, 0)
        for edge in snapshot.edges
        if edge.caller in meant and edge.callee in meant
    ]
    return _table(
        snapshot, "function_calls", rows,
        ("caller_function_id", "callee_function_id", "caller", "callee", "found_by", "line",
         "call_count", "total_tokens"),
        call_id=identifiers([f"call:{row[2]}>{row[3]}" for row in rows]),
        avg_duration_ms=pa.nulls(len(rows), pa.float64()),
        avg_tokens_per_call=pa.nulls(len(rows), pa.float64()),
    )  # fmt: skip


def _dependencies(snapshot: Snapshot) -> pa.Table:
    names, ids, component = snapshot.names, snapshot.module_ids, snapshot.linked.component
    rows = []
    for edge in snapshot.linked.dependencies:
        importer, imported = names[edge.importer], names[edge.imported]
        circular = edge.scope != TYPE_CHECKING and (
            component.get(importer, -1) == component.get(imported, -2)
        )
        rows.append((ids[edge.importer], ids[edge.imported], importer, imported, edge.kind,
                     edge.scope, edge.line, circular))  # fmt: skip
    return _table(
        snapshot, "module_dependencies", rows,
        ("from_module_id", "to_module_id", "from_module", "to_module", "import_type", "scope",
         "line", "is_circular"),
        dependency_id=identifiers(
            [f"dependency:{row[2]}>{row[3]}:{row[4]}:{row[5]}" for row in rows]
        ),
    )  # fmt: skip


def _snapshots(snapshot: Snapshot, made: Mapping[str, pa.Table]) -> pa.Table:
    linked = snapshot.linked
    graph = {
        "cycles": [
            {**cycle._asdict(), "at_import_time": early}
            for cycle, early in zip(linked.cycles, linked.at_import_time, strict=True)
        ],
        "diagnostics": [
            {"file": one.file, "line": one.line, "message": one.message}
            for one in snapshot.diagnostics
        ],
        "external": dict(sorted(linked.external.items(), key=lambda item: (-item[1], item[0]))),
    }
    kinds = Counter(made["code_functions"].column("kind").to_pylist())
    row = (snapshot.repository, snapshot.commit, made["code_modules"].num_rows,
           kinds["function"] + kinds["method"], made["module_dependencies"].num_rows,
           len(linked.cycles), SCAN_VERSION, json.dumps(graph))  # fmt: skip
    return _table(
        snapshot, "topology_snapshots", [row],
        ("repository_path", "commit_hash", "total_modules", "total_functions",
         "total_dependencies", "circular_dependencies", "scan_version", "graph_data"),
        scanned_at=_moments(snapshot, 1),
    )  # fmt: skip
