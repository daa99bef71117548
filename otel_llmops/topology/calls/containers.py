"""Containers: lists, tuples, sets and dictionaries, field by field.

Strategy: a container is where it is made. A constant key has a field of its own, all other keys
share one, and a node for `all` is fed by every field: what a loop or an unknown key reads.
"""

from typing import Any, Final

from otel_llmops.topology.calls import facts, objects
from otel_llmops.topology.calls.facts import Op, Term
from otel_llmops.topology.calls.linking import NOWHERE
from otel_llmops.topology.calls.solver import Solver

__all__ = ["Containers"]

TYPE_NAMES: Final = {
    facts.LIST: "<**PyList**>",
    facts.TUPLE: "<**PyTuple**>",
    facts.DICT: "<**PyDict**>",
    facts.SET: "<**PySet**>",
}

KEYS: Final = 64
"""Keys of a container that are told apart."""

KEYED: Final = 32  # operation, container: a constant has come to the operation's key
POURED: Final = 33  # container: what comes is poured into it

_PUTS: Final = frozenset(("append", "add", "insert", "appendleft"))
_POURS: Final = frozenset(("extend", "update", "union", "__add__", "extendleft"))
_TAKES: Final = frozenset(("pop", "popleft", "__getitem__"))
_SAME: Final = frozenset(("union", "__add__", "copy", "difference", "intersection"))
_GETS: Final = frozenset(("get", "pop", "setdefault", "__getitem__"))

ANY: Final = "*"
ALL: Final = ""


class Containers(Solver):
    """What containers do."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.fields: dict[int, dict[str, int]] = {}
        self.poured: dict[int, list[int]] = {}
        self.pours: set[tuple[int, int]] = set()
        self.any_key: list[tuple[int, Op, int]] = []

    def everything(self, container: int) -> int:
        """The node of all that a container holds."""
        fields = self.fields.setdefault(container, {})
        node = fields.get(ALL)
        if node is None:
            node = fields[ALL] = self.new_node()
        return node

    def field(self, container: int, key: str) -> int:
        """The node of one key."""
        fields = self.fields.setdefault(container, {})
        node = fields.get(key)
        if node is None and len(fields) > KEYS:
            key = ANY
            node = fields.get(key)
        if node is None:
            node = fields[key] = self.new_node()
            self.copy(node, self.everything(container))
            for target in self.poured.get(container, ()):
                self.copy(node, self.field(target, key))
        return node

    def read_key(self, container: int, key: str | None, target: int) -> None:
        """`target = container[key]`; the key None where it may be any."""
        if key is None or key[:2] == "i-":
            self.copy(self.everything(container), target)
        else:
            self.copy(self.field(container, key), target)
            self.copy(self.field(container, ANY), target)

    def kind(self, thing: int) -> int:
        """List, tuple, dictionary or set."""
        return int(self.objects.first[thing - self.objects.made])

    def key_of(self, module: int, key: Term, op: Op) -> list[str | None]:
        """The keys that a term may be: constants, or None for any."""
        if type(key) is str:
            return [key]
        if type(key) is not int:
            return [None]
        node = self.at(module, key)
        if node in self.program.constants:
            return [self.program.constants[node]]
        self.wanted.add(node)
        made, kinds = self.objects.made, self.objects.kinds
        return [
            self.objects.first[thing - made]
            for thing in self.things(node)
            if thing >= made and kinds[thing - made] == objects.CONSTANT
        ]

    def index(self, caller: int, op: Op, thing: int, module: int) -> None:
        """`dst = base[key]` for a container."""
        _, _, _, key, dst = op
        target = self.at(module, dst)
        if key == ":":
            derived = self.objects.make(objects.CONTAINER, self.kind(thing), ("part", thing))
            self.copy(self.everything(thing), self.field(derived, ANY))
            self.add(target, derived)
            return
        keys = self.key_of(module, key, op)
        for one in keys:
            self.read_key(thing, one, target)
        if type(key) is int and self.at(module, key) not in self.program.constants:
            self.by_key(caller, op, thing, module, key)

    def set_index(self, caller: int, op: Op, thing: int, module: int) -> None:
        """`container[key] = source`."""
        _, _, _, key, source = op
        if type(source) is not int:
            return
        node = self.at(module, source)
        keys = self.key_of(module, key, op)
        for one in keys:
            self.copy(node, self.field(thing, one or ANY))
        if type(key) is int and self.at(module, key) not in self.program.constants:
            self.by_key(caller, op, thing, module, key)

    def by_key(self, caller: int, op: Op, thing: int, module: int, key: int) -> None:
        """Runs an operation again for every constant that its key may be."""
        node = self.at(module, key)
        if node == NOWHERE:
            self.any_key.append((caller, op, thing))
            return
        if self.once(op, -thing - 1):
            self.any_key.append((caller, op, thing))
            self.wait(node, caller, self.op(caller, KEYED, op[1], op, thing))

    def keyed(self, caller: int, op: Op, thing: int) -> None:
        """A constant has come to a key."""
        made = self.objects.made
        if thing < made or self.objects.kinds[thing - made] != objects.CONSTANT:
            return
        key = self.objects.first[thing - made]
        inner, container = op[2], op[3]
        module = self.program.function_module[caller]
        if inner[0] == facts.INDEX:
            self.read_key(container, key, self.at(module, inner[4]))
        else:
            self.copy(self.at(module, inner[4]), self.field(container, key))

    def open_keys(self) -> None:
        """Keys that no constant has reached may be any."""
        for caller, op, thing in self.any_key:
            module = self.program.function_module[caller]
            node = self.at(module, op[3])
            made, kinds = self.objects.made, self.objects.kinds
            if any(t >= made and kinds[t - made] == objects.CONSTANT for t in self.things(node)):
                continue
            if op[0] == facts.INDEX:
                self.copy(self.everything(thing), self.at(module, op[4]))
            else:
                self.copy(self.at(module, op[4]), self.field(thing, ANY))
        self.any_key.clear()

    def container_method(self, caller: int, op: Op, thing: int, module: int) -> None:
        """`base.name(...)` of a container."""
        _, line, _, arguments, _, dst, name = op
        kind = self.kind(thing)
        if self.program.external:
            self.edges.add_outside(caller, f"{TYPE_NAMES[kind]}.{name}", line)
        last = arguments[-1] if arguments else None
        source = self.at(module, last) if type(last) is int else NOWHERE
        target = NOWHERE if dst is None else self.at(module, dst)
        if kind == facts.DICT:
            self.dict_method(caller, op, thing, target)
        elif name in _PUTS:
            self.copy(source, self.field(thing, ANY))
        elif name in _POURS:
            self.wait(source, caller, (POURED, line, thing))
        if target and name in _TAKES and kind != facts.DICT:
            self.read_key(thing, None, target)
        elif target and name in _SAME:
            self.add(target, thing)

    def dict_method(self, caller: int, op: Op, thing: int, target: int) -> None:
        """`base.name(...)` of a dictionary."""
        name = op[6]
        if name in _GETS:
            self.dict_get(caller, op, thing, target)
        elif name == "update":
            self.dict_update(caller, op, thing)
        elif target and name == "values":
            derived = self.objects.make(objects.CONTAINER, facts.LIST, ("values", thing))
            self.copy(self.everything(thing), self.field(derived, ANY))
            self.add(target, derived)
        elif target and name == "items":
            pair = self.objects.make(objects.CONTAINER, facts.TUPLE, ("item", thing))
            self.copy(self.everything(thing), self.field(pair, "i1"))
            items = self.objects.make(objects.CONTAINER, facts.LIST, ("items", thing))
            self.add(self.field(items, ANY), pair)
            self.add(target, items)

    def dict_get(self, caller: int, op: Op, thing: int, target: int) -> None:
        """`base.get(key, default)` and the like."""
        module = self.program.function_module[caller]
        arguments: tuple[object, ...] = op[3]
        key = arguments[0] if arguments else None
        default = arguments[1] if len(arguments) > 1 else None
        if type(default) is int:
            self.copy_if(self.at(module, default), target)
            if op[6] == "setdefault":
                inner = self.op(caller, facts.SETINDEX, op[1], op[2], key, default)
                self.set_index(caller, inner, thing, module)
        if target:
            inner = self.op(caller, facts.INDEX, op[1], op[2], key, op[5])
            self.index(caller, inner, thing, module)

    def copy_if(self, source: int, target: int) -> None:
        """A copy to a node that may be nowhere."""
        if target != NOWHERE:
            self.copy(source, target)

    def dict_update(self, caller: int, op: Op, thing: int) -> None:
        """`base.update(other, name=value)`."""
        module = self.program.function_module[caller]
        for term in op[3][:1]:
            if type(term) is int:
                self.wait(self.at(module, term), caller, (POURED, op[1], thing))
        for given, term in zip(op[4][::2], op[4][1::2], strict=True):
            if type(term) is int and given is not None:
                self.copy(self.at(module, term), self.field(thing, f"s{given}"))

    def pour(self, source: int, target: int) -> None:
        """All that one container holds into another; by key where both are dictionaries."""
        if source == target or (source, target) in self.pours:
            return
        self.pours.add((source, target))
        if self.kind(source) != facts.DICT:
            self.copy(self.everything(source), self.field(target, ANY))
        elif self.kind(target) == facts.DICT:
            self.poured.setdefault(source, []).append(target)
            for key in list(self.fields.get(source, ())):
                if key != ALL:
                    self.copy(self.field(source, key), self.field(target, key))
