"""Linking: the facts of all modules in one numbering, and names to what they stand for.

Strategy: nodes of a module are shifted by the module's base; its cells are replaced by what they
stand for, across imports, re-exports and star imports, so that an imported function is the very
node of its definition. Node 0 stands for all that is not in the repository: nothing is ever there.
Nodes of functions, classes and modules hold that one thing for good (`fixed`).
"""

from collections.abc import Mapping
from typing import Any, Final

from otel_llmops.topology.calls import facts
from otel_llmops.topology.calls.facts import Facts, Term
from otel_llmops.topology.calls.names import BUILTINS

__all__ = ["NOWHERE", "Program"]

NOWHERE: Final = 0
_OPEN: Final = -1
_BUSY: Final = -2


class Program:
    """All facts, numbered through. Modules come in the order of their names."""

    def __init__(self, by_module: Mapping[str, Facts], *, external: bool) -> None:
        self.external = external
        self.names: list[str] = sorted(by_module)
        self.facts: list[Facts | None] = [by_module[name] for name in self.names]
        self.index = {name: i for i, name in enumerate(self.names)}
        self._namespace_packages()
        self.exports: list[dict[str, Term]] = []
        self.bases: list[int] = []
        self.cells: list[list[int]] = []
        self.functions: list[tuple[Any, ...]] = []
        self.function_module: list[int] = []
        self.classes: list[tuple[Any, ...]] = []
        self.class_module: list[int] = []
        self.first_function: list[int] = []
        self.first_class: list[int] = []
        self.fixed: dict[int, tuple[str, int]] = {}
        self.constants: dict[int, str] = {}
        self.outside: dict[int, str] = {}
        self._outside_nodes: dict[str, int] = {}
        self._constant_nodes: dict[tuple[int, str], int] = {}
        self.late_copies: list[tuple[int, int]] = []
        self.count = 1
        self._number()
        for module in range(len(self.names)):
            for cell in range(len(self.cells[module])):
                self.cell(module, cell)

    def _namespace_packages(self) -> None:
        for name in list(self.names):
            parent = name.rpartition(".")[0]
            while parent and parent not in self.index:
                self.index[parent] = len(self.names)
                self.names.append(parent)
                self.facts.append(None)
                parent = parent.rpartition(".")[0]

    def _number(self) -> None:
        """Gives every module its range of nodes, functions and classes, and its own node."""
        self.module_node = self.count
        for number in range(len(self.names)):
            self.fixed[self.count + number] = ("module", number)
        self.count += len(self.names)
        for number, content in enumerate(self.facts):
            self.bases.append(self.count)
            self.first_function.append(len(self.functions))
            self.first_class.append(len(self.classes))
            if content is None:
                self.cells.append([])
                self.exports.append({})
                continue
            base = self.count
            self.count += content[facts.NODES]
            self.cells.append([_OPEN] * len(content[facts.CELLS]))
            flat = content[facts.EXPORTS]
            self.exports.append(dict(zip(flat[::2], flat[1::2], strict=True)))
            for function in content[facts.FUNCTIONS]:
                self.fixed[base + function[facts.F_NODE]] = ("function", len(self.functions))
                self.functions.append(function)
                self.function_module.append(number)
            for entry in content[facts.CLASSES]:
                self.fixed[base + entry[facts.C_NODE]] = ("class", len(self.classes))
                self.classes.append(entry)
                self.class_module.append(number)

    def new_node(self) -> int:
        """A node that is in no module."""
        self.count += 1
        return self.count - 1

    def node(self, module: int, term: int) -> int:
        """The node that a module's term stands for."""
        return self.bases[module] + term if term >= 0 else self.cell(module, ~term)

    def function_name(self, number: int) -> str:
        """`module.qualname`; a module's body has the module's name."""
        module = self.names[self.function_module[number]]
        name = self.functions[number][facts.F_NAME]
        return f"{module}.{name}" if name else module

    # Cells.

    def cell(self, module: int, number: int) -> int:
        """The node that a cell stands for."""
        cells = self.cells[module]
        node = cells[number]
        if node >= 0:
            return node
        if node == _BUSY:  # names that import each other stand for nothing
            return NOWHERE
        cells[number] = _BUSY
        content = self.facts[module]
        entry = content[facts.CELLS][number]  # type: ignore[index]
        kind = entry[0]
        if kind == facts.IMPORT:
            node = self.imported(module, entry[1], entry[2])
        elif kind == facts.GLOBAL:
            node = self.starred(module, entry[1])
        else:
            node = self.sources(module, entry[1:])
        cells[number] = node
        return node

    def sources(self, module: int, terms: tuple[Term, ...]) -> int:
        """The node of a name that is bound once or more."""
        if len(terms) == 1 and type(terms[0]) is int:
            return self.node(module, terms[0])
        target = self.new_node()
        for term in terms:
            if type(term) is int:
                self.late_copies.append((self.node(module, term), target))
            elif type(term) is str:
                self.constants[target] = term
        return target

    def constant(self, value: str) -> int:
        """A node for a constant."""
        target = self.new_node()
        self.constants[target] = value
        return target

    def outer(self, name: str) -> int:
        """The node of something outside the repository."""
        if not self.external:
            return NOWHERE
        node = self._outside_nodes.get(name)
        if node is None:
            node = self._outside_nodes[name] = self.new_node()
            self.outside[node] = name
        return node

    def find(self, importer: int, name: str) -> int | None:
        """The number of a module by the name that an import gives it.

        A script finds its siblings, as Python does by putting a script's directory first.
        """
        found = self.index.get(name)
        if found is None:
            around = self.names[importer].rpartition(".")[0]
            if around:
                found = self.index.get(f"{around}.{name}")
        return found

    def imported(self, importer: int, module: str, name: str | None) -> int:
        """The node that an import stands for."""
        if not module:
            return self.imported(importer, str(name), None)
        found = self.find(importer, module)
        if found is None:
            return self.outer(module if name is None else f"{module}.{name}")
        if name is None:
            return self.module_node + found
        if found == importer:  # `from . import part` in a package: it has no such name before
            part = self.index.get(f"{self.names[found]}.{name}")
            if part is not None:
                return self.module_node + part
        node = self.attribute(found, name)
        return NOWHERE if node is None else node

    def attribute(self, module: int, name: str) -> int | None:
        """The node of a module's attribute: a name bound in it, a submodule, a name of a star."""
        term = self.exports[module].get(name)
        if type(term) is int:
            return self.node(module, term)
        if type(term) is str:
            key = (module, name)
            if key not in self._constant_nodes:
                self._constant_nodes[key] = self.constant(term)
            return self._constant_nodes[key]
        submodule = self.index.get(f"{self.names[module]}.{name}")
        if submodule is not None:
            return self.module_node + submodule
        return self._by_stars(module, name, set())

    def _by_stars(self, module: int, name: str, seen: set[int]) -> int | None:
        content = self.facts[module]
        if content is None or module in seen:
            return None
        seen.add(module)
        for star in reversed(content[facts.STARS]):
            found = self.find(module, star)
            if found is None:
                continue
            public = self.facts[found] and self.facts[found][facts.PUBLIC]  # type: ignore[index]
            if name not in public if public else name.startswith("_"):
                continue
            term = self.exports[found].get(name)
            if type(term) is int:
                return self.node(found, term)
            submodule = self.index.get(f"{self.names[found]}.{name}")
            if submodule is not None and public:
                return self.module_node + submodule
            node = self._by_stars(found, name, seen)
            if node is not None:
                return node
        return None

    def starred(self, module: int, name: str) -> int:
        """The node of a name that may come from `import *`."""
        node = self._by_stars(module, name, set())
        if node is not None:
            return node
        return self.outer(f"<builtin>.{name}") if name in BUILTINS else NOWHERE
