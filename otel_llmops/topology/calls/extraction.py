"""Extraction: one syntax tree to its facts.

Strategy: the module's body first, then the functions in it, then those inside them: names around a
function are complete before it is read. Cells are closed at the end, when all that writes to them
is known. Python's own parser limits how deep a tree gets; where that is deeper than the
interpreter may recurse, the limit is raised for a second try.
"""

import ast
import marshal
import sys
from array import array
from typing import Any, Final

from otel_llmops.topology.calls import facts
from otel_llmops.topology.calls.definitions import Definitions
from otel_llmops.topology.calls.facts import Facts, Op, Term
from otel_llmops.topology.calls.scopes import Scope

__all__ = ["extract"]

DEEP: Final = 60_000
"""Frames for the deepest tree that a parser builds, at three frames a level."""


def extract(tree: ast.Module, *, module: str, is_package: bool) -> Facts:
    """What the call graph needs of one file.

    Raises: nothing, whatever tree `ast.parse` gives; what is too deep to follow is left out, with
        a diagnostic that `solve` hands on.
    Cost: about what parsing the file took.
    """
    try:
        return _Extraction(module, is_package=is_package).run(tree)
    except RecursionError:
        pass
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, DEEP))
    try:
        return _Extraction(module, is_package=is_package).run(tree)
    except RecursionError:
        empty = _Extraction(module, is_package=is_package)
        empty.diagnostics += (1, "nested too deeply to follow its calls")
        return empty.run(ast.Module([], []))
    finally:
        sys.setrecursionlimit(before)


_RESULTS: Final = {facts.CALL: 5, facts.METHOD: 5, facts.LOAD: 4, facts.INDEX: 4}
"""Operations that alone write what they yield, and where it stands in them."""


class _Extraction(Definitions):
    """Reads one module."""

    def __init__(self, module: str, *, is_package: bool) -> None:
        super().__init__(module, module if is_package else module.rpartition(".")[0])
        self.is_package = is_package
        self.public: list[str] | None = None

    def run(self, tree: ast.Module) -> Facts:
        self.functions.append(["", "module", 1, self.node(), -1, 0, 0, (), ()])
        self.open_body(self.globals)
        self.scopes.pop()
        self.block(tree.body)
        self.find_public(tree)
        self.close_body(0)
        for job in self.queue:  # grows while it is worked off
            job()
        result = self.result()
        self.__dict__.clear()  # tables of bound methods are cycles, and collection may be off
        return result

    def find_public(self, tree: ast.Module) -> None:
        """The names in `__all__`, where it is a list of texts."""
        for node in tree.body:
            if isinstance(node, ast.Assign | ast.AugAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets):
                    values = getattr(node.value, "elts", ())
                    texts = [v.value for v in values if isinstance(v, ast.Constant)]
                    self.public = [*(self.public or ()), *(t for t in texts if isinstance(t, str))]

    def result(self) -> Facts:
        for scope in self.scopes:
            self.close_cells(scope)
        exports: list[object] = []
        names = self.globals
        for name in {**names.env, **names.cells}:
            cell = names.cells.get(name)
            term = names.env.get(name) if cell is None else cell.term
            if term is not None and not (cell is not None and not cell.sources):
                exports += (name, term)
        return (
            facts.FACTS_VERSION,
            self.module,
            int(self.is_package),
            self.count,
            [self.cell(entry) for entry in self.cells],
            exports,
            self.public,
            self.stars,
            [tuple(function) for function in self.functions],
            [tuple(entry) for entry in self.classes],
            self.copies,
            self.allocations,
            self.annotations,
            self.diagnostics,
            *self.written_operations(),
        )

    def written_operations(self) -> tuple[object, ...]:
        """Names stored to, keys, and all operations with their index."""
        stored: dict[str, None] = {}
        keys: dict[int, None] = {}
        written: list[bytes] = []
        index = array("i")
        counts: list[int] = []
        place = 0
        for number in range(len(self.functions)):
            before = len(index)
            for op in self.operations[number]:
                code = op[0]
                if code == facts.STORE:
                    stored[op[3]] = None
                key = _key(op)
                if type(key) is int:
                    keys[key] = None
                result = op[_RESULTS[code]] if code in _RESULTS else None
                index.extend((code, op[2], -1 if result is None else result, place))
                if code == facts.NARROW:
                    index.extend((code, op[3], -1, place))
                written.append(marshal.dumps(op))
                place += len(written[-1])
            counts.append((len(index) - before) // 4)
        return list(stored), list(keys), b"".join(written), index.tobytes(), counts

    def close_cells(self, scope: Scope) -> None:
        for name, cell in scope.cells.items():
            cell.sources.append(scope.env.get(name))
            cell.sources += scope.killed.get(name, ())
            cell.sources = [s for s in dict.fromkeys(cell.sources) if s is not None]
            cell.name = name

    def cell(self, entry: tuple[int, object]) -> tuple[object, ...]:
        kind, content = entry
        if kind == facts.IMPORT:
            return (facts.IMPORT, *content)  # type: ignore[misc]
        if content.sources:  # type: ignore[attr-defined]
            return (facts.SOURCES, *content.sources)  # type: ignore[attr-defined]
        return (facts.GLOBAL, content.name)  # type: ignore[attr-defined]


def _key(op: Op) -> Term:
    """The key that an operation looks up, if it has one."""
    key: Any = op[3] if op[0] in (facts.INDEX, facts.SETINDEX) else None
    if op[0] == facts.METHOD and op[3] and op[6] in ("get", "pop", "setdefault"):
        key = op[3][0]
    return key if isinstance(key, int | str) else None
