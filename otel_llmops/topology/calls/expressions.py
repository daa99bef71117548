"""Expressions: each to a term, with the operations that computing it takes.

Strategy: one method a kind of expression, found by type in a table; what yields only data returns
None at once, so that most of a file leaves no trace. Comprehensions run where they stand.
"""

import ast
from collections.abc import Sequence
from typing import Final

from otel_llmops.topology.calls import facts
from otel_llmops.topology.calls.facts import Term
from otel_llmops.topology.calls.names import BINARY, COMPARISONS, MIRRORED, UNARY
from otel_llmops.topology.calls.scopes import ABSENT
from otel_llmops.topology.calls.state import State

__all__ = ["Expressions", "constant"]

LONGEST_KEY: Final = 40
FORMULAS: Final = 16
"""Different operations of one body whose operands are told apart."""


def constant(value: object) -> Term:
    """The term of a constant that may be a key or a name."""
    if type(value) is str:
        return "s" + value if len(value) <= LONGEST_KEY else None
    return f"i{value}" if type(value) is int else None


class Expressions(State):
    """Evaluates all expressions but calls and lambdas."""

    def __init__(self, module: str, package: str) -> None:
        super().__init__(module, package)
        self.table |= {
            ast.Name: self.name,
            ast.Constant: self.constant,
            ast.Attribute: self.attribute,
            ast.Subscript: self.subscript,
            ast.BinOp: self.binary,
            ast.Compare: self.compare,
            ast.BoolOp: self.boolean,
            ast.UnaryOp: self.unary,
            ast.IfExp: self.conditional,
            ast.Tuple: self.a_tuple,
            ast.List: self.a_list,
            ast.Set: self.a_set,
            ast.Dict: self.a_dict,
            ast.ListComp: self.comprehension,
            ast.SetComp: self.comprehension,
            ast.GeneratorExp: self.comprehension,
            ast.DictComp: self.dict_comprehension,
            ast.JoinedStr: self.parts,
            ast.FormattedValue: self.parts,
            ast.Slice: self.parts,
            ast.Starred: self.starred,
            ast.Await: self.awaited,
            ast.Yield: self.yielded,
            ast.YieldFrom: self.yielded_from,
            ast.NamedExpr: self.named,
        }

    def name(self, node: ast.Name) -> Term:
        """What a name holds here."""
        term = self.env.get(node.id, ABSENT)
        if term is ABSENT:
            term = self.free(node.id)
            if term is ABSENT:
                return None
        return term

    def constant(self, node: ast.Constant) -> Term:
        """A text or number that may be a key."""
        return constant(node.value)

    def attribute(self, node: ast.Attribute) -> Term:
        """`value.name`."""
        value = node.value
        base = self.table[type(value)](value)
        if type(base) is not int:
            return None
        return self.load(base, node.attr, node.lineno)

    def subscript(self, node: ast.Subscript) -> Term:
        """`value[key]`."""
        base = self.table[type(node.value)](node.value)
        index = node.slice
        if type(index) is ast.Slice:
            return self.sliced(base, index, node.lineno)
        key = self.table[type(index)](index)
        if type(base) is not int:
            return None
        if type(key) is str and base in self.heap:
            known = self.heap[base]
            if key[:2] == "i-" and known.complete:
                key = f"i{len(known.fields) + int(key[1:])}"
            if key in known.fields:
                return known.fields[key]
        target = self.node()
        self.ops.append((facts.INDEX, node.lineno, base, key, target))
        return target

    def sliced(self, base: Term, index: ast.Slice, line: int) -> Term:
        """`value[a:b]`: part of a literal that is known, or an unknown part."""
        self.parts(index)
        if type(base) is not int:
            return None
        known = self.heap.get(base)
        if known is not None and known.complete:
            terms = _part(list(known.fields.values()), index)
            if terms is not None:
                return self.sequence(self.kinds[base], terms)
        target = self.node()
        self.ops.append((facts.INDEX, line, base, ":", target))
        return target

    def operate(self, method: str, left: Term, right: Term, line: int) -> Term:
        """What an operator makes of two operands.

        All sums that begin with the same value are one node: a long formula is one thing with
        itself, and costs no more than its different operands.
        """
        if type(left) is not int:
            left, right, method = right, None, "__r" + method[2:]
            if type(left) is not int:
                return None
        target = self.sums.get(left)
        if target is None:
            target = self.sums[left] = self.node()
            self.sums[target] = target
        return self.special(method, left, right, target, line)

    def special(self, method: str, left: int, right: Term, target: Term, line: int) -> Term:
        """A method that Python calls for an operator or a builtin; the same one once a body.

        A body with very many of them is a formula collection: there, all operands are one node.
        """
        body = self.body
        if type(right) is not int:
            right = None
        if body.specials >= FORMULAS:
            left, right = self.pooled(left), None if right is None else self.pooled(right)
            target = None if target is None else left
        key = (method, left, right)
        if key not in body.done:
            body.done[key] = None
            body.specials += 1
            given = () if right is None else (right,)
            self.ops.append((facts.SPECIAL, line, left, given, (), target, method))
        return target

    def pooled(self, term: int) -> int:
        """The node of all operands of a body."""
        body = self.body
        if body.pool is None:
            body.pool = self.node()
            self.sums[body.pool] = body.pool
        key = ("pool", term)
        if term != body.pool and key not in body.done:
            body.done[key] = None
            self.copy(term, body.pool)
        return body.pool

    def binary(self, node: ast.BinOp) -> Term:
        """`left + right`."""
        table = self.table
        left = table[type(node.left)](node.left)
        right = table[type(node.right)](node.right)
        if type(left) is not int and type(right) is not int:
            return None
        return self.operate(BINARY[type(node.op)], left, right, node.lineno)

    def compare(self, node: ast.Compare) -> Term:
        """`left < right < ...`; yields data alone."""
        table = self.table
        left = table[type(node.left)](node.left)
        for op, comparator in zip(node.ops, node.comparators, strict=True):
            right = table[type(comparator)](comparator)
            method = COMPARISONS.get(type(op))
            if method is not None:
                if method == "__contains__":
                    if type(right) is int:
                        self.special(method, right, left, None, node.lineno)
                elif type(left) is int:
                    self.special(method, left, right, None, node.lineno)
                elif type(right) is int:
                    self.special(MIRRORED[method], right, left, None, node.lineno)
            left = right
        return None

    def boolean(self, node: ast.BoolOp) -> Term:
        """Either of what `or` joins; the last of what `and` joins, for objects are true."""
        if type(node.op) is ast.Or:
            return self.join([self.evaluate(value) for value in node.values])
        term: Term = None
        narrowed: list[tuple[str, Term]] = []
        for value in node.values:
            term = self.evaluate(value)
            narrowed += self.narrow(value)
        self.widen(narrowed)
        return term

    def unary(self, node: ast.UnaryOp) -> Term:
        """`-operand`."""
        operand = node.operand
        term = self.table[type(operand)](operand)
        if type(node.op) is ast.Not:
            return None
        if type(node.op) is ast.USub and type(term) is str and term[0] == "i":
            return f"i{-int(term[1:])}"
        return self.operate(UNARY[type(node.op)], term, None, node.lineno)

    def conditional(self, node: ast.IfExp) -> Term:
        """`body if test else orelse`."""
        self.evaluate(node.test)
        narrowed = self.narrow(node.test)
        then = self.evaluate(node.body)
        self.widen(narrowed)
        return self.join((then, self.evaluate(node.orelse)))

    # Containers.

    def a_tuple(self, node: ast.Tuple) -> Term:
        """`(a, b)`."""
        return self.display(node.elts, facts.TUPLE)

    def a_list(self, node: ast.List) -> Term:
        """`[a, b]`."""
        return self.display(node.elts, facts.LIST)

    def a_set(self, node: ast.Set) -> Term:
        """`{a, b}`."""
        return self.display(node.elts, facts.SET)

    def display(self, elements: Sequence[ast.expr], kind: int) -> Term:
        """A tuple, list or set as it is written."""
        table = self.table
        terms: list[Term] = []
        spread: list[Term] = []
        for element in elements:
            if type(element) is ast.Constant:
                terms.append(None)
                continue
            term = table[type(element)](element)
            if type(element) is ast.Starred:
                spread.append(term)
            else:
                terms.append(term)
        if not spread:
            if kind is facts.SET:
                return self.literal(kind, [(None, term) for term in terms])
            return self.sequence(kind, terms)
        target = self.literal(kind, [(None, term) for term in terms])
        for term in spread:
            if type(term) is int:
                self.ops.append((facts.SPREAD, 0, term, target))
        return target

    def a_dict(self, node: ast.Dict) -> Term:
        """`{key: value}`."""
        table = self.table
        fields: list[tuple[Term, Term]] = []
        spread: list[int] = []
        for key, value in zip(node.keys, node.values, strict=True):
            term = None if type(value) is ast.Constant else table[type(value)](value)
            if key is None:
                if type(term) is int:
                    spread.append(term)
            elif type(key) is ast.Constant:
                fields.append((constant(key.value), term))
            else:
                fields.append((table[type(key)](key), term))
        target = self.literal(facts.DICT, fields)
        for term in spread:
            self.ops.append((facts.SPREAD, node.lineno, term, target))
        return target

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Term:
        """`[element for ...]`, and the like for sets and generators."""
        hidden = self.generators(node.generators)
        term = self.evaluate(node.elt)
        self.restore(hidden)
        kind = facts.SET if type(node) is ast.SetComp else facts.LIST
        return self.literal(kind, [(None, term)])

    def dict_comprehension(self, node: ast.DictComp) -> Term:
        """`{key: value for ...}`."""
        hidden = self.generators(node.generators)
        key = self.evaluate(node.key)
        term = self.evaluate(node.value)
        self.restore(hidden)
        return self.literal(facts.DICT, [(key if type(key) is int else None, term)])

    def generators(self, generators: Sequence[ast.comprehension]) -> dict[str, Term]:
        """Runs the `for` parts of a comprehension; returns what its names hid."""
        self.queued = len(self.queue)
        hidden: dict[str, Term] = {}
        for generator in generators:
            iterable = self.evaluate(generator.iter)
            self.settle()
            for node in ast.walk(generator.target):
                if type(node) is ast.Name and node.id not in hidden:
                    hidden[node.id] = self.env.get(node.id, ABSENT)
            self.assign_each(generator.target, generator.iter, iterable)
            for condition in generator.ifs:
                self.evaluate(condition)
                self.narrow(condition)
        return hidden

    def restore(self, hidden: dict[str, Term]) -> None:
        """Brings back what the names of a comprehension hid."""
        for name, term in hidden.items():
            inner = self.env.pop(name, None)
            if inner is not None and len(self.queue) > self.queued:  # a lambda may see it
                self.killed.setdefault(name, []).append(inner)
            if term is not ABSENT:
                self.env[name] = term

    # What passes values on.

    def parts(self, node: ast.expr) -> Term:
        """What yields only data, but may call in its parts."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr) and type(child) is not ast.Constant:
                self.evaluate(child)
        return None

    def starred(self, node: ast.Starred) -> Term:
        """`*value`."""
        return self.evaluate(node.value)

    def awaited(self, node: ast.Await) -> Term:
        """`await value`: what a coroutine returns is what its call returns."""
        return self.evaluate(node.value)

    def yielded(self, node: ast.Yield) -> Term:
        """`yield value`."""
        target = self.yields()
        if node.value is not None:
            self.copy(self.evaluate(node.value), target)
        return None

    def yielded_from(self, node: ast.YieldFrom) -> Term:
        """`yield from value`."""
        target = self.yields()
        term = self.evaluate(node.value)
        if type(term) is int:
            self.ops.append((facts.ITER, node.lineno, term, target))
        return None

    def yields(self) -> int:
        """The node of what this body yields."""
        if self.body.yielded is None:
            self.body.yielded = self.node()
        return self.body.yielded

    def named(self, node: ast.NamedExpr) -> Term:
        """`name := value`."""
        term = self.evaluate(node.value)
        self.bind(node.target.id, term)
        return term

    # For others to fill in.

    def narrow(self, test: ast.expr, *, holds: bool = True) -> list[tuple[str, Term]]:
        """Narrows names by a condition that holds."""
        raise NotImplementedError

    def widen(self, narrowed: list[tuple[str, Term]]) -> None:
        """Ends what `narrow` began."""
        for name, term in reversed(narrowed):
            self.env[name] = term

    def assign_each(self, target: ast.expr, iterable: ast.expr, term: Term) -> None:
        """Assigns what an iterable yields to a target."""
        raise NotImplementedError


def _part(terms: list[Term], index: ast.Slice) -> list[Term] | None:
    """The terms that a slice takes; None where its bounds are not constant."""
    try:
        low, high, step = [
            None if bound is None else ast.literal_eval(bound)
            for bound in (index.lower, index.upper, index.step)
        ]
        return terms[low:high:step]
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
