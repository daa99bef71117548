"""The fixpoint: which objects may be at which nodes.

Strategy: inclusion constraints, solved object by object. A node remembers where its objects go
(`targets`) and which operations wait for them (`waiting`); an object that is new at a node goes
along once. Operations on what is fixed from the start run once and are forgotten. A node that would
hold too many objects could be anything: it takes no more, and is counted. In a huge program fewer
are too many: there the nodes that are full make most of the work, and hardly an edge.

What needs to know that something is absent waits for a fixpoint: decorators from outside return
what they are given, keys that no constant reaches mean every key, annotations speak where nothing
was found. After each of these the fixpoint goes on.
"""

from array import array
from collections.abc import Callable
from typing import Any, Final

from otel_llmops.topology.calls import facts, objects
from otel_llmops.topology.calls.classes import Hierarchy
from otel_llmops.topology.calls.edges import Edges
from otel_llmops.topology.calls.facts import Op
from otel_llmops.topology.calls.linking import NOWHERE, Program
from otel_llmops.topology.calls.objects import Objects

__all__ = ["Solver"]

LIMITS: Final = (24, 8, 4)
"""Objects a node holds at most; instances; containers."""
LIMITS_HUGE: Final = (12, 6, 3)
HUGE: Final = 500_000
"""Nodes, about those of 500,000 lines."""

Held = int | tuple[int, ...] | None


class Solver:
    """Nodes, objects and constraints; what operations mean is in the classes built on it."""

    def __init__(self, program: Program, hierarchy: Hierarchy) -> None:
        self.program = program
        self.hierarchy = hierarchy
        self.objects = Objects(len(program.functions), len(program.classes), len(program.names))
        self.edges = Edges(len(program.functions))
        self.held: list[Held] = []
        self.work: list[int] = []
        # Where a node's objects go, and what waits for them: lists linked by number, 0 their end.
        self.first_target = array("i")
        self.target = array("i", [0])
        self.next_target = array("i", [0])
        self.first_wait = array("i")
        self.wait_caller = array("i", [0])
        self.wait_op = array("i", [0])
        self.next_wait = array("i", [0])
        self.places = array("I")  # where operations of files are written
        self.read: dict[int, Op] = {}
        self.late_ops: list[Op] = []  # operations that stand in no file, numbered from -1 down
        self.size()
        self.cut: set[int] = set()
        limits = LIMITS if program.count < HUGE else LIMITS_HUGE
        self.most, self.most_instances, self.most_containers = limits
        self.containers = self.objects.containers
        self.holding: dict[int, int] = {}
        self.met: set[int] = set()
        self.made_ops: dict[tuple[Any, ...], Op] = {}
        self.fresh = False
        """Whether an operation runs that will not run again."""
        self.wanted: set[int] = set()
        """Nodes that are keys: constants are followed to these alone."""
        self.arms: dict[int, Callable[[int, Op, int, int], None]] = {}

    # Nodes.

    def size(self) -> None:
        """Nodes for all that linking has made since."""
        missing = self.program.count - len(self.held)
        if missing:
            self.held += [None] * missing
            self.first_target.frombytes(bytes(4 * missing))
            self.first_wait.frombytes(bytes(4 * missing))

    def new_node(self) -> int:
        """A node that is in no module."""
        self.held.append(None)
        self.first_target.append(0)
        self.first_wait.append(0)
        node = self.program.count
        self.program.count = node + 1
        return node

    def at(self, module: int, term: int) -> int:
        """The node that a module's term stands for."""
        program = self.program
        return program.bases[module] + term if term >= 0 else program.cells[module][~term]

    def add(self, node: int, thing: int) -> None:
        """Puts an object at a node."""
        held = self.held[node]
        if held is None:
            self.held[node] = thing
        elif isinstance(held, int):
            if held == thing or (thing in self.containers and not self.takes(node)):
                return
            self.held[node] = (held, thing)
        else:
            if thing in held or (thing in self.containers and not self.takes(node)):
                return
            size = len(held)
            if size >= self.most_instances and (
                thing >= self.objects.instances or size >= self.most
            ):
                self.cut.add(node)
                return
            self.held[node] = (*held, thing)
        self.work.append(node)
        self.work.append(thing)

    def takes(self, node: int) -> bool:
        """Whether a node that is not empty takes one more container."""
        count = self.holding.get(node, 1) + 1
        if count > self.most_containers:
            self.cut.add(node)
            return False
        self.holding[node] = count
        return True

    def copy(self, source: int, target: int) -> None:
        """All that is at the source is at the target too."""
        if source in (target, NOWHERE):
            return
        first = self.first_target[source]
        if first and self.target[first] == target:
            return
        self.first_target[source] = len(self.target)
        self.target.append(target)
        self.next_target.append(first)
        held = self.held[source]
        if held is not None:
            if isinstance(held, int):
                self.add(target, held)
            else:
                for thing in held:
                    self.add(target, thing)

    def things(self, node: int) -> tuple[int, ...]:
        """What is at a node now."""
        held = self.held[node]
        if held is None:
            return ()
        return (held,) if isinstance(held, int) else held

    def wait(self, node: int, caller: int, op: Op) -> None:
        """Runs an operation that stands in no file for what is at a node, and for what will be."""
        if node == NOWHERE:
            return
        self.late_ops.append(op)
        self.wait_for(node, caller, -len(self.late_ops))
        for thing in self.things(node):
            self.arms[op[0]](caller, op, node, thing)

    def wait_for(self, node: int, caller: int, number: int) -> None:
        """Notes that an operation waits for what comes to a node."""
        self.next_wait.append(self.first_wait[node])
        self.first_wait[node] = len(self.wait_op)
        self.wait_op.append(number)
        self.wait_caller.append(caller)

    def operation(self, caller: int, number: int) -> Op:
        """An operation by its number."""
        if number < 0:
            return self.late_ops[~number]
        op = self.read.get(number)
        if op is None:
            content = self.program.facts[self.program.function_module[caller]]
            op = facts.read_operation(content, self.places[number])  # type: ignore[arg-type]
            self.read[number] = op
        return op

    def op(self, caller: int, *parts: Any) -> Op:
        """An operation that stands in no file; the same one for the same parts."""
        key = (caller, parts)
        found = self.made_ops.get(key)
        if found is None:
            found = self.made_ops[key] = parts
        return found

    def once(self, op: Op, what: int) -> bool:
        """True the first time that an operation meets something."""
        if self.fresh:
            return True
        key = (id(op) << 40) + what
        if key in self.met:
            return False
        self.met.add(key)
        return True

    # The fixpoint.

    def propagate(self) -> None:
        """Moves objects along until nothing is new."""
        work, held, add, arms = self.work, self.held, self.add, self.arms
        cut = self.cut
        target, next_target, first_target = self.target, self.next_target, self.first_target
        wait_op, next_wait, first_wait = self.wait_op, self.next_wait, self.first_wait
        read, most = self.read, self.most
        while work:
            thing = work.pop()
            node = work.pop()
            link = first_target[node]
            while link:
                onward = target[link]
                link = next_target[link]
                there = held[onward]
                if there is None:
                    held[onward] = thing
                    work.append(onward)
                    work.append(thing)
                elif there.__class__ is not tuple:
                    if there != thing:
                        add(onward, thing)
                elif len(there) < most:
                    if thing not in there:
                        add(onward, thing)
                elif onward not in cut and thing not in there:  # full: not even worth a call
                    add(onward, thing)
            link = first_wait[node]
            while link:
                caller = self.wait_caller[link]
                number = wait_op[link]
                link = next_wait[link]
                op = read.get(number) or self.operation(caller, number)
                arms[op[0]](caller, op, node, thing)

    def constant(self, term: str) -> int:
        """A constant as an object."""
        return self.objects.make(objects.CONSTANT, term)
