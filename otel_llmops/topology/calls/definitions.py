"""Definitions: functions, lambdas and classes, their decorators, parameters and annotations.

Strategy: a definition runs where it stands (decorators, defaults, bases, a class's body); what is
inside a function is read later, when the names around it are complete. Decorators are calls; those
that only say how a method binds (`staticmethod`, whatever ends in `property`) are flags instead.
"""

import ast
from collections.abc import Sequence
from functools import partial
from typing import Final

from otel_llmops.topology.calls import facts
from otel_llmops.topology.calls.branches import Branches
from otel_llmops.topology.calls.facts import Op, Term
from otel_llmops.topology.calls.scopes import Scope
from otel_llmops.topology.calls.state import Body

__all__ = ["Definitions"]

Definition = ast.FunctionDef | ast.AsyncFunctionDef

_BINDING: Final = {"staticmethod": facts.STATIC, "classmethod": facts.BY_CLASS}
_BY_CLASS: Final = frozenset(("__new__", "__init_subclass__", "__class_getitem__"))
_FIELDS: Final = frozenset(("dataclass", "define", "frozen", "attrs"))
_SILENT: Final = frozenset(("overload", "abstractmethod", "final", "override"))

_SAME: Final = frozenset(("Annotated", "ClassVar", "Final", "Optional", "Required", "NotRequired"))
_LAST: Final = frozenset(("Awaitable", "Coroutine"))
_TYPE: Final = frozenset(("Type", "type"))
_MAPPING: Final = frozenset(
    ("Dict", "DefaultDict", "Mapping", "MutableMapping", "OrderedDict", "defaultdict", "dict")
)
_ELEMENTS: Final = frozenset(
    (
        *("AsyncGenerator", "AsyncIterable", "AsyncIterator", "Collection", "Deque", "FrozenSet"),
        *("Generator", "Iterable", "Iterator", "List", "MutableSequence", "Sequence", "Set"),
        *("Tuple", "deque", "frozenset", "list", "set", "tuple"),
    )
)
_GENERICS: Final[tuple[tuple[frozenset[str], int, int | None], ...]] = (
    (_SAME, 0, None),
    (_LAST, -1, None),
    (_TYPE, 0, facts.CLASS_ITSELF),
    (_MAPPING, -1, facts.VALUES),
    (_ELEMENTS, 0, facts.ELEMENTS),
)
"""Names of generics, which of their arguments counts, and how it is wrapped."""


class Definitions(Branches):
    """Reads definitions."""

    def __init__(self, module: str, package: str) -> None:
        super().__init__(module, package)
        self.statements |= {
            ast.FunctionDef: self.function,
            ast.AsyncFunctionDef: self.function,
            ast.ClassDef: self.class_statement,
        }
        self.table[ast.Lambda] = self.lambda_expression
        self.prefix = ""
        self.counters: dict[str, int] = {}
        self.functions: list[list[object]] = []
        self.operations: dict[int, list[Op]] = {}
        self.classes: list[list[object]] = []
        self.scopes: list[Scope] = [self.globals]
        self.setters: list[object] = []
        self.fields: list[list[object]] = []

    # Functions.

    def function(self, node: Definition) -> None:
        """`def` and `async def`."""
        flags = facts.METHOD_OF if self.around >= 0 else 0
        calls: list[tuple[Term, int]] = []
        for decorator in node.decorator_list:
            name, owner = _called(decorator)
            if self.around >= 0 and owner == node.name and name in ("setter", "deleter", "getter"):
                self.accessor(node, name)
                return
            if name in _BINDING and not owner:
                flags |= _BINDING[name]
            elif name not in _SILENT:
                calls.append((self.evaluate(decorator), decorator.lineno))
                if self.around >= 0 and name.endswith("property"):
                    flags |= facts.PROPERTY
        if self.around >= 0 and node.name in _BY_CLASS:
            flags |= facts.BY_CLASS
        term = self.define(node, self.prefix + node.name, flags)
        self.bind(node.name, self.decorated(term, calls, keep=bool(flags & facts.PROPERTY)))

    def accessor(self, node: Definition, name: str) -> None:
        """`@x.setter`: x stays the property that it is."""
        number = len(self.functions)
        self.define(node, self.prefix + node.name, facts.METHOD_OF)
        if name == "setter":
            self.setters += (node.name, number)

    def decorated(self, term: int, calls: Sequence[tuple[Term, int]], *, keep: bool) -> int:
        """What decorators make of a definition; the last written is called first."""
        for callee, line in reversed(calls):
            if type(callee) is not int:
                continue
            self.event()
            if keep:
                self.ops.append((facts.CALL, line, callee, (term,), (), None))
                continue
            target = self.node()
            self.ops.append((facts.DECORATE, line, callee, term, target))
            term = target
        return term

    def lambda_expression(self, node: ast.Lambda) -> Term:
        """`lambda`, numbered in the order they stand."""
        number = self.counters[self.prefix] = self.counters.get(self.prefix, 0) + 1
        return self.define(node, f"{self.prefix}<lambda{number}>", 0)

    def define(self, node: Definition | ast.Lambda, name: str, flags: int) -> int:
        """Gives a function its node and those of its parameters; its body is read later."""
        args = node.args
        positional = [*args.posonlyargs, *args.args]
        target = self.node()
        first = self.count
        self.count = first + len(positional) + len(args.kwonlyargs)
        after = self.count
        if args.vararg:
            flags |= facts.MORE
            self.count += 1
        if args.kwarg:
            flags |= facts.MORE_BY_NAME
            self.count += 1
        for place, default in enumerate(reversed(args.defaults), 1):
            self.copy(self.evaluate(default), first + len(positional) - place)
        for place, by_name in enumerate(args.kw_defaults):
            if by_name is not None:
                self.copy(self.evaluate(by_name), first + len(positional) + place)
        kind = "lambda" if isinstance(node, ast.Lambda) else ""
        function: list[object] = [
            name,
            kind or ("method" if flags & facts.METHOD_OF else "function"),
            node.lineno,
            target,
            self.around if flags & facts.METHOD_OF else -1,
            flags,
            first,
            tuple([arg.arg for arg in positional]),
            tuple([arg.arg for arg in args.kwonlyargs]),
        ]
        number = len(self.functions)
        self.functions.append(function)
        class_number = self.around if flags & facts.METHOD_OF else self.body.class_number
        self.queue.append(partial(self.read, node, number, self.body.scope, class_number, after))
        return target

    def read(
        self,
        node: Definition | ast.Lambda,
        number: int,
        parent: Scope,
        class_number: int,
        after: int,
    ) -> None:
        """Reads a function's body."""
        function = self.functions[number]
        name, first = str(function[facts.F_NAME]), int(str(function[facts.F_FIRST]))
        self.prefix = name + "."
        body = self.open_body(Scope(name, parent))
        body.number = number
        body.first = first
        names = (*function[facts.F_NAMES], *function[facts.F_KEYWORDS])  # type: ignore[misc]
        body.last = first + len(function[facts.F_NAMES])  # type: ignore[arg-type]
        for place, arg in enumerate(names):
            self.env[arg] = first + place
        for arg in (node.args.vararg, node.args.kwarg):
            if arg is not None:
                self.env[arg.arg] = after
                after += 1
        flags = int(str(function[facts.F_FLAGS]))
        body.class_number = class_number
        if flags & facts.METHOD_OF and names and not flags & facts.STATIC:
            body.self_term = first
        self.annotate_parameters(node.args, first)
        if isinstance(node, ast.Lambda):
            self.block([ast.Return(node.body)])
        else:
            self.annotate_result(node)
            self.block(node.body)
        self.close_body(number)

    def open_body(self, scope: Scope) -> Body:
        """Begins to read a body."""
        body = self.body = Body(scope)
        self.scopes.append(scope)
        self.ops = body.ops
        self.env = {}
        self.flow = None
        self.around = -1
        self.bound_at = {}
        self.killed = scope.killed
        self.loops = []
        self.dead = False
        self.nested = len(self.queue)
        body.returned = self.node()
        return body

    def close_body(self, number: int) -> None:
        """A body has been read."""
        self.settle()
        body = self.body
        body.scope.env = self.env
        self.operations[number] = body.ops
        self.functions[number] += (
            body.returned,
            body.yielded,
            tuple(sorted(body.passed)),
            [item for pair in body.builtins.items() for item in pair],
        )
        if body.yielded is not None:
            flags = int(str(self.functions[number][facts.F_FLAGS]))
            self.functions[number][facts.F_FLAGS] = flags | facts.GENERATOR

    # Classes.

    def class_statement(self, node: ast.ClassDef) -> None:
        """`class`, whose body runs where it stands."""
        calls: list[tuple[Term, int]] = []
        flags = 0
        for decorator in node.decorator_list:
            calls.append((self.evaluate(decorator), decorator.lineno))
            name, owner = _called(decorator)
            if name in _FIELDS or (owner == "attr" and name in ("s", "ib")):
                flags |= facts.DATA
        bases = tuple([self.evaluate(base) for base in node.bases])
        for keyword in node.keywords:
            self.evaluate(keyword.value)
        number = len(self.classes)
        target = self.node()
        name = self.prefix + node.name
        entry: list[object] = [name, node.lineno, target, bases]
        self.classes.append(entry)
        outside = self.env, self.flow, self.around, self.prefix, self.bound_at, self.killed
        setters = self.setters
        self.flow = self.env if self.flow is None else self.flow
        self.env, self.around, self.prefix = {}, number, name + "."
        self.bound_at, self.killed, self.setters = {}, {}, []
        fields, outer_fields = list[list[object]](), self.fields
        self.fields = fields
        self.class_body(node, name)
        attributes = [item for pair in self.env.items() for item in pair if pair[1] is not None]
        entry += (tuple(attributes), tuple(self.setters), fields, flags)
        self.env, self.flow, self.around, self.prefix, self.bound_at, self.killed = outside
        self.setters, self.fields = setters, outer_fields
        self.bind(node.name, self.decorated(target, calls, keep=False))

    def class_body(self, node: ast.ClassDef, name: str) -> None:
        """Reads a class's body; what it does is its own, though it runs where it stands."""
        body = self.body
        outside = self.ops, body.done, body.builtins
        self.ops, body.done, body.builtins = [], {}, {}
        self.block(node.body)
        self.settle()
        if self.ops or body.builtins:
            number = len(self.functions)
            flat = [item for pair in body.builtins.items() for item in pair]
            entry = [name, "class", node.lineno, self.node(), -1, 0, body.number, (), ()]
            self.functions.append([*entry, self.node(), None, (), flat])
            self.operations[number] = self.ops
        self.ops, body.done, body.builtins = outside

    def field(self, name: str, annotation: ast.expr) -> None:
        """`name: annotation` in a class's body."""
        record: list[object] = [name]
        self.fields.append(record)
        self.queue.append(partial(self.read_field, record, annotation, self.body))

    def read_field(self, record: list[object], annotation: ast.expr, around: Body) -> None:
        """What a field's annotation names, once all names are known."""
        body = self.body = Body(Scope("", around.scope))
        self.env, self.flow, self.around = {}, None, -1
        self.ops = body.ops = around.ops
        for pair in self.read_annotation(annotation, facts.PLAIN):
            record += pair

    # Annotations.

    def annotate_parameters(self, args: ast.arguments, first: int) -> None:
        """What the annotations of parameters name."""
        for place, arg in enumerate((*args.posonlyargs, *args.args, *args.kwonlyargs)):
            if arg.annotation is not None:
                self.annotate(first + place, arg.annotation)

    def annotate_result(self, node: Definition) -> None:
        """What the annotation of the result names."""
        if node.returns is not None:
            self.annotate(self.body.returned, node.returns)

    def annotate(self, target: int, annotation: ast.expr) -> None:
        """Notes what an annotation says of a node."""
        for wrapper, term in self.read_annotation(annotation, facts.PLAIN):
            self.annotations += (target, wrapper, term)

    def declared_as(self, annotation: ast.expr) -> Term:
        """A node that holds what an annotation says, if nothing else is known of it."""
        read = self.read_annotation(annotation, facts.PLAIN)
        if not read:
            return None
        target = self.node()
        for wrapper, term in read:
            self.annotations += (target, wrapper, term)
        return target

    def read_annotation(self, node: ast.expr, wrapper: int) -> list[tuple[int, int]]:
        """(how it is wrapped, class) for every class that an annotation names."""
        if isinstance(node, ast.Name | ast.Attribute):
            term = self.evaluate(node)
            return [(wrapper, term)] if type(term) is int else []
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                tree = ast.parse(node.value.strip(), mode="eval")
            except (SyntaxError, ValueError, MemoryError, RecursionError):
                return []
            return self.read_annotation(tree.body, wrapper)
        if isinstance(node, ast.BinOp) and type(node.op) is ast.BitOr:
            return [
                *self.read_annotation(node.left, wrapper),
                *self.read_annotation(node.right, wrapper),
            ]
        if isinstance(node, ast.Subscript):
            return self.read_generic(node, wrapper)
        return []

    def read_generic(self, node: ast.Subscript, wrapper: int) -> list[tuple[int, int]]:
        """An annotation with brackets."""
        head = node.value
        name = head.attr if isinstance(head, ast.Attribute) else getattr(head, "id", "")
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if not inner:
            return []
        if name == "Union":
            return [pair for part in inner for pair in self.read_annotation(part, wrapper)]
        for names, place, wraps in _GENERICS:
            if name in names:
                return self.read_annotation(inner[place], wrapper if wraps is None else wraps)
        return self.read_annotation(head, wrapper)


def _called(decorator: ast.expr) -> tuple[str, str]:
    """The last name of a decorator, and the one before it: (`setter`, `x`) of `@x.setter`."""
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    if isinstance(decorator, ast.Attribute):
        owner = decorator.value
        return decorator.attr, owner.id if isinstance(owner, ast.Name) else "?"
    return (decorator.id, "") if isinstance(decorator, ast.Name) else ("", "")
