"""Protocols: what Python calls by itself, for iteration, `with`, operators and subscripts.

Strategy: for a container its fields, for a generator what it yields, for an instance the methods of
its class that Python would call, in the order it would try them.
"""

from typing import Any, Final

from otel_llmops.topology.calls import facts, objects
from otel_llmops.topology.calls.containers import KEYED, POURED
from otel_llmops.topology.calls.edges import ANNOTATION, POINTS_TO
from otel_llmops.topology.calls.facts import Op
from otel_llmops.topology.calls.invoking import SPREAD_ARGUMENTS, SPREAD_KEYWORDS, Invoking

__all__ = ["Protocols"]

INTO: Final = 38  # target: what an iterator yields goes there

_OPERATORS: Final = (
    *("add", "sub", "mul", "matmul", "truediv", "mod", "pow", "lshift"),
    *("rshift", "or", "xor", "and", "floordiv"),
)
_FALLBACK: Final = {f"__i{name}__": f"__{name}__" for name in _OPERATORS}

_ITERATION: Final = (("__iter__", "__next__"), ("__aiter__", "__anext__"), ("__getitem__", ""))
"""Methods that iteration tries, each with the one that it calls on the result."""


class Protocols(Invoking):
    """Iteration, `with`, operators, subscripts, and questions about types."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.arms |= {
            facts.INDEX: self.do_index,
            facts.SETINDEX: self.do_set_index,
            facts.ITER: self.do_iter,
            facts.UNPACK: self.do_unpack,
            facts.WITH: self.do_with,
            facts.SPECIAL: self.do_special,
            facts.NARROW: self.do_narrow,
            facts.NEXT: self.do_next,
            facts.TYPE: self.do_type,
            facts.SPREAD: self.do_spread,
            KEYED: self.do_keyed,
            POURED: self.do_poured,
            SPREAD_ARGUMENTS: self.do_spread_arguments,
            SPREAD_KEYWORDS: self.do_spread_keywords,
            INTO: self.do_into,
        }

    def made_kind(self, thing: int) -> int:
        """The kind of an object made on the way; -1 for the others."""
        made = thing - self.objects.made
        return self.objects.kinds[made] if made >= 0 else -1

    def module_of(self, caller: int) -> int:
        """The module of a function."""
        return self.program.function_module[caller]

    # Containers and iteration.

    def do_index(self, caller: int, op: Op, node: int, thing: int) -> None:
        """`dst = base[key]`."""
        kind = self.made_kind(thing)
        module = self.module_of(caller)
        if kind == objects.CONTAINER:
            self.index(caller, op, thing, module)
        elif self.objects.instances <= thing < self.objects.modules:
            self.protocol(caller, op[1], thing, "__getitem__", (op[3],), op[4])
        elif self.objects.classes <= thing < self.objects.instances:
            self.add(self.at(module, op[4]), thing)

    def do_set_index(self, caller: int, op: Op, node: int, thing: int) -> None:
        """`base[key] = source`."""
        if self.made_kind(thing) == objects.CONTAINER:
            self.set_index(caller, op, thing, self.module_of(caller))
        elif self.objects.instances <= thing < self.objects.modules:
            self.protocol(caller, op[1], thing, "__setitem__", (op[3], op[4]), None)

    def do_keyed(self, caller: int, op: Op, node: int, thing: int) -> None:
        """A constant has come to a key."""
        self.keyed(caller, op, thing)

    def do_poured(self, caller: int, op: Op, node: int, thing: int) -> None:
        """A container has come that is poured into another."""
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
        """`f(*thing)`."""
        if self.made_kind(thing) == objects.CONTAINER:
            self.spread_arguments(op[2], op[3], thing)

    def do_spread_keywords(self, caller: int, op: Op, node: int, thing: int) -> None:
        """`f(**thing)`."""
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
        """`for dst in thing`."""
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
            self.iterate_instance(caller, line, thing, target)
        elif kinds.classes <= thing < kinds.instances:
            self.add(target, thing + kinds.instances - kinds.classes)

    def iterate_instance(self, caller: int, line: int, thing: int, target: int) -> None:
        """`__iter__` and then `__next__`, or the like."""
        number = self.objects.class_of(thing)
        found = ANNOTATION if thing >= self.objects.annotated else POINTS_TO
        for name, after in _ITERATION:
            which, value = self.hierarchy.resolve(number, name)
            if which != 1:
                continue
            call = self.op(caller, facts.CALL, line, name, (), (), None)
            self.call_function(caller, call, value, thing, found)
            entry = self.program.functions[value]
            result = self.program.bases[self.program.function_module[value]] + entry[facts.F_RETURN]
            if not after:
                self.copy(result, target)
            elif entry[facts.F_FLAGS] & facts.GENERATOR:
                self.copy(self.yields(value), target)
            else:
                self.wait(result, caller, self.op(caller, INTO, line, target, after))
                if 0 in entry[facts.F_PASSED]:
                    self.step(caller, line, thing, target, after)
            return

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
        """An iterator has come: its next step."""
        self.step(caller, op[1], thing, op[2], op[3])

    def do_next(self, caller: int, op: Op, node: int, thing: int) -> None:
        """`next(thing)`."""
        self.step(caller, op[1], thing, self.at(self.module_of(caller), op[3]), "__next__")

    def do_unpack(self, caller: int, op: Op, node: int, thing: int) -> None:
        """`a, b = thing`."""
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
        """`with thing as dst`."""
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
        for one in (thing,) if node == origin else self.things(origin):
            number = kinds.class_of(one)
            order = self.hierarchy.order(number) if number >= 0 else ()
            if not numbers.isdisjoint(order) or (number < 0 and not numbers):
                self.add(target, one)

    def do_type(self, caller: int, op: Op, node: int, thing: int) -> None:
        """`type(thing)`."""
        number = self.objects.class_of(thing)
        if number >= 0:
            target = self.at(self.module_of(caller), op[3])
            self.add(target, self.objects.classes + number)
