"""Callables that move as values: names, arguments, containers, closures, decorators."""

import pytest

from tests.topology.calls.drawn import edges

CASES = {
    "the last assignment before a call is the one that counts": (
        """
        def f(): ...
        def g(): ...
        act = f
        act = g
        act()
        """,
        {"m > m.g"},
    ),
    "a function reads a global as it was whenever something was called": (
        """
        def f(): ...
        def g(): ...
        def run(): act()
        act = f
        run()
        act = g
        run()
        """,
        {"m > m.run", "m.run > m.f", "m.run > m.g"},
    ),
    "what was replaced before any call was seen by nobody": (
        """
        def f(): ...
        def g(): ...
        def run(): act()
        act = f
        act = g
        run()
        """,
        {"m > m.run", "m.run > m.g"},
    ),
    "either side of a fork": (
        """
        def f(): ...
        def g(): ...
        def run(flag):
            if flag:
                act = f
            else:
                act = g
            act()
        """,
        {"m.run > m.f", "m.run > m.g"},
    ),
    "a side that returns does not come to the join": (
        """
        def f(): ...
        def g(): ...
        def run(flag):
            act = f
            if flag:
                act = g
                return
            act()
        """,
        {"m.run > m.f"},
    ),
    "a loop sees what its last turn left": (
        """
        def f(): ...
        def g(): ...
        def run(items):
            act = f
            for item in items:
                act()
                act = g
        """,
        {"m.run > m.f", "m.run > m.g"},
    ),
    "an identity does not mix up its callers": (
        """
        def same(x): return x
        def f(): ...
        def g(): ...
        def one(): same(f)()
        def two(): same(g)()
        """,
        {"m.one > m.same", "m.one > m.f", "m.two > m.same", "m.two > m.g"},
    ),
    "closures see what the names around them hold": (
        """
        def f(): ...
        def make(act):
            def inner(): act()
            return inner
        make(f)()
        """,
        {"m > m.make", "m > m.make.inner", "m.make.inner > m.f"},
    ),
    "nonlocal and global write to the name outside": (
        """
        def f(): ...
        def g(): ...
        act = f
        def change():
            global act
            act = g
        def run():
            kept = None
            def keep():
                nonlocal kept
                kept = f
            keep()
            act()
            def later(): kept()
            later()
        """,
        {"m.run > m.run.keep", "m.run > m.f", "m.run > m.g", "m.run > m.run.later"}
        | {"m.run.later > m.f"},
    ),
    "starred arguments and keywords find their parameters": (
        """
        def f(): ...
        def g(): ...
        def h(): ...
        def run(a, *rest, key=None, **named):
            a()
            rest[0]()
            key()
            named["last"]()
        pair = (f, g)
        run(*pair, key=h, last=f)
        """,
        {"m > m.run", "m.run > m.f", "m.run > m.g", "m.run > m.h"},
    ),
    "wrappers pass their arguments on": (
        """
        def f(): ...
        def act(g): g()
        def wrap(inner):
            def outer(*args, **kwargs): return inner(*args, **kwargs)
            return outer
        wrapped = wrap(act)
        wrapped(f)
        """,
        {"m > m.wrap", "m > m.wrap.outer", "m.wrap.outer > m.act", "m.act > m.f"},
    ),
    "keys that are constant are told apart": (
        """
        def f(): ...
        def g(): ...
        table = {"a": f, "b": g}
        def run(): table["b"]()
        """,
        {"m.run > m.g"},
    ),
    "keys that come in by parameter are followed": (
        """
        def f(): ...
        def g(): ...
        table = {"a": f, "b": g}
        def run(name): table[name]()
        run("a")
        """,
        {"m > m.run", "m.run > m.f"},
    ),
    "a key of which nothing is known may be any": (
        """
        import sys
        def f(): ...
        def g(): ...
        table = {"a": f, "b": g}
        def run(name): table[name]()
        run(sys.argv[1])
        """,
        {"m > m.run", "m.run > m.f", "m.run > m.g"},
    ),
    "lists grow, and loops go through them": (
        """
        def f(): ...
        def g(): ...
        hooks = [f]
        hooks.append(g)
        def run():
            for hook in hooks: hook()
        """,
        {"m.run > m.f", "m.run > m.g"},
    ),
    "items, enumerate and zip keep the pairs": (
        """
        def f(): ...
        def g(): ...
        table = {"f": f}
        def run():
            for name, act in table.items(): act()
            for i, act in enumerate([g]): act()
        """,
        {"m.run > m.f", "m.run > m.g"},
    ),
    "slices and stars of literals are counted out": (
        """
        def f(): ...
        def g(): ...
        def h(): ...
        first, *rest = f, g, h
        rest[1]()
        [f, g, h][1:][0]()
        """,
        {"m > m.h", "m > m.g"},
    ),
    "map calls, sorted calls its key, partial calls later": (
        """
        from functools import partial
        def f(x): ...
        def g(x): ...
        def h(x, y): y()
        def k(): ...
        list(map(f, [1]))
        sorted([2], key=g)
        act = partial(h, 1)
        act(k)
        """,
        {"m > m.f", "m > m.g", "m > m.h", "m.h > m.k"},
    ),
    "a partial of itself": (
        """
        from functools import partial
        def f(*x): ...
        class C:
            def __init__(self): self.act = f
            def more(self):
                self.act = partial(self.act, 1)
                self.act()
        """,
        {"m.C.more > m.f"},
    ),
    "partials of each other": (
        """
        from functools import partial
        def f(*x): ...
        acts = {}
        def set(a, b): acts[a] = partial(acts[b])
        acts["a"] = f
        set("a", "b")
        set("b", "a")
        acts["b"]()
        """,
        {"m > m.set", "m > m.f"},
    ),
    "a class whose base is no class": (
        """
        def f(): ...
        class A("text", 1, None): pass
        class B(*[A], **{}): pass
        class C(f()): pass
        B()
        """,
        {"m > m.f"},
    ),
    "a decorator from outside leaves a function what it is": (
        """
        import framework
        @framework.route("/")
        def f(): ...
        def run(): f()
        """,
        {"m.run > m.f"},
    ),
    "lambdas are numbered where they stand": (
        """
        def f(): ...
        def run():
            act = lambda: f()
            act()
            return [lambda: run(), act]
        """,
        {"m.run > m.run.<lambda1>", "m.run.<lambda1> > m.f", "m.run.<lambda2> > m.run"},
    ),
    "the code in a constant text is the code": (
        """
        def f(): ...
        eval("f()")
        exec("f()")
        """,
        {"m > m.f"},
    ),
    "a thread calls its target, an executor what it is given": (
        """
        from concurrent.futures import ThreadPoolExecutor
        from threading import Thread
        def f(act): act()
        def g(): ...
        def h(): ...
        def run():
            Thread(target=f, args=(g,)).start()
            with ThreadPoolExecutor() as pool:
                pool.submit(h)
        """,
        {"m.run > m.f", "m.f > m.g", "m.run > m.h"},
    ),
    "generators yield, and the loop calls": (
        """
        def f(): ...
        def each():
            yield f
        def more():
            yield from each()
        def run():
            for act in more(): act()
        """,
        {"m.more > m.each", "m.run > m.more", "m.run > m.f"},
    ),
    "a name that nothing binds calls nothing": ("missing()", set()),
}


@pytest.mark.parametrize("case", CASES)
def test_calls_of_values(case: str) -> None:
    text, expected = CASES[case]
    assert edges(text) == expected
