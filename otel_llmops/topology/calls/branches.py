"""Statements at which ways fork and join, and what is known behind a condition.

Strategy: see scopes and state. A branch that returns, raises or leaves its loop takes what it knew
with it. `isinstance` in a condition narrows a name for as long as the condition holds.
"""

import ast
from collections.abc import Iterable, Sequence
from typing import Final

from otel_llmops.topology.calls import facts
from otel_llmops.topology.calls.facts import Term
from otel_llmops.topology.calls.scopes import ABSENT, Env, assigned
from otel_llmops.topology.calls.statements import Statements

__all__ = ["Branches"]

_NO_CLASS_OF_OURS: Final = frozenset(("bool", "bytes", "complex", "float", "int", "str"))


class Branches(Statements):
    """Reads compound statements but definitions."""

    def __init__(self, module: str, package: str) -> None:
        super().__init__(module, package)
        self.statements |= {
            ast.If: self.if_statement,
            ast.For: self.for_statement,
            ast.AsyncFor: self.for_statement,
            ast.While: self.while_statement,
            ast.Try: self.try_statement,
            ast.TryStar: self.try_statement,
            ast.With: self.with_statement,
            ast.AsyncWith: self.with_statement,
            ast.Match: self.match_statement,
            ast.Break: self.leave,
            ast.Continue: self.leave,
            ast.Assert: self.assert_statement,
        }
        self.loops: list[dict[str, int]] = []

    def if_statement(self, node: ast.If) -> None:
        """`if`."""
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
        """Gives the names that a loop assigns a node of their own."""
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
        """What names hold here goes to their nodes."""
        env = self.env
        for name, target in meeting.items():
            term = env.get(name)
            if term is not None and term is not target:
                self.copy(term, target)

    def leave_loop(self) -> None:
        """Behind a loop, its names are their nodes."""
        self.env.update(self.loops.pop())

    def leave(self, node: ast.stmt) -> None:
        """`break` and `continue`."""
        if self.loops:
            self.meet(self.loops[-1])
        self.dead = True

    def for_statement(self, node: ast.For | ast.AsyncFor) -> None:
        """`for`."""
        iterable = self.evaluate(node.iter)
        self.enter_loop(assigned((node,)))
        self.mark = self.calls
        self.assign_each(node.target, node.iter, iterable)
        self.loop(set(), node.body)
        self.leave_loop()
        self.block(node.orelse)

    def while_statement(self, node: ast.While) -> None:
        """`while`."""
        self.enter_loop(assigned((node,)))
        self.evaluate(node.test)
        narrowed = self.narrow(node.test)
        self.loop(set(), node.body)
        self.widen(narrowed)
        self.leave_loop()
        self.block(node.orelse)

    def try_statement(self, node: ast.Try | ast.TryStar) -> None:
        """`try`: a handler may find any state of the body."""
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
        """`with`."""
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

    def assert_statement(self, node: ast.Assert) -> None:
        """`assert`."""
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
        """A term as `isinstance` leaves it."""
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
        """What a name is bound to, ABSENT where to nothing."""
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
        """`match`."""
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
        """Binds what a pattern captures."""
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
            self.matched_places(pattern, subject, line)
        elif isinstance(pattern, ast.MatchOr | ast.MatchMapping):
            for inner in pattern.patterns:
                self.pattern(inner, subject if isinstance(pattern, ast.MatchOr) else None, line)
        elif isinstance(pattern, ast.MatchAs):
            self.pattern(pattern, subject, line)
        elif isinstance(pattern, ast.MatchStar) and pattern.name:
            self.bind(pattern.name, None)
        return subject

    def matched_places(self, pattern: ast.MatchSequence, subject: Term, line: int) -> None:
        """`case [a, b]`."""
        for place, inner in enumerate(pattern.patterns):
            part: Term = None
            if type(subject) is int:
                part = self.node()
                self.ops.append((facts.UNPACK, line, subject, (f"i{place}", part)))
            self.pattern(inner, part, line)
