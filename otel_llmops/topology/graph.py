"""The tables of a snapshot as NetworkX graphs, and what one asks of them.

Nodes are dotted names, attributes what the tables say of them. The graphs are for the caller to
work on; nothing here keeps them.
"""

import json
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

import networkx as nx
import pyarrow as pa

from otel_llmops.errors import QueryError

__all__ = [
    "DEPTH_MAX",
    "CallGraphAnalyzer",
    "CallStep",
    "DependencyGraphBuilder",
    "call_chain",
    "call_graph",
    "import_cycles",
    "module_graph",
]

DEPTH_MAX = 50

Tables = Mapping[str, pa.Table]


class CallStep(NamedTuple):
    """One call edge on the way from an entry point, `depth` calls away from it."""

    depth: int
    caller: str
    callee: str
    found_by: str
    line: int


def module_graph(tables: Tables) -> "nx.DiGraph[str]":
    """Who imports whom.

    Out:    nodes: all modules, with the columns of code_modules; edges: importer -> imported, with
            `import_types`, `scopes` (sets), `line` of the first and `is_circular`.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    for row in tables["code_modules"].drop_columns(["snapshot_id"]).to_pylist():
        graph.add_node(row.pop("module_path"), **row)
    for row in tables["module_dependencies"].to_pylist():
        importer, imported = row["from_module"], row["to_module"]
        if not graph.has_edge(importer, imported):
            graph.add_edge(
                importer, imported,
                import_types=set(), scopes=set(), line=row["line"], is_circular=False,
            )  # fmt: skip
        edge = graph.edges[importer, imported]
        edge["import_types"].add(row["import_type"])
        edge["scopes"].add(row["scope"])
        edge["line"] = min(edge["line"], row["line"])
        edge["is_circular"] |= row["is_circular"]
    return graph


def call_graph(tables: Tables) -> "nx.DiGraph[str]":
    """Who calls whom, inside the repository.

    Out:    nodes: all functions by qualified name, with the columns of code_functions (of several
            definitions of one name, the last one's); edges with those of function_calls.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    for row in tables["code_functions"].drop_columns(["snapshot_id"]).to_pylist():
        graph.add_node(row.pop("qualified_name"), **row)
    for row in tables["function_calls"].drop_columns(["snapshot_id"]).to_pylist():
        graph.add_edge(row.pop("caller"), row.pop("callee"), **row)
    return graph


def import_cycles(tables: Tables) -> list[dict[str, Any]]:
    """The circular imports, as SNAPSHOTS.graph_data describes them: largest first."""
    document = json.loads(tables["topology_snapshots"].column("graph_data")[0].as_py())
    found: list[dict[str, Any]] = document["cycles"]
    return found


def call_chain(tables: Tables, entry_point: str, *, depth: int = 10) -> list[CallStep]:
    """All that can run when `entry_point` is called.

    In:     `entry_point`, a qualified name; `depth`, calls to follow, at most DEPTH_MAX.
    Out:    each edge that is reached, once, nearest first, then by name. Recursion ends a way.
    Raises: QueryError, if there is no such function or `depth` is out of range.
    Cost:   O(edges of the snapshot).
    """
    if not 1 <= depth <= DEPTH_MAX:
        raise QueryError(f"depth {depth} is not within 1 and {DEPTH_MAX}")
    if entry_point not in set(tables["code_functions"].column("qualified_name").to_pylist()):
        raise QueryError(f"there is no function {entry_point!r}", hint="give its qualified name")
    calls = tables["function_calls"].select(["caller", "callee", "found_by", "line"])
    outgoing: dict[str, list[tuple[str, str, int]]] = {}
    for row in zip(*(column.to_pylist() for column in calls.columns), strict=True):
        outgoing.setdefault(row[0], []).append(row[1:])
    steps: list[CallStep] = []
    reached = {entry_point}
    waiting = deque([(entry_point, 1)])
    while waiting:
        caller, away = waiting.popleft()
        for callee, found_by, line in sorted(outgoing.get(caller, ())):
            steps.append(CallStep(away, caller, callee, found_by, line))
            if callee not in reached and away < depth:
                waiting.append((callee, away + 1))
            reached.add(callee)
    return steps


class DependencyGraphBuilder:
    """The graphs of one snapshot, and the figures of its modules."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def build_module_graph(self) -> "nx.DiGraph[str]":
        """See `module_graph`."""
        return module_graph(self._tables)

    def build_call_graph(self) -> "nx.DiGraph[str]":
        """See `call_graph`."""
        return call_graph(self._tables)

    def detect_cycles(self) -> list[list[str]]:
        """The modules of each circular import, largest first."""
        return [cycle["modules"] for cycle in import_cycles(self._tables)]

    def calculate_metrics(self) -> dict[str, dict[str, Any]]:
        """Module -> its coupling, cohesion and complexity."""
        names = ["complexity_score", "afferent_coupling", "efferent_coupling", "instability",
                 "cohesion"]  # fmt: skip
        table = self._tables["code_modules"]
        modules = table.column("module_path").to_pylist()
        return dict(zip(modules, table.select(names).to_pylist(), strict=True))


class CallGraphAnalyzer:
    """Questions to the call graph of one snapshot."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def build_call_chain(self, entry_point: str, depth: int = 10) -> list[CallStep]:
        """See `call_chain`."""
        return call_chain(self._tables, entry_point, depth=depth)
