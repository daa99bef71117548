"""Attributes and methods: what reading, storing and calling them means for each kind of object.

Strategy: attributes of instances are found twice over: in the class, by its order of resolution,
where functions become bound methods and properties are called; and in the slots that anything has
stored to, which subclasses share with their bases.
"""

from typing import Any, Final

from otel_llmops.topology.calls import facts, objects
from otel_llmops.topology.calls.edges import ANNOTATION, DIRECT, HIERARCHY, POINTS_TO
from otel_llmops.topology.calls.facts import Op
from otel_llmops.topology.calls.invoking import (
    AS_CALL,
    BOUND_CALL,
)
from otel_llmops.topology.calls.linking import NOWHERE
from otel_llmops.topology.calls.protocols import Protocols

__all__ = ["Access"]

BIND: Final = 37  # receiver, target: a load of what a class holds, for an instance


_STEPS: Final = ("send", "asend", "__next__", "__anext__")
"""Methods of generators that yield what they yield."""


class Access(Protocols):
    """What every operation does for an object that has come to the node it waits for."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.slots: dict[tuple[int, str], int] = {}
        self.slot_reads: dict[tuple[int, str], int] = {}
        self.stored: set[str] = set()
        self.set_by_property: set[str] = {
            name for setters in self.hierarchy.setters for name in setters
        }
        self.arms |= {
            facts.CALL: self.do_call,
            facts.METHOD: self.do_method,
            facts.LOAD: self.do_load,
            facts.STORE: self.do_store,
            facts.SUPER: self.do_super,
            facts.RAISE: self.do_raise,
            facts.DECORATE: self.do_decorate,
            BOUND_CALL: self.do_bound_call,
            BIND: self.do_bind,
            AS_CALL: self.do_as_call,
        }

    def module_attribute(self, module: int, name: str) -> int | None:
        """The node of a module's attribute, if it has it."""
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
        """`callee(...)`."""
        found = DIRECT if node in self.program.fixed else POINTS_TO
        self.call(caller, op, thing, found, self.module_of(caller))

    def do_bound_call(self, caller: int, op: Op, node: int, thing: int) -> None:
        """A call of what a class holds."""
        self.bound_call(caller, op, thing)

    def do_raise(self, caller: int, op: Op, node: int, thing: int) -> None:
        """`raise A` makes an instance of A."""
        if self.objects.classes <= thing < self.objects.instances:
            inner = self.op(caller, facts.CALL, op[1], op[2], (), (), None)
            number = thing - self.objects.classes
            found = DIRECT if node in self.program.fixed else POINTS_TO
            self.instantiate(caller, inner, number, found)

    def do_decorate(self, caller: int, op: Op, node: int, thing: int) -> None:
        """`@callee` above a definition."""
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
        """A call of what has come to an attribute."""
        self.call(caller, op[2], thing, POINTS_TO, self.module_of(caller))

    def method_of_instance(self, caller: int, op: Op, thing: int) -> None:
        """`instance.name(...)`: of its class, or what was stored under the name."""
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
        """`Class.name(...)`."""
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
        """`base.name(...)` of what is neither class, instance nor module."""
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
        elif kind == objects.GENERATOR and op[5] is not None and op[6] in _STEPS:
            self.copy(self.yields(self.objects.first[made]), self.at(module, op[5]))

    def method_of_super(self, caller: int, op: Op, number: int, receiver: int) -> None:
        """`super().name(...)`."""
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
        """`super()`."""
        _, _, _, number, dst = op
        if self.objects.classes <= thing < self.objects.modules:
            module = self.module_of(caller)
            home = self.program.first_class[module] + number
            made = self.objects.make(objects.SUPER, home, thing)
            self.add(self.at(module, dst), made)

    # Attributes.

    def got(self, caller: int, line: int, getter: int, receiver: int) -> int:
        """The node of what a property returns to a caller."""
        op = self.op(caller, facts.CALL, line, None, (), (), None)
        found = ANNOTATION if receiver >= self.objects.annotated else POINTS_TO
        self.call_function(caller, op, getter, receiver, found)
        entry = self.program.functions[getter]
        base = self.program.bases[self.program.function_module[getter]]
        node = int(base + entry[facts.F_RETURN])
        if 0 in entry[facts.F_PASSED]:
            own = self.new_node()
            self.copy(node, own)
            self.add(own, receiver)
            return own
        return node

    def do_load(self, caller: int, op: Op, node: int, thing: int) -> None:
        """`dst = base.name`."""
        _, line, _, name, dst = op
        kinds = self.objects
        target = self.at(self.module_of(caller), dst)
        if thing >= kinds.made:
            self.load_made(thing, name, target)
        elif thing >= kinds.modules:
            source = self.module_attribute(thing - kinds.modules, name)
            if source is not None:
                self.copy_any(source, target)
                if source in self.program.constants:
                    self.pass_constant(target, self.program.constants[source])
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
        """`dst = instance.name`."""
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
        """What a function in a class is when read from a receiver."""
        flags = self.program.functions[function][facts.F_FLAGS]
        if flags & facts.STATIC:
            return function
        if flags & facts.BY_CLASS:
            receiver = self.objects.classes + number
        return self.objects.make(objects.BOUND, function, receiver)

    def do_bind(self, caller: int, op: Op, node: int, thing: int) -> None:
        """What a class holds, read from an instance."""
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
        """`dst = base.name` of what is neither class, instance nor module."""
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
        """`module.name = source`, where the name is not fixed."""
        target = self.module_attribute(number, name)
        if target is not None and target not in self.program.fixed and target != NOWHERE:
            self.copy_any(source, target)
