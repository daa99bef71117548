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

from otel_llmops.topology.calls.analysis import solve
from otel_llmops.topology.calls.extraction import extract
from otel_llmops.topology.calls.facts import FACTS_VERSION, Facts, interface, module_of, surface
from otel_llmops.topology.calls.graph import CallGraph, Edge, Function, pycg

__all__ = [
    "FACTS_VERSION",
    "CallGraph",
    "Edge",
    "Facts",
    "Function",
    "extract",
    "interface",
    "module_of",
    "pycg",
    "solve",
    "surface",
]
