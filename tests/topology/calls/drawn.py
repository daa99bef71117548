"""Programs drawn as text, and their call graphs as lines."""

import ast
import re
import textwrap

from otel_llmops.topology import calls


def facts_of(text: str) -> dict[str, calls.Facts]:
    """`# module` lines divide a text into modules; without any it is the module `m`.

    A module whose name ends in `/` is a package: `# pkg/` is pkg/__init__.py.
    """
    parts = re.split(r"^# ([\w./]+)$", textwrap.dedent(text), flags=re.MULTILINE)
    sources = dict(zip(parts[1::2], parts[2::2], strict=True)) or {"m": parts[0]}
    return {
        name.rstrip("/"): calls.extract(
            ast.parse(source), module=name.rstrip("/"), is_package=name.endswith("/")
        )
        for name, source in sources.items()
    }


def edges(text: str) -> set[str]:
    """All edges inside a drawn program, `caller > callee`."""
    return {f"{e.caller} > {e.callee}" for e in calls.solve(facts_of(text)).edges}


def found(text: str) -> set[str]:
    """All edges with how they were found."""
    graph = calls.solve(facts_of(text))
    return {f"{e.caller} > {e.callee} {e.found_by} {e.line}" for e in graph.edges}


def outside(text: str) -> set[str]:
    """All calls that leave a drawn program."""
    graph = calls.solve(facts_of(text), external=True)
    return {f"{e.caller} > {e.callee}" for e in graph.external}
