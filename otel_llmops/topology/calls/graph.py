"""The call graph as it is handed out."""

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["CallGraph", "Edge", "Function", "pycg"]


class Function(NamedTuple):
    """A function, method, lambda or module body; kinds are those of the table code_functions."""

    name: str
    """`package.module.Class.method`, `package.module.outer.<lambda1>`; of a body, the module's."""
    module: str
    kind: str
    line: int
    """Of `def`; 1 for a module's body."""


class Edge(NamedTuple):
    """A call that the analysis found. Names are those of Function."""

    caller: str
    callee: str
    found_by: str
    """direct, points_to, hierarchy or annotation: the surest way that shows this call."""
    line: int
    """Of the first call in the caller's source."""


@dataclass(frozen=True, slots=True)
class CallGraph:
    """Edges between functions of the repository, sorted, one each (caller, callee).

    `external` holds calls that leave it, in PyCG's names: `<builtin>.len`, `<**PyStr**>.join`,
    `requests.Session.get`; empty unless asked for. `cut` counts the values that could be too many
    things to say anything of them.
    """

    functions: tuple[Function, ...]
    edges: tuple[Edge, ...]
    external: tuple[Edge, ...]
    cut: int
    diagnostics: tuple[tuple[str, int, str], ...]
    """(module, line, message): what could not be read."""


def pycg(graph: CallGraph) -> dict[str, list[str]]:
    """`{caller: [callees]}` as PyCG writes it: every function is a key, external names too."""
    written: dict[str, list[str]] = {function.name: [] for function in graph.functions}
    for edge in (*graph.edges, *graph.external):
        written.setdefault(edge.callee, [])
        written.setdefault(edge.caller, []).append(edge.callee)
    return written
