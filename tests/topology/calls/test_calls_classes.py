"""Methods, inheritance, attributes and what Python calls by itself."""

import pytest

from tests.topology.calls.drawn import edges

CASES = {
    "methods are looked for in the order of resolution": (
        """
        class A:
            def act(self): ...
        class B(A): ...
        class C(A):
            def act(self): ...
        class D(B, C): ...
        D().act()
        """,
        {"m > m.C.act"},
    ),
    "super goes on behind the class it stands in": (
        """
        class A:
            def __init__(self): ...
        class B(A):
            def __init__(self): super().__init__()
        class C(A):
            def __init__(self): super().__init__()
        class D(B, C):
            def __init__(self): super().__init__()
        D()
        """,
        {"m > m.D.__init__", "m.D.__init__ > m.B.__init__", "m.B.__init__ > m.C.__init__"}
        | {"m.C.__init__ > m.A.__init__", "m.B.__init__ > m.A.__init__"},
    ),
    "a base calls what the subclass that comes to it defines": (
        """
        class A:
            def run(self): self.step()
        class B(A):
            def step(self): ...
        class C(A):
            def step(self): ...
        B().run()
        """,
        {"m > m.A.run", "m.A.run > m.B.step"},
    ),
    "what is stored on an instance is found by other methods": (
        """
        class Tool:
            def use(self): ...
        class Agent:
            def __init__(self, tool): self.tool = tool
            def act(self): self.tool.use()
        Agent(Tool())
        """,
        {"m > m.Agent.__init__", "m.Agent.act > m.Tool.use"},
    ),
    "class methods know the class, static methods nothing": (
        """
        class A:
            @classmethod
            def make(cls): return cls()
            @staticmethod
            def help(): ...
            def act(self): self.help()
        A.make().act()
        """,
        {"m > m.A.make", "m > m.A.act", "m.A.act > m.A.help"},
    ),
    "fluent methods return their own receiver": (
        """
        class A:
            def one(self): return self
            def two(self): return self
        class B(A):
            def three(self): ...
        B().one().two().three()
        """,
        {"m > m.A.one", "m > m.A.two", "m > m.B.three"},
    ),
    "reading a property calls it, and setting one its setter": (
        """
        class Inner:
            def act(self): ...
        class A:
            @property
            def inner(self): return Inner()
            @inner.setter
            def inner(self, value): value.act()
        a = A()
        a.inner.act()
        a.inner = Inner()
        """,
        {"m > m.A.inner", "m > m.Inner.act", "m.A.inner > m.Inner.act"},
    ),
    "with enters and leaves": (
        """
        class A:
            def __enter__(self): return self
            def __exit__(self, *args): ...
            def act(self): ...
        with A() as a:
            a.act()
        """,
        {"m > m.A.__enter__", "m > m.A.__exit__", "m > m.A.act"},
    ),
    "a context manager made of a generator gives what it yields": (
        """
        from contextlib import contextmanager
        class A:
            def act(self): ...
        @contextmanager
        def opened():
            yield A()
        with opened() as a:
            a.act()
        """,
        {"m > m.opened", "m > m.A.act"},
    ),
    "operators and subscripts are calls": (
        """
        class A:
            def __add__(self, other): return self
            def __getitem__(self, key): ...
            def __contains__(self, key): ...
            def __len__(self): ...
            def __call__(self): ...
        a = A()
        a + 1
        a[0]
        0 in a
        len(a)
        a()
        """,
        {f"m > m.A.__{n}__" for n in ("add", "getitem", "contains", "len", "call")},
    ),
    "iteration asks for an iterator and for its next": (
        """
        class Steps:
            def __next__(self): return f
        class A:
            def __iter__(self): return Steps()
        def f(): ...
        for act in A(): act()
        """,
        {"m > m.A.__iter__", "m > m.Steps.__next__", "m > m.f"},
    ),
    "raising a class makes one": (
        """
        class Wrong(Exception):
            def __init__(self): ...
        def run(): raise Wrong
        """,
        {"m.run > m.Wrong.__init__"},
    ),
    "a dataclass keeps its arguments under the names of its fields": (
        """
        from dataclasses import dataclass
        class Tool:
            def use(self): ...
        @dataclass
        class Agent:
            tool: object
            def act(self): self.tool.use()
        Agent(Tool())
        """,
        {"m.Agent.act > m.Tool.use"},
    ),
    "an annotation speaks where no value comes": (
        """
        class Tool:
            def use(self): ...
        class Agent:
            tools: list["Tool"]
            def act(self):
                for tool in self.tools: tool.use()
        def run(tool: Tool | None, agent: "Agent"):
            tool.use()
            agent.act()
        """,
        {"m.run > m.Tool.use", "m.run > m.Agent.act", "m.Agent.act > m.Tool.use"},
    ),
    "isinstance narrows while it holds": (
        """
        class A:
            def act(self): ...
        class B:
            def act(self): ...
        def run(x):
            if isinstance(x, A):
                x.act()
        run(A())
        run(B())
        """,
        {"m > m.run", "m.run > m.A.act"},
    ),
    "match narrows by class": (
        """
        class A:
            def act(self): ...
        class B:
            def act(self): ...
        def run(x):
            match x:
                case A() as a:
                    a.act()
        run(A())
        run(B())
        """,
        {"m > m.run", "m.run > m.A.act"},
    ),
    "getattr with a constant is an attribute": (
        """
        class A:
            def act(self): ...
        getattr(A(), "act")()
        """,
        {"m > m.A.act"},
    ),
    "classes in a registry are made and used": (
        """
        class A:
            def __init__(self): ...
            def act(self): ...
        class B:
            def __init__(self): ...
            def act(self): ...
        ENGINES = [A, B]
        def run():
            for engine in [make() for make in ENGINES]: engine.act()
        """,
        {"m.run > m.A.__init__", "m.run > m.B.__init__", "m.run > m.A.act", "m.run > m.B.act"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_calls_through_classes(case: str) -> None:
    text, expected = CASES[case]
    assert edges(text) == expected
