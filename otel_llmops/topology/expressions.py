"""The flat loop over expressions, where 9 of 10 nodes of a syntax tree are.

Strategy: a stack instead of recursion, the commonest kinds of node first. Each node is noted as a
token of the function that it is in: names as they are, attributes with a dot before them, constants
as their repr, all else by its class. What is asked of names (is this the method's `self`, could
this be a class) is asked in passing. Whatever weighs in cognitive complexity is rare, so it is
looked for here and weighed apart.
"""

import ast
from ast import Attribute, Call, Constant, Lambda, Name
from collections.abc import Callable
from hashlib import blake2b
from operator import attrgetter
from typing import Any

from otel_llmops.topology.cognitive import WEIGHTY, weigh
from otel_llmops.topology.declared import dynamic_import, names_of
from otel_llmops.topology.facts import TOP_LEVEL, FunctionFacts, ImportFacts

__all__ = ["Expressions", "Frame", "fingerprint"]

_NO_MEANING = frozenset({"ctx", "kind", "type_comment", "type_ignores"})


class _Arities(dict[int, str]):
    """Number of parts -> its token."""

    def __init__(self, sign: str) -> None:
        self._sign = sign

    def __missing__(self, count: int) -> str:
        token = self[count] = f"{self._sign}{count}"
        return token


_CALLS, _LISTS, _TARGETS = _Arities("("), _Arities("["), _Arities("=")
_DYNAMIC = frozenset({"import_module", "__import__"})


def _getter(kind: type[ast.AST]) -> Any:
    # two more than there are: of fewer than two, attrgetter makes no tuple
    fields = [field for field in kind._fields if field not in _NO_MEANING]
    return attrgetter(*fields, "__class__", "__class__")


_FIELDS: dict[type, Any] = {
    kind: _getter(kind)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}


def _any(node: Any, tokens: list[str], stack: list[Any]) -> None:
    kind = node.__class__
    tokens.append(kind.__name__)
    for value in _FIELDS[kind](node)[:-2]:
        if value is None:
            tokens.append("-")
        elif value.__class__ is list:
            tokens.append(_LISTS[len(value)])
            stack += value
        else:
            stack.append(value)


def _assign(node: Any, tokens: list[str], stack: list[Any]) -> None:
    targets = node.targets
    tokens.append(_TARGETS[len(targets)])
    stack += targets
    stack.append(node.value)


def _expr(node: Any, tokens: list[str], stack: list[Any]) -> None:
    tokens.append(";")
    stack.append(node.value)


def _return(node: Any, tokens: list[str], stack: list[Any]) -> None:
    if node.value is None:
        tokens.append("return")
    else:
        tokens.append("return ")
        stack.append(node.value)


def _sequence(node: Any, tokens: list[str], stack: list[Any]) -> None:
    elements = node.elts
    tokens.append(node.__class__.__name__)
    tokens.append(_LISTS[len(elements)])
    stack += elements


def _subscript(node: Any, tokens: list[str], stack: list[Any]) -> None:
    tokens.append("[")
    stack.append(node.slice)
    stack.append(node.value)


def _binary(node: Any, tokens: list[str], stack: list[Any]) -> None:
    tokens.append(node.op.__class__.__name__)
    stack.append(node.right)
    stack.append(node.left)


def _unary(node: Any, tokens: list[str], stack: list[Any]) -> None:
    tokens.append(node.op.__class__.__name__)
    stack.append(node.operand)


def _compare(node: Any, tokens: list[str], stack: list[Any]) -> None:
    tokens.extend([operator.__class__.__name__ for operator in node.ops])
    tokens.append("?")
    stack += node.comparators
    stack.append(node.left)


def _arguments(node: Any, tokens: list[str], stack: list[Any]) -> None:
    for sign, group in (("/", node.posonlyargs), (",", node.args), ("*", node.kwonlyargs)):
        if group:
            tokens.append(sign)
            for argument in group:
                _argument(argument, tokens, stack)
    for sign, argument in (("*", node.vararg), ("**", node.kwarg)):
        if argument is not None:
            tokens.append(sign)
            _argument(argument, tokens, stack)
    if node.defaults:
        tokens.append(_LISTS[len(node.defaults)])
        stack += node.defaults
    if node.kw_defaults:
        stack += node.kw_defaults
    tokens.append(")")


def _argument(node: Any, tokens: list[str], stack: list[Any]) -> None:
    tokens.append(node.arg)
    if node.annotation is not None:
        tokens.append(":")
        stack.append(node.annotation)


_PARTS: dict[type, Callable[[Any, list[str], list[Any]], None]] = {
    ast.Assign: _assign,
    ast.Expr: _expr,
    ast.Return: _return,
    ast.Tuple: _sequence,
    ast.List: _sequence,
    ast.Subscript: _subscript,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
    ast.arguments: _arguments,
}
"""The commonest kinds beside those in the loop; every other kind is taken by `_any`."""


class Frame:
    """What is counted while a function, a lambda or the module's own statements are walked.

    `first` is the name of a method's first parameter, `attributes` what was touched of it;
    `cognitive` what it weighs on its own, `per_level` how much more for each level around it.
    """

    __slots__ = ("attributes", "cognitive", "decisions", "decorates", "first", "inside", "name",
                 "per_level", "recursive", "tokens")  # fmt: skip

    def __init__(self, name: str, tokens: list[str], *, inside: bool) -> None:
        self.name = name
        self.tokens = tokens
        self.inside = inside
        self.first = ""
        self.attributes: set[str] = set()
        self.decisions = 0
        self.cognitive = 0
        self.per_level = 0
        self.recursive = False
        self.decorates = False

    def weigh(self, weight: int, per_level: int, nesting: int) -> None:
        """Add what weighs `weight` at the top, at its place."""
        self.cognitive += weight + per_level * nesting
        self.per_level += per_level


class Expressions:
    """The state of a walk, and the walk of expressions."""

    def __init__(self, watched: frozenset[str]) -> None:
        self.watched = watched
        self.frame = Frame("", [], inside=False)
        self.prefix = ""
        self.scope = TOP_LEVEL
        self.references: set[str] = set()
        self.lambdas: dict[str, int] = {}
        self.imports: list[ImportFacts] = []
        self.functions: list[FunctionFacts] = []

    def expressions(self, roots: list[Any], nesting: int) -> None:
        """Walk `roots`, expressions or simple statements; the list is used up."""
        found = self._tokens(roots)
        if found:
            weight, per_level = weigh(found)
            self.frame.weigh(weight, per_level, nesting)
            lambdas = [node for node in found if node.__class__ is Lambda]
            for node in sorted(lambdas, key=lambda node: (node.lineno, node.col_offset)):
                self._lambda(node, nesting)

    def _tokens(self, stack: list[Any]) -> list[Any]:  # noqa: C901, PLR0912, PLR0915 - the hot loop
        """Note the tokens of all that is on the stack; the nodes that weigh something."""
        frame, watched = self.frame, self.watched
        first = frame.first
        tokens = frame.tokens
        weighty: list[Any] = []
        while stack:
            node = stack.pop()
            kind = node.__class__
            if kind is Name:
                name = node.id
                tokens.append(name)
                if name in watched:
                    self.references.add(name)
            elif kind is Attribute:
                attribute = node.attr
                tokens.append("." + attribute)
                node = node.value
                if node.__class__ is Name:
                    name = node.id
                    tokens.append(name)
                    if name == first:
                        frame.attributes.add(attribute)
                    elif name in watched:
                        self.references.add(f"{name}.{attribute}")
                else:
                    stack.append(node)
            elif kind is Constant:
                tokens.append(repr(node.value))
            elif kind is Call:
                tokens.append(_CALLS[len(node.args)])
                for keyword in node.keywords:
                    tokens.append(f"{keyword.arg}=")
                    stack.append(keyword.value)
                stack += node.args
                called = node.func
                stack.append(called)
                if called.__class__ is Name:
                    if called.id == frame.name:
                        frame.recursive = True
                    elif called.id in _DYNAMIC:
                        self.imports += dynamic_import(node, self.scope)
                elif called.__class__ is Attribute and called.attr in _DYNAMIC:
                    self.imports += dynamic_import(node, self.scope)
            elif kind in _PARTS:
                _PARTS[kind](node, tokens, stack)
            elif kind in _FIELDS:
                if kind in WEIGHTY:
                    weighty.append(node)
                if kind is Lambda:
                    tokens.append("lambda")
                    stack.append(node.args)
                else:
                    _any(node, tokens, stack)
            else:
                tokens.append(str(node))  # None in a list, a name in `global`
        return weighty

    def _lambda(self, node: ast.Lambda, nesting: int) -> None:
        outer, prefix = self.frame, self.prefix
        number = self.lambdas[prefix] = self.lambdas.get(prefix, 0) + 1
        name = f"<lambda{number}>"
        tokens = ["lambda", *names_of(node.args)]
        frame = self.frame = Frame(name, tokens, inside=True)
        frame.first, frame.attributes = outer.first, outer.attributes
        self.prefix = f"{prefix}{name}."
        self.expressions([node.body], 0)
        self.functions.append(
            FunctionFacts(
                name, prefix + name, "lambda", node.lineno, node.lineno, node.end_lineno or 0,
                1, frame.cognitive, is_async=False, decorators="[]", docstring="",
                body_hash=fingerprint(tokens),
            )
        )  # fmt: skip
        self.frame, self.prefix = outer, prefix
        outer.tokens += tokens
        outer.weigh(frame.cognitive, frame.per_level, nesting + 1)


def fingerprint(tokens: list[str]) -> str:
    """A hash of tokens: 16 hex digits."""
    return blake2b("\0".join(tokens).encode(), digest_size=8).hexdigest()
