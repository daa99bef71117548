"""Calls of names, methods and builtins.

Strategy: a call is one operation, its callee left open; the very same call twice in a body is one.
Builtins and library functions are looked up among the models; one that has none does nothing that
we follow, but for the methods that it calls on its argument.
"""

import ast
from collections.abc import Callable
from typing import Final

from otel_llmops.topology.calls import facts
from otel_llmops.topology.calls.expressions import Expressions
from otel_llmops.topology.calls.facts import Term
from otel_llmops.topology.calls.names import BUILTINS, CONVERSIONS, TAKERS
from otel_llmops.topology.calls.scopes import ABSENT

__all__ = ["Invocations"]

QUIET: Final = frozenset(
    ("add", "append", "extend", "get", "insert", "items", "keys", "setdefault", "update", "values")
)
"""Methods of containers that call nothing back."""

Arguments = tuple[tuple[object, ...], tuple[object, ...]]
NONE: Final[Arguments] = ((), ())


class Invocations(Expressions):
    """Evaluates calls."""

    def __init__(self, module: str, package: str) -> None:
        super().__init__(module, package)
        self.table[ast.Call] = self.call
        self.models: dict[str, Callable[[ast.Call], Term]] = {}
        self.modelled: dict[str, Callable[[ast.Call], Term]] = {}

    def call(self, node: ast.Call) -> Term:
        """A call whose result is used."""
        return self.invoke(node, used=True)

    def invoke(self, node: ast.Call, *, used: bool) -> Term:
        """A call."""
        func = node.func
        if type(func) is ast.Name:
            callee = self.env.get(func.id, ABSENT)
            if callee is ABSENT:
                callee = self.free(func.id)
                if callee is ABSENT:
                    return self.builtin(func.id, node)
        elif type(func) is ast.Attribute:
            return self.method(node, func, used=used)
        else:
            callee = self.table[type(func)](func)
        if type(callee) is int and callee in self.dotted:
            model = self.modelled.get(self.dotted[callee])
            if model is not None:
                self.opaque(self.dotted[callee], node.lineno)
                return model(node)
        arguments, keywords = self.arguments(node)
        self.event()
        if type(callee) is not int:
            return None
        return self.emit((facts.CALL, callee, arguments, keywords), node.lineno, used=used)

    def emit(self, what: tuple[object, ...], line: int, *name: str, used: bool) -> Term:
        """A call, unless this body has made the very same before: it yields the same."""
        done = self.body.done
        key = (*what, *name)
        target = done.get(key, -1)
        if target == -1 or (used and target is None):
            target = done[key] = self.node() if used else None
            self.ops.append((what[0], line, *what[1:], target, *name))
        return target

    def arguments(self, node: ast.Call, skipped: int = 0) -> Arguments:
        """What is passed, positional arguments from `skipped` on."""
        if not node.args and not node.keywords:
            return NONE
        table = self.table
        arguments: list[object] = []
        for arg in node.args[skipped:]:
            kind = type(arg)
            term = table[kind](arg)
            arguments.append((term,) if kind is ast.Starred else term)
        while arguments and arguments[-1] is None:
            arguments.pop()
        keywords: list[object] = []
        for keyword in node.keywords:
            term = table[type(keyword.value)](keyword.value)
            if term is not None:
                keywords += (keyword.arg, term)
        return tuple(arguments), tuple(keywords)

    def method(self, node: ast.Call, func: ast.Attribute, *, used: bool) -> Term:
        """`value.name(...)`."""
        value = func.value
        kind = type(value)
        base = self.table[kind](value)
        attribute = func.attr
        if type(base) is not int:
            if kind is ast.Constant or kind is ast.JoinedStr:
                self.opaque(f"<**PyStr**>.{attribute}", node.lineno)
            self.arguments(node)
            return None
        if base in self.dotted:
            name = f"{self.dotted[base]}.{attribute}"
            model = self.modelled.get(name)
            if model is not None:
                self.opaque(name, node.lineno)
                return model(node)
        arguments, keywords = self.arguments(node)
        if base in self.kinds and attribute in QUIET:
            if attribute == "update" and self.updated(base, arguments):
                self.ops.append((facts.METHOD, node.lineno, base, (), (), None, attribute))
                return None
            if base in self.heap and attribute != "get":
                self._write_back(base, self.heap.pop(base))
        else:
            self.event()
        if attribute in TAKERS:
            self.handed_over(node, base, attribute, arguments)
        what = (facts.METHOD, base, arguments, keywords)
        return self.emit(what, node.lineno, attribute, used=used)

    def updated(self, base: int, arguments: tuple[object, ...]) -> bool:
        """`known.update(literal)`, key by key."""
        if len(arguments) != 1 or type(arguments[0]) is not int:
            return False
        source = self.heap.get(arguments[0])
        if source is None or not source.complete:
            return False
        for key, term in source.fields.items():
            self.put(base, key, term, 0)
        return True

    def handed_over(
        self, node: ast.Call, base: int, attribute: str, arguments: tuple[object, ...]
    ) -> None:
        """`executor.submit(f, ...)`: f is called, if the executor is not of the repository."""
        place = TAKERS[attribute]
        if len(arguments) > place and type(arguments[place]) is int:
            rest = arguments[place + 1 :]
            op = (facts.HANDOVER, node.lineno, base, arguments[place], rest)
            self.ops.append(op)

    def opaque(self, name: str, line: int) -> None:
        """A call of what is not in the repository, under the name that PyCG gives it."""
        self.body.builtins.setdefault(name, line)

    def builtin(self, name: str, node: ast.Call) -> Term:
        """A call of a builtin."""
        if name not in BUILTINS:
            self.arguments(node)
            return None
        self.opaque("<builtin>." + name, node.lineno)
        model = self.models.get(name)
        if model is not None:
            return model(node)
        arguments, _ = self.arguments(node)
        method = CONVERSIONS.get(name)
        if method is not None and arguments and type(arguments[0]) is int:
            self.special(method, arguments[0], None, None, node.lineno)
            self.event()
        return None

    def emit_call(
        self, line: int, callee: Term, arguments: tuple[object, ...], keywords: tuple[object, ...]
    ) -> Term:
        """A call that a model makes."""
        self.event()
        if type(callee) is not int:
            return None
        target = self.node()
        self.ops.append((facts.CALL, line, callee, arguments, keywords, target))
        return target

    def block(self, body: list[ast.stmt]) -> None:
        """Reads statements."""
        raise NotImplementedError
