"""The fixpoint: which objects may be at which nodes.

Strategy: inclusion constraints, solved object by object. A node remembers where its objects go
(`targets`) and which operations wait for them (`waiting`); an object that is new at a node goes
along once. Operations on what is fixed from the start run once and are forgotten. A node that would
hold more than LIMIT objects could be anything: it takes no more, and is counted.

What needs to know that something is absent waits for a fixpoint: decorators from outside return
what they are given, keys that no constant reaches mean every key, annotations speak where nothing
was found. After each of these the fixpoint goes on.
"""

from typing import Any, Final

from otel_llmops.topology.calls import facts, objects
from otel_llmops.topology.calls.classes import Hierarchy
from otel_llmops.topology.calls.edges import Edges
from otel_llmops.topology.calls.facts import Op, Term
from otel_llmops.topology.calls.linking import NOWHERE, Program
from otel_llmops.topology.calls.objects import Objects

__all__ = ["Solver"]

LIMIT: Final = 64
INSTANCES: Final = 8
CONTAINERS: Final = 4

Objects_ = int | set[int] | None


class Solver:
    """Nodes, objects and constraints; what operations mean is in the classes built on it."""

    def __init__(self, program: Program, hierarchy: Hierarchy) -> None:
        self.program = program
        self.hierarchy = hierarchy
        self.objects = Objects(
            len(program.functions), len(program.classes), len(program.names)
        )
        self.edges = Edges(len(program.functions))
        size = program.count
        self.held: list[Objects_] = [None] * size
        self.targets: list[list[int] | None] = [None] * size
        self.waiting: list[list[Any] | None] = [None] * size
        self.work: list[int] = []
        self.cut: set[int] = set()
        self.limit = INSTANCES
        self.containers = self.objects.containers
        self.holding: dict[int, int] = {}
        self.bound: set[tuple[int, int]] = set()
        self.made_ops: dict[tuple[Any, ...], Op] = {}
        self.wanted: set[int] = set()
        """Nodes that are keys: constants are followed to these alone."""

    # Nodes.

    def size(self) -> None:
        """Nodes for all that linking has made since."""
        missing = self.program.count - len(self.held)
        if missing:
            self.held += [None] * missing
            self.targets += [None] * missing
            self.waiting += [None] * missing

    def new_node(self) -> int:
        self.held.append(None)
        self.targets.append(None)
        self.waiting.append(None)
        node = self.program.count
        self.program.count = node + 1
        return node

    def at(self, module: int, term: int) -> int:
        program = self.program
        return program.bases[module] + term if term >= 0 else program.cells[module][~term]

    def add(self, node: int, thing: int) -> None:
        """Puts an object at a node."""
        held = self.held[node]
        if thing in self.containers and held is not None and held != thing:
            if type(held) is int or thing not in held:
                count = self.holding.get(node, 1) + 1
                if count > CONTAINERS:
                    self.cut.add(node)
                    return
                self.holding[node] = count
        if held is None:
            self.held[node] = thing
        elif type(held) is int:
            if held == thing:
                return
            self.held[node] = {held, thing}
        else:
            if thing in held:  # type: ignore[operator]
                return
            if len(held) >= self.limit and (  # type: ignore[arg-type]
                thing >= self.objects.instances or len(held) >= LIMIT  # type: ignore[arg-type]
            ):
                self.cut.add(node)
                return
            held.add(thing)  # type: ignore[union-attr]
        self.work.append(node)
        self.work.append(thing)

    def copy(self, source: int, target: int) -> None:
        """All that is at the source is at the target too."""
        if source == target or source == NOWHERE:
            return
        targets = self.targets[source]
        if targets is None:
            self.targets[source] = [target]
        elif targets[-1] == target:
            return
        else:
            targets.append(target)
        held = self.held[source]
        if held is not None:
            if type(held) is int:
                self.add(target, held)
            else:
                for thing in tuple(held):  # type: ignore[arg-type]
                    self.add(target, thing)

    def things(self, node: int) -> tuple[int, ...]:
        """What is at a node now."""
        held = self.held[node]
        if held is None:
            return ()
        return (held,) if type(held) is int else tuple(held)  # type: ignore[arg-type]

    def wait(self, node: int, caller: int, op: Op) -> None:
        """Runs an operation for what is at a node, and for what will be."""
        if node == NOWHERE:
            return
        waiting = self.waiting[node]
        if waiting is None:
            self.waiting[node] = [caller, op]
        else:
            waiting.append(caller)
            waiting.append(op)
        if self.held[node] is not None:
            for thing in self.things(node):
                self.run_op(caller, op, node, thing)

    def op(self, caller: int, *parts: Any) -> Op:
        """An operation that stands in no file; the same one for the same parts."""
        key = (caller, parts)
        found = self.made_ops.get(key)
        if found is None:
            found = self.made_ops[key] = parts
        return found

    def once(self, op: Op, what: int) -> bool:
        """True the first time that an operation meets something."""
        key = (id(op), what)
        if key in self.bound:
            return False
        self.bound.add(key)
        return True

    # The fixpoint.

    def propagate(self) -> None:
        work = self.work
        targets, waiting = self.targets, self.waiting
        add, run_op = self.add, self.run_op
        while work:
            thing = work.pop()
            node = work.pop()
            onward = targets[node]
            if onward is not None:
                for target in onward:
                    add(target, thing)
            ops = waiting[node]
            if ops is not None:
                for i in range(0, len(ops), 2):
                    run_op(ops[i], ops[i + 1], node, thing)

    def run_op(self, caller: int, op: Op, node: int, thing: int) -> None:
        raise NotImplementedError

    def constant(self, term: str) -> int:
        return self.objects.make(objects.CONSTANT, term)
