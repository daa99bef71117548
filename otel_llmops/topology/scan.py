"""One scan of a repository: from a path to the tables of a snapshot.

Strategy: find the files; ask the cache which of them were seen with this content; hand the others
to worker processes; link what all files say; solve the call graph; make tables. Where nothing has
changed since the last scan of the directory, its tables are taken as they were. Scanned code is
read and parsed, never imported or run.
"""

import gc
import json
import os
import sys
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import pyarrow as pa

from otel_llmops.topology import calls
from otel_llmops.topology.cache import Cache, Key, fingerprint
from otel_llmops.topology.commit import DIRTY, Checkout
from otel_llmops.topology.facts import FileSummary
from otel_llmops.topology.files import Diagnostic, Tree, find
from otel_llmops.topology.groups import Solved, in_two, requests, solve_all, solve_early
from otel_llmops.topology.ids import identifier
from otel_llmops.topology.imports import Resolver
from otel_llmops.topology.layout import Layout, layout
from otel_llmops.topology.link import link
from otel_llmops.topology.pool import Beside, Progress, look_at_all
from otel_llmops.topology.room import Room
from otel_llmops.topology.stored import load, save
from otel_llmops.topology.tables import Snapshot, tables
from otel_llmops.topology.unpacking import call_facts, file_facts
from otel_llmops.topology.worker import DIGEST_BYTES, Buffer, Job, Look, unpack

__all__ = ["Scan", "call_graph_of", "scan"]

_BYTES_AT_ONCE = 23 << 20
"""Of packed facts that are being solved: 500 MB, beside the 150 MB that the scan has then."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan made.

    `tables` are those of TOPOLOGY, of which `content` is a digest, but for the time of the scan;
    `timings` seconds by step; `reused` counts the files that were not parsed again, and is all of
    them where the tables themselves were kept.
    """

    tables: Mapping[str, pa.Table]
    content: str
    diagnostics: Sequence[Diagnostic]
    timings: Mapping[str, float]
    files: int
    reused: int


@dataclass(slots=True)
class _Steps:
    """Seconds by step; a step within another is no part of that."""

    seconds: dict[str, float] = field(default_factory=dict)
    within: float = 0.0

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started, before, self.within = time.perf_counter(), self.within, 0.0
        yield
        spent = time.perf_counter() - started
        self.seconds[name] = self.seconds.get(name, 0.0) + spent - self.within
        self.within = before + spent


@dataclass(frozen=True, slots=True)
class _Read:
    """Files as they were read: path -> what a worker or the cache knows of it."""

    tree: Tree
    layout: Layout
    looks: dict[str, Look]
    reused: int
    solved: Mapping[bytes, Buffer]
    """Answers of groups: those of the scan before, and what was solved while files were read."""
    bytes_at_once: int
    """Of facts that are being solved, packed."""

    def diagnostics(self) -> list[Diagnostic]:
        found = [
            Diagnostic(path, look.line, look.message)
            for path, look in self.looks.items()
            if look.message
        ]
        return sorted([*self.tree.diagnostics, *found])


@contextmanager
def _without_collector() -> Iterator[None]:
    """Millions of tuples are made here and none of them is part of a cycle."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_without_collector()
def scan(
    path: Path,
    *,
    cache: Path | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    now_ns: int | None = None,
) -> Scan:
    """Scan the Python code at or below `path`.

    In:     a directory or one file; `cache`, a folder for what the next scan need not do again;
            `workers`, processes, as many as the machine has cores unless said, 0 for none.
    Out:    a Scan. Code without any Python gives tables of no rows, and one snapshot.
    Raises: ConfigError, if `path` does not exist or is a file that is not Python.
    Edge:   files that cannot be read or parsed are modules without content, and diagnostics.
    Cost:   parsing, which the workers share; then linear in what was found, beside the call graph.
    """
    steps = _Steps()
    now_ns = time.time_ns() if now_ns is None else now_ns
    with steps.step("find"):
        tree = find(path)
        placed = layout(tree)
        checkout = Checkout(tree.root)
        kept = Cache(cache, path.resolve())
    with steps.step("hash"):
        digests = _digests(tree) if kept.begun else {}
    with steps.step("git"):
        commit = checkout.name(tree.files)
    with steps.step("cache"):
        inputs = _inputs(tree, placed, digests, commit)
        found = _kept_tables(kept, inputs)
    if found is not None:
        made = _stamped(found, now_ns)
        reused = len(tree.files)
        return Scan(
            made, _content(path, inputs), _told(made), steps.seconds, len(tree.files), reused
        )
    with steps.step("parse"):
        read = _read(tree, placed, digests, kept, _workers(workers), progress)
    digests = {path: look.digest for path, look in read.looks.items()}
    inputs = _inputs(tree, placed, digests, commit)
    with _solving(read, _workers(workers), steps) as solving:

        def solved() -> tuple[list[calls.Edge], list[Diagnostic]]:
            with steps.step("calls"):
                answer = solving.result()
            kept.keep_solved(answer.answers)
            return answer.edges, sorted([*read.diagnostics(), *_unread(placed, answer)])

        with steps.step("link"):
            facts, functions = file_facts(placed, read.looks)
            linked = link(placed, facts)
            # no longer needed, and much
            facts = {path: one and one._replace(imports=()) for path, one in facts.items()}
        with steps.step("tables"):
            snapshot = Snapshot(
                _snapshot_id(path, commit, inputs), str(path.resolve()), commit,
                now_ns, placed.names, facts, functions, linked,
            )  # fmt: skip
            made = tables(snapshot, solved)
    with steps.step("keep"):
        if cache is not None:
            kept.keep_tables(inputs, lambda sink: save(made, sink))
    content = _content(path, inputs)
    return Scan(made, content, _told(made), steps.seconds, len(tree.files), read.reused)


@_without_collector()
def call_graph_of(
    path: Path, *, workers: int | None = None, progress: Progress | None = None
) -> calls.CallGraph:
    """The call graph alone, with calls that leave the repository, as PyCG has it.

    In:     as for `scan`; modules are named from `path` even where it is a package. From one file
            the modules beside and below it that it imports, and that those import, are read too.
    Raises: ConfigError, as `scan`.
    """
    tree = find(path)
    if path.is_file():
        looks, placed = _imported_from(tree.root, path.name)
    else:
        placed = layout(tree, absolute=False)
        read = _read(tree, placed, {}, Cache(None, path), _workers(workers), progress)
        looks = read.looks
    return calls.solve(call_facts(placed, looks), external=True)


def _imported_from(root: Path, first: str) -> tuple[dict[str, Look], Layout]:
    """What can be reached by imports from one file."""
    tree = find(root)
    placed = layout(tree, absolute=False)
    resolver = Resolver(placed)
    looks: dict[str, Look] = {}
    waiting = [first]
    while waiting:
        path = waiting.pop()
        job = Job(str(tree.root / path), placed.names[path], path.endswith("__init__.py"))
        (look,) = look_at_all([job], [tree.files[path]], workers=0)
        looks[path] = look
        if not look.facts:
            continue
        for written in FileSummary(*unpack(look.facts)).imports:
            for _, target in resolver.targets(path, written):
                if target is not None and target not in looks and target not in waiting:
                    waiting.append(target)
    return looks, placed


@contextmanager
def _solving(read: _Read, workers: int, steps: _Steps) -> Iterator[Future[Solved]]:
    """The call graph, while it is solved; begins when there is room for what is done beside it."""
    asked = requests(read.tree, read.layout, read.looks)
    sizes = [0 if one.key in read.solved else one.size for one in asked.values()]
    room = Room(sizes, read.bytes_at_once)
    with ThreadPoolExecutor(1) as beside:
        solving = beside.submit(solve_all, asked, room, workers=workers, kept=read.solved)
        try:
            with steps.step("calls"):
                room.wait_for(sum(len(look.facts) for look in read.looks.values()) // 2)
            yield solving
        finally:  # also where the user has seen enough
            room.close()


def _unread(placed: Layout, solved: Solved) -> list[Diagnostic]:
    paths = {name: path for path, name in placed.names.items()}
    return [Diagnostic(paths[module], line, why) for module, line, why in solved.unread]


def _snapshot_id(path: Path, commit: str, inputs: bytes) -> str:
    """One a content; uncommitted work has one a commit and place, so that the last replaces it."""
    told = str(path.resolve()) if commit.endswith(DIRTY) else inputs.hex()
    return identifier(f"snapshot:{commit}:{told}")


def _content(path: Path, inputs: bytes) -> str:
    told = b"\0".join((fingerprint(), bytes(path.resolve()), inputs))
    return blake2b(told, digest_size=DIGEST_BYTES).hexdigest()


def _workers(asked: int | None) -> int:
    return (os.cpu_count() or 1) if asked is None else asked


def _digests(tree: Tree) -> dict[str, bytes]:
    return {path: _digest(tree.root / path) for path in tree.files}


def _digest(path: Path) -> bytes:
    try:
        return blake2b(path.read_bytes(), digest_size=DIGEST_BYTES).digest()
    except OSError:
        return b""


def _inputs(tree: Tree, placed: Layout, digests: Mapping[str, bytes], commit: str) -> bytes:
    """A digest of all that the tables are made of."""
    told = blake2b(commit.encode(), digest_size=DIGEST_BYTES)
    for path, digest in digests.items():
        told.update(b"\0".join((path.encode(), placed.names[path].encode(), digest)))
    told.update(repr(tree.diagnostics).encode())
    return told.digest()


def _read(
    tree: Tree, placed: Layout, digests: Mapping[str, bytes], kept: Cache, workers: int,
    progress: Progress | None,
) -> _Read:  # fmt: skip
    known = kept.looks() if digests else {}
    looks: dict[str, Look] = {}
    waiting: list[str] = []
    for path in tree.files:
        look = known.get((digests.get(path, b""), placed.names[path], _is_package(path)))
        if look is None:
            waiting.append(path)
        else:
            looks[path] = look
    reused = len(looks)
    solved = dict(kept.solved())
    first, rest = in_two(tree, placed, waiting) if workers > 1 else (waiting, [])

    def read(paths: Sequence[str], before: int = 0, beside: Beside | None = None) -> None:
        jobs = [Job(str(tree.root / path), placed.names[path], _is_package(path)) for path in paths]
        sizes = [tree.files[path] for path in paths]
        told = progress and (lambda done, _: progress(before + done, len(waiting)))
        found = look_at_all(jobs, sizes, workers=workers, progress=told, beside=beside)
        looks.update(zip(paths, found, strict=True))

    def solve(until: Callable[[], bool]) -> None:
        solved.update(solve_early(tree, placed, so_far, kept=kept_before, until=until))

    read(first)
    so_far, kept_before = dict(looks), dict(solved)
    if rest:
        read(rest, len(first), solve)
    looks = {path: looks[path] for path in tree.files}
    if waiting or len(known) != len(looks):
        kept.keep_looks({_key(path, placed, look): look for path, look in looks.items()})
    # after a few changes time counts, in a scan from nothing memory does, too
    return _Read(tree, placed, looks, reused, solved, _BYTES_AT_ONCE if rest else sys.maxsize)


def _is_package(path: str) -> bool:
    return path.endswith("__init__.py")


def _key(path: str, placed: Layout, look: Look) -> Key:
    return look.digest, placed.names[path], _is_package(path)


def _kept_tables(kept: Cache, inputs: bytes) -> dict[str, pa.Table] | None:
    content = kept.tables(inputs)
    return None if content is None else load(content)


def _stamped(made: Mapping[str, pa.Table], now_ns: int) -> dict[str, pa.Table]:
    """Kept tables, as scanned now."""
    stamped = dict(made)
    for name, column in (("code_modules", "last_scanned"), ("topology_snapshots", "scanned_at")):
        table = made[name]
        place = table.schema.get_field_index(column)
        kind = table.schema.field(column)
        moments = pa.py_buffer(array("q", [now_ns]) * table.num_rows)
        # not by pa.array: that imports pandas, where there is one, which takes as long as the scan
        repeated = pa.Array.from_buffers(kind.type, table.num_rows, [None, moments])
        stamped[name] = table.set_column(place, kind, repeated)
    return stamped


def _told(made: Mapping[str, pa.Table]) -> list[Diagnostic]:
    graph = json.loads(made["topology_snapshots"].column("graph_data")[0].as_py())
    return [Diagnostic(**one) for one in graph["diagnostics"]]
