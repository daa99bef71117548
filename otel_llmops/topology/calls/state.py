"""What extraction holds while it reads a file: nodes, names, containers known by heart.

Strategy: see scopes for names. Containers written as literals are known by heart as long as the
statements run straight: `d["a"] = g` after `d = {"a": f}` replaces f, which nobody ever saw. Before
anything is called, and wherever ways fork, the knowledge is written back to the container's fields
for all to read (`settle`); from then on only what is assigned anew is known.
"""

import ast
from collections.abc import Callable, Sequence
from typing import Any, Final

from otel_llmops.topology.calls import facts
from otel_llmops.topology.calls.facts import Op, Term
from otel_llmops.topology.calls.names import BUILTINS
from otel_llmops.topology.calls.scopes import ABSENT, Cell, Env, Scope

__all__ = ["Body", "Known", "State"]

KNOWN_FIELDS: Final = 64
"""Keys of a literal that are told apart; those of a longer one are all the same to us."""


class Body:
    """A function, or a module's body, while it is read."""

    __slots__ = (
        "builtins",
        "class_number",
        "declared",
        "done",
        "first",
        "last",
        "loads",
        "number",
        "ops",
        "passed",
        "pool",
        "returned",
        "scope",
        "self_term",
        "specials",
        "yielded",
    )

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.ops: list[Op] = []
        self.loads: dict[tuple[int, str], int] = {}
        self.done: dict[tuple[object, ...], int | None] = {}
        """Operations by what they do, to what they yield: the same twice is done once."""
        self.builtins: dict[str, int] = {}
        self.declared: dict[str, Cell] = {}
        self.class_number = -1
        self.number = 0
        self.self_term: Term = None
        self.first = 0
        self.last = 0
        self.returned = 0
        self.yielded: int | None = None
        self.passed: set[int] = set()
        self.pool: int | None = None
        self.specials = 0


class Known:
    """The fields of a container that are known by heart here."""

    __slots__ = ("complete", "dirty", "fields")

    def __init__(self, *, complete: bool) -> None:
        self.fields: dict[str, Term] = {}
        self.dirty: dict[str, None] = {}
        self.complete = complete


class State:
    """Everything that reading one file needs to remember."""

    def __init__(self, module: str, package: str) -> None:
        self.module = module
        self.package = package
        self.count = 0
        self.cells: list[tuple[int, Cell | tuple[object, ...]]] = []
        self.imports: dict[tuple[str, str | None], int] = {}
        self.dotted: dict[int, str] = {}
        self.copies: list[Term] = []
        self.allocations: list[object] = []
        self.kinds: dict[int, int] = {}
        self.annotations: list[object] = []
        self.stars: list[str] = []
        self.diagnostics: list[object] = []
        self.globals = Scope("", None)
        self.body = Body(self.globals)
        self.ops = self.body.ops
        self.env: Env = {}
        self.flow: Env | None = None
        self.bound_at: dict[str, int] = {}
        self.killed: dict[str, list[Term]] = {}
        self.heap: dict[int, Known] = {}
        self.sums: dict[int, int] = {}
        self.calls = 0
        self.mark = 0
        self.dead = False
        self.queue: list[Any] = []
        self.queued = 0
        self.table: dict[type, Callable[..., Term]] = {}

    # Nodes and terms.

    def node(self) -> int:
        """A new node."""
        n = self.count
        self.count = n + 1
        return n

    def copy(self, source: Term, target: int) -> None:
        """What the source is, the target is too."""
        if source is not None:
            self.copies.append(source)
            self.copies.append(target)

    def join(self, terms: Sequence[Term]) -> Term:
        """One term for whichever of the terms."""
        some = [term for term in dict.fromkeys(terms) if term is not None]
        if len(some) <= 1:
            return some[0] if some else None
        target = self.node()
        for term in some:
            self.copies.append(term)
            self.copies.append(target)
        return target

    def new_cell(self) -> Cell:
        """A cell that gets its sources later."""
        cell = Cell(~len(self.cells))
        self.cells.append((facts.SOURCES, cell))
        return cell

    def imported(self, module: str, name: str | None) -> int:
        """The cell of an import."""
        key = (module, name)
        term = self.imports.get(key)
        if term is None:
            term = self.imports[key] = ~len(self.cells)
            self.cells.append((facts.IMPORT, key))
            self.dotted[term] = module if name is None else f"{module}.{name}"
        return term

    # Names.

    def bind(self, name: str, term: Term) -> None:
        """Assigns to a name."""
        declared = self.body.declared
        if declared and name in declared:
            if term is not None:
                declared[name].sources.append(term)
            return
        env = self.env
        old = env.get(name)
        if old is not None and old is not term and self.mark > self.bound_at.get(name, 0):
            self.killed.setdefault(name, []).append(old)
        self.bound_at[name] = self.calls
        env[name] = term

    def free(self, name: str) -> Term:
        """The term of a name that the environment does not bind; ABSENT where nothing does."""
        declared = self.body.declared
        if declared and name in declared:
            return declared[name].term
        flow = self.flow
        if flow is not None and name in flow:
            return flow[name]
        scope = self.body.scope.parent
        while scope is not None:
            if scope.binds(name):
                return self.seen(scope, name)
            scope = scope.parent
        if name not in BUILTINS and self.stars:
            return self.seen(self.globals, name)
        return ABSENT

    def seen(self, scope: Scope, name: str) -> int:
        """The cell through which others see a scope's name."""
        cell = scope.cells.get(name)
        if cell is None:
            cell = scope.cells[name] = self.new_cell()
            held = scope.env.get(name)
            if isinstance(held, int) and held in self.dotted and name not in scope.killed:
                self.dotted[cell.term] = self.dotted[held]
        return cell.term

    # Ways that fork and join.

    def merge(self, left: Env | None, right: Env | None) -> Env:
        """The environment behind two ways, of which None was left before its end."""
        if left is None or right is None:
            self.dead = left is None and right is None
            return right or left or {}
        self.dead = False
        for name, term in left.items():
            other = right.get(name, ABSENT)
            if other is term:
                continue
            if other is ABSENT or other is None:
                right[name] = term
            elif term is not None and other != term:
                right[name] = self.join((term, other))
        return right

    def settle(self) -> None:
        """Writes back what is known of containers, and forgets it."""
        for site, known in self.heap.items():
            self._write_back(site, known)
        self.heap.clear()

    def _write_back(self, site: int, known: Known) -> None:
        for key in known.dirty:
            term = known.fields[key]
            if type(term) is int:
                self.ops.append((facts.SETINDEX, 0, site, key, term))

    def event(self) -> None:
        """Something is called: others may look at what was only known here."""
        self.calls += 1
        if self.heap:
            self.settle()

    # Containers.

    def container(self, kind: int, payload: object = None) -> int:
        """A container, partial or property made here."""
        target = self.node()
        self.allocations += (target, kind, payload)
        self.kinds[target] = kind
        return target

    def literal(self, kind: int, fields: Sequence[tuple[Term, Term]]) -> int:
        """A container with the fields (key, value); the key None where it is not constant."""
        target = self.container(kind)
        plain = len(fields) <= KNOWN_FIELDS
        known = Known(complete=plain)
        for key, term in fields:
            if plain and type(key) is str:
                known.fields[key] = term
                known.dirty[key] = None
            else:
                known.complete = False
                if term is not None and type(term) is not str:
                    self.ops.append((facts.SETINDEX, 0, target, key if plain else None, term))
        if known.fields:
            self.heap[target] = known
        return target

    def sequence(self, kind: int, terms: Sequence[Term]) -> Term:
        """A list or tuple of the terms; nothing for a tuple of data, which stays what it is."""
        if kind == facts.TUPLE and not any(type(term) is int for term in terms):
            return None
        return self.literal(kind, [(f"i{i}", term) for i, term in enumerate(terms)])

    def put(self, base: Term, key: Term, term: Term, line: int) -> None:
        """`base[key] = term`."""
        if type(base) is not int:
            return
        if base in self.kinds and type(key) is str:
            known = self.heap.get(base)
            if known is None:
                known = self.heap[base] = Known(complete=False)
            known.fields[key] = term
            known.dirty[key] = None
            return
        if base in self.heap:
            self._write_back(base, self.heap.pop(base))
        self.ops.append((facts.SETINDEX, line, base, key, term))

    def load(self, base: int, attribute: str, line: int) -> int:
        """`base.attribute`; the same node wherever one body reads the same attribute of a value."""
        key = (base, attribute)
        loads = self.body.loads
        target = loads.get(key)
        if target is None:
            target = loads[key] = self.count
            self.count = target + 1
            self.ops.append((facts.LOAD, line, base, attribute, target))
            dotted = self.dotted.get(base)
            if dotted is not None:
                self.dotted[target] = f"{dotted}.{attribute}"
        return target

    def elements(self, base: Term, line: int) -> Term:
        """What iterating yields."""
        if type(base) is not int:
            return None
        target = self.node()
        self.ops.append((facts.ITER, line, base, target))
        return target

    def evaluate(self, node: ast.expr) -> Term:
        """The term of an expression."""
        return self.table[type(node)](node)
