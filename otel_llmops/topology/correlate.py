"""Spans onto functions: (function, file, line) as spans tell them to functions of a snapshot.

Strategy: the code that ran is seldom where it was scanned. It lies in a container (/app/src/...),
in site-packages, on another system; it was started from another folder, and its lines have moved.
So the file is found by the longest end that its path has in common with one of the snapshot, the
function by its qualified name in that file, and only what these two leave open by its line. What
stays open is not laid anywhere, and counted.

Done once for each distinct place in the code, never for each span.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from otel_llmops.topology.names import (
    BODY,
    MAIN,
    agree,
    local_name,
    path_parts,
    plain_name,
    splits,
)

__all__ = ["Index", "Laid", "Place"]

Place = tuple[str, str, int]
"""Function, file, line; '' and 0 where unknown."""

_Rows = Iterable[Mapping[str, Any]]

LAID_BY_NAME = "name"
LAID_BY_LINE = "line"
LAID_BY_SCOPE = "scope"
AMBIGUOUS = "ambiguous"
UNKNOWN = "unknown"
OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Laid:
    """For each place the function's id, '' for none, and how it was found or why not.

    `how` is name, line, or scope (a class body, whose work is that of the scope around it);
    ambiguous (several functions it could be), unknown (a file of the snapshot without such a
    function) or outside (no file of the snapshot).
    """

    function_ids: Sequence[str]
    how: Sequence[str]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many places were laid, or not, in each way."""
        return Counter(self.how)


@dataclass(frozen=True, slots=True)
class _Function:
    id: str
    local: str
    first: int
    end: int

    def distance(self, line: int) -> int:
        """Lines from `line` to the function, 0 within it."""
        return max(self.first - line, line - self.end, 0)


@dataclass(slots=True)
class _Module:
    path: str
    parts: tuple[str, ...]
    functions: dict[str, list[_Function]]
    classes: set[str]

    def containing(self, line: int) -> list[_Function]:
        """The innermost functions around a line: one, unless two end and begin there."""
        around = [
            each
            for rows in self.functions.values()
            for each in rows
            if each.local != BODY and each.first <= line <= each.end
        ]
        least = min((each.end - each.first for each in around), default=0)
        return [each for each in around if each.end - each.first == least]


@dataclass(frozen=True, slots=True)
class _Match:
    """The functions that a place could be, all of one module; none of them: `how` says why."""

    functions: Sequence[_Function]
    how: str
    module: _Module | None = None


class Index:
    """The functions of one snapshot, ready to be looked up. Made once, asked from any thread.

    `module_of` is function id -> module id.
    """

    def __init__(self, *, modules: _Rows, classes: _Rows, functions: _Rows) -> None:
        """Rows of code_modules, code_classes and code_functions, all of one snapshot.

        Cost: O(rows), and what a path has of parts.
        """
        by_id = {
            row["module_id"]: _Module(row["module_path"], path_parts(row["file_path"]), {}, set())
            for row in modules
        }
        self.module_of: dict[str, str] = {}
        self._by_name: dict[str, list[_Function]] = defaultdict(list)
        self._by_last: dict[str, list[tuple[str, _Function]]] = defaultdict(list)
        for row in functions:
            module = by_id.get(row["module_id"])
            if module is None:
                continue
            local = local_name(row["qualified_name"], module.path)
            made = _Function(row["function_id"], local, row["line_first"], row["line_end"])
            self.module_of[made.id] = row["module_id"]
            module.functions.setdefault(local, []).append(made)
            full = f"{module.path}.{local}"
            self._by_name[full].append(made)
            self._by_last[local.rpartition(".")[2]].append((full, made))
        for row in classes:
            module = by_id.get(row["module_id"])
            if module is not None:
                module.classes.add(local_name(row["qualified_name"], module.path))
        self._by_end: dict[tuple[str, ...], list[_Module]] = defaultdict(list)
        for module in by_id.values():
            for start in range(len(module.parts)):
                self._by_end[module.parts[start:]].append(module)

    def lay(self, places: Iterable[Place]) -> Laid:
        """Find the function of each place.

        In:     distinct places; a function's name qualified or bare, a path of any system.
        Out:    Laid, one entry a place.
        Edge:   Two functions of one name in one file (a getter and its setter) are told apart by
                the line, lambdas always are: lay the places of a file together, for they show how
                far it moved since the scan. A name that its file has not is looked for by its line
                alone only if it is no name, or the last part of it is the same.
        Cost:   O(places) look-ups, each as many as its path has parts.
        Source: OpenTelemetry `code.*`; CPython's `co_qualname`.
        """
        asked = list(places)
        found = [self._find(*place) for place in asked]
        lines = [line for _, _, line in asked]
        shifts = _shifts(found, lines)
        laid = [
            _picked(match, line - shifts.get(id(match.module), 0) if line else 0)
            for match, line in zip(found, lines, strict=True)
        ]
        return Laid([function_id for function_id, _ in laid], [how for _, how in laid])

    def _find(self, function: str, file: str, line: int) -> _Match:
        name, parts = plain_name(function), path_parts(file)
        if not parts:
            return self._by_name_alone(name)
        verdict = OUTSIDE
        for start in range(len(parts)):
            end = parts[start:]
            modules = [
                module
                for module in self._by_end.get(end, ())
                if start == 0
                or len(module.parts) == len(end)
                or _known_to(module, (name, line), end)
            ]
            if not modules:
                continue
            match = _in_modules(modules, name, line)
            if match.functions or match.how == AMBIGUOUS:
                return match
            verdict = match.how
        # the file was moved, or made by a tool: a whole name of three parts is enough
        moved = self._by_name.get(name, ()) if name.count(".") > 1 else ()
        return _Match(moved, LAID_BY_NAME) if len(moved) == 1 else _Match((), verdict)

    def _by_name_alone(self, name: str) -> _Match:
        """A name without a file: whole, or the end of just one."""
        found = self._by_name.get(name) or [
            each
            for full, each in self._by_last.get(name.rpartition(".")[2], ())
            if "." in name and agree(name, full)
        ]
        return _Match(found, LAID_BY_NAME if found else OUTSIDE)


def _named(name: str, module: _Module) -> bool:
    """Whether a name says of itself that it is of this module."""
    parts = name.split(".")
    return any(agree(".".join(parts[:length]), module.path) for length in range(1, len(parts)))


def _known_to(module: _Module, said: tuple[str, int], end: tuple[str, ...]) -> bool:
    """Whether a path that only ends like the module's is of it, for the name says so, too."""
    name, line = said
    if _named(name, module):
        return True
    # a bare name and that of a program say nothing of their module: then the folder must be the
    # same as well, or the line
    rows = module.functions.get(name.removeprefix(f"{MAIN}."), ())
    return bool(rows) and (len(end) > 1 or any(not each.distance(line) for each in rows))


def _in_modules(modules: Sequence[_Module], name: str, line: int) -> _Match:
    """The function in one of several files whose paths end alike."""
    if len(modules) > 1:
        modules = [module for module in modules if _named(name, module)] or modules
    found = [_in_module(module, name, line) for module in modules]
    laid = [each for each in found if each.functions]
    if len(laid) == 1:
        return laid[0]
    return _Match((), AMBIGUOUS if laid else UNKNOWN)


def _in_module(module: _Module, name: str, line: int) -> _Match:
    for local in splits(name, module.path) if name else ():
        if rows := module.functions.get(local):
            return _Match(rows, LAID_BY_NAME, module)
        if local in module.classes:
            return _around(module, local)
    body = module.functions.get(BODY, [])
    if name == MAIN or agree(name, module.path):  # a comprehension of the module's body
        return _Match(body, LAID_BY_NAME, module)
    last = name.rpartition(".")[2]
    around = [
        each
        for each in module.containing(line)
        if not name or each.local.rpartition(".")[2] == last
    ]
    if around:
        return _Match(around, LAID_BY_LINE, module)
    return _Match(body, LAID_BY_LINE, module) if line and not name else _Match((), UNKNOWN)


def _around(module: _Module, local: str) -> _Match:
    """The function around a class whose body runs, or the module's body."""
    while "." in local:
        local = local.rpartition(".")[0]
        if rows := module.functions.get(local):
            return _Match(rows, LAID_BY_SCOPE, module)
    return _Match(module.functions.get(BODY, []), LAID_BY_SCOPE, module)


def _shifts(found: Sequence[_Match], lines: Sequence[int]) -> dict[int, int]:
    """By how many lines each file moved since the scan, for files in which that decides anything.

    Under the right shift most places lie within a function that they could be. A file that grew
    in several places has no one shift; then most of it counts.
    """
    by_module: dict[int, list[tuple[_Match, int]]] = defaultdict(list)
    for match, line in zip(found, lines, strict=True):
        if match.module is not None and line and match.functions:
            by_module[id(match.module)].append((match, line))
    return {
        module: _shift(places)
        for module, places in by_module.items()
        if any(len(match.functions) > 1 for match, _ in places)
    }


def _shift(places: Sequence[tuple[_Match, int]]) -> int:
    def fitting(shift: int) -> int:
        return sum(
            any(not each.distance(line - shift) for each in match.functions)
            for match, line in places
        )

    if fitting(0) == len(places):
        return 0
    shifts = {0} | {
        line - edge
        for match, line in places
        for each in match.functions
        for edge in (each.first, each.end)
        if each.local != BODY
    }
    return max(shifts, key=lambda shift: (fitting(shift), -abs(shift), shift))


def _picked(match: _Match, line: int) -> tuple[str, str]:
    """The one function, or the nearest to the line; of those around it, the innermost."""
    rows = match.functions
    if not rows:
        return "", match.how
    if len(rows) == 1:
        return rows[0].id, match.how
    if not line:
        return "", AMBIGUOUS
    ranked = sorted(rows, key=lambda each: (each.distance(line), each.end - each.first))
    first, second = ranked[0], ranked[1]
    apart = first.distance(line), second.distance(line)
    alike = first.end - first.first == second.end - second.first
    if apart[0] == apart[1] and (apart[0] or alike):
        return "", AMBIGUOUS
    return first.id, LAID_BY_LINE
