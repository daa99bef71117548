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
from typing import NamedTuple

from otel_llmops.topology.facts import ImportFacts
from otel_llmops.topology.layout import Layout

__all__ = ["Dependency", "Resolver", "dependencies"]


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

    def modules(self, importer: str, written: ImportFacts) -> Iterator[tuple[str, str | None]]:
        """(name as written, path of the module) of each name that is imported.

        The path is None where it is none of the repository's; the name is '' for a whole module.
        """
        where = self._where(importer, written)
        if written.kind != "from_import":
            yield "", self._longest(where)
            return
        for name, _ in written.names:
            if where is None:
                yield name, None
            elif below := self._modules.get(_join(where, name)):
                yield "", below
            else:
                yield name, self._modules.get(where)

    def _longest(self, where: str | None) -> str | None:
        while where:
            if found := self._modules.get(where):
                return found
            where = where.rpartition("/")[0]
        return None if where is None else self._modules.get("")

    def _where(self, importer: str, written: ImportFacts) -> str | None:
        """The path, without suffix, of what stands between `from` and `import`."""
        directory = importer.rpartition("/")[0]
        if not written.level:
            return self._absolute(directory, written.module)
        for _ in range(written.level - 1):
            if not directory:
                return None
            directory = directory.rpartition("/")[0]
        module = written.module.replace(".", "/")
        where = _join(directory, module) if module else directory
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
    resolver: Resolver, imports: Mapping[str, Sequence[ImportFacts]]
) -> tuple[list[Dependency], Counter[str]]:
    """Who imports whom inside the repository, and the packages outside with their statements.

    In:     path -> its imports.
    Out:    one Dependency for each (importer, imported, kind, scope), sorted; none to oneself.
    Cost:   one dictionary look-up an import, once its directory and name were looked for.
    """
    found: dict[tuple[str, str, str, str], tuple[int, int]] = {}
    external: Counter[str] = Counter()
    for importer, statements in imports.items():
        for written in statements:
            targets = {path for _, path in resolver.modules(importer, written)}
            for target in targets - {importer, None}:
                key = (importer, target or "", written.kind, written.scope)
                line, count = found.get(key, (written.line, 0))
                found[key] = min(line, written.line), count + 1
            first = written.module.partition(".")[0]
            if None in targets and not written.level and first not in sys.stdlib_module_names:
                external[first] += 1
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
