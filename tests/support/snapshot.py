"""Draw a topology snapshot: an indented outline becomes the tables that a scan makes.

    module app.desk src/app/desk.py 1-80
      class Desk 3-40
      method Desk.answer 5:7-20 async
      function helper 42-50 complexity=4
      lambda helper.<lambda1> 44-44

A function's lines are `first:start-end` (`first` that of its first decorator) or `start-end`. Each
module gets its body (kind module). `calls` are pairs of qualified names, `imports` pairs of
modules; one that ends in `!` is part of a circle.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pyarrow as pa

from otel_llmops.model.topology import TOPOLOGY
from tests.support.tables import table

SCANNED_AT = datetime(2026, 11, 22, 10, tzinfo=UTC)

Tables = dict[str, pa.Table]


def id_of(snapshot_id: str, *names: str) -> str:
    """The id of a part of a snapshot."""
    return str(uuid5(NAMESPACE_URL, "|".join((snapshot_id, *names))))


def snapshot(
    outline: str,
    *,
    calls: Sequence[tuple[str, str]] = (),
    imports: Sequence[tuple[str, str]] = (),
    snapshot_id: str = "snapshot-1",
    repository: str = "/src/shop",
    commit: str = "c" * 40,
    scanned_at: datetime = SCANNED_AT,
    cycles: Sequence[Sequence[str]] = (),
) -> Tables:
    """The tables of TOPOLOGY for an outline."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TOPOLOGY}
    module: dict[str, Any] = {}
    for line in filter(str.strip, outline.splitlines()):
        kind, name, *more = line.split()
        if kind == "module":
            module = _module(snapshot_id, name, *more, scanned_at=scanned_at)
            rows["code_modules"].append(module)
            rows["code_functions"].append(
                _function(module, "module", "", f"1-{module['line_count']}")
            )
        elif kind == "class":
            rows["code_classes"].append(_class(module, name, *more))
        else:
            rows["code_functions"].append(_function(module, kind, name, *more))
    functions = {row["qualified_name"]: row for row in rows["code_functions"]}
    rows["function_calls"] = [_call(snapshot_id, functions, *pair) for pair in calls]
    rows["module_dependencies"] = [_import(snapshot_id, *pair) for pair in imports]
    rows["topology_snapshots"] = [
        {
            "snapshot_id": snapshot_id,
            "repository_path": repository,
            "commit_hash": commit,
            "scanned_at": scanned_at,
            "total_modules": len(rows["code_modules"]),
            "total_functions": len(rows["code_functions"]),
            "total_dependencies": len(imports),
            "circular_dependencies": len(cycles),
            "scan_version": 1,
            "graph_data": json.dumps(
                {"cycles": [{"modules": list(each)} for each in cycles], "diagnostics": []}
            ),
        }
    ]
    return {name: table(TOPOLOGY[name], *found) for name, found in rows.items()}


def _module(
    snapshot_id: str, path: str, file: str, lines: str, *, scanned_at: datetime
) -> dict[str, Any]:
    return {
        "snapshot_id": snapshot_id,
        "module_id": id_of(snapshot_id, path),
        "module_path": path,
        "module_name": path.rpartition(".")[2],
        "file_path": file,
        "line_count": int(lines.partition("-")[2]),
        "complexity_score": 1.5,
        "last_scanned": scanned_at,
    }


def _qualified(module: Mapping[str, Any], name: str) -> str:
    return f"{module['module_path']}.{name}" if name else str(module["module_path"])


def _lines(text: str) -> tuple[int, int, int]:
    head, _, end = text.partition("-")
    first, _, start = head.partition(":")
    return int(first), int(start or first), int(end)


def _function(
    module: Mapping[str, Any], kind: str, name: str, lines: str, *options: str
) -> dict[str, Any]:
    first, start, end = _lines(lines)
    said = dict(option.partition("=")[::2] for option in options)
    qualified = _qualified(module, name)
    return {
        "snapshot_id": module["snapshot_id"],
        "function_id": id_of(module["snapshot_id"], qualified, lines),
        "module_id": module["module_id"],
        "function_name": name.rpartition(".")[2] or "<module>",
        "qualified_name": qualified,
        "kind": kind,
        "line_first": first,
        "line_start": start,
        "line_end": end,
        "complexity": float(said.get("complexity", 1)),
        "cognitive_complexity": float(said.get("cognitive", 0)),
        "is_async": "async" in said,
        "decorators": "[]",
        "body_hash": said.get("hash", qualified),
    }


def _class(module: Mapping[str, Any], name: str, lines: str) -> dict[str, Any]:
    first, _, end = _lines(lines)
    return {
        "snapshot_id": module["snapshot_id"],
        "class_id": id_of(module["snapshot_id"], "class", name),
        "module_id": module["module_id"],
        "class_name": name.rpartition(".")[2],
        "qualified_name": _qualified(module, name),
        "line_start": first,
        "line_end": end,
        "bases": "[]",
    }


def _call(
    snapshot_id: str, functions: Mapping[str, Mapping[str, Any]], caller: str, callee: str
) -> dict[str, Any]:
    return {
        "snapshot_id": snapshot_id,
        "call_id": id_of(snapshot_id, "call", caller, callee),
        "caller_function_id": functions[caller]["function_id"],
        "callee_function_id": functions[callee]["function_id"],
        "caller": caller,
        "callee": callee,
        "found_by": "direct",
        "line": functions[caller]["line_start"],
    }


def _import(snapshot_id: str, importer: str, imported: str) -> dict[str, Any]:
    name = imported.removesuffix("!")
    return {
        "snapshot_id": snapshot_id,
        "dependency_id": id_of(snapshot_id, "import", importer, name),
        "from_module_id": id_of(snapshot_id, importer),
        "to_module_id": id_of(snapshot_id, name),
        "from_module": importer,
        "to_module": name,
        "import_type": "from_import",
        "scope": "top_level",
        "line": 1,
        "is_circular": name != imported,
    }
