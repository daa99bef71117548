"""The static call graph: who calls whom, worked out from source that is never imported or run.

Strategy: two halves with a file's facts between them. `extract` boils one syntax tree down to the
few assignments, attribute accesses and calls that can move a callable (in the worker that parsed
the file); what a function decides by itself, in the order of its statements, is settled there.
`solve` links the facts of all modules by name and runs one points-to analysis over functions,
classes, instances and containers; the edges fall out of it, each with how it was found.

    facts = {m: extract(tree, module=m, is_package=p) for m, p, tree in files}
    graph = solve(facts)
    graph.edges[0]     # Edge("app.main", "app.tools.Search.run", "points_to", line=12)
    pycg(graph)        # {"app.main": ["app.tools.Search.run"], "app.tools.Search.run": []}
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

__all__ = [
    "FACTS_VERSION",
    "CallGraph",
    "Edge",
    "Facts",
    "Function",
    "extract",
    "pycg",
    "solve",
]

FACTS_VERSION = 1
"""Goes into the key of a cache of facts: facts of another version are extracted anew."""

Facts: TypeAlias = tuple[Any, ...]
"""What the call graph needs of one file; opaque. Tuples, lists, str, int and None alone."""


class Function(NamedTuple):
    """A function, method, lambda or module body; kinds are those of the table code_functions."""

    name: str
    """`package.module.Class.method`, `package.module.outer.<lambda1>`; a module's body: its name."""
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


def extract(tree: ast.Module, *, module: str, is_package: bool) -> Facts:
    """What the call graph needs of one file.

    Raises: nothing, whatever tree `ast.parse` gives; what is too deep to follow is left out, with
        a diagnostic that `solve` hands on.
    Cost: about what parsing the file took.
    """
    raise NotImplementedError


def solve(facts: Mapping[str, Facts], *, external: bool = False) -> CallGraph:
    """The call graph of a repository: module name -> facts, in any order.

    Cost: near-linear in calls; about 1 ms a file.
    """
    raise NotImplementedError


def pycg(graph: CallGraph) -> dict[str, list[str]]:
    """`{caller: [callees]}` as PyCG writes it: every function is a key, external names too."""
    raise NotImplementedError
