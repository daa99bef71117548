"""Classes: their bases, the order of resolution, and what an attribute of an instance is.

Strategy: bases are read from what the source writes: names, attributes of modules and classes,
`Base[T]`, either side of a fork; what comes from a call or from outside is unknown. The order is
C3, as Python's own; where that fails, depth first.
"""

from typing import Any, Final

from otel_llmops.topology.calls import facts
from otel_llmops.topology.calls.linking import NOWHERE, Program

__all__ = ["Hierarchy"]

DEPTH: Final = 12
"""Steps from a base's expression to its class."""


class Hierarchy:
    """The classes of a program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.attributes: list[dict[str, int]] = []
        self.setters: list[dict[str, int]] = []
        for number, entry in enumerate(program.classes):
            module = program.class_module[number]
            flat = entry[facts.C_ATTRIBUTES]
            self.attributes.append(
                {
                    name: program.node(module, term)
                    for name, term in zip(flat[::2], flat[1::2], strict=True)
                    if type(term) is int
                }
            )
            flat = entry[facts.C_SETTERS]
            first = program.first_function[module]
            self.setters.append(
                {n: first + f for n, f in zip(flat[::2], flat[1::2], strict=True)} if flat else {}
            )
        self._makers: dict[int, tuple[dict[int, tuple[Any, ...]], dict[int, list[int]]]] = {}
        self._late: dict[int, list[int]] = {}
        for source, target in program.late_copies:
            self._late.setdefault(target, []).append(source)
        self.outer_bases: dict[int, str] = {}
        self.open: set[int] = set()
        self.bases = [self._bases(number) for number in range(len(program.classes))]
        self._orders: dict[int, tuple[int, ...]] = {}
        self.resolved: list[dict[str, tuple[int, int]]] = [{} for _ in program.classes]
        self.children: dict[int, list[int]] = {}
        for number, bases in enumerate(self.bases):
            for base in bases:
                self.children.setdefault(base, []).append(number)

    def _bases(self, number: int) -> list[int]:
        program = self.program
        module = program.class_module[number]
        found: list[int] = []
        for term in program.classes[number][facts.C_BASES]:
            if term is None:
                continue
            is_node = type(term) is int  # not a constant, which no class can have as its base
            classes = self._classes(module, term, DEPTH) if is_node else []
            for one in classes:
                if one != number and one not in found:
                    found.append(one)
            if not classes:
                self.open.add(number)
                name = self._outer_name(module, term, DEPTH) if is_node else ""
                if name:
                    self.outer_bases.setdefault(number, name)
        return found

    def _maker(self, module: int) -> tuple[dict[int, tuple[Any, ...]], dict[int, list[int]]]:
        """What makes the nodes of a module: operations by their result, copies by their target."""
        made = self._makers.get(module)
        if made is None:
            content = self.program.facts[module]
            by_result: dict[int, tuple[Any, ...]] = {}
            index = facts.read_index(content)  # type: ignore[arg-type]
            for i in range(0, len(index), 4):
                if index[i] in (facts.LOAD, facts.INDEX, facts.DECORATE):
                    op = facts.read_operation(content, index[i + 3])  # type: ignore[arg-type]
                    by_result[op[4]] = op
            copies: dict[int, list[int]] = {}
            flat = content[facts.COPIES]  # type: ignore[index]
            for source, target in zip(flat[::2], flat[1::2], strict=True):
                if type(source) is int:
                    copies.setdefault(target, []).append(source)
            made = self._makers[module] = (by_result, copies)
        return made

    def _home(self, node: int) -> tuple[int, int] | None:
        """(module, node of that module) of a node of the program."""
        bases = self.program.bases
        low, high = 0, len(bases)
        while low < high:
            middle = (low + high) // 2
            if bases[middle] <= node:
                low = middle + 1
            else:
                high = middle
        module = low - 1
        content = self.program.facts[module] if module >= 0 else None
        if content is None or node - bases[module] >= content[facts.NODES]:
            return None
        return module, node - bases[module]

    def _classes(self, module: int, term: int, depth: int) -> list[int]:
        """The classes that a term stands for, as far as the source says."""
        program = self.program
        node = program.node(module, term)
        return self._classes_at(node, depth)

    def _classes_at(self, node: int, depth: int) -> list[int]:
        fixed = self.program.fixed.get(node)
        if fixed is not None:
            return [fixed[1]] if fixed[0] == "class" else []
        if node == NOWHERE or not depth:
            return []
        home = self._home(node)
        if home is None:
            sources = self._late.get(node, [])
            return [c for source in sources for c in self._classes_at(source, depth - 1)]
        return self._classes_made(*home, depth)

    def _classes_made(self, module: int, local: int, depth: int) -> list[int]:
        """The classes at a module's node, by what makes it."""
        by_result, copies = self._maker(module)
        op = by_result.get(local)
        if op is None:
            sources = copies.get(local, [])
            return [c for source in sources for c in self._classes(module, source, depth - 1)]
        if op[0] == facts.DECORATE:
            return self._classes(module, op[3], depth - 1)
        if op[0] == facts.INDEX:
            return self._classes(module, op[2], depth - 1) if type(op[2]) is int else []
        loaded = self._loaded(module, op, depth)
        return [] if loaded is None else self._classes_at(loaded, depth - 1)

    def _loaded(self, module: int, op: tuple[Any, ...], depth: int) -> int | None:
        """The node that an attribute of a module or class stands for."""
        program = self.program
        base = program.node(module, op[2])
        fixed = program.fixed.get(base)
        if fixed is None:
            home = self._home(base)
            inner = self._maker(home[0])[0].get(home[1]) if home else None
            if home and inner is not None and inner[0] == facts.LOAD and depth:
                node = self._loaded(home[0], inner, depth - 1)
                fixed = None if node is None else program.fixed.get(node)
        if fixed is not None and fixed[0] == "module":
            return program.attribute(fixed[1], op[3])
        classes = [fixed[1]] if fixed else self._classes_at(base, depth - 1) if depth else []
        for number in classes:
            for one in [number, *self._early(number)]:
                if op[3] in self.attributes[one]:
                    return self.attributes[one][op[3]]
        return None

    def _early(self, number: int) -> list[int]:
        """The bases of a class while bases are still being read."""
        bases = getattr(self, "bases", None)
        return bases[number] if bases else []

    def _outer_name(self, module: int, term: int, depth: int) -> str:
        program = self.program
        node = program.node(module, term)
        if node in program.outside:
            return program.outside[node]
        home = self._home(node) if depth and node != NOWHERE else None
        op = self._maker(home[0])[0].get(home[1]) if home else None
        if home is None or op is None:
            return ""
        name = self._outer_name(home[0], op[2], depth - 1) if type(op[2]) is int else ""
        if op[0] == facts.LOAD and name:
            return f"{name}.{op[3]}"
        return name if op[0] == facts.INDEX else ""

    def order(self, number: int) -> tuple[int, ...]:
        """The order in which attributes are looked for: the class itself, then its bases."""
        order = self._orders.get(number)
        if order is None:
            self._orders[number] = (number,)  # where classes inherit from each other
            bases = self.bases[number]
            merged = _merge([*(list(self.order(base)) for base in bases), list(bases)])
            if merged is None:
                lines = [one for base in bases for one in self.order(base)]
                merged = list(dict.fromkeys(lines))
            order = self._orders[number] = (number, *(one for one in merged if one != number))
        return order

    def resolve(self, number: int, name: str) -> tuple[int, int]:
        """An attribute of a class: (1, function), (2, node), or (0, 0) where none has it."""
        cache = self.resolved[number]
        found = cache.get(name)
        if found is None:
            found = cache[name] = self.look(self.order(number), name)
        return found

    def look(self, order: tuple[int, ...], name: str) -> tuple[int, int]:
        """The first class in an order that has an attribute, and what it is there."""
        for one in order:
            node = self.attributes[one].get(name)
            if node is not None:
                fixed = self.program.fixed.get(node)
                if fixed is not None and fixed[0] == "function":
                    return 1, fixed[1]
                return 2, node
        return 0, 0

    def setter(self, number: int, name: str) -> int | None:
        """The function that sets a property, if it has one."""
        for one in self.order(number):
            found = self.setters[one].get(name)
            if found is not None:
                return found
        return None

    def outer_base(self, number: int) -> str:
        """The name of the first base from outside, along the order."""
        for one in self.order(number):
            if one in self.outer_bases:
                return self.outer_bases[one]
        return ""

    def is_open(self, number: int) -> bool:
        """Whether the class may inherit what the source does not show."""
        return any(one in self.open for one in self.order(number))


def _merge(lines: list[list[int]]) -> list[int] | None:
    """C3: the first head that is in no tail, until all lines are empty; None where none is."""
    merged: list[int] = []
    lines = [line for line in lines if line]
    while lines:
        for line in lines:
            head = line[0]
            if not any(head in other[1:] for other in lines):
                break
        else:
            return None
        merged.append(head)
        lines = [rest for rest in ([x for x in line if x != head] for line in lines) if rest]
    return merged
