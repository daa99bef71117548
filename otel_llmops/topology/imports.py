"""Which module of the repository an import means, as Python's path finder would look for it.

Strategy: by path, not by name, since what is found hangs on where the importer stands. A relative
import starts in the importer's directory. An absolute one is looked for in its source root; then
in the directories above its outermost package (a script's own directory, or an `app` that runs
with itself on PYTHONPATH), then in the other source roots. Names of the standard library are
looked for in the own source root alone. The longest path that exists counts: `import a.b.c` where
`c` is compiled means `a.b`. `from a import b` means the module `a.b` if there is one, else `a`.
Nothing found: an external package, counted by its first name.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from otel_llmops.topology.layout import Layout

__all__ = ["Dependency", "Imports", "Resolver", "Targets", "dependencies"]


Imports = Mapping[str, Sequence[tuple[Any, ...]]]
"""Path -> its imports, with the fields of ImportFacts."""

Targets = list[tuple[str, str | None]]
"""(name as written, path of the module) of each name that is imported.

The path is None where it is none of the repository's; the name is '' for a whole module.
"""


class Dependency(NamedTuple):
    """An importer and what it imports, by path; `statements` say how often, `line` where first."""

    importer: str
    imported: str
    kind: str
    scope: str
    line: int
    statements: int


class Resolver:
    """Finds modules by what importers write. Paths are those of the scanned files."""

    def __init__(self, layout: Layout) -> None:
        self._roots = layout.roots
        self._above = layout.above
        self._packages: set[str] = set()
        self._modules: dict[str, str] = {}
        self._directories: set[str] = {""}
        self._searched: dict[str, tuple[str, ...]] = {}
        self._found: dict[tuple[str, str], str | None] = {}
        # a package after a module of its name: it is the one that Python finds
        for path in sorted(layout.names, key=lambda path: path.endswith("__init__.py")):
            directory, _, file = path.rpartition("/")
            if file == "__init__.py":
                self._packages.add(directory)
            self._modules[directory if file == "__init__.py" else path[:-3]] = path
            while directory not in self._directories:
                self._directories.add(directory)
                directory = directory.rpartition("/")[0]

    def targets(self, importer: str, written: tuple[Any, ...]) -> Targets:
        """What an import means; `written` has the fields of ImportFacts."""
        kind, level, module, names, _, _ = written
        where = self._where(importer.rpartition("/")[0], level, module)
        if where is None:
            return [(name, None) for name, _ in names]
        if kind != "from_import":
            return [("", self._longest(where))]
        modules = self._modules
        whole = modules.get(where)
        found: Targets = []
        for name, _ in names:
            below = modules.get(f"{where}/{name}" if where else name)
            found.append((name, whole) if below is None else ("", below))
        return found

    def _longest(self, where: str) -> str | None:
        while where:
            if found := self._modules.get(where):
                return found
            where = where.rpartition("/")[0]
        return self._modules.get("")

    def _where(self, directory: str, level: int, module: str) -> str | None:
        """The path, without suffix, of what stands between `from` and `import`."""
        if not level:
            return self._absolute(directory, module)
        for _ in range(level - 1):
            if not directory:
                return None
            directory = directory.rpartition("/")[0]
        where = _join(directory, module.replace(".", "/")) if module else directory
        return where if where in self._modules or where in self._directories else None

    def _absolute(self, directory: str, dotted: str) -> str | None:
        key = (directory, dotted)
        if key not in self._found:
            self._found[key] = self._look(directory, dotted)
        return self._found[key]

    def _look(self, directory: str, dotted: str) -> str | None:
        if self._above:
            if dotted == self._above:
                return ""
            dotted = dotted.removeprefix(f"{self._above}.")
        first, *rest = dotted.split(".")
        best: str | None = None
        search = self._search(directory)
        for place in search[:1] if first in sys.stdlib_module_names else search:
            where = _join(place, first)
            if where not in self._modules and where not in self._directories:
                continue
            complete = True
            for part in rest:
                below = _join(where, part)
                if below not in self._modules and below not in self._directories:
                    complete = False
                    break
                where = below
            if complete:
                return where
            # a namespace package may go on in another place, a module or package may not
            best = best or (where if self._longest_within(where, place) else None)
        return best

    def _longest_within(self, where: str, place: str) -> bool:
        while where != place:
            if where in self._modules:
                return True
            where = where.rpartition("/")[0]
        return False

    def _search(self, directory: str) -> tuple[str, ...]:
        found = self._searched.get(directory)
        if found is None:
            top = directory
            for above in _ancestors(directory):
                if above in self._packages:
                    top = above.rpartition("/")[0]
            own = next(root for root in self._roots if _below(directory, root))
            found = tuple(dict.fromkeys((own, *_ancestors(top), *sorted(self._roots))))
            self._searched[directory] = found
        return found


def dependencies(
    imports: Imports, targets: Mapping[str, Sequence[Targets]]
) -> tuple[list[Dependency], Counter[str]]:
    """Who imports whom inside the repository, and the packages outside with their statements.

    In:     path -> its imports; path -> what each of them means, in the same order.
    Out:    one Dependency for each (importer, imported, kind, scope), sorted; none to oneself.
    """
    found: dict[tuple[str, str, str, str], tuple[int, int]] = {}
    external: Counter[str] = Counter()
    for importer, statements in imports.items():
        for written, meant in zip(statements, targets[importer], strict=True):
            kind, level, module, _, scope, line = written
            for target in {path for _, path in meant}:
                if target is None:
                    if not level:
                        external[module.partition(".")[0]] += 1
                elif target != importer:
                    key = (importer, target, kind, scope)
                    first, count = found.get(key, (line, 0))
                    found[key] = min(line, first), count + 1
    for name in external.keys() & sys.stdlib_module_names:
        del external[name]
    return [Dependency(*key, *value) for key, value in sorted(found.items())], external


def _ancestors(directory: str) -> Iterator[str]:
    """Itself, and all above it up to the scanned directory."""
    while directory:
        yield directory
        directory = directory.rpartition("/")[0]
    yield ""


def _below(path: str, root: str) -> bool:
    return not root or path == root or path.startswith(f"{root}/")


def _join(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name
