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


_Found = tuple[str, str]
"""Function id ('' for none) and how."""


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
                the line, lambdas always are. A name that its file has not is looked for by its
                line alone only if it is no name, or the last part of it is the same.
        Cost:   O(places) look-ups, each as many as its path has parts.
        Source: OpenTelemetry `code.*`; CPython's `co_qualname`.
        """
        found = [self._find(*place) for place in places]
        return Laid([function_id for function_id, _ in found], [how for _, how in found])

    def _find(self, function: str, file: str, line: int) -> _Found:
        name, parts = plain_name(function), path_parts(file)
        if not parts:
            return self._by_name_alone(name, line)
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
            function_id, how = _in_modules(modules, name, line)
            if function_id or how == AMBIGUOUS:
                return function_id, how
            verdict = how
        # the file was moved, or made by a tool: a whole name of three parts is enough
        moved = self._by_name.get(name, ()) if name.count(".") > 1 else ()
        return (moved[0].id, LAID_BY_NAME) if len(moved) == 1 else ("", verdict)

    def _by_name_alone(self, name: str, line: int) -> _Found:
        """A name without a file: whole, or the end of just one."""
        found = self._by_name.get(name) or [
            each
            for full, each in self._by_last.get(name.rpartition(".")[2], ())
            if "." in name and agree(name, full)
        ]
        if not found:
            return "", OUTSIDE
        return _picked(found, line, LAID_BY_NAME)


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


def _in_modules(modules: Sequence[_Module], name: str, line: int) -> _Found:
    """The function in one of several files whose paths end alike."""
    if len(modules) > 1:
        named = [module for module in modules if _named(name, module)]
        modules = named or modules
    found = [_in_module(module, name, line) for module in modules]
    laid = [each for each in found if each[0]]
    if len(laid) == 1:
        return laid[0]
    if len(laid) > 1 or AMBIGUOUS in {how for _, how in found}:
        return "", AMBIGUOUS
    return "", UNKNOWN


def _in_module(module: _Module, name: str, line: int) -> _Found:
    for local in splits(name, module.path) if name else ():
        if rows := module.functions.get(local):
            return _picked(rows, line, LAID_BY_NAME)
        if local in module.classes:
            return _around(module, local, line)
    if name == MAIN or agree(name, module.path):  # a comprehension of the module's body
        return _picked(module.functions.get(BODY, []), line, LAID_BY_NAME)
    last = name.rpartition(".")[2]
    around = [
        each
        for each in module.containing(line)
        if not name or each.local.rpartition(".")[2] == last
    ]
    if around:
        return _picked(around, line, LAID_BY_LINE)
    if not name and line:
        return _picked(module.functions.get(BODY, []), line, LAID_BY_LINE)
    return "", UNKNOWN


def _around(module: _Module, local: str, line: int) -> _Found:
    """The function around a class whose body runs, or the module's body."""
    while "." in local:
        local = local.rpartition(".")[0]
        if rows := module.functions.get(local):
            return _picked(rows, line, LAID_BY_SCOPE)
    return _picked(module.functions.get(BODY, []), line, LAID_BY_SCOPE)


def _picked(rows: Sequence[_Function], line: int, how: str) -> _Found:
    """The one of `rows`, or the nearest to the line; of those around it, the innermost."""
    if not rows:
        return "", UNKNOWN
    if len(rows) == 1:
        return rows[0].id, how
    if not line:
        return "", AMBIGUOUS
    ranked = sorted(rows, key=lambda each: (each.distance(line), each.end - each.first))
    first, second = ranked[0], ranked[1]
    if (first.distance(line), first.end - first.first) == (
        second.distance(line),
        second.end - second.first,
    ):
        return "", AMBIGUOUS
    if first.distance(line) and first.distance(line) == second.distance(line):
        return "", AMBIGUOUS
    return first.id, LAID_BY_LINE
