"""Calling: arguments to parameters, results back, and what is called when an object is.

Strategy: one node a parameter, whoever calls (context-insensitive), with one exception that pays:
a parameter that a function returns as it is goes from each caller back to that caller alone, so
decorators, fluent methods and identity functions do not mix up all that passes through them.
"""

from typing import Any, Final

from otel_llmops.topology.calls import facts, objects
from otel_llmops.topology.calls.containers import ANY, Containers
from otel_llmops.topology.calls.edges import ANNOTATION, POINTS_TO
from otel_llmops.topology.calls.facts import Op
from otel_llmops.topology.calls.linking import NOWHERE

__all__ = ["Invoking"]

SPREAD_ARGUMENTS: Final = 34  # function, first place: `f(*arguments)`
SPREAD_KEYWORDS: Final = 35  # function: `f(**keywords)`
BOUND_CALL: Final = 36  # operation, receiver: a call of what a class holds, for an instance


AS_CALL: Final = 39  # operation: a call of whatever comes

PARTIALS_MAX: Final = 4
"""Partials of partials that a call goes through; one may be a partial of itself."""
_FOREIGN: Final = 9
"""Parts of a call whose terms are those of another module, which stands behind them."""


class Invoking(Containers):
    """Calls of whatever can be called."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.more: dict[int, int] = {}
        self.field_names: dict[int, list[Any]] = {}
        self.nested: dict[tuple[int, Op], int] = {}
        """How many partials an operation has gone through; keeps it, as `once` goes by identity."""

    def call(
        self, caller: int, op: Op, thing: int, found: int, module: int, receiver: int = -1
    ) -> None:
        """Calls an object; the operation is a CALL."""
        kinds = self.objects
        if thing < kinds.classes:
            self.call_function(caller, op, thing, receiver, found)
        elif thing < kinds.instances:
            self.instantiate(caller, op, thing - kinds.classes, found)
        elif thing < kinds.modules:
            how = ANNOTATION if thing >= kinds.annotated else POINTS_TO
            self.call_method(caller, op, thing, "__call__", how)
        elif thing >= kinds.made:
            self.call_made(caller, op, thing, found, module)

    def call_made(self, caller: int, op: Op, thing: int, found: int, module: int) -> None:
        """Calls a bound method, a partial, or something outside."""
        made = thing - self.objects.made
        kind = self.objects.kinds[made]
        if kind == objects.BOUND:
            receiver = self.objects.second[made]
            how = found
            if self.objects.annotated <= receiver < self.objects.modules:
                how = ANNOTATION
            self.call_function(caller, op, self.objects.first[made], receiver, how)
        elif kind == objects.OUTER:
            name = self.objects.first[made]
            self.edges.add_outside(caller, name, op[1])
            if op[5] is not None and _makes_itself(name):
                self.add(self.at(module, op[5]), thing)
        elif kind == objects.PARTIAL:
            self.call_partial(caller, op, made)

    def call_partial(self, caller: int, op: Op, made: int) -> None:
        """`partial(f, ...)(...)`: in terms of the module that made it, if it is the caller's."""
        home, (callee, arguments, keywords) = self.objects.first[made], self.objects.second[made]
        depth = self.nested.get((caller, op), 0) + 1
        if depth > PARTIALS_MAX:
            return
        module = self.program.function_module[caller]
        if home == module:
            arguments = (*arguments, *op[3])
            keywords = (*keywords, *op[4])
            inner = self.op(caller, facts.CALL, op[1], callee, arguments, keywords, op[5])
        else:
            body = self.program.first_function[home]
            target = None if op[5] is None else self.at(module, op[5])
            inner = self.op(body, facts.CALL, op[1], callee, arguments, keywords, None)
            inner = (*inner, "", body, target)
        self.nested[caller, inner] = depth
        self.wait_fixed(self.at(home, callee), caller, inner)

    def wait_fixed(self, node: int, caller: int, op: Op) -> None:
        """Runs an operation for a node that may be fixed."""
        fixed = self.fixed_thing(node)
        if fixed >= 0:
            self.arms[op[0]](caller, op, node, fixed)
        else:
            self.wait(node, caller, op)

    def fixed_thing(self, node: int) -> int:
        """What is at a node for good; -1 where nothing is."""
        fixed = self.program.fixed.get(node)
        if fixed is None:
            return -1
        kind, number = fixed
        if kind == "function":
            return number
        return number + (self.objects.classes if kind == "class" else self.objects.modules)

    def call_function(self, caller: int, op: Op, function: int, receiver: int, found: int) -> None:
        """Calls a function; with a receiver as its first argument, if one is given."""
        self.edges.add(caller, function, op[1], found)
        program = self.program
        entry = program.functions[function]
        home = program.function_module[function]
        base = program.bases[home]
        names = entry[facts.F_NAMES]
        offset = 0
        if receiver >= 0:
            offset = 1
            if names:
                self.add(base + entry[facts.F_FIRST], receiver)
        module = program.function_module[caller]
        dst = op[5]
        target = NOWHERE if dst is None else self.at(module, dst)
        if len(op) == _FOREIGN:
            module = program.function_module[op[7]]
            target = op[8] or NOWHERE
        passed = entry[facts.F_PASSED]
        if passed and target and receiver >= 0 and 0 in passed:
            self.add(target, receiver)
        if not self.once(op, function * 2 + offset):
            return
        if op[3] or op[4]:
            self.pass_arguments(caller, op, function, offset, module)
        if target:
            self.pass_result(op, function, offset, module, target)

    def pass_result(self, op: Op, function: int, offset: int, module: int, target: int) -> None:
        """What a call yields, to its node."""
        program = self.program
        entry = program.functions[function]
        base = program.bases[program.function_module[function]]
        if entry[facts.F_FLAGS] & facts.GENERATOR:
            self.add(target, self.objects.make(objects.GENERATOR, function))
            return
        self.copy(base + entry[facts.F_RETURN], target)
        for place in entry[facts.F_PASSED]:
            if place < offset:
                continue
            given = self.argument(op, entry, place, offset)
            if given is None:
                self.copy(base + entry[facts.F_FIRST] + place, target)
            elif type(given) is int:
                self.copy(self.at(module, given), target)

    def argument(self, op: Op, entry: tuple[Any, ...], place: int, offset: int) -> object:
        """The term given for a parameter; None where it is left out or may be in `*args`."""
        arguments = op[3]
        if any(type(term) is tuple for term in arguments):
            return None
        if place - offset < len(arguments):
            return arguments[place - offset] or ""
        name = entry[facts.F_NAMES][place]
        for given, term in zip(op[4][::2], op[4][1::2], strict=True):
            if given == name:
                return term
        return None

    def pass_arguments(self, caller: int, op: Op, function: int, offset: int, module: int) -> None:
        """Arguments to parameters."""
        program = self.program
        entry = program.functions[function]
        names = entry[facts.F_NAMES]
        first = program.bases[program.function_module[function]] + entry[facts.F_FIRST]
        for place, term in enumerate(op[3], offset):
            if type(term) is int:
                node = self.at(module, term)
                if node != NOWHERE:
                    self.pass_one(function, entry, first, place, node)
            elif type(term) is str and place < len(names):
                self.pass_constant(first + place, term)
            elif type(term) is tuple and type(term[0]) is int:
                node = self.at(module, term[0])
                self.wait(node, caller, self.op(caller, SPREAD_ARGUMENTS, op[1], function, place))
        if op[4]:
            self.pass_keywords(caller, op, function, module)

    def pass_keywords(self, caller: int, op: Op, function: int, module: int) -> None:
        """Keyword arguments to parameters."""
        entry = self.program.functions[function]
        first = self.program.bases[self.program.function_module[function]] + entry[facts.F_FIRST]
        names = (*entry[facts.F_NAMES], *entry[facts.F_KEYWORDS])
        for name, term in zip(op[4][::2], op[4][1::2], strict=True):
            if type(term) is int:
                node = self.at(module, term)
                if name is None:
                    self.wait(node, caller, self.op(caller, SPREAD_KEYWORDS, op[1], function))
                elif node != NOWHERE:
                    self.pass_by_name(function, entry, first, name, node)
            elif name in names:
                self.pass_constant(first + names.index(name), term)

    def pass_one(
        self, function: int, entry: tuple[Any, ...], first: int, place: int, node: int
    ) -> None:
        """A positional argument."""
        names = entry[facts.F_NAMES]
        target = first + place
        if place < len(names):
            fixed = self.fixed_thing(node)
            if fixed >= 0:
                self.add(target, fixed)
            else:
                self.copy(node, target)
        elif entry[facts.F_FLAGS] & facts.MORE:
            container = self.rest(function, entry, first)
            self.copy_any(node, self.field(container, f"i{place - len(names)}"))

    def copy_any(self, source: int, target: int) -> None:
        """Copies from a node that may be fixed."""
        fixed = self.fixed_thing(source)
        if fixed >= 0:
            self.add(target, fixed)
        else:
            self.copy(source, target)

    def rest(self, function: int, entry: tuple[Any, ...], first: int) -> int:
        """The tuple of further positional arguments."""
        container = self.objects.make(objects.CONTAINER, facts.TUPLE, ("args", function))
        node = first + len(entry[facts.F_NAMES]) + len(entry[facts.F_KEYWORDS])
        self.add(node, container)
        return container

    def rest_by_name(self, function: int, entry: tuple[Any, ...], first: int) -> int:
        """The dictionary of further keyword arguments."""
        container = self.objects.make(objects.CONTAINER, facts.DICT, ("kwargs", function))
        node = first + len(entry[facts.F_NAMES]) + len(entry[facts.F_KEYWORDS])
        node += 1 if entry[facts.F_FLAGS] & facts.MORE else 0
        self.add(node, container)
        return container

    def pass_by_name(
        self, function: int, entry: tuple[Any, ...], first: int, name: str, node: int
    ) -> None:
        """A keyword argument."""
        names, keywords = entry[facts.F_NAMES], entry[facts.F_KEYWORDS]
        if name in names:
            self.copy_any(node, first + names.index(name))
        elif name in keywords:
            self.copy_any(node, first + len(names) + keywords.index(name))
        elif entry[facts.F_FLAGS] & facts.MORE_BY_NAME:
            container = self.rest_by_name(function, entry, first)
            self.copy_any(node, self.field(container, "s" + name))

    def pass_constant(self, node: int, term: str) -> None:
        """A constant, where the parameter is a key."""
        if node in self.wanted:
            self.add(node, self.constant(term))

    def spread_arguments(self, function: int, place: int, thing: int) -> None:
        """`f(*thing)`."""
        program = self.program
        entry = program.functions[function]
        first = program.bases[program.function_module[function]] + entry[facts.F_FIRST]
        names = entry[facts.F_NAMES]
        for i in range(place, len(names)):
            self.read_key(thing, f"i{i - place}", first + i)
        if entry[facts.F_FLAGS] & facts.MORE:
            container = self.rest(function, entry, first)
            if place >= len(names):
                self.pour(thing, container)
            else:
                self.copy(self.everything(thing), self.field(container, ANY))

    def spread_keywords(self, function: int, thing: int) -> None:
        """`f(**thing)`."""
        program = self.program
        entry = program.functions[function]
        first = program.bases[program.function_module[function]] + entry[facts.F_FIRST]
        for i, name in enumerate((*entry[facts.F_NAMES], *entry[facts.F_KEYWORDS])):
            if f"s{name}" in self.fields.get(thing, ()):
                self.copy(self.field(thing, f"s{name}"), first + i)
        if entry[facts.F_FLAGS] & facts.MORE_BY_NAME:
            self.pour(thing, self.rest_by_name(function, entry, first))

    # Instances.

    def instantiate(self, caller: int, op: Op, number: int, found: int) -> None:
        """Calls a class: an instance, made by __new__ and __init__."""
        instance = self.objects.instances + number
        module = self.program.function_module[caller]
        if op[5] is not None:
            self.add(self.at(module, op[5]), instance)
        made = self.hierarchy.resolve(number, "__new__")
        if made[0] == 1:
            self.call_function(caller, op, made[1], self.objects.classes + number, found)
        kind, value = self.hierarchy.resolve(number, "__init__")
        if kind == 1:
            self.call_function(caller, op, value, instance, found)
        elif kind == 2:
            self.wait(value, caller, (BOUND_CALL, op[1], op, instance))
        else:
            if self.program.external:
                name = self.hierarchy.outer_base(number)
                if name:
                    self.edges.add_outside(caller, f"{name}.__init__", op[1])
            self.fill_fields(op, number, module)

    def fill_fields(self, op: Op, number: int, module: int) -> None:
        """The arguments of a class that has fields and no __init__, such as a dataclass."""
        if number not in self.field_names:
            self.field_names[number] = [
                record[0]
                for one in reversed(self.hierarchy.order(number))
                for record in self.program.classes[one][facts.C_FIELDS]
            ]
        entries = self.field_names[number]
        if not entries or not self.once(op, -number - 1):
            return
        given = list(zip(entries, op[3], strict=False))
        given += zip(op[4][::2], op[4][1::2], strict=True)
        for name, term in given:
            if name is not None and type(term) is int:
                self.copy_any(self.at(module, term), self.slot(number, name))

    def slot(self, number: int, name: str) -> int:
        """The node of a stored attribute."""
        raise NotImplementedError

    def call_method(self, caller: int, op: Op, thing: int, name: str, found: int) -> bool:
        """Calls a method of an instance by name; the operation is a CALL. False if it has none."""
        number = self.objects.class_of(thing)
        kind, value = self.hierarchy.resolve(number, name)
        if kind == 1:
            flags = self.program.functions[value][facts.F_FLAGS]
            receiver = thing
            if flags & facts.STATIC:
                receiver = -1
            elif flags & facts.BY_CLASS:
                receiver = self.objects.classes + number
            self.call_function(caller, op, value, receiver, found)
            return True
        if kind == 2:
            self.wait(value, caller, (BOUND_CALL, op[1], op, thing))
            return True
        return False

    def bound_call(self, caller: int, op: Op, thing: int, found: int = POINTS_TO) -> None:
        """What a class holds under a name has come: calls it for an instance."""
        inner, receiver = op[2], op[3]
        module = self.program.function_module[caller]
        if self.objects.annotated <= receiver < self.objects.modules:
            found = ANNOTATION
        if thing < self.objects.classes:
            flags = self.program.functions[thing][facts.F_FLAGS]
            if flags & facts.STATIC:
                receiver = -1
            elif flags & facts.BY_CLASS:
                receiver = self.objects.classes + max(self.objects.class_of(receiver), 0)
            self.call_function(caller, inner, thing, receiver, found)
        else:
            self.call(caller, inner, thing, found, module)


def _makes_itself(name: str) -> bool:
    """Whether calling a name from outside yields an instance of it, by how classes are written."""
    return name.rpartition(".")[2][:1].isupper()
