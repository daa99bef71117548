"""Which classes refer to which: the coupling of classes.

Strategy: the walk noted of each class the names that may stand for classes; here each is looked up
as Python would: in the module itself, or through its import, and on through re-exports and star
imports until a class is found. A name that is no class of the repository counts for nothing.
"""

from collections.abc import Iterator, Mapping, Sequence

from otel_llmops.topology.facts import FUNCTION
from otel_llmops.topology.imports import Imports, Targets

__all__ = ["ClassName", "coupling"]

ClassName = tuple[str, str]
"""Path of the module and qualified name inside it."""

_HOPS_MAX = 10


class _Scopes:
    """The names at the top of each module, looked at when first asked."""

    def __init__(
        self,
        imports: Imports,
        targets: Mapping[str, Sequence[Targets]],
        classes: Mapping[str, frozenset[str]],
    ) -> None:
        self._imports = imports
        self._targets = targets
        self._classes = classes
        self._bound: dict[str, dict[str, tuple[str, str]]] = {}
        self._stars: dict[str, list[str]] = {}
        self._found: dict[tuple[str, str], ClassName | None] = {}

    def find(self, path: str, name: str, hops: int = 0) -> ClassName | None:
        """The class that `name`, dotted or not, means in the module at `path`."""
        key = (path, name)
        if key in self._found:
            return self._found[key]
        self._found[key] = None  # what is asked for again on the way is a cycle of re-exports
        found = self._found[key] = self._look(path, name, hops)
        return found

    def _look(self, path: str, name: str, hops: int) -> ClassName | None:
        own = self._classes.get(path, frozenset())
        if name in own:
            return path, name
        first, _, rest = name.partition(".")
        if first in own:
            return path, first
        if hops >= _HOPS_MAX:
            return None
        target = self._bindings(path).get(first)
        if target is not None:
            module, attribute = target
            below = ".".join(part for part in (attribute, rest) if part)
            return self.find(module, below, hops + 1) if below else None
        for module in self._stars[path]:
            if found := self.find(module, name, hops + 1):
                return found
        return None

    def _bindings(self, path: str) -> Mapping[str, tuple[str, str]]:
        bound = self._bound.get(path)
        if bound is None:
            bound = self._bound[path] = {}
            stars = self._stars[path] = []
            targets = self._targets.get(path, ())
            for written, meant in zip(self._imports.get(path, ()), targets, strict=True):
                kind, _, module, names, scope, _ = written
                if scope == FUNCTION:
                    continue
                if kind == "star_import":
                    stars += [target for _, target in meant if target is not None]
                    continue
                for (_, local), (attribute, target) in zip(names, meant, strict=True):
                    if target is not None and (local or "." not in module):
                        bound[local or module] = (target, attribute)
        return bound


def coupling(
    imports: Imports,
    targets: Mapping[str, Sequence[Targets]],
    references: Mapping[ClassName, Sequence[str]],
) -> tuple[dict[ClassName, int], dict[ClassName, int]]:
    """How many classes refer to each class, and to how many it refers.

    In:     path -> imports, and what they mean; `references`: class -> dotted names as written.
    Out:    (afferent, efferent), each class a key, of other classes of the repository.
    """
    inside: dict[str, set[str]] = {}
    for path, name in references:
        inside.setdefault(path, set()).add(name)
    classes = {path: frozenset(names) for path, names in inside.items()}
    scopes = _Scopes(imports, targets, classes)
    afferent = dict.fromkeys(references, 0)
    efferent = dict.fromkeys(references, 0)
    for referring, names in references.items():
        referred = set(_targets(scopes, referring, names)) - {referring}
        efferent[referring] = len(referred)
        for target in referred:
            afferent[target] += 1
    return afferent, efferent


def _targets(scopes: _Scopes, referring: ClassName, names: Sequence[str]) -> Iterator[ClassName]:
    for name in names:
        if found := scopes.find(referring[0], name):
            yield found
