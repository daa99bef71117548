"""The whole analysis: facts in, call graph out.

Strategy: all operations are laid onto the nodes they wait for, what is fixed runs at once, and the
fixpoint follows; then, one after the other, what had to wait for an absence (see solver).
"""

import gc
from collections.abc import Mapping, Set
from itertools import islice
from typing import Final

from otel_llmops.topology.calls import facts, objects
from otel_llmops.topology.calls.access import Access
from otel_llmops.topology.calls.classes import Hierarchy
from otel_llmops.topology.calls.edges import FOUND_BY, POINTS_TO
from otel_llmops.topology.calls.facts import Facts, Op
from otel_llmops.topology.calls.graph import CallGraph, Edge, Function
from otel_llmops.topology.calls.linking import NOWHERE, Program

__all__ = ["solve"]

SUBCLASSES: Final = 8
"""Overrides of a method that a class itself lacks, beyond which we stay silent."""


def solve(
    by_module: Mapping[str, Facts],
    *,
    known: Mapping[str, Facts] | None = None,
    external: bool = False,
) -> CallGraph:
    """The call graph of a repository: module name -> facts, in any order.

    In:   `known`, modules that are imported and solved apart, as facts or as `interface` gives
          them, which is less to hold. Only what their import runs is run,
          so what a body of theirs would do with a value is not seen, nor what one returns but by
          copies and annotations. They may be called and inherited from; none of them is a caller.
    Cost: near-linear in calls; about 1 ms a file.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        faces = {name: facts.interface(content) for name, content in (known or {}).items()}
        program = Program({**faces, **by_module}, external=external)
        analysis = _Analysis(program, Hierarchy(program))
        analysis.lay_out()
        analysis.run()
        analysis.let_go()
        return analysis.graph(apart=faces.keys() - by_module.keys())
    finally:
        if collecting:
            gc.enable()


class _Analysis(Access):
    """Lays out constraints and runs them."""

    def lay_out(self) -> None:
        self.size()
        self.seed_fixed()
        if self.program.external:
            self.write_opaque()
        self.late_decorators: list[tuple[int, Op]] = []
        self.handovers: list[tuple[int, Op]] = []
        self.self_calls: list[tuple[int, Op]] = []
        self.find_stored()
        for node, name in self.program.outside.items():
            self.add(node, self.objects.make(objects.OUTER, name))
        for module, content in enumerate(self.program.facts):
            if content is not None:
                self.lay_out_keys(module, content)
        for module, content in enumerate(self.program.facts):
            if content is not None:
                self.lay_out_values(module, content)
        for module, content in enumerate(self.program.facts):
            if content is not None:
                self.lay_out_operations(module, content)
        for source, target in self.program.late_copies:
            self.copy(source, target)

    def seed_fixed(self) -> None:
        for node in self.program.fixed:
            self.held[node] = self.fixed_thing(node)

    def find_stored(self) -> None:
        """The names of attributes that anything stores to."""
        for content in self.program.facts:
            if content is not None:
                self.stored.update(content[facts.STORED])
        for entry in self.program.classes:
            for record in entry[facts.C_FIELDS]:
                self.stored.add(record[0])

    def lay_out_keys(self, module: int, content: Facts) -> None:
        """Marks the nodes that are keys, to which constants are followed."""
        for term in content[facts.KEYS]:
            self.wanted.add(self.at(module, term))

    def lay_out_values(self, module: int, content: Facts) -> None:
        """What is at a module's nodes from the start."""
        flat = content[facts.COPIES]
        base = self.program.bases[module]
        for i in range(0, len(flat), 2):
            source, target = flat[i], base + flat[i + 1]
            if type(source) is int:
                self.copy(self.at(module, source), target)
            elif target in self.wanted:
                self.add(target, self.constant(source))
        self.lay_out_containers(module, content)
        self.lay_out_receivers(module, content)

    def lay_out_containers(self, module: int, content: Facts) -> None:
        """Containers, partials and properties, where they are made."""
        flat = content[facts.ALLOCS]
        base = self.program.bases[module]
        for i in range(0, len(flat), 3):
            node = base + flat[i]
            kind, payload = flat[i + 1], flat[i + 2]
            if kind == facts.PARTIAL:
                self.add(node, self.objects.make(objects.PARTIAL, module, payload))
            elif kind == facts.PROPERTY_OF:
                self.add(node, self.objects.make(objects.PROPERTY, module, payload))
            else:
                self.add(node, self.objects.make(objects.CONTAINER, kind, node))

    def lay_out_receivers(self, module: int, content: Facts) -> None:
        """`self` is an instance of its own class, and `cls` the class, whoever calls."""
        base = self.program.bases[module]
        first = self.program.first_class[module]
        for function in content[facts.FUNCTIONS]:
            flags = function[facts.F_FLAGS]
            if function[facts.F_CLASS] >= 0 and function[facts.F_NAMES]:
                number = first + function[facts.F_CLASS]
                if flags & facts.BY_CLASS:
                    self.add(base + function[facts.F_FIRST], self.objects.classes + number)
                elif not flags & facts.STATIC:
                    self.add(base + function[facts.F_FIRST], self.objects.instances + number)

    def lay_out_operations(self, module: int, content: Facts) -> None:
        """Lays operations onto the nodes they wait for; runs those on what is there for good."""
        program = self.program
        fixed = program.fixed
        base, cells = program.bases[module], program.cells[module]
        flat = content[facts.ALLOCS]
        made = {base + flat[i] for i in range(0, len(flat), 3)}
        dead: set[int] = set()  # nodes that nothing will ever come to
        numbers = facts.read_index(content)
        operations = zip(numbers[::4], numbers[1::4], numbers[2::4], numbers[3::4], strict=True)
        caller = program.first_function[module] - 1
        for count in content[facts.COUNTS]:
            caller += 1
            for code, term, result, place in islice(operations, count):
                node = base + term if term >= 0 else cells[~term]
                if code == facts.DECORATE:
                    self.late_decorators.append((caller, facts.read_operation(content, place)))
                if node == NOWHERE or node in dead:
                    if result >= 0:
                        dead.add(base + result)
                elif code == facts.HANDOVER:
                    self.handovers.append((caller, facts.read_operation(content, place)))
                elif node in fixed or node in made:
                    self.run_now(caller, content, place, node)
                else:
                    self.wait_for(node, caller, len(self.places))
                    self.places.append(place)

    def run_now(self, caller: int, content: Facts, place: int, node: int) -> None:
        """Runs an operation on what is at a node for good; it will not run again."""
        op = facts.read_operation(content, place)
        self.fresh = op[0] != facts.NARROW
        for thing in self.things(node):
            self.arms[op[0]](caller, op, node, thing)
        self.fresh = False

    # Running, and what waits for an absence.

    def run(self) -> None:
        self.propagate()
        self.open_decorators()
        self.propagate()
        self.open_keys()
        self.propagate()
        self.annotate()
        self.propagate()
        self.open_decorators()
        self.hand_over()
        self.open_keys()
        self.propagate()

    def open_decorators(self) -> None:
        """A decorator that nothing is known of returns what it is given."""
        for caller, op in self.late_decorators:
            module = self.module_of(caller)
            callee = self.at(module, op[2])
            made = self.objects.made
            if not any(
                thing < made or self.made_kind(thing) in (objects.BOUND, objects.PARTIAL)
                for thing in self.things(callee)
            ):
                self.copy_any(self.at(module, op[3]), self.at(module, op[4]))

    def annotate(self) -> None:
        """Where nothing was found, what the annotation says."""
        given: list[tuple[int, int]] = []
        for module, content in enumerate(self.program.facts):
            if content is None:
                continue
            flat = content[facts.ANNOTATIONS]
            base = self.program.bases[module]
            for i in range(0, len(flat), 3):
                target = base + flat[i]
                if self.held[target] is None:
                    given += self.declared(module, target, flat[i + 1], flat[i + 2])
        for (number, name), node in list(self.slots.items()):
            if self.held[node] is None:
                given += self.declared_field(number, name, node)
        for node, thing in given:
            self.add(node, thing)

    def declared(self, module: int, target: int, wrapper: int, term: int) -> list[tuple[int, int]]:
        """What an annotation puts at a node."""
        kinds = self.objects
        node = self.at(module, term)
        fixed = self.fixed_thing(node)
        classes = (fixed,) if fixed >= 0 else self.things(node)
        found: list[tuple[int, int]] = []
        for one in classes:
            if not kinds.classes <= one < kinds.instances:
                continue
            thing = one + kinds.annotated - kinds.classes
            if wrapper == facts.CLASS_ITSELF:
                found.append((target, one))
            elif wrapper == facts.PLAIN:
                found.append((target, thing))
            else:
                kind = facts.DICT if wrapper == facts.VALUES else facts.LIST
                container = kinds.make(objects.CONTAINER, kind, ("declared", target))
                self.add(self.field(container, "*"), thing)
                found.append((target, container))
        return found

    def declared_field(self, number: int, name: str, node: int) -> list[tuple[int, int]]:
        for record in self.program.classes[number][facts.C_FIELDS]:
            if record[0] == name:
                module = self.program.class_module[number]
                pairs = zip(record[1::2], record[2::2], strict=True)
                return [p for w, t in pairs for p in self.declared(module, node, w, t)]
        return []

    def hand_over(self) -> None:
        """`executor.submit(f, ...)`, where the executor is not of the repository."""
        for caller, op in self.handovers:
            _, line, receiver, callee, rest = op
            module = self.module_of(caller)
            base = self.at(module, receiver)
            if any(thing < self.objects.made for thing in self.things(base)):
                continue
            inner = self.op(caller, facts.CALL, line, callee, rest, (), None)
            self.wait_fixed(self.at(module, callee), caller, inner)

    # The result.

    def let_go(self) -> None:
        """Empties what only the fixpoint needs: names take much memory, too."""
        for part in (self.held, self.read, self.late_ops, self.met, self.made_ops, self.fields):
            part.clear()
        for numbers in (self.first_target, self.target, self.next_target, self.first_wait,
                        self.wait_caller, self.wait_op, self.next_wait, self.places):  # fmt: skip
            del numbers[:]

    def graph(self, apart: Set[str]) -> CallGraph:
        """The call graph by name; functions of one name are one. No module apart is a caller."""
        program = self.program
        ours = [program.names[module] not in apart for module in program.function_module]
        names = [program.function_name(i) for i in range(len(program.functions))]
        if not program.external:
            names = [names[self.outside_class(i)] for i in range(len(names))]
        best: dict[tuple[str, str], tuple[int, int]] = {}
        for caller, callee, found, line in self.edges.found():
            if not ours[caller]:
                continue
            key = (names[caller], names[callee])
            surest, first = best.get(key, (found, line))
            best[key] = (min(found, surest), min(line, first))
        outside: dict[tuple[str, str], int] = {}
        for (caller, name), line in self.edges.outside.items():
            if not ours[caller]:
                continue
            outside[names[caller], name] = min(line, outside.get((names[caller], name), line))
        functions = {
            Function(name, program.names[program.function_module[i]], entry[1], entry[2])
            for i, (name, entry) in enumerate(zip(names, program.functions, strict=True))
            if entry[facts.F_KIND] != "class" and ours[i]
        }
        return CallGraph(
            functions=tuple(sorted(functions)),
            edges=tuple(
                Edge(a, b, FOUND_BY[found], line) for (a, b), (found, line) in sorted(best.items())
            ),
            external=tuple(
                Edge(a, b, FOUND_BY[POINTS_TO], line) for (a, b), line in sorted(outside.items())
            ),
            cut=len(self.cut),
            diagnostics=tuple(one for one in self.diagnostics() if one[0] not in apart),
        )

    def outside_class(self, number: int) -> int:
        """The function that runs a class's body; any other function itself."""
        program = self.program
        entry = program.functions[number]
        while entry[facts.F_KIND] == "class":
            number = program.first_function[program.function_module[number]] + entry[facts.F_FIRST]
            entry = program.functions[number]
        return number

    def write_opaque(self) -> None:
        """Calls of builtins, and of methods of texts and the like."""
        caller = -1
        for function in self.program.functions:
            caller += 1
            flat = function[facts.F_BUILTINS]
            for i in range(0, len(flat), 2):
                self.edges.add_outside(caller, flat[i], flat[i + 1])

    def diagnostics(self) -> list[tuple[str, int, str]]:
        found = []
        for name, content in zip(self.program.names, self.program.facts, strict=True):
            if content is not None:
                flat = content[facts.DIAGNOSTICS]
                found += [(name, flat[i], flat[i + 1]) for i in range(0, len(flat), 2)]
        return found
