"""One pass over a file's syntax tree: imports, functions, classes, metrics.

Strategy: statements by a recursive walk, because nesting and scope hang on them; expressions by
the flat loop of `expressions`. A function's tokens, without positions and docstrings, make its
`body_hash`; those of its nested functions are part of it, those of methods and functions are no
part of the module's body.

Cyclomatic complexity is that of ruff's C901: 1 and each if, loop, except, else of try, case; a
nested function's is part of the outer's. Cognitive complexity: see `cognitive`; a nested function
is one level deeper, unless it is all that a decorator holds.
"""

import ast
import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from otel_llmops.topology import declared
from otel_llmops.topology.cohesion import Method, lcom4, lcom_hs
from otel_llmops.topology.expressions import Expressions, Frame, fingerprint
from otel_llmops.topology.facts import (
    CONDITIONAL,
    FUNCTION,
    TOP_LEVEL,
    TYPE_CHECKING,
    ClassFacts,
    FileFacts,
    FunctionFacts,
)
from otel_llmops.topology.source import Source

__all__ = ["walk"]

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def walk(tree: ast.Module, source: Source) -> FileFacts:
    """What a file says of itself.

    Out:    the module's own body is the first function.
    Raises: RecursionError, for statements nested thousands deep.
    Cost:   O(nodes), about 0.5 us a node.
    """
    return _Walk(tree, source).facts()


class _Walk(Expressions):
    def __init__(self, tree: ast.Module, source: Source) -> None:
        super().__init__(declared.importable(tree))
        self.tree = tree
        self.source = source
        self.source_lines: list[bytes] = []
        self.classes: list[ClassFacts] = []
        self.methods: list[Method] | None = None

    def facts(self) -> FileFacts:
        self._block(declared.without_docstring(self.tree.body), 0)
        frame, lines = self.frame, self.source.lines
        module = FunctionFacts(
            "", "", "module", 1, 1, max(lines, 1), 1 + frame.decisions, frame.cognitive,
            is_async=False, decorators="[]", docstring=declared.docstring(self.tree.body),
            body_hash=fingerprint(frame.tokens),
        )  # fmt: skip
        return FileFacts(lines, tuple(self.imports), (module, *self.functions), tuple(self.classes))

    def _block(self, statements: Sequence[ast.stmt], nesting: int) -> None:
        simple: list[Any] = []
        for statement in statements:
            handler = self._HANDLERS.get(statement.__class__)
            if handler is None:
                simple.append(statement)
                continue
            if simple:
                self.expressions(simple, nesting)
            handler(self, statement, nesting)
        if simple:
            self.expressions(simple, nesting)

    def _guarded(self, statements: Sequence[ast.stmt], nesting: int) -> None:
        """A block that may not run."""
        before = self.scope
        if before == TOP_LEVEL:
            self.scope = CONDITIONAL
        self._block(statements, nesting)
        self.scope = before

    def _if(self, statement: ast.If, nesting: int) -> None:
        """An if with its elifs, which nest in the tree but not for a reader."""
        frame = self.frame
        frame.weigh(1, 1, nesting)
        while True:
            frame.decisions += 1
            frame.tokens.append("if")
            self.expressions([statement.test], nesting)
            checking = declared.type_checking(statement.test)
            self._branch(statement.body, nesting + 1, checking=checking is True)
            orelse = statement.orelse
            if not orelse:
                break
            frame.cognitive += 1
            frame.tokens.append("else")
            first = orelse[0]
            # an elif stands where its if stands, an if inside an else does not
            if not (isinstance(first, ast.If) and first.col_offset == statement.col_offset):
                self._branch(orelse, nesting + 1, checking=checking is False)
                break
            statement = first
        frame.tokens.append("fi")

    def _branch(self, statements: Sequence[ast.stmt], nesting: int, *, checking: bool) -> None:
        before = self.scope
        if checking:
            self.scope = TYPE_CHECKING
        self._guarded(statements, nesting)
        self.scope = before

    def _loop(self, statement: ast.For | ast.AsyncFor | ast.While, nesting: int) -> None:
        frame = self.frame
        frame.weigh(1, 1, nesting)
        frame.decisions += 1
        frame.tokens.append(statement.__class__.__name__)
        if isinstance(statement, ast.While):
            self.expressions([statement.test], nesting)
        else:
            self.expressions([statement.target, statement.iter], nesting)
        self._guarded(statement.body, nesting + 1)
        frame.tokens.append("else")
        self._guarded(statement.orelse, nesting)
        frame.tokens.append("done")

    def _try(self, statement: ast.Try, nesting: int) -> None:  # and TryStar, of the same fields
        frame = self.frame
        frame.tokens.append(statement.__class__.__name__)
        self._guarded(statement.body, nesting)
        for handler in statement.handlers:
            frame.weigh(1, 1, nesting)
            frame.decisions += 1
            frame.tokens.append(f"except {handler.name}")
            if handler.type is not None:
                self.expressions([handler.type], nesting)
            self._guarded(handler.body, nesting + 1)
        if statement.orelse:
            frame.decisions += 1
        for block in (statement.orelse, statement.finalbody):
            frame.tokens.append("then")
            self._guarded(block, nesting)

    def _with(self, statement: ast.With | ast.AsyncWith, nesting: int) -> None:
        tokens = self.frame.tokens
        tokens.append(statement.__class__.__name__)
        self.expressions(list(statement.items), nesting)
        tokens.append("do")
        self._block(statement.body, nesting)
        tokens.append("done")

    def _match(self, statement: ast.Match, nesting: int) -> None:
        frame = self.frame
        frame.weigh(1, 1, nesting)
        frame.decisions += len(statement.cases)
        last = statement.cases[-1]
        if last.guard is None and declared.irrefutable(last.pattern):
            frame.decisions -= 1
        frame.tokens.append("match")
        self.expressions([statement.subject], nesting)
        for case in statement.cases:
            frame.tokens.append("case")
            self.expressions([case.pattern], nesting)
            if case.guard is not None:
                self.expressions([case.guard], nesting + 1)
            self._guarded(case.body, nesting + 1)
        frame.tokens.append("done")

    def _import(self, statement: ast.Import | ast.ImportFrom, _nesting: int) -> None:
        found = declared.imported(statement, self.scope)
        self.imports += found
        for one in found:
            names = (name for pair in one.names for name in pair)
            self.frame.tokens += [one.kind, "." * one.level, one.module, *names]

    def _function(self, statement: _Function, nesting: int) -> None:
        outer, prefix, methods, scope = self.frame, self.prefix, self.methods, self.scope
        name, body = statement.name, declared.without_docstring(statement.body)
        header = self._header(statement, nesting)
        frame = self.frame = Frame(name, [*header], inside=True)
        frame.decorates = len(body) == 2 and isinstance(body[0], _Function) and (
            isinstance(body[1], ast.Return)
        )  # fmt: skip
        if methods is not None:
            frame.first = next(iter(declared.names_of(statement.args)), "")
        else:  # a closure touches the attributes of the method that it is in
            frame.first, frame.attributes = outer.first, outer.attributes
        self.prefix, self.methods = f"{prefix}{name}.", None
        self.scope = scope if scope == TYPE_CHECKING else FUNCTION
        self._block(body, 0)
        self.frame, self.prefix, self.methods, self.scope = outer, prefix, methods, scope
        self._close(statement, frame)
        if methods is not None:
            bound = not declared.static(statement)
            methods.append(Method(name, frozenset(frame.attributes), bound))
        if outer.inside:
            outer.tokens += frame.tokens
            outer.decisions += 1 + frame.decisions
            deeper = 0 if methods is not None or outer.decorates else 1
            outer.weigh(frame.cognitive, frame.per_level, nesting + deeper)
        else:
            outer.tokens += header

    def _header(self, statement: _Function, nesting: int) -> list[str]:
        """Tokens of what runs where a function is defined, as if it were a statement there."""
        frame = self.frame
        before, frame.tokens = frame.tokens, [statement.__class__.__name__, statement.name]
        parts = [*statement.decorator_list, *getattr(statement, "type_params", ()), statement.args]
        self.expressions(
            parts if statement.returns is None else [*parts, statement.returns], nesting
        )
        header, frame.tokens = frame.tokens, before
        return header

    def _close(self, statement: _Function, frame: Frame) -> None:
        decorators = statement.decorator_list
        self.functions.append(
            FunctionFacts(
                frame.name,
                self.prefix + frame.name,
                "function" if self.methods is None else "method",
                decorators[0].lineno if decorators else statement.lineno,
                statement.lineno,
                statement.end_lineno or statement.lineno,
                1 + frame.decisions,
                frame.cognitive + frame.recursive,
                isinstance(statement, ast.AsyncFunctionDef),
                self._written(decorators),
                declared.docstring(statement.body),
                fingerprint(frame.tokens),
            )
        )

    def _class(self, statement: ast.ClassDef, nesting: int) -> None:
        prefix, methods, references = self.prefix, self.methods, self.references
        name, tokens = statement.name, self.frame.tokens
        self.references = set()
        tokens += ["class", name]
        self.expressions(
            [*statement.decorator_list, *getattr(statement, "type_params", ()), *statement.bases,
             *statement.keywords], nesting,
        )  # fmt: skip
        self.prefix, self.methods = f"{prefix}{name}.", []
        self._block(declared.without_docstring(statement.body), nesting)
        tokens.append("done")
        bound = [method for method in self.methods if method.bound]
        self.classes.append(
            ClassFacts(
                name, prefix + name, statement.lineno, statement.end_lineno or statement.lineno,
                self._written(statement.bases), len({method.name for method in self.methods}),
                lcom4(bound), lcom_hs(bound), tuple(sorted(self.references)),
            )
        )  # fmt: skip
        references |= self.references
        self.prefix, self.methods, self.references = prefix, methods, references

    def _written(self, expressions: Sequence[ast.expr]) -> str:
        """A JSON list of expressions as the source has them, line breaks as spaces."""
        if not expressions:
            return "[]"
        lines = self.source_lines
        if not lines:
            lines = self.source_lines = self.source.text.encode("utf-8", "replace").split(b"\n")
        texts = []
        for node in expressions:
            first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
            parts = lines[first : last + 1]
            parts[-1] = parts[-1][: node.end_col_offset]
            parts[0] = parts[0][node.col_offset :]
            texts.append(" ".join(b" ".join(parts).decode("utf-8", "replace").split()))
        return json.dumps(texts, ensure_ascii=False)

    _HANDLERS: ClassVar[dict[type[ast.AST], Callable[["_Walk", Any, int], None]]] = {
        ast.If: _if,
        ast.For: _loop,
        ast.AsyncFor: _loop,
        ast.While: _loop,
        ast.Try: _try,
        ast.TryStar: _try,
        ast.With: _with,
        ast.AsyncWith: _with,
        ast.Match: _match,
        ast.Import: _import,
        ast.ImportFrom: _import,
        ast.FunctionDef: _function,
        ast.AsyncFunctionDef: _function,
        ast.ClassDef: _class,
    }
