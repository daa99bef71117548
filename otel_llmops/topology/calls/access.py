"""Attributes and protocols: what operations mean for each kind of object.

Strategy: one method an operation, one arm a kind of object. Attributes of instances are found twice
over: in the class, by its order of resolution, where functions become bound methods and properties
are called; and in the slots that anything has stored to, which subclasses share with their bases.
Iteration, `with` and operators are calls of the methods that Python calls for them.
"""

from typing import Any, Final

from otel_llmops.topology.calls import facts, objects
from otel_llmops.topology.calls.containers import KEYED, POURED
from otel_llmops.topology.calls.edges import ANNOTATION, DIRECT, HIERARCHY, POINTS_TO
from otel_llmops.topology.calls.facts import Op
from otel_llmops.topology.calls.invoking import (
    AS_CALL,
    BOUND_CALL,
    SPREAD_ARGUMENTS,
    SPREAD_KEYWORDS,
    Invoking,
)
from otel_llmops.topology.calls.linking import NOWHERE

__all__ = ["Access"]

BIND: Final = 37  # receiver, target: a load of what a class holds, for an instance
INTO: Final = 38  # target: what an iterator yields goes there

_OPERATORS: Final = (
    *("add", "sub", "mul", "matmul", "truediv", "mod", "pow", "lshift"),
    *("rshift", "or", "xor", "and", "floordiv"),
)
_FALLBACK: Final = {f"__i{name}__": f"__{name}__" for name in _OPERATORS}

class Access(Invoking):
    """What every operation does for an object that has come to the node it waits for."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.slots: dict[tuple[int, str], int] = {}
        self.slot_reads: dict[tuple[int, str], int] = {}
        self.stored: set[str] = set()
        self.set_by_property: set[str] = {
            name for setters in self.hierarchy.setters for name in setters
        }
        self.arms = {
            facts.CALL: self.do_call,
            facts.METHOD: self.do_method,
            facts.LOAD: self.do_load,
            facts.STORE: self.do_store,
            facts.INDEX: self.do_index,
            facts.SETINDEX: self.do_set_index,
            facts.ITER: self.do_iter,
            facts.UNPACK: self.do_unpack,
            facts.WITH: self.do_with,
            facts.SPECIAL: self.do_special,
            facts.SUPER: self.do_super,
            facts.NARROW: self.do_narrow,
            facts.RAISE: self.do_raise,
            facts.NEXT: self.do_next,
            facts.TYPE: self.do_type,
            facts.SPREAD: self.do_spread,
            facts.DECORATE: self.do_decorate,
            KEYED: self.do_keyed,
            POURED: self.do_poured,
            SPREAD_ARGUMENTS: self.do_spread_arguments,
            SPREAD_KEYWORDS: self.do_spread_keywords,
            BOUND_CALL: self.do_bound_call,
            BIND: self.do_bind,
            INTO: self.do_into,
            AS_CALL: self.do_as_call,
        }

    def made_kind(self, thing: int) -> int:
        """The kind of an object made on the way; -1 for the others."""
        made = thing - self.objects.made
        return self.objects.kinds[made] if made >= 0 else -1

    def module_of(self, caller: int) -> int:
        return self.program.function_module[caller]

    def module_attribute(self, module: int, name: str) -> int | None:
        node = self.program.attribute(module, name)
        self.size()
        return node

    # Slots.

    def slot(self, number: int, name: str) -> int:
        """The node of an attribute that is stored to instances of a class."""
        key = (number, name)
        node = self.slots.get(key)
        if node is None:
            node = self.slots[key] = self.new_node()
            self.stored.add(name)
        return node

    def slot_read(self, number: int, name: str) -> int:
        """The node of all that a stored attribute may be for instances of a class."""
        key = (number, name)
        node = self.slot_reads.get(key)
        if node is None:
            node = self.slot_reads[key] = self.new_node()
            for one in self.hierarchy.order(number):
                self.copy(self.slot(one, name), node)
        return node

    # Calls.

    def do_call(self, caller: int, op: Op, node: int, thing: int) -> None:
        found = DIRECT if node in self.program.fixed else POINTS_TO
        self.call(caller, op, thing, found, self.module_of(caller))

    def do_bound_call(self, caller: int, op: Op, node: int, thing: int) -> None:
        self.bound_call(caller, op, thing)

    def do_raise(self, caller: int, op: Op, node: int, thing: int) -> None:
        """`raise A` makes an instance of A."""
        if self.objects.classes <= thing < self.objects.instances:
            inner = self.op(caller, facts.CALL, op[1], op[2], (), (), None)
            number = thing - self.objects.classes
            found = DIRECT if node in self.program.fixed else POINTS_TO
            self.instantiate(caller, inner, number, found)

    def do_decorate(self, caller: int, op: Op, node: int, thing: int) -> None:
        _, line, callee, argument, dst = op
        made = self.made_kind(thing)
        if made == objects.OUTER:
            self.edges.add_outside(caller, self.objects.first[thing - self.objects.made], line)
            return
        if self.objects.modules <= thing and made not in (objects.BOUND, objects.PARTIAL):
            return
        inner = self.op(caller, facts.CALL, line, callee, (argument,), (), dst)
        self.do_call(caller, inner, node, thing)

    def do_method(self, caller: int, op: Op, node: int, thing: int) -> None:
        """`base.name(...)`."""
        kinds = self.objects
        name = op[6]
        if thing >= kinds.made:
            self.method_of_made(caller, op, thing)
        elif thing >= kinds.modules:
            target = self.module_attribute(thing - kinds.modules, name)
            if target is not None:
                fixed = self.fixed_thing(target)
                if fixed >= 0:
                    self.call(caller, op, fixed, DIRECT, self.module_of(caller))
                else:
                    self.wait(target, caller, (AS_CALL, op[1], op))
        elif thing >= kinds.instances:
            self.method_of_instance(caller, op, thing)
        elif thing >= kinds.classes:
            self.method_of_class(caller, op, thing - kinds.classes, name)

    def do_as_call(self, caller: int, op: Op, node: int, thing: int) -> None:
        self.call(caller, op[2], thing, POINTS_TO, self.module_of(caller))

    def method_of_instance(self, caller: int, op: Op, thing: int) -> None:
        name = op[6]
        number = self.objects.class_of(thing)
        kind, value = self.hierarchy.resolve(number, name)
        if kind == 1:
            if self.program.functions[value][facts.F_FLAGS] & facts.PROPERTY:
                got = self.got(caller, op[1], value, thing)
                self.wait(got, caller, (AS_CALL, op[1], op))
                return
            self.call_method(caller, op, thing, name, self.how(caller, op[2], thing, number))
        elif kind == 2:
            self.wait(value, caller, (BOUND_CALL, op[1], op, thing))
        else:
            self.missing(caller, op[1], name, number)
        if name in self.stored:
            read = self.slot_read(number, name)
            if self.once(op, -read - 1):
                self.wait(read, caller, (AS_CALL, op[1], op))

    def how(self, caller: int, base: object, thing: int, number: int) -> int:
        """How a method of a receiver is found: `self` of one's own class by the hierarchy."""
        if thing >= self.objects.annotated:
            return ANNOTATION
        entry = self.program.functions[caller]
        own = entry[facts.F_CLASS]
        if own >= 0 and base == entry[facts.F_FIRST]:
            home = self.program.first_class[self.module_of(caller)] + own
            if home == number:
                return HIERARCHY
        return POINTS_TO

    def missing(self, caller: int, line: int, name: str, number: int) -> None:
        """A method that no class of ours has."""
        if self.program.external:
            outer = self.hierarchy.outer_base(number)
            if outer:
                self.edges.add_outside(caller, f"{outer}.{name}", line)

    def method_of_class(self, caller: int, inner: Op, number: int, name: str) -> None:
        kind, value = self.hierarchy.resolve(number, name)
        if kind == 1:
            flags = self.program.functions[value][facts.F_FLAGS]
            receiver = self.objects.classes + number if flags & facts.BY_CLASS else -1
            self.call_function(caller, inner, value, receiver, HIERARCHY)
        elif kind == 2:
            self.wait_fixed(value, caller, (AS_CALL, inner[1], inner))
        elif self.program.external:
            outer = self.hierarchy.outer_base(number)
            if outer:
                self.edges.add_outside(caller, f"{outer}.{name}", inner[1])
        if name in self.stored:
            self.wait(self.slot_read(number, name), caller, (AS_CALL, inner[1], inner))

    def method_of_made(self, caller: int, op: Op, thing: int) -> None:
        kind = self.made_kind(thing)
        made = thing - self.objects.made
        module = self.module_of(caller)
        if kind == objects.CONTAINER:
            self.container_method(caller, op, thing, module)
        elif kind == objects.OUTER:
            name = f"{self.objects.first[made]}.{op[6]}"
            self.call(caller, op, self.objects.make(objects.OUTER, name), POINTS_TO, module)
        elif kind == objects.SUPER:
            number, receiver = self.objects.first[made], self.objects.second[made]
            self.method_of_super(caller, op, number, receiver)
        elif kind == objects.GENERATOR and op[5] is not None:
            if op[6] in ("send", "__next__", "__anext__", "asend"):
                self.copy(self.yields(self.objects.first[made]), self.at(module, op[5]))

    def method_of_super(
        self, caller: int, op: Op, number: int, receiver: int
    ) -> None:
        kind, value = self.after(number, receiver, op[6])
        if kind == 1:
            flags = self.program.functions[value][facts.F_FLAGS]
            given = -1 if flags & facts.STATIC else receiver
            if op[6] == "__new__":
                given = -1
            self.call_function(caller, op, value, given, HIERARCHY)
        elif kind == 2:
            self.wait(value, caller, (BOUND_CALL, op[1], op, receiver))
        elif self.program.external:
            outer = self.hierarchy.outer_base(self.class_behind(receiver))
            if outer:
                self.edges.add_outside(caller, f"{outer}.{op[6]}", op[1])
        if op[6] == "__new__" and kind != 1 and op[5] is not None:
            instance = self.objects.instances + self.class_behind(receiver)
            self.add(self.at(self.module_of(caller), op[5]), instance)

    def class_behind(self, thing: int) -> int:
        """The class of an instance, or the class itself."""
        number = self.objects.class_of(thing)
        return thing - self.objects.classes if number < 0 else number

    def after(self, number: int, receiver: int, name: str) -> tuple[int, int]:
        """An attribute as `super()` sees it: behind a class in the receiver's order."""
        order = self.hierarchy.order(self.class_behind(receiver))
        if number in order:
            return self.hierarchy.look(order[order.index(number) + 1 :], name)
        return self.hierarchy.look(self.hierarchy.order(number)[1:], name)

    def do_super(self, caller: int, op: Op, node: int, thing: int) -> None:
        _, _, _, number, dst = op
        if self.objects.classes <= thing < self.objects.modules:
            module = self.module_of(caller)
            home = self.program.first_class[module] + number
            made = self.objects.make(objects.SUPER, home, thing)
            self.add(self.at(module, dst), made)

    # Attributes.

    def got(self, caller: int, line: int, getter: int, receiver: int) -> int:
        """The node of what a property returns to a caller."""
        key = ("got", getter)
        op = self.op(caller, facts.CALL, line, None, (), (), None)
        found = ANNOTATION if receiver >= self.objects.annotated else POINTS_TO
        self.call_function(caller, op, getter, receiver, found)
        entry = self.program.functions[getter]
        base = self.program.bases[self.program.function_module[getter]]
        node = base + entry[facts.F_RETURN]
        if 0 in entry[facts.F_PASSED]:
            del key
            own = self.new_node()
            self.copy(node, own)
            self.add(own, receiver)
            return own
        return node

    def do_load(self, caller: int, op: Op, node: int, thing: int) -> None:
        """`dst = base.name`."""
        _, line, base, name, dst = op
        kinds = self.objects
        target = self.at(self.module_of(caller), dst)
        if thing >= kinds.made:
            self.load_made(thing, name, target)
        elif thing >= kinds.modules:
            node_ = self.module_attribute(thing - kinds.modules, name)
            if node_ is not None:
                self.copy_any(node_, target)
                if node_ in self.program.constants:
                    self.pass_constant(target, self.program.constants[node_])
        elif thing >= kinds.instances:
            self.load_instance(caller, line, thing, name, target)
        elif thing >= kinds.classes:
            number = thing - kinds.classes
            kind, value = self.hierarchy.resolve(number, name)
            if kind == 1:
                flags = self.program.functions[value][facts.F_FLAGS]
                bound = flags & facts.BY_CLASS
                self.add(target, kinds.make(objects.BOUND, value, thing) if bound else value)
            elif kind == 2:
                self.copy_any(value, target)
            if name in self.stored:
                self.copy(self.slot_read(number, name), target)

    def load_instance(self, caller: int, line: int, thing: int, name: str, target: int) -> None:
        number = self.objects.class_of(thing)
        kind, value = self.hierarchy.resolve(number, name)
        if kind == 1:
            flags = self.program.functions[value][facts.F_FLAGS]
            if flags & facts.PROPERTY:
                self.copy(self.got(caller, line, value, thing), target)
                return
            self.add(target, self.bound_method(value, thing, number))
        elif kind == 2:
            self.wait_fixed(value, caller, (BIND, line, thing, target))
        elif name == "__class__":
            self.add(target, self.objects.classes + number)
        if name in self.stored:
            self.copy(self.slot_read(number, name), target)

    def bound_method(self, function: int, receiver: int, number: int) -> int:
        flags = self.program.functions[function][facts.F_FLAGS]
        if flags & facts.STATIC:
            return function
        if flags & facts.BY_CLASS:
            receiver = self.objects.classes + number
        return self.objects.make(objects.BOUND, function, receiver)

    def do_bind(self, caller: int, op: Op, node: int, thing: int) -> None:
        _, line, receiver, target = op
        if thing < self.objects.classes:
            thing = self.bound_method(thing, receiver, self.class_behind(receiver))
        elif self.made_kind(thing) == objects.PROPERTY:
            made = thing - self.objects.made
            getter = self.objects.second[made][0]
            if type(getter) is int:
                home = self.objects.first[made]
                call = self.op(caller, facts.CALL, line, None, (), (), None)
                self.wait_fixed(self.at(home, getter), caller, (BOUND_CALL, line, call, receiver))
            return
        self.add(target, thing)

    def load_made(self, thing: int, name: str, target: int) -> None:
        made = thing - self.objects.made
        kind = self.objects.kinds[made]
        if kind == objects.OUTER:
            self.add(target, self.objects.make(objects.OUTER, f"{self.objects.first[made]}.{name}"))
        elif kind == objects.SUPER:
            receiver = self.objects.second[made]
            which, value = self.after(self.objects.first[made], receiver, name)
            if which == 1:
                self.add(target, self.bound_method(value, receiver, self.class_behind(receiver)))
            elif which == 2:
                self.copy_any(value, target)

    def do_store(self, caller: int, op: Op, node: int, thing: int) -> None:
        """`base.name = source`."""
        _, line, _, name, source = op
        kinds = self.objects
        if not kinds.classes <= thing < kinds.made:
            return
        module = self.module_of(caller)
        if thing >= kinds.modules:
            if type(source) is int:
                self.store_to_module(thing - kinds.modules, name, self.at(module, source))
            return
        number = self.class_behind(thing)
        if name in self.set_by_property and thing >= kinds.instances:
            setter = self.hierarchy.setter(number, name)
            if setter is not None:
                inner = self.op(caller, facts.CALL, line, None, (source,), (), None)
                self.call_function(caller, inner, setter, thing, POINTS_TO)
                return
        if type(source) is int:
            self.copy_any(self.at(module, source), self.slot(number, name))

    def store_to_module(self, number: int, name: str, source: int) -> None:
        target = self.module_attribute(number, name)
        if target is not None and target not in self.program.fixed and target != NOWHERE:
            self.copy_any(source, target)

    # Containers and iteration.

    def do_index(self, caller: int, op: Op, node: int, thing: int) -> None:
        kind = self.made_kind(thing)
        module = self.module_of(caller)
        if kind == objects.CONTAINER:
            self.index(caller, op, thing, module)
        elif self.objects.instances <= thing < self.objects.modules:
            self.protocol(caller, op[1], thing, "__getitem__", (op[3],), op[4])
        elif self.objects.classes <= thing < self.objects.instances:
            self.add(self.at(module, op[4]), thing)

    def do_set_index(self, caller: int, op: Op, node: int, thing: int) -> None:
        if self.made_kind(thing) == objects.CONTAINER:
            self.set_index(caller, op, thing, self.module_of(caller))
        elif self.objects.instances <= thing < self.objects.modules:
            self.protocol(caller, op[1], thing, "__setitem__", (op[3], op[4]), None)

    def do_keyed(self, caller: int, op: Op, node: int, thing: int) -> None:
        self.keyed(caller, op, thing)

    def do_poured(self, caller: int, op: Op, node: int, thing: int) -> None:
        if self.made_kind(thing) == objects.CONTAINER:
            self.pour(thing, op[2])

    def do_spread(self, caller: int, op: Op, node: int, thing: int) -> None:
        """`[*source]`, `{**source}`."""
        target = self.at(self.module_of(caller), op[3])
        if self.made_kind(thing) == objects.CONTAINER:
            for container in self.things(target):
                if self.made_kind(container) == objects.CONTAINER:
                    self.pour(thing, container)

    def do_spread_arguments(self, caller: int, op: Op, node: int, thing: int) -> None:
        if self.made_kind(thing) == objects.CONTAINER:
            self.spread_arguments(op[2], op[3], thing)

    def do_spread_keywords(self, caller: int, op: Op, node: int, thing: int) -> None:
        if self.made_kind(thing) == objects.CONTAINER:
            self.spread_keywords(op[2], thing)

    def protocol(
        self,
        caller: int,
        line: int,
        thing: int,
        name: str,
        arguments: tuple[object, ...],
        dst: int | None,
    ) -> bool:
        """A method that Python calls by itself; False where the class has none."""
        inner = self.op(caller, facts.CALL, line, name, arguments, (), dst)
        found = ANNOTATION if thing >= self.objects.annotated else POINTS_TO
        return self.call_method(caller, inner, thing, name, found)

    def yields(self, function: int) -> int:
        """The node of what a generator yields."""
        program = self.program
        base = program.bases[program.function_module[function]]
        return int(base + program.functions[function][facts.F_YIELD])

    def do_iter(self, caller: int, op: Op, node: int, thing: int) -> None:
        self.iterate(caller, op[1], thing, self.at(self.module_of(caller), op[3]))

    def iterate(self, caller: int, line: int, thing: int, target: int) -> None:
        """What iterating yields, to a node."""
        kind = self.made_kind(thing)
        kinds = self.objects
        if kind == objects.CONTAINER:
            if self.kind(thing) != facts.DICT:
                self.copy(self.everything(thing), target)
        elif kind == objects.GENERATOR:
            self.copy(self.yields(kinds.first[thing - kinds.made]), target)
        elif kinds.instances <= thing < kinds.modules:
            number = kinds.class_of(thing)
            found = ANNOTATION if thing >= kinds.annotated else POINTS_TO
            for name, after in (("__iter__", "__next__"), ("__aiter__", "__anext__")):
                which, value = self.hierarchy.resolve(number, name)
                if which == 1:
                    call = self.op(caller, facts.CALL, line, name, (), (), None)
                    self.call_function(caller, call, value, thing, found)
                    entry = self.program.functions[value]
                    step = self.op(caller, INTO, line, target, after)
                    if entry[facts.F_FLAGS] & facts.GENERATOR:
                        self.copy(self.yields(value), target)
                        return
                    base = self.program.bases[self.program.function_module[value]]
                    self.wait(base + entry[facts.F_RETURN], caller, step)
                    if 0 in entry[facts.F_PASSED]:
                        self.step(caller, line, thing, target, after)
                    return
            which, value = self.hierarchy.resolve(number, "__getitem__")
            if which == 1:
                call = self.op(caller, facts.CALL, line, "__getitem__", (), (), None)
                self.call_function(caller, call, value, thing, found)
                entry = self.program.functions[value]
                base = self.program.bases[self.program.function_module[value]]
                self.copy(base + entry[facts.F_RETURN], target)
        elif kinds.classes <= thing < kinds.instances:
            self.add(target, thing + kinds.instances - kinds.classes)

    def step(self, caller: int, line: int, thing: int, target: int, after: str) -> None:
        """One step of an iterator, to a node."""
        kinds = self.objects
        if kinds.instances <= thing < kinds.modules:
            which, value = self.hierarchy.resolve(kinds.class_of(thing), after)
            if which == 1:
                call = self.op(caller, facts.CALL, line, after, (), (), None)
                found = ANNOTATION if thing >= kinds.annotated else POINTS_TO
                self.call_function(caller, call, value, thing, found)
                entry = self.program.functions[value]
                base = self.program.bases[self.program.function_module[value]]
                self.copy(base + entry[facts.F_RETURN], target)
                if 0 in entry[facts.F_PASSED]:
                    self.add(target, thing)
        else:
            self.iterate(caller, line, thing, target)

    def do_into(self, caller: int, op: Op, node: int, thing: int) -> None:
        self.step(caller, op[1], thing, op[2], op[3])

    def do_next(self, caller: int, op: Op, node: int, thing: int) -> None:
        self.step(caller, op[1], thing, self.at(self.module_of(caller), op[3]), "__next__")

    def do_unpack(self, caller: int, op: Op, node: int, thing: int) -> None:
        kind = self.made_kind(thing)
        if kind < 0 and not self.iterable(thing):
            return
        module = self.module_of(caller)
        parts = op[3]
        for i in range(0, len(parts), 2):
            target = self.at(module, parts[i + 1])
            if kind == objects.CONTAINER:
                self.read_key(thing, parts[i], target)
            else:
                self.iterate(caller, op[1], thing, target)

    def iterable(self, thing: int) -> bool:
        """Whether an object that source describes can be iterated over."""
        kinds = self.objects
        if kinds.classes <= thing < kinds.instances:
            return True
        number = kinds.class_of(thing)
        if number < 0:
            return False
        resolve = self.hierarchy.resolve
        return any(resolve(number, name)[0] for name in ("__iter__", "__aiter__", "__getitem__"))

    # Protocols.

    def do_with(self, caller: int, op: Op, node: int, thing: int) -> None:
        kind = self.made_kind(thing)
        module = self.module_of(caller)
        if kind == objects.GENERATOR:
            yielded = self.yields(self.objects.first[thing - self.objects.made])
            self.copy(yielded, self.at(module, op[3]))
        elif kind == objects.OUTER:
            self.add(self.at(module, op[3]), thing)
        elif self.objects.instances <= thing < self.objects.modules:
            enter, leave = ("__aenter__", "__aexit__") if op[4] else ("__enter__", "__exit__")
            if not self.protocol(caller, op[1], thing, enter, (), op[3]):
                self.add(self.at(module, op[3]), thing)
            self.protocol(caller, op[1], thing, leave, (), None)

    def do_special(self, caller: int, op: Op, node: int, thing: int) -> None:
        """An operator, for its first operand."""
        number = self.objects.class_of(thing)
        if number >= 0:
            name = op[6]
            if not self.hierarchy.resolve(number, name)[0]:
                name = _FALLBACK.get(name, name)
            found = ANNOTATION if thing >= self.objects.annotated else POINTS_TO
            self.call_method(caller, op, thing, name, found)
        elif op[5] is not None and self.made_kind(thing) == objects.CONTAINER:
            module = self.module_of(caller)
            self.add(self.at(module, op[5]), thing)
            if op[6] == "__iadd__" and op[3]:
                self.wait(self.at(module, op[3][0]), caller, (POURED, op[1], thing))

    def do_narrow(self, caller: int, op: Op, node: int, thing: int) -> None:
        """`isinstance(source, class)`: instances of the class, or of one below it."""
        _, _, source, classes, dst = op
        module = self.module_of(caller)
        kinds = self.objects
        target = self.at(module, dst)
        origin, wanted = self.at(module, source), self.at(module, classes)
        fixed = self.fixed_thing(wanted)
        allowed = (fixed,) if fixed >= 0 else self.things(wanted)
        numbers = {t - kinds.classes for t in allowed if kinds.classes <= t < kinds.instances}
        for one in allowed:
            if self.made_kind(one) == objects.CONTAINER:
                inner = self.things(self.everything(one))
                numbers |= {t - kinds.classes for t in inner if t < kinds.instances}
        for one in self.things(origin):
            number = kinds.class_of(one)
            if number < 0 or not numbers.isdisjoint(self.hierarchy.order(number)):
                self.add(target, one)

    def do_type(self, caller: int, op: Op, node: int, thing: int) -> None:
        number = self.objects.class_of(thing)
        if number >= 0:
            target = self.at(self.module_of(caller), op[3])
            self.add(target, self.objects.classes + number)
