"""The call graph of a scan: one fixpoint, or, of many installed packages, one for each group.

Strategy: a repository is solved as a whole. A folder of thousands of files that no project file
claims is taken for installed packages: those depend on each other one way, and hardly a value of a
user's goes into a library and is called there. So packages that import each other are solved
together, small ones with the largest that they import, and each group knows of what it imports only
what stands at its surface (`calls.solve`, `known`). A group needs the memory of its own size, and
worker processes take one after the other. A worker that dies does so for want of memory or by the
hand of another; its group is solved here.
"""

from collections.abc import Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from otel_llmops.topology import calls
from otel_llmops.topology.cycles import components
from otel_llmops.topology.facts import FileSummary, ImportFacts
from otel_llmops.topology.files import Tree
from otel_llmops.topology.layout import Layout
from otel_llmops.topology.pool import asked_apart
from otel_llmops.topology.solving import Answer, solved
from otel_llmops.topology.unpacking import call_facts
from otel_llmops.topology.worker import Buffer, Look, unpack

__all__ = ["FILES_MANY", "Group", "grouped", "solve_all"]

FILES_MANY: Final = 5_000
"""Home Assistant, 6,725 files and one package, takes 5 s and 370 MB as a whole."""
BYTES_SMALL: Final = 1 << 20
"""Of packed facts: some 60,000 lines, solved in half a second."""


@dataclass(frozen=True, slots=True)
class Group:
    """Top-level packages that are solved together, and those that they know of."""

    packages: frozenset[str]
    known: frozenset[str]


def solve_all(
    tree: Tree,
    placed: Layout,
    looks: MutableMapping[str, Look],
    *,
    workers: int,
    files_many: int = FILES_MANY,
    bytes_small: int = BYTES_SMALL,
) -> Answer:
    """The call graph of a scan: edges, sorted, and what could not be read.

    In:     `looks`, which let go of their `calls`; `workers`, processes, 0 for none; from how many
            files on packages are solved in groups, and below how many bytes one is small.
    Cost:   time linear in calls; memory that of the groups being solved, as many as workers.
    """
    groups: Sequence[Group] = ()
    if len(tree.files) >= files_many and _installed(tree, placed):
        groups = grouped(*_packages(placed, looks), bytes_small=bytes_small)
    if len(groups) < 2:
        graph = calls.solve(call_facts(placed, looks))
        return list(graph.edges), list(graph.diagnostics)
    parts: dict[str, list[Buffer]] = {}
    for path, look in looks.items():
        parts.setdefault(_top(placed.names[path]), []).append(look.calls)
        looks[path] = look._replace(calls=b"")
    with ThreadPoolExecutor(max(1, workers)) as threads:
        answers = list(threads.map(lambda group: _solve(group, parts, workers), groups))
    edges = sorted(edge for found, _ in answers for edge in found)
    return edges, sorted(one for _, told in answers for one in told)


def _installed(tree: Tree, placed: Layout) -> bool:
    return placed.roots == ("",) and "" not in tree.projects and not placed.above


def _solve(group: Group, parts: Mapping[str, list[Buffer]], workers: int) -> Answer:
    own = [facts for package in sorted(group.packages) for facts in parts[package] if facts]
    known = [facts for package in sorted(group.known) for facts in parts[package] if facts]
    answer = asked_apart(own, known) if workers else None
    edges, told = answer or solved(own, known)
    return [calls.Edge(*edge) for edge in edges], told


def _packages(
    placed: Layout, looks: Mapping[str, Look]
) -> tuple[dict[str, int], dict[str, set[str]]]:
    sizes: dict[str, int] = {}
    for path, look in looks.items():
        top = _top(placed.names[path])
        sizes[top] = sizes.get(top, 0) + len(look.calls)
    imports: dict[str, set[str]] = {top: set() for top in sizes}
    for path, look in looks.items():
        top = _top(placed.names[path])
        for one in FileSummary(*unpack(look.facts)).imports if look.facts else ():
            imports[top].update(_imported(ImportFacts(*one)) & sizes.keys() - {top})
    return sizes, imports


def _imported(one: ImportFacts) -> set[str]:
    """The top-level packages that an import may mean."""
    if one.level:
        return set()
    return {_top(one.module)} if one.module else {_top(name) for name, _ in one.names}


def _top(module: str) -> str:
    return module.partition(".")[0]


def grouped(
    sizes: Mapping[str, int], imports: Mapping[str, set[str]], *, bytes_small: int = BYTES_SMALL
) -> list[Group]:
    """Packages that are solved together, the largest group first.

    In:     bytes of each top-level package, and which others it imports; all are keys of both.
    """
    home: dict[str, int] = {}
    members: list[set[str]] = [set()]  # the first: small ones that import no large one
    weights = [0]
    graph = {top: sorted(imports[top]) for top in sorted(sizes)}
    for component in components(graph):  # those that are imported first
        weight = sum(sizes[top] for top in component)
        below = {home[to] for top in component for to in graph[top] if to not in component}
        if weight < bytes_small:
            number = max(below, key=lambda one: (weights[one], one), default=0)
        else:
            number = len(members)
            members.append(set())
            weights.append(0)
        members[number].update(component)
        weights[number] += weight
        home.update(dict.fromkeys(component, number))
    order = sorted(range(len(members)), key=lambda number: -weights[number])
    return [_group(members[number], imports) for number in order if members[number]]


def _group(members: set[str], imports: Mapping[str, set[str]]) -> Group:
    known: set[str] = set()
    waiting = sorted(members)
    while waiting:
        for top in imports[waiting.pop()] - known - members:
            known.add(top)
            waiting.append(top)
    return Group(frozenset(members), frozenset(known))
