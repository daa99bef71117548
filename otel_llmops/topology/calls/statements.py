"""Statements, in the order they run: assignments, ways that fork and join, imports.

Strategy: see scopes and state. A branch that returns, raises or leaves its loop takes what it knew
with it. `isinstance` in a condition narrows a name for as long as the condition holds.
"""

import ast
from collections.abc import Iterable, Sequence
from typing import Final

from otel_llmops.topology.calls import facts
from otel_llmops.topology.calls.facts import Term
from otel_llmops.topology.calls.invocations import Invocations
from otel_llmops.topology.calls.names import BINARY
from otel_llmops.topology.calls.scopes import ABSENT, Env, assigned

__all__ = ["Statements"]

_NO_CLASS_OF_OURS: Final = frozenset(("bool", "bytes", "complex", "float", "int", "str"))


class Statements(Invocations):
    """Reads all statements but definitions."""

    def __init__(self, module: str, package: str) -> None:
        super().__init__(module, package)
        self.statements = {
            ast.Expr: self.expression,
            ast.Assign: self.assign_statement,
            ast.AnnAssign: self.annotated,
            ast.AugAssign: self.augmented,
            ast.Return: self.returns,
            ast.If: self.if_statement,
            ast.For: self.for_statement,
            ast.AsyncFor: self.for_statement,
            ast.While: self.while_statement,
            ast.Try: self.try_statement,
            ast.TryStar: self.try_statement,
            ast.With: self.with_statement,
            ast.AsyncWith: self.with_statement,
            ast.Import: self.import_statement,
            ast.ImportFrom: self.import_from,
            ast.Raise: self.raise_statement,
            ast.Assert: self.assert_statement,
            ast.Global: self.global_statement,
            ast.Nonlocal: self.nonlocal_statement,
            ast.Delete: self.delete,
            ast.Match: self.match_statement,
            ast.Pass: self.nothing,
            ast.Break: self.leave,
            ast.Continue: self.leave,
        }
        self.loops: list[dict[str, int]] = []
        self.around = -1  # the class whose body is being read

    def block(self, body: Iterable[ast.stmt]) -> None:
        table = self.statements
        for statement in body:
            self.mark = self.calls
            table.get(type(statement), self.nothing)(statement)
            if self.dead:
                break

    def nothing(self, node: ast.stmt) -> None:
        """What moves nothing that we follow."""

    def expression(self, node: ast.Expr) -> None:
        value = node.value
        kind = type(value)
        if kind is ast.Constant:
            return
        if kind is ast.Await:
            value = value.value  # type: ignore[attr-defined]
            kind = type(value)
        if kind is ast.Call:
            self.invoke(value, used=False)
        else:
            self.table[kind](value)

    # Assignments.

    def assign_statement(self, node: ast.Assign) -> None:
        value = node.value
        targets = node.targets
        if type(value) is ast.Tuple or type(value) is ast.List:
            several = [t for t in targets if isinstance(t, ast.Tuple | ast.List)]
            if several and not any(isinstance(e, ast.Starred) for e in value.elts):
                self.assign_display(targets, value)
                return
        term = self.table[type(value)](value)
        for target in targets:
            if type(target) is ast.Name:
                self.bind(target.id, term)
            else:
                self.assign(target, term)

    def assign_display(self, targets: Sequence[ast.expr], value: ast.Tuple | ast.List) -> None:
        """`a, b = f, g`, without a tuple in between."""
        terms: list[object] = [self._nested(element) for element in value.elts]
        for target in targets:
            self.assign_terms(target, terms)

    def _nested(self, element: ast.expr) -> object:
        if isinstance(element, ast.Tuple | ast.List) and not any(
            isinstance(e, ast.Starred) for e in element.elts
        ):
            return [self._nested(e) for e in element.elts]
        return self.evaluate(element)

    def _packed(self, terms: object) -> Term:
        if isinstance(terms, list):
            return self.sequence(facts.TUPLE, [self._packed(term) for term in terms])
        return terms if isinstance(terms, int | str) else None

    def assign_terms(self, target: ast.expr, terms: object) -> None:
        """Assigns terms, nested as the value is written, to a target of the same shape."""
        if not isinstance(terms, list) or not isinstance(target, ast.Tuple | ast.List):
            self.assign(target, self._packed(terms))
            return
        elements = target.elts
        star = next((i for i, e in enumerate(elements) if type(e) is ast.Starred), None)
        if star is None:
            for element, term in zip(elements, terms, strict=False):
                self.assign_terms(element, term)
            return
        after = len(elements) - star - 1
        middle = len(terms) - after
        parts: list[object] = [*terms[:star], terms[star:middle], *terms[middle:]]
        for element, part in zip(elements, parts, strict=False):
            if type(element) is ast.Starred:
                packed = self.sequence(facts.LIST, [self._packed(term) for term in terms[star:middle]])
                self.assign(element.value, packed)
            else:
                self.assign_terms(element, part)

    def assign(self, target: ast.expr, term: Term) -> None:
        kind = type(target)
        if kind is ast.Name:
            self.bind(target.id, term)  # type: ignore[attr-defined]
        elif isinstance(target, ast.Attribute):
            base = self.evaluate(target.value)
            if type(base) is int:
                self.ops.append((facts.STORE, target.lineno, base, target.attr, term))
                self.body.loads.pop((base, target.attr), None)
        elif isinstance(target, ast.Subscript):
            base = self.evaluate(target.value)
            key = self.evaluate(target.slice)
            self.put(base, key, term, target.lineno)
        elif isinstance(target, ast.Tuple | ast.List):
            self.unpack(target, term)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, term)

    def unpack(self, target: ast.Tuple | ast.List, term: Term) -> None:
        known = self.heap.get(term) if type(term) is int else None
        if known is not None and known.complete:
            self.assign_terms(target, list(known.fields.values()))
            return
        starred = False
        parts: list[object] = []
        for place, element in enumerate(target.elts):
            part: Term = None
            if type(element) is ast.Starred:
                starred = True
                part = self.literal(facts.LIST, [(None, self.elements(term, target.lineno))])
            elif type(term) is int:
                part = self.node()
                parts += (None if starred else f"i{place}", part)
            self.assign(element, part)
        if parts:
            self.ops.append((facts.UNPACK, target.lineno, term, tuple(parts)))

    def annotated(self, node: ast.AnnAssign) -> None:
        term = None if node.value is None else self.evaluate(node.value)
        if isinstance(node.target, ast.Name):
            if self.around >= 0:
                self.field(node.target.id, node.annotation)
                if term is not None:
                    self.bind(node.target.id, term)
                return
            if node.value is None and node.target.id in self.env:
                return
            if term is None:
                term = self.declared_as(node.annotation)
            self.bind(node.target.id, term)
        elif node.value is not None:
            if term is None:
                term = self.declared_as(node.annotation)
            self.assign(node.target, term)

    def field(self, name: str, annotation: ast.expr) -> None:
        raise NotImplementedError

    def declared_as(self, annotation: ast.expr) -> Term:
        """A value of which only its annotation is known."""
        raise NotImplementedError

    def augmented(self, node: ast.AugAssign) -> None:
        target = node.target
        right = self.evaluate(node.value)
        method = "__i" + BINARY[type(node.op)][2:]
        if isinstance(target, ast.Name):
            left = self.name(target)
            if type(left) is int and left in self.heap:
                self._write_back(left, self.heap.pop(left))
            self.bind(target.id, self.operate(method, left, right, node.lineno))
            return
        left = self.evaluate(target)
        term = self.operate(method, left, right, node.lineno)
        if term is not None:
            self.assign(target, term)

    def delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Subscript):
                base = self.evaluate(target.value)
                key = self.evaluate(target.slice)
                if type(base) is int:
                    self.special("__delitem__", base, key, None, node.lineno)
                    if base in self.heap:
                        self._write_back(base, self.heap.pop(base))

    # Ways that fork and join.

    def if_statement(self, node: ast.If) -> None:
        self.evaluate(node.test)
        self.settle()
        before = self.env
        self.env = before.copy()
        then = self.branch(node.body, self.narrow(node.test))
        self.env = before
        otherwise = self.branch(node.orelse, self.narrow(node.test, holds=False), keep=then is None)
        self.env = self.merge(then, otherwise)

    def branch(
        self,
        body: Sequence[ast.stmt],
        narrowed: Sequence[tuple[str, Term]] = (),
        *,
        keep: bool = False,
    ) -> Env | None:
        """Reads one way from here; its environment at its end, None where it never gets there."""
        inside = [(name, self.env.get(name), term) for name, term in narrowed]
        self.dead = False
        self.block(body)
        self.settle()
        if self.dead:
            self.dead = False
            return None
        if not keep:
            for name, narrow, term in inside:
                if self.env.get(name) is narrow:
                    self.env[name] = term
        return self.env

    def loop(self, names: set[str], body: Sequence[ast.stmt]) -> None:
        """A body that runs any number of times, over names that have a node of their own."""
        self.block(body)
        self.settle()
        if not self.dead:
            self.meet(self.loops[-1])
        self.dead = False

    def enter_loop(self, names: Iterable[str]) -> None:
        self.settle()
        meeting: dict[str, int] = {}
        env = self.env
        for name in sorted(names):
            if name in self.body.declared:
                continue
            target = meeting[name] = self.node()
            self.copy(env.get(name), target)
            env[name] = target
        self.loops.append(meeting)

    def meet(self, meeting: dict[str, int]) -> None:
        env = self.env
        for name, target in meeting.items():
            term = env.get(name)
            if term is not None and term is not target:
                self.copy(term, target)

    def leave_loop(self) -> None:
        self.env.update(self.loops.pop())

    def leave(self, node: ast.stmt) -> None:
        """`break` and `continue`."""
        if self.loops:
            self.meet(self.loops[-1])
        self.dead = True

    def for_statement(self, node: ast.For | ast.AsyncFor) -> None:
        iterable = self.evaluate(node.iter)
        self.enter_loop(assigned((node,)))
        self.mark = self.calls
        self.assign_each(node.target, node.iter, iterable)
        self.loop(set(), node.body)
        self.leave_loop()
        self.block(node.orelse)

    def while_statement(self, node: ast.While) -> None:
        self.enter_loop(assigned((node,)))
        self.evaluate(node.test)
        narrowed = self.narrow(node.test)
        self.loop(set(), node.body)
        self.widen(narrowed)
        self.leave_loop()
        self.block(node.orelse)

    def assign_each(self, target: ast.expr, iterable: ast.expr, term: Term) -> None:
        self.assign(target, self.elements(term, iterable.lineno))

    def try_statement(self, node: ast.Try | ast.TryStar) -> None:
        self.settle()
        before = self.env.copy()
        self.block([*node.body, *node.orelse])
        self.settle()
        ends: list[Env] = [] if self.dead else [self.env]
        self.dead = False
        broken = self.merge(self.env, before)
        for handler in node.handlers:
            self.env = broken.copy()
            if handler.type is not None:
                caught = self.evaluate(handler.type)
                if handler.name:
                    self.bind(handler.name, self.instance_of(caught))
            end = self.branch(handler.body)
            if end is not None:
                ends.append(end)
        merged: Env | None = None
        for end in ends:
            merged = end.copy() if merged is None else self.merge(end, merged)
        self.env = broken if merged is None else merged
        self.block(node.finalbody)
        self.dead = self.dead or merged is None

    def with_statement(self, node: ast.With | ast.AsyncWith) -> None:
        waits = 1 if type(node) is ast.AsyncWith else 0
        for item in node.items:
            term = self.evaluate(item.context_expr)
            entered: Term = None
            if type(term) is int:
                entered = self.node()
                self.ops.append((facts.WITH, node.lineno, term, entered, waits))
                self.event()
            if item.optional_vars is not None:
                self.assign(item.optional_vars, entered)
        self.block(node.body)

    def raise_statement(self, node: ast.Raise) -> None:
        for part in (node.exc, node.cause):
            if part is not None:
                term = self.evaluate(part)
                if type(term) is int and type(part) is not ast.Call:
                    self.ops.append((facts.RAISE, node.lineno, term))
        self.dead = True

    def returns(self, node: ast.Return) -> None:
        if node.value is not None:
            term = self.evaluate(node.value)
            body = self.body
            if type(term) is int and body.first <= term < body.last:
                body.passed.add(term - body.first)
            else:
                self.settle()
                self.copy(term, body.returned)
        self.dead = True

    def assert_statement(self, node: ast.Assert) -> None:
        self.evaluate(node.test)
        if node.msg is not None:
            self.evaluate(node.msg)
        self.narrow(node.test)

    # What is known behind a condition.

    def narrow(self, test: ast.expr, *, holds: bool = True) -> list[tuple[str, Term]]:
        """Narrows names by `isinstance`; returns (name, what it was)."""
        if isinstance(test, ast.UnaryOp) and type(test.op) is ast.Not:
            return self.narrow(test.operand, holds=not holds)
        if isinstance(test, ast.BoolOp) and holds == (type(test.op) is ast.And):
            return [pair for value in test.values for pair in self.narrow(value, holds=holds)]
        if not holds or not isinstance(test, ast.Call) or len(test.args) != 2:
            return []
        func, subject = test.func, test.args[0]
        if not isinstance(func, ast.Name) or func.id != "isinstance":
            return []
        if not isinstance(subject, ast.Name) or self.env.get(subject.id) is None:
            return []
        term = self.env[subject.id]
        self.env[subject.id] = self.narrowed(term, test.args[1], test.lineno)
        return [(subject.id, term)]

    def narrowed(self, term: Term, classes: ast.expr, line: int) -> Term:
        parts = classes.elts if isinstance(classes, ast.Tuple) else [classes]
        names = [part.id if isinstance(part, ast.Name) else "" for part in parts]
        if all(name in _NO_CLASS_OF_OURS and self.bound(name) is ABSENT for name in names):
            return None
        terms = [self.evaluate(part) for part in parts]
        if type(term) is not int or not all(type(part) is int for part in terms):
            return term
        target = self.node()
        self.ops.append((facts.NARROW, line, term, self.join(terms), target))
        return target

    def bound(self, name: str) -> Term:
        term = self.env.get(name, ABSENT)
        return self.free(name) if term is ABSENT else term

    def instance_of(self, caught: Term) -> Term:
        """An instance of a class, or of one in a tuple: `except (A, B) as e`."""
        return self.declared_term(facts.PLAIN, caught)

    def declared_term(self, wrapper: int, term: Term) -> Term:
        """A node that holds an instance of the class, if nothing else is known of it."""
        if type(term) is not int:
            return None
        target = self.node()
        self.annotations += (target, wrapper, term)
        return target

    def match_statement(self, node: ast.Match) -> None:
        subject = self.evaluate(node.subject)
        self.settle()
        before = self.env
        ends: Env | None = before.copy()
        for case in node.cases:
            self.env = before.copy()
            self.pattern(case.pattern, subject, node.lineno)
            if case.guard is not None:
                self.evaluate(case.guard)
                self.narrow(case.guard)
            end = self.branch(case.body)
            if end is not None:
                ends = self.merge(end, ends)
        self.env = ends or {}

    def pattern(self, pattern: ast.pattern, subject: Term, line: int) -> None:
        if isinstance(pattern, ast.MatchAs):
            if pattern.pattern is not None:
                subject = self.matched(pattern.pattern, subject, line)
            if pattern.name:
                self.bind(pattern.name, subject)
        else:
            self.matched(pattern, subject, line)

    def matched(self, pattern: ast.pattern, subject: Term, line: int) -> Term:
        """Binds what a pattern captures; returns the subject as the pattern narrows it."""
        if isinstance(pattern, ast.MatchClass):
            subject = self.narrowed(subject, pattern.cls, line)
            for name, inner in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True):
                part = self.load(subject, name, line) if type(subject) is int else None
                self.pattern(inner, part, line)
            for inner in pattern.patterns:
                self.pattern(inner, None, line)
        elif isinstance(pattern, ast.MatchSequence):
            for place, inner in enumerate(pattern.patterns):
                part = None
                if type(subject) is int:
                    part = self.node()
                    self.ops.append((facts.UNPACK, line, subject, (f"i{place}", part)))
                self.pattern(inner, part, line)
        elif isinstance(pattern, ast.MatchOr):
            for inner in pattern.patterns:
                self.pattern(inner, subject, line)
        elif isinstance(pattern, ast.MatchMapping):
            for inner in pattern.patterns:
                self.pattern(inner, None, line)
        elif isinstance(pattern, ast.MatchAs):
            self.pattern(pattern, subject, line)
        elif isinstance(pattern, ast.MatchStar) and pattern.name:
            self.bind(pattern.name, None)
        return subject

    # Imports and scopes.

    def import_statement(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.asname:
                self.bind(alias.asname, self.imported(alias.name, None))
            else:
                name = alias.name.partition(".")[0]
                self.bind(name, self.imported(name, None))

    def import_from(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level:
            parts = self.package.split(".") if self.package else []
            parts = parts[: len(parts) - node.level + 1]
            module = ".".join([*parts, module] if module else parts)
        for alias in node.names:
            if alias.name == "*":
                self.stars.append(module)
            else:
                self.bind(alias.asname or alias.name, self.imported(module, alias.name))

    def global_statement(self, node: ast.Global) -> None:
        if self.body.scope is self.globals:
            return
        for name in node.names:
            self.seen(self.globals, name)
            self.body.declared[name] = self.globals.cells[name]

    def nonlocal_statement(self, node: ast.Nonlocal) -> None:
        for name in node.names:
            scope = self.body.scope.parent
            while scope is not None and not scope.binds(name):
                scope = scope.parent
            if scope is not None and scope is not self.globals:
                self.seen(scope, name)
                self.body.declared[name] = scope.cells[name]
