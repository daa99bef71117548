"""Calls: of names, methods and builtins, and what Python's own functions do with callables.

Strategy: a call is one operation, its callee left open. Builtins and a few library functions that
hand callables or their elements on are modelled where they are called: `map` calls, `sorted` calls
its key, `getattr` with a constant name is an attribute. The rest of them do nothing that we follow.
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
        each = self.collected
        self.models: dict[str, Callable[[ast.Call], Term]] = {
            "all": self.iterated,
            "any": self.iterated,
            "classmethod": self.first,
            "dict": self.dict_of,
            "enumerate": self.numbered,
            "eval": self.evaluated,
            "exec": self.evaluated,
            "filter": self.mapped,
            "frozenset": each,
            "getattr": self.got,
            "iter": self.iterator,
            "list": each,
            "map": self.mapped,
            "max": self.chosen,
            "min": self.chosen,
            "next": self.next,
            "property": self.property,
            "reversed": each,
            "set": each,
            "setattr": self.set_attribute,
            "sorted": each,
            "staticmethod": self.first,
            "sum": self.iterated,
            "super": self.super_of,
            "tuple": each,
            "type": self.type_of,
            "zip": self.zipped,
        }
        thread = self.spawned
        self.library: dict[str, Callable[[ast.Call], Term]] = {
            "asyncio.create_task": self.first,
            "asyncio.ensure_future": self.first,
            "asyncio.gather": self.collected_arguments,
            "asyncio.run": self.first,
            "asyncio.shield": self.first,
            "asyncio.to_thread": self.applied,
            "asyncio.wait_for": self.first,
            "collections.OrderedDict": self.dict_of,
            "collections.defaultdict": self.default_dict,
            "collections.deque": each,
            "contextlib.closing": self.first,
            "copy.copy": self.first,
            "copy.deepcopy": self.first,
            "dataclasses.replace": self.first,
            "functools.partial": self.partial,
            "functools.partialmethod": self.partial,
            "functools.reduce": self.mapped,
            "itertools.chain": self.chained,
            "itertools.chain.from_iterable": self.flattened,
            "itertools.filterfalse": self.mapped,
            "itertools.starmap": self.mapped,
            "itertools.takewhile": self.mapped,
            "multiprocessing.Process": thread,
            "threading.Thread": thread,
            "threading.Timer": thread,
            "types.MappingProxyType": self.first,
            "typing.cast": self.second,
            "weakref.proxy": self.first,
        }

    def call(self, node: ast.Call) -> Term:
        return self.invoke(node, used=True)

    def invoke(self, node: ast.Call, *, used: bool) -> Term:
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
            model = self.library.get(self.dotted[callee])
            if model is not None:
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
            model = self.library.get(f"{self.dotted[base]}.{attribute}")
            if model is not None:
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
        place = TAKERS[attribute]
        if len(arguments) > place and type(arguments[place]) is int:
            rest = arguments[place + 1 :]
            op = (facts.HANDOVER, node.lineno, base, arguments[place], rest)
            self.ops.append(op)

    def opaque(self, name: str, line: int) -> None:
        """A call of what is not in the repository, under the name that PyCG gives it."""
        self.body.builtins.setdefault(name, line)

    def builtin(self, name: str, node: ast.Call) -> Term:
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

    # Models. Each gets the call and returns what it returns.

    def emit_call(
        self, line: int, callee: Term, arguments: tuple[object, ...], keywords: tuple[object, ...]
    ) -> Term:
        self.event()
        if type(callee) is not int:
            return None
        target = self.node()
        self.ops.append((facts.CALL, line, callee, arguments, keywords, target))
        return target

    def first(self, node: ast.Call) -> Term:
        arguments, _ = self.arguments(node)
        return _plain(arguments, 0)

    def second(self, node: ast.Call) -> Term:
        arguments, _ = self.arguments(node)
        return _plain(arguments, 1)

    def applied(self, node: ast.Call) -> Term:
        """`f(g, *args)` that calls g with the arguments."""
        arguments, keywords = self.arguments(node)
        return self.emit_call(node.lineno, _plain(arguments, 0), arguments[1:], keywords)

    def spawned(self, node: ast.Call) -> Term:
        """`Thread(target=g, args=(...))`, `Timer(seconds, g)`: the one who spawns is the caller."""
        arguments, keywords = self.arguments(node)
        named = dict(zip(keywords[::2], keywords[1::2], strict=True))
        target = named.get("target", named.get("function", _plain(arguments, 1)))
        passed = named.get("args", _plain(arguments, 3))
        if type(target) is int:
            rest = ((passed,),) if type(passed) is int else ()
            self.emit_call(node.lineno, target, rest, ())
        return None

    def partial(self, node: ast.Call) -> Term:
        arguments, keywords = self.arguments(node)
        callee = _plain(arguments, 0)
        if type(callee) is not int:
            return None
        return self.container(facts.PARTIAL, (callee, arguments[1:], keywords))

    def property(self, node: ast.Call) -> Term:
        arguments, keywords = self.arguments(node)
        named = dict(zip(keywords[::2], keywords[1::2], strict=True))
        getter = named.get("fget", _plain(arguments, 0))
        setter = named.get("fset", _plain(arguments, 1))
        return self.container(facts.PROPERTY_OF, (getter, setter))

    def iterated(self, node: ast.Call) -> Term:
        arguments, _ = self.arguments(node)
        self.elements(_plain(arguments, 0), node.lineno)
        return None

    def collected(self, node: ast.Call) -> Term:
        """A list of an iterable's elements; calls the key that it sorts by."""
        arguments, keywords = self.arguments(node)
        term = self.elements(_plain(arguments, 0), node.lineno)
        self.key_called(node.lineno, keywords, (term,))
        return self.literal(facts.LIST, [(None, term)])

    def chosen(self, node: ast.Call) -> Term:
        arguments, keywords = self.arguments(node)
        terms = [_plain(arguments, i) for i in range(len(arguments))]
        if len(terms) == 1:
            terms = [self.elements(terms[0], node.lineno)]
        term = self.join(terms)
        self.key_called(node.lineno, keywords, (term,))
        return term

    def key_called(
        self, line: int, keywords: tuple[object, ...], arguments: tuple[object, ...]
    ) -> None:
        for name, term in zip(keywords[::2], keywords[1::2], strict=True):
            if name == "key" and type(term) is int:
                self.emit_call(line, term, arguments, ())

    def mapped(self, node: ast.Call) -> Term:
        """Whatever among its arguments can be called is called with elements of the others."""
        arguments, _ = self.arguments(node)
        terms = [_plain(arguments, i) for i in range(len(arguments))]
        elements = [self.elements(term, node.lineno) for term in terms]
        results: list[Term] = []
        for i, term in enumerate(terms):
            others = tuple(elements[:i] + elements[i + 1 :])
            results.append(self.emit_call(node.lineno, term, others, ()))
        return self.literal(facts.LIST, [(None, term) for term in (*results, *elements)])

    def numbered(self, node: ast.Call) -> Term:
        arguments, _ = self.arguments(node)
        term = self.elements(_plain(arguments, 0), node.lineno)
        pair = self.sequence(facts.TUPLE, (None, term))
        return self.literal(facts.LIST, [(None, pair)])

    def zipped(self, node: ast.Call) -> Term:
        arguments, _ = self.arguments(node)
        terms = [_plain(arguments, i) for i in range(len(arguments))]
        group = self.sequence(facts.TUPLE, [self.elements(term, node.lineno) for term in terms])
        return self.literal(facts.LIST, [(None, group)])

    def chained(self, node: ast.Call) -> Term:
        arguments, _ = self.arguments(node)
        terms = [_plain(arguments, i) for i in range(len(arguments))]
        elements = [(None, self.elements(term, node.lineno)) for term in terms]
        return self.literal(facts.LIST, elements)

    def flattened(self, node: ast.Call) -> Term:
        arguments, _ = self.arguments(node)
        inner = self.elements(_plain(arguments, 0), node.lineno)
        return self.literal(facts.LIST, [(None, self.elements(inner, node.lineno))])

    def collected_arguments(self, node: ast.Call) -> Term:
        arguments, _ = self.arguments(node)
        return self.sequence(facts.LIST, [_plain(arguments, i) for i in range(len(arguments))])

    def iterator(self, node: ast.Call) -> Term:
        """`iter(x)`, and `iter(f, sentinel)`, which calls f."""
        arguments, _ = self.arguments(node)
        term = _plain(arguments, 0)
        if len(node.args) > 1:
            term = self.emit_call(node.lineno, term, (), ())
        else:
            term = self.elements(term, node.lineno)
        return self.literal(facts.LIST, [(None, term)])

    def next(self, node: ast.Call) -> Term:
        arguments, _ = self.arguments(node)
        term = _plain(arguments, 0)
        if type(term) is not int:
            return None
        target = self.node()
        self.ops.append((facts.NEXT, node.lineno, term, target))
        return target

    def dict_of(self, node: ast.Call) -> Term:
        arguments, keywords = self.arguments(node)
        fields = [
            (f"s{name}", term)
            for name, term in zip(keywords[::2], keywords[1::2], strict=True)
            if name is not None
        ]
        target = self.literal(facts.DICT, fields)
        spread = [term for name, term in zip(keywords[::2], keywords[1::2], strict=True) if not name]
        for term in (_plain(arguments, 0), *spread):
            if type(term) is int:
                self.ops.append((facts.SPREAD, node.lineno, term, target))
        return target

    def default_dict(self, node: ast.Call) -> Term:
        arguments, _ = self.arguments(node)
        made = self.emit_call(node.lineno, _plain(arguments, 0), (), ())
        return self.literal(facts.DICT, [(None, made)])

    def type_of(self, node: ast.Call) -> Term:
        arguments, _ = self.arguments(node)
        term = _plain(arguments, 0)
        if type(term) is not int or len(node.args) != 1:
            return None
        target = self.node()
        self.ops.append((facts.TYPE, node.lineno, term, target))
        return target

    def got(self, node: ast.Call) -> Term:
        arguments, _ = self.arguments(node)
        term, name = _plain(arguments, 0), _plain(arguments, 1)
        default = _plain(arguments, 2)
        if type(term) is int and type(name) is str and name[0] == "s":
            return self.join((self.load(term, name[1:], node.lineno), default))
        return default

    def set_attribute(self, node: ast.Call) -> Term:
        arguments, _ = self.arguments(node)
        term, name = _plain(arguments, 0), _plain(arguments, 1)
        if type(term) is int and type(name) is str and name[0] == "s":
            value = _plain(arguments, 2)
            self.ops.append((facts.STORE, node.lineno, term, name[1:], value))
        return None

    def super_of(self, node: ast.Call) -> Term:
        """`super()`, or `super(Class, self)`, taken as the class around it."""
        arguments, _ = self.arguments(node)
        term = _plain(arguments, 1) if len(arguments) > 1 else self.body.self_term
        number = self.body.class_number
        if type(term) is not int or number < 0:
            return None
        target = self.node()
        self.ops.append((facts.SUPER, node.lineno, term, number, target))
        return target

    def evaluated(self, node: ast.Call) -> Term:
        """`eval` and `exec` of a text that stands there are the code in it."""
        source = node.args[0] if node.args else None
        if not isinstance(source, ast.Constant) or not isinstance(source.value, str):
            self.arguments(node)
            return None
        try:
            tree = ast.parse(source.value.strip())
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            return None
        for child in ast.walk(tree):
            if hasattr(child, "lineno"):
                child.lineno = node.lineno
        if len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr):
            return self.evaluate(tree.body[0].value)
        self.block(tree.body)
        return None

    def block(self, body: list[ast.stmt]) -> None:
        raise NotImplementedError


def _plain(arguments: tuple[object, ...], place: int) -> Term:
    """The term passed at a place, if it is not starred."""
    if len(arguments) <= place:
        return None
    term = arguments[place]
    return term if isinstance(term, int | str) else None
