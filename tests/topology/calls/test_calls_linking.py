"""Modules that import each other, how an edge was found, and what leaves the repository."""

import pytest

from otel_llmops.topology import calls
from tests.topology.calls.drawn import edges, facts_of, found, outside

CASES = {
    "a package hands on what its parts define": (
        """
        # pkg/
        from .part import f
        # pkg.part
        def f(): ...
        # main
        from pkg import f
        import pkg
        f()
        def run(): pkg.f()
        """,
        {"main > pkg.part.f", "main.run > pkg.part.f"},
    ),
    "a package may import its own submodule under its own name": (
        """
        # pkg/
        from . import part
        def run(): part.f()
        # pkg.part
        def f(): ...
        """,
        {"pkg.run > pkg.part.f"},
    ),
    "a star brings what is public": (
        """
        # lib
        __all__ = ["f"]
        def f(): ...
        def g(): ...
        # main
        from lib import *
        f()
        g()
        """,
        {"main > lib.f"},
    ),
    "packages without __init__ are packages": (
        """
        # space.part
        def f(): ...
        # main
        import space.part
        from space import part
        space.part.f()
        def run(): part.f()
        """,
        {"main > space.part.f", "main.run > space.part.f"},
    ),
    "a script finds its siblings": (
        """
        # bin.main
        import tools
        tools.f()
        # bin.tools
        def f(): ...
        """,
        {"bin.main > bin.tools.f"},
    ),
    "names that import each other stand for nothing": (
        """
        # a
        from b import f
        f()
        # b
        from a import f
        """,
        set(),
    ),
    "imports for type checkers count": (
        """
        # main
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from lib import Tool
        def run(tool: "Tool"): tool.use()
        # lib
        class Tool:
            def use(self): ...
        """,
        {"main.run > lib.Tool.use"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_calls_across_modules(case: str) -> None:
    text, expected = CASES[case]
    assert edges(text) == expected


def test_each_edge_says_how_it_was_found_and_where_first() -> None:
    text = """
    class A:
        def act(self): self.help()
        def help(self): ...
    def f(): ...
    def run(a: A, g):
        a.act()
        g()

        f()
        f()
    def start():
        run(None, f)
    """
    assert found(text) == {
        "m.A.act > m.A.help hierarchy 3",
        "m.run > m.A.act annotation 7",
        "m.run > m.f direct 8",
        "m.start > m.run direct 13",
    }


def test_what_leaves_the_repository_has_the_names_that_pycg_gives_it() -> None:
    text = """
    import json, requests
    from lib import Base
    class A(Base):
        def act(self): self.missing()
    session = requests.Session()
    session.get(json.dumps(len("a".split())))
    {}.items()
    A()
    """
    assert outside(text) == {
        "m > requests.Session",
        "m > requests.Session.get",
        "m > json.dumps",
        "m > <builtin>.len",
        "m > <**PyStr**>.split",
        "m > <**PyDict**>.items",
        "m > lib.Base.__init__",
        "m.A.act > lib.Base.missing",
    }


def test_pycg_lists_every_function_and_every_name_outside() -> None:
    graph = calls.solve(facts_of("def f(): len([])\nclass A:\n    x = f()"), external=True)
    assert calls.pycg(graph) == {
        "m": [],
        "m.f": ["<builtin>.len"],
        "m.A": ["m.f"],
        "<builtin>.len": [],
    }


def test_a_class_body_calls_for_the_function_around_it() -> None:
    assert edges("def f(): ...\nclass A:\n    x = f()\n    class B:\n        y = f()") == {
        "m > m.f"
    }


def test_more_than_can_be_told_apart_is_cut_and_counted() -> None:
    functions = "\n".join(f"def f{i}(): ..." for i in range(100))
    names = ", ".join(f"f{i}" for i in range(100))
    text = f"{functions}\ndef run():\n    for act in [{names}]: act()\n"
    graph = calls.solve(facts_of(text))
    assert (graph.cut > 0, len(graph.edges) < 100) == (True, True)
