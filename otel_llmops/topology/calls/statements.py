"""Statements that run straight on: assignments, imports, and what ends a way.

Strategy: a display assigned to targets of the same shape (`a, b = f, g`) is taken apart without
making a container; anything else that is unpacked is asked for its places.
"""

import ast
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from otel_llmops.topology.calls import facts
from otel_llmops.topology.calls.facts import Term
from otel_llmops.topology.calls.models import Models
from otel_llmops.topology.calls.names import BINARY

__all__ = ["Statements"]


class Statements(Models):
    """Reads all statements but definitions."""

    def __init__(self, module: str, package: str) -> None:
        super().__init__(module, package)
        self.statements: dict[type, Callable[[Any], None]] = {
            ast.Expr: self.expression,
            ast.Assign: self.assign_statement,
            ast.AnnAssign: self.annotated,
            ast.AugAssign: self.augmented,
            ast.Return: self.returns,
            ast.Import: self.import_statement,
            ast.ImportFrom: self.import_from,
            ast.Raise: self.raise_statement,
            ast.Global: self.global_statement,
            ast.Nonlocal: self.nonlocal_statement,
            ast.Delete: self.delete,
            ast.Pass: self.nothing,
        }
        self.around = -1  # the class whose body is being read

    def block(self, body: Iterable[ast.stmt]) -> None:
        """Reads statements until the way ends."""
        table = self.statements
        for statement in body:
            self.mark = self.calls
            table.get(type(statement), self.nothing)(statement)
            if self.dead:
                break

    def nothing(self, node: ast.stmt) -> None:
        """What moves nothing that we follow."""

    def expression(self, node: ast.Expr) -> None:
        """A value that nobody uses: a call, most often."""
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(value, ast.Call):
            self.invoke(value, used=False)
        elif type(value) is not ast.Constant:
            self.table[type(value)](value)

    # Assignments.

    def assign_statement(self, node: ast.Assign) -> None:
        """`a = b = value`."""
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
                packed = self.sequence(
                    facts.LIST, [self._packed(term) for term in terms[star:middle]]
                )
                self.assign(element.value, packed)
            else:
                self.assign_terms(element, part)

    def assign(self, target: ast.expr, term: Term) -> None:
        """Assigns a term to any target."""
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
        """`a, b = value`."""
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
        """`name: annotation = value`."""
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
        """`name: annotation` in a class's body."""
        raise NotImplementedError

    def declared_as(self, annotation: ast.expr) -> Term:
        """A value of which only its annotation is known."""
        raise NotImplementedError

    def augmented(self, node: ast.AugAssign) -> None:
        """`a += b`."""
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
        """`del a[b]`."""
        for target in node.targets:
            if isinstance(target, ast.Subscript):
                base = self.evaluate(target.value)
                key = self.evaluate(target.slice)
                if type(base) is int:
                    self.special("__delitem__", base, key, None, node.lineno)
                    if base in self.heap:
                        self._write_back(base, self.heap.pop(base))

    def assign_each(self, target: ast.expr, iterable: ast.expr, term: Term) -> None:
        """Assigns what an iterable yields."""
        self.assign(target, self.elements(term, iterable.lineno))

    def raise_statement(self, node: ast.Raise) -> None:
        """`raise`."""
        for part in (node.exc, node.cause):
            if part is not None:
                term = self.evaluate(part)
                if type(term) is int and type(part) is not ast.Call:
                    self.ops.append((facts.RAISE, node.lineno, term))
        self.dead = True

    def returns(self, node: ast.Return) -> None:
        """`return`."""
        if node.value is not None:
            term = self.evaluate(node.value)
            body = self.body
            if type(term) is int and body.first <= term < body.last:
                body.passed.add(term - body.first)
            else:
                self.settle()
                self.copy(term, body.returned)
        self.dead = True

    # Imports and scopes.

    def import_statement(self, node: ast.Import) -> None:
        """`import a.b as c`."""
        for alias in node.names:
            if alias.asname:
                self.bind(alias.asname, self.imported(alias.name, None))
            else:
                name = alias.name.partition(".")[0]
                self.bind(name, self.imported(name, None))

    def import_from(self, node: ast.ImportFrom) -> None:
        """`from a import b`."""
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
        """`global`."""
        if self.body.scope is self.globals:
            return
        for name in node.names:
            self.seen(self.globals, name)
            self.body.declared[name] = self.globals.cells[name]

    def nonlocal_statement(self, node: ast.Nonlocal) -> None:
        """`nonlocal`."""
        for name in node.names:
            scope = self.body.scope.parent
            while scope is not None and not scope.binds(name):
                scope = scope.parent
            if scope is not None and scope is not self.globals:
                self.seen(scope, name)
                self.body.declared[name] = scope.cells[name]
