"""Small questions to a syntax tree: what is imported, which names, is this for type checkers."""

import ast
from collections.abc import Iterator, Sequence

from otel_llmops.topology.facts import ImportFacts

__all__ = [
    "docstring",
    "dynamic_import",
    "importable",
    "imported",
    "irrefutable",
    "names_of",
    "static",
    "type_checking",
    "without_docstring",
]

_DOCSTRING_CHARS_MAX = 200
_BODIES = ("body", "orelse", "handlers", "finalbody")


def imported(statement: ast.Import | ast.ImportFrom, scope: str) -> list[ImportFacts]:
    """What an import statement says: one for each module of `import a, b`."""
    line = statement.lineno
    if isinstance(statement, ast.Import):
        return [
            ImportFacts("import", 0, alias.name, (("", alias.asname or ""),), scope, line)
            for alias in statement.names
        ]
    names = tuple((alias.name, alias.asname or alias.name) for alias in statement.names)
    kind = "star_import" if names[0][0] == "*" else "from_import"
    return [ImportFacts(kind, statement.level, statement.module or "", names, scope, line)]


def dynamic_import(call: ast.Call, scope: str) -> list[ImportFacts]:
    """`import_module("constant")`, `import_module(".x", __package__)`, `__import__("x")`."""
    if not call.args or not isinstance(call.args[0], ast.Constant):
        return []
    name = call.args[0].value
    if not isinstance(name, str) or not name.strip("."):
        return []
    module = name.lstrip(".")
    level = len(name) - len(module)
    if level:
        package = call.args[1] if len(call.args) > 1 else None
        for keyword in call.keywords:
            package = keyword.value if keyword.arg == "package" else package
        if isinstance(package, ast.Constant) and isinstance(package.value, str):
            if level > 1:
                return []
            level, module = 0, f"{package.value}.{module}"
        elif not (isinstance(package, ast.Name) and package.id in {"__package__", "__name__"}):
            return []
    return [ImportFacts("import", level, module, (("", ""),), scope, call.lineno)]


def importable(tree: ast.Module) -> frozenset[str]:
    """Names at the top of a module that may stand for a class: imported ones, its own classes."""
    found: set[str] = set()
    for statement in _top_level(tree.body):
        if isinstance(statement, ast.ClassDef):
            found.add(statement.name)
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            found.update(alias.asname or alias.name.partition(".")[0] for alias in statement.names)
    return frozenset(found)


def _top_level(statements: Sequence[ast.AST]) -> Iterator[ast.AST]:
    for statement in statements:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.ExceptHandler | ast.With):
            for field in _BODIES:
                yield from _top_level(getattr(statement, field, ()))


def type_checking(test: ast.expr) -> bool | None:
    """Whether a test holds only for type checkers (True), only at run time (False), or neither."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = type_checking(test.operand)
        return None if inner is None else not inner
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return True if any(type_checking(value) is True for value in test.values) else None
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return True if name == "TYPE_CHECKING" else None


def names_of(arguments: ast.arguments) -> list[str]:
    """The names of parameters, in order."""
    every = [*arguments.posonlyargs, *arguments.args, arguments.vararg, *arguments.kwonlyargs,
             arguments.kwarg]  # fmt: skip
    return [argument.arg for argument in every if argument is not None]


def static(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a method has no self and no class."""
    return any(
        isinstance(decorator, ast.Name) and decorator.id == "staticmethod"
        for decorator in function.decorator_list
    )


def irrefutable(pattern: ast.pattern) -> bool:
    """Whether a pattern takes whatever comes, as `_` does."""
    if isinstance(pattern, ast.MatchAs):
        return pattern.pattern is None or irrefutable(pattern.pattern)
    return isinstance(pattern, ast.MatchOr) and any(map(irrefutable, pattern.patterns))


def docstring(body: Sequence[ast.stmt]) -> str:
    """The first line of a docstring, '' without one."""
    if len(body) == len(without_docstring(body)):
        return ""
    text: str = body[0].value.value  # type: ignore[attr-defined]
    line = text.strip().partition("\n")[0][:_DOCSTRING_CHARS_MAX].rstrip()
    return line if line.isascii() else line.encode("utf-8", "replace").decode()


def without_docstring(body: Sequence[ast.stmt]) -> Sequence[ast.stmt]:
    """A body without its docstring."""
    if body and isinstance(body[0], ast.Expr):
        value = body[0].value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return body[1:]
    return body
