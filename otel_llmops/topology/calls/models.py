"""Models: what builtins and library functions do with callables and with elements.

Strategy: each model gets the call and returns what it returns. `map` calls, `sorted` calls its key,
`getattr` with a constant name is an attribute, `Thread(target=f)` calls f as far as we care: the
one who hands a callable over is taken for its caller.
"""

import ast
from typing import Any

from otel_llmops.topology.calls import facts
from otel_llmops.topology.calls.facts import Term
from otel_llmops.topology.calls.invocations import Invocations

__all__ = ["Models"]


class Models(Invocations):
    """Evaluates calls of builtins and library functions."""

    def __init__(self, module: str, package: str) -> None:
        super().__init__(module, package)
        each = self.collected
        self.models |= {
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
        self.know_library()

    def know_library(self) -> None:
        """Functions of the standard library, by the name that imports give them."""
        each = self.collected
        thread = self.spawned
        self.modelled |= {
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

    def first(self, node: ast.Call) -> Term:
        """What returns its first argument, near enough."""
        arguments, _ = self.arguments(node)
        return _plain(arguments, 0)

    def second(self, node: ast.Call) -> Term:
        """What returns its second argument."""
        arguments, _ = self.arguments(node)
        return _plain(arguments, 1)

    def applied(self, node: ast.Call) -> Term:
        """`f(g, *args)` that calls g with the arguments."""
        arguments, keywords = self.arguments(node)
        return self.emit_call(node.lineno, _plain(arguments, 0), arguments[1:], keywords)

    def spawned(self, node: ast.Call) -> Term:
        """`Thread(target=g, args=(...))`, `Timer(seconds, g)`: the one who spawns is the caller."""
        arguments, keywords = self.arguments(node)
        named = dict(_named(keywords))
        target = named.get("target", named.get("function", _plain(arguments, 1)))
        passed = named.get("args", _plain(arguments, 3))
        if type(target) is int:
            rest = ((passed,),) if type(passed) is int else ()
            self.emit_call(node.lineno, target, rest, ())
        return None

    def partial(self, node: ast.Call) -> Term:
        """`functools.partial(f, ...)`."""
        arguments, keywords = self.arguments(node)
        callee = _plain(arguments, 0)
        if type(callee) is not int:
            return None
        return self.container(facts.PARTIAL, (callee, arguments[1:], keywords))

    def property(self, node: ast.Call) -> Term:
        """`property(getter, setter)`."""
        arguments, keywords = self.arguments(node)
        named = dict(_named(keywords))
        getter = named.get("fget", _plain(arguments, 0))
        setter = named.get("fset", _plain(arguments, 1))
        return self.container(facts.PROPERTY_OF, (getter, setter))

    def iterated(self, node: ast.Call) -> Term:
        """What iterates and yields data."""
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
        """`min` and `max`."""
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
        """Calls the `key` that elements are compared by."""
        for name, term in _named(keywords):
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
        """`enumerate`."""
        arguments, _ = self.arguments(node)
        term = self.elements(_plain(arguments, 0), node.lineno)
        pair = self.sequence(facts.TUPLE, (None, term))
        return self.literal(facts.LIST, [(None, pair)])

    def zipped(self, node: ast.Call) -> Term:
        """`zip`."""
        arguments, _ = self.arguments(node)
        terms = [_plain(arguments, i) for i in range(len(arguments))]
        group = self.sequence(facts.TUPLE, [self.elements(term, node.lineno) for term in terms])
        return self.literal(facts.LIST, [(None, group)])

    def chained(self, node: ast.Call) -> Term:
        """`itertools.chain`."""
        arguments, _ = self.arguments(node)
        terms = [_plain(arguments, i) for i in range(len(arguments))]
        elements = [(None, self.elements(term, node.lineno)) for term in terms]
        return self.literal(facts.LIST, elements)

    def flattened(self, node: ast.Call) -> Term:
        """`itertools.chain.from_iterable`."""
        arguments, _ = self.arguments(node)
        inner = self.elements(_plain(arguments, 0), node.lineno)
        return self.literal(facts.LIST, [(None, self.elements(inner, node.lineno))])

    def collected_arguments(self, node: ast.Call) -> Term:
        """A list of the arguments."""
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
        """`next(iterator)`."""
        arguments, _ = self.arguments(node)
        term = _plain(arguments, 0)
        if type(term) is not int:
            return None
        target = self.node()
        self.ops.append((facts.NEXT, node.lineno, term, target))
        return target

    def dict_of(self, node: ast.Call) -> Term:
        """`dict(...)`."""
        arguments, keywords = self.arguments(node)
        target = self.literal(facts.DICT, [(f"s{n}", t) for n, t in _named(keywords) if n])
        spread = [term for name, term in _named(keywords) if name is None]
        for term in (_plain(arguments, 0), *spread):
            if type(term) is int:
                self.ops.append((facts.SPREAD, node.lineno, term, target))
        return target

    def default_dict(self, node: ast.Call) -> Term:
        """`defaultdict(factory)`, which calls the factory."""
        arguments, _ = self.arguments(node)
        made = self.emit_call(node.lineno, _plain(arguments, 0), (), ())
        return self.literal(facts.DICT, [(None, made)])

    def type_of(self, node: ast.Call) -> Term:
        """`type(x)`."""
        arguments, _ = self.arguments(node)
        term = _plain(arguments, 0)
        if type(term) is not int or len(node.args) != 1:
            return None
        target = self.node()
        self.ops.append((facts.TYPE, node.lineno, term, target))
        return target

    def got(self, node: ast.Call) -> Term:
        """`getattr(x, "name")`."""
        arguments, _ = self.arguments(node)
        term, name = _plain(arguments, 0), _plain(arguments, 1)
        default = _plain(arguments, 2)
        if type(term) is int and type(name) is str and name[0] == "s":
            return self.join((self.load(term, name[1:], node.lineno), default))
        return default

    def set_attribute(self, node: ast.Call) -> Term:
        """`setattr(x, "name", value)`."""
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


def _plain(arguments: tuple[object, ...], place: int) -> Term:
    """The term passed at a place, if it is not starred."""
    if len(arguments) <= place:
        return None
    term = arguments[place]
    return term if isinstance(term, int | str) else None


def _named(keywords: tuple[object, ...]) -> list[tuple[str | None, Term]]:
    """Keyword arguments in pairs; the name None where `**`."""
    flat: Any = keywords
    return list(zip(flat[::2], flat[1::2], strict=True))
