"""Arrow schemas of a topology snapshot: one scan of a repository, as tables.

Strategy: the plan's tables with their columns, and what answers need beside them. Every table has
`snapshot_id`, so a store keeps the snapshots of many commits side by side and drops one whole. Ids
are UUIDs made of names (version 5), so the same commit scanned twice has the same ids. Conventions
are those of model.schemas; lines count from 1, both ends inclusive; paths are relative to the
repository, with forward slashes.
"""

from collections.abc import Mapping

import pyarrow as pa

from otel_llmops.model.fields import COUNT, TEXT, TIME, required, unknown_or

__all__ = [
    "CALLS",
    "CLASSES",
    "DEPENDENCIES",
    "FUNCTIONS",
    "MODULES",
    "SNAPSHOTS",
    "TOPOLOGY",
]

_LINE = pa.int32()

MODULES = pa.schema(
    required(
        ("snapshot_id", TEXT),
        ("module_id", TEXT),
        ("module_path", TEXT),
        ("module_name", TEXT),
        ("file_path", TEXT),
        ("line_count", _LINE),
        ("complexity_score", pa.float64()),
        ("afferent_coupling", pa.int32()),
        ("efferent_coupling", pa.int32()),
        ("instability", pa.float64()),
        ("last_scanned", TIME),
    )
    + unknown_or(("cohesion", pa.float64()))
)
"""One row a module (table code_modules).

`module_path` is its dotted name, `module_name` the last part of it; `complexity_score` the mean
cyclomatic complexity of its functions, 0 without any; instability Ce / (Ca + Ce), 0 where both are
0; `cohesion` the mean over its classes, in [0, 1], null without classes.
"""

CLASSES = pa.schema(
    required(
        ("snapshot_id", TEXT),
        ("class_id", TEXT),
        ("module_id", TEXT),
        ("class_name", TEXT),
        ("qualified_name", TEXT),
        ("line_start", _LINE),
        ("line_end", _LINE),
        ("bases", TEXT),
        ("methods", pa.int32()),
        ("lcom4", pa.int32()),
        ("lcom_hs", pa.float64()),
        ("afferent_coupling", pa.int32()),
        ("efferent_coupling", pa.int32()),
    )
)
"""One row a class (table code_classes). `bases` is a JSON list of what its source writes."""

FUNCTIONS = pa.schema(
    required(
        ("snapshot_id", TEXT),
        ("function_id", TEXT),
        ("module_id", TEXT),
        ("function_name", TEXT),
        ("qualified_name", TEXT),
        ("kind", TEXT),
        ("line_first", _LINE),
        ("line_start", _LINE),
        ("line_end", _LINE),
        ("complexity", pa.float64()),
        ("cognitive_complexity", pa.float64()),
        ("is_async", pa.bool_()),
        ("decorators", TEXT),
        ("docstring", TEXT),
        ("body_hash", TEXT),
    )
)
"""One row a function, method, lambda or module body (table code_functions).

`kind` is function, method, lambda or module; `qualified_name` is `module_path`, a dot, and what
Python calls `__qualname__` without the `<locals>` parts (`pkg.mod.Class.method`,
`pkg.mod.outer.inner`, `pkg.mod.outer.<lambda1>`), a module's body just its `module_path`.
`line_first` is the line of the first decorator (CPython's `co_firstlineno`), `line_start` that of
`def`. `decorators` is a JSON list of what the source writes; `docstring` its first line;
`body_hash` of the syntax without positions and docstrings: it changes only when the code does.
"""

CALLS = pa.schema(
    required(
        ("snapshot_id", TEXT),
        ("call_id", TEXT),
        ("caller_function_id", TEXT),
        ("callee_function_id", TEXT),
        ("caller", TEXT),
        ("callee", TEXT),
        ("found_by", TEXT),
        ("line", _LINE),
        ("call_count", COUNT),
        ("total_tokens", COUNT),
    )
    + unknown_or(("avg_duration_ms", pa.float64()), ("avg_tokens_per_call", pa.float64()))
)
"""One row a call edge inside the repository (table function_calls).

`found_by` is direct, points_to, hierarchy, annotation or run_time; `line` the first call's, 0
where only run time shows it. The run-time columns are what the store knew when the snapshot was
stored; answers join them afresh.
"""

DEPENDENCIES = pa.schema(
    required(
        ("snapshot_id", TEXT),
        ("dependency_id", TEXT),
        ("from_module_id", TEXT),
        ("to_module_id", TEXT),
        ("from_module", TEXT),
        ("to_module", TEXT),
        ("import_type", TEXT),
        ("scope", TEXT),
        ("line", _LINE),
        ("is_circular", pa.bool_()),
    )
)
"""One row a (importer, imported, import_type, scope) inside the repository (module_dependencies).

`import_type` is import, from_import or star_import; `scope` is top_level, conditional (under if or
try), function, or type_checking.
"""

SNAPSHOTS = pa.schema(
    required(
        ("snapshot_id", TEXT),
        ("repository_path", TEXT),
        ("commit_hash", TEXT),
        ("scanned_at", TIME),
        ("total_modules", pa.int32()),
        ("total_functions", pa.int32()),
        ("total_dependencies", pa.int32()),
        ("circular_dependencies", pa.int32()),
        ("scan_version", pa.int32()),
        ("graph_data", TEXT),
    )
)
"""One row a snapshot (topology_snapshots).

`commit_hash` is '' outside git; with uncommitted changes it ends in `+dirty`. `graph_data` is JSON:
`{"cycles": [{"modules": [...], "shortest": [...], "cheapest_edge": [from, to], "to_break": [[from,
to], ...], "at_import_time": bool}, ...], "diagnostics": [{"file", "line", "message"}, ...],
"external": {package: import statements, ...}}`; see topology.cycles.
`circular_dependencies` counts the strongly connected components of two or more modules, over
imports of every scope but type_checking. `total_functions` counts functions and methods, not
lambdas and module bodies.
"""

TOPOLOGY: Mapping[str, pa.Schema] = {
    "topology_snapshots": SNAPSHOTS,
    "code_modules": MODULES,
    "code_classes": CLASSES,
    "code_functions": FUNCTIONS,
    "function_calls": CALLS,
    "module_dependencies": DEPENDENCIES,
}
"""Table name -> schema of all that one scan makes."""
