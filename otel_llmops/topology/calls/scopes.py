"""Names: what each holds at this place of a body, and what nested functions may see of it.

Strategy: a body is read in the order it runs, with an environment from name to term, so a name
assigned twice is two values (static single assignment, by renaming). Where ways join, differing
values meet in a node of their own; a loop gives every name that it assigns such a node beforehand.
Functions read later, from inside, and see through a cell what the name held whenever anything was
called: a value that was replaced before any call could run was seen by nobody.
"""

import ast
from collections.abc import Iterable
from typing import Final

from otel_llmops.topology.calls.facts import Term

__all__ = ["ABSENT", "Cell", "Env", "Scope", "assigned"]

ABSENT: Final = "?"
"""The term of a name that the file does not bind: a builtin, or nothing. No constant looks so."""

Env = dict[str, Term]


class Cell:
    """A name seen from elsewhere: its number, and the terms written to it."""

    __slots__ = ("name", "sources", "term")

    def __init__(self, term: int) -> None:
        self.term = term
        self.name = ""
        self.sources: list[Term] = []


class Scope:
    """The names of a function or module whose body has been read."""

    __slots__ = ("cells", "env", "killed", "lambdas", "parent", "prefix")

    def __init__(self, prefix: str, parent: "Scope | None") -> None:
        self.prefix = prefix
        self.parent = parent
        self.env: Env = {}
        self.killed: dict[str, list[Term]] = {}
        self.cells: dict[str, Cell] = {}
        self.lambdas = 0

    def binds(self, name: str) -> bool:
        """Whether the scope binds a name."""
        return name in self.env or name in self.killed or name in self.cells


_BLOCKS: Final = ("body", "orelse", "finalbody")
_NESTED: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def assigned(body: Iterable[ast.stmt]) -> set[str]:
    """The names that statements bind, those in nested blocks too, not those of nested functions."""
    names: set[str] = set()
    todo = list(body)
    while todo:
        statement = todo.pop()
        kind = type(statement)
        if kind is ast.Assign:
            for target in statement.targets:  # type: ignore[attr-defined]
                _targets(target, names)
        elif kind is ast.Expr or kind is ast.Return or kind is ast.Pass:
            continue
        elif kind in _NESTED:
            names.add(statement.name)  # type: ignore[attr-defined]
        elif kind is ast.AugAssign or kind is ast.AnnAssign:
            _targets(statement.target, names)  # type: ignore[attr-defined]
        elif kind is ast.Import or kind is ast.ImportFrom:
            for alias in statement.names:  # type: ignore[attr-defined]
                names.add(alias.asname or alias.name.split(".")[0])
        else:
            _compound(statement, names, todo)
    return names


def _compound(statement: ast.stmt, names: set[str], todo: list[ast.stmt]) -> None:
    """What a compound statement itself binds; its blocks are left to do."""
    for field in _BLOCKS:
        todo.extend(getattr(statement, field, ()))
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        todo.extend(part.body)
        if isinstance(part, ast.match_case):
            _captures(part.pattern, names)
        elif part.name:
            names.add(part.name)
    if isinstance(statement, ast.For | ast.AsyncFor):
        _targets(statement.target, names)
    for item in getattr(statement, "items", ()):
        if item.optional_vars is not None:
            _targets(item.optional_vars, names)


def _captures(pattern: ast.pattern, names: set[str]) -> None:
    for node in ast.walk(pattern):
        name = getattr(node, "rest" if isinstance(node, ast.MatchMapping) else "name", None)
        if name:
            names.add(name)


def _targets(target: ast.expr, names: set[str]) -> None:
    todo = [target]
    while todo:
        node = todo.pop()
        if type(node) is ast.Name:
            names.add(node.id)
        elif isinstance(node, ast.Tuple | ast.List):
            todo.extend(node.elts)
        elif type(node) is ast.Starred:
            todo.append(node.value)
