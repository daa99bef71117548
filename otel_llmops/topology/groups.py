"""The call graph of a scan: one fixpoint, or, of many installed packages, one for each group.

Strategy: a repository is solved as a whole. A folder of thousands of files that no project file
claims is taken for installed packages: those depend on each other one way, and hardly a value of a
user's goes into a library and is called there. So packages that import each other are solved
together, small ones with the largest that they import, and each group knows of what it imports only
what stands at its surface (`calls.solve`, `known`). A group needs the memory of its own size, and
worker processes take one after the other. A worker that dies does so for want of memory or by the
hand of another; its group is solved here.

Two groups at once need the memory of both. So where all is to be read, one group after the other is
solved while the rest is being read, small packages first, since others import them: the cores are
as busy, and little remains. Such an answer counts only if its key is asked for in the end.

A group is solved again if the content of one of its files is another, or what it sees of a file
that it knows; else its answer is that of the scan before.
"""

from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, NamedTuple

from otel_llmops.topology import calls
from otel_llmops.topology.cycles import components
from otel_llmops.topology.files import Tree
from otel_llmops.topology.layout import Layout
from otel_llmops.topology.pool import asked_apart
from otel_llmops.topology.room import Room
from otel_llmops.topology.solving import answered, read_answer
from otel_llmops.topology.worker import DIGEST_BYTES, Buffer, Look

__all__ = [
    "Group",
    "Request",
    "Sizes",
    "Solved",
    "grouped",
    "in_two",
    "requests",
    "solve_all",
    "solve_early",
]


class Sizes(NamedTuple):
    """From how many files on packages are solved in groups; below how many bytes one is small."""

    files_many: int = 5_000
    """Home Assistant, 6,725 files and one package, takes 5 s and 370 MB as a whole."""
    bytes_small: int = 1 << 20
    """Of packed facts: some 60,000 lines, solved in half a second."""


SIZES: Final = Sizes()


@dataclass(frozen=True, slots=True)
class Group:
    """Top-level packages that are solved together, and those that they know of."""

    packages: frozenset[str]
    known: frozenset[str]


class Solved(NamedTuple):
    """A call graph: edges, sorted, what could not be read, and each group's answer by its key."""

    edges: list[calls.Edge]
    unread: list[tuple[str, int, str]]
    answers: dict[bytes, Buffer]


class _File(NamedTuple):
    """What a group is made of: the packed facts of a file, and what tells them from others."""

    name: bytes
    content: bytes
    surface: bytes
    facts: Buffer


_Parts = Mapping[str, list[_File]]
"""Top-level package -> its files that could be parsed."""


class Request(NamedTuple):
    """A group to solve: its key, and packed facts of its files and of those that it knows."""

    key: bytes
    own: list[Buffer]
    known: list[Buffer]

    @property
    def size(self) -> int:
        """Bytes of packed facts; to be solved takes 25 times as much memory.

        Of files that it knows only the surface is kept, a quarter of them.
        """
        return sum(map(len, self.own)) + sum(map(len, self.known)) // 4


def requests(
    tree: Tree, placed: Layout, looks: MutableMapping[str, Look], *, sizes: Sizes = SIZES
) -> dict[int, Request]:
    """All that there is to solve. Of `looks` the `calls` are let go; no others hold them then."""
    groups: Sequence[Group] = ()
    if len(tree.files) >= sizes.files_many and _installed(tree, placed):
        groups = grouped(*_packages(placed, looks), bytes_small=sizes.bytes_small)
    parts = _parts(placed, looks)
    for path, look in looks.items():
        looks[path] = look._replace(calls=b"")
    if len(groups) < 2:
        groups = [Group(frozenset(parts), frozenset())]
    return {number: _request(group, parts) for number, group in enumerate(groups)}


def solve_all(
    asked: dict[int, Request], room: Room, *, workers: int, kept: Mapping[bytes, Buffer]
) -> Solved:
    """The call graph of a scan.

    In:     `asked`, used up, so that what is solved is let go; `room`, whose jobs have their
            numbers; `workers`, processes, 0 for none, as where there is one group; `kept`, the
            answers of an earlier scan.
    Cost:   time linear in calls, of the groups that are not `kept`; memory that of the groups being
            solved, as many as workers, if there is room.
    """
    if len(asked) < 2:
        workers = 0

    def solve(_: int) -> list[tuple[bytes, Buffer]]:
        with closing(room.jobs()) as jobs:  # or others wait for the room of one that failed
            return [_solve(asked.pop(number), workers, kept) for number in jobs]

    count = max(1, workers)
    try:
        with ThreadPoolExecutor(count) as threads:
            keyed = [one for found in threads.map(solve, range(count)) for one in found]
    finally:
        room.close()
    answers = [read_answer(answer) for _, answer in keyed]
    return Solved(
        sorted(edge for found, _ in answers for edge in found),
        sorted(one for _, told in answers for one in told),
        dict(keyed),
    )


def solve_early(
    tree: Tree,
    placed: Layout,
    looks: Mapping[str, Look],
    *,
    kept: Mapping[bytes, Buffer],
    until: Callable[[], bool],
    sizes: Sizes = SIZES,
) -> dict[bytes, Buffer]:
    """The answers, by their keys, of groups that can be solved while other files are being read.

    In:     `looks`, of some files; `until` says that the others have been read: no further group is
            begun then. `kept` as in `solve_all`.
    Edge:   a group that a package read later belongs to is solved in vain, since its key differs.
    """
    files = Counter(_top(placed.names[path]) for path in tree.files)
    read = Counter(_top(placed.names[path]) for path in looks)
    imports: dict[str, set[str]] = {top: set() for top in read}
    for path, look in looks.items():
        imports[_top(placed.names[path])].update(files.keys() & look.imports)
    ready = {top for top in read if read[top] == files[top]}
    while waiting := {top for top in ready if not imports[top] <= ready}:
        ready -= waiting
    known = {path: look for path, look in looks.items() if _top(placed.names[path]) in ready}
    parts = _parts(placed, known)
    answers: dict[bytes, Buffer] = {}
    for group in grouped(*_packages(placed, known), bytes_small=sizes.bytes_small):
        if until():
            break
        answers.update([_solve(_request(group, parts), 1, kept)])
    return answers


def in_two(
    tree: Tree, placed: Layout, waiting: Sequence[str], *, sizes: Sizes = SIZES
) -> tuple[list[str], list[str]]:
    """Files to read before `solve_early`, and files to read beside it: whole packages each.

    Out:    the largest package comes last, as most is solved beside it; those before it are read
            first until they are half of all. No second part where there is no group to solve.
    """
    if len(waiting) < sizes.files_many or not _installed(tree, placed):
        return list(waiting), []
    packages: dict[str, list[str]] = {}
    for path in waiting:
        packages.setdefault(_top(placed.names[path]), []).append(path)
    weights = {top: sum(map(tree.files.__getitem__, paths)) for top, paths in packages.items()}
    *others, largest = sorted(weights, key=lambda top: (weights[top], top))
    total = sum(weights.values())
    parts: tuple[list[str], list[str]] = [], []
    done = 0
    for top in others:
        parts[done * 2 > total].extend(packages[top])
        done += weights[top]
    parts[1].extend(packages[largest])
    return parts


def _installed(tree: Tree, placed: Layout) -> bool:
    return placed.roots == ("",) and "" not in tree.projects and not placed.above


def _parts(placed: Layout, looks: Mapping[str, Look]) -> dict[str, list[_File]]:
    parts: dict[str, list[_File]] = {}
    for path, look in looks.items():
        if look.calls:
            name = f"{placed.names[path]}\0{path.endswith('__init__.py')}".encode()
            file = _File(name, look.digest, look.surface, look.calls)
            parts.setdefault(_top(placed.names[path]), []).append(file)
    return parts


def _request(group: Group, parts: _Parts) -> Request:
    own = [file for package in sorted(group.packages) for file in parts.get(package, ())]
    known = [file for package in sorted(group.known) for file in parts.get(package, ())]
    told = blake2b(digest_size=DIGEST_BYTES)
    for file in own:
        told.update(b"\0".join((b"own", file.name, file.content)))
    for file in known:
        told.update(b"\0".join((b"known", file.name, file.surface)))
    return Request(told.digest(), [file.facts for file in own], [file.facts for file in known])


def _solve(request: Request, workers: int, kept: Mapping[bytes, Buffer]) -> tuple[bytes, Buffer]:
    """The key of a group and its answer."""
    key, own, known = request
    answer = kept.get(key)
    if answer is None:
        answer = (asked_apart(own, known) if workers else None) or answered(own, known)
    return key, answer


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
        imports[top].update(sizes.keys() & look.imports)
    return sizes, {top: found - {top} for top, found in imports.items()}


def _top(module: str) -> str:
    return module.partition(".")[0]


def grouped(
    sizes: Mapping[str, int], imports: Mapping[str, set[str]], *, bytes_small: int
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
