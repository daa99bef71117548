"""What holds for any program: extraction never fails, names and order change nothing."""

import ast
import marshal
import random
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llmops.topology import calls
from tests.topology.calls.drawn import facts_of

_OURS = sorted(Path(calls.__file__).parent.glob("*.py"))

_STATEMENTS = (
    "{a} = {b}",
    "{a} = {b}({c})",
    "{a}.x = {b}",
    "{b}.x({c})",
    "{a} = [{b}, {c}]",
    "{a} = {{'k': {b}, **{c}}}",
    "{a}['k'] = {b}",
    "{a} = {b}['k']",
    "{a}, *{b} = {c}, {c}, {c}",
    "{a} = {b} + {c}",
    "{a} = lambda {b}=None: {b}({c})",
    "{a} = [{c}({b}) for {b} in {a}]",
    "for {a} in {b}:\n    {a}()\n    if {a}: break",
    "while {a}:\n    {a} = {b}\n    {c} = {a}",
    "if isinstance({a}, {b}):\n    {a}.run()\nelse:\n    {a} = {c}",
    "try:\n    {a}()\nexcept {b} as {c}:\n    {c}.x()\nfinally:\n    {a} = {c}",
    "with {a} as {b}:\n    {b}()",
    "def {a}({b}, *{c}, **k):\n    global {b}2\n    {b}2 = {b}\n    return {b}({c})",
    "class {a}({b}):\n    y: {c}\n    def run(self): return self.y.run()",
    "@{b}\ndef {a}(x): yield {c}",
    "match {a}:\n    case {{'k': {b}}}: {b}()\n    case [{b}, *_]: {b}()",
    "match {a}:\n    case {c}.K(x={a}): {a}()",
    "from lib import {a}, {b} as {c}",
    "from lib import *",
    "del {a}",
    "{a} += {b}",
    "raise {a} from {b}",
)
_NAMES = st.sampled_from(("f", "g", "h"))
_PROGRAMS = st.lists(
    st.tuples(st.sampled_from(_STATEMENTS), _NAMES, _NAMES, _NAMES), max_size=12
).map(lambda lines: "\n".join(s.format(a=a, b=b, c=c) for s, a, b, c in lines))


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except SyntaxError:
        return None


@given(_PROGRAMS, _PROGRAMS)
@settings(deadline=None, max_examples=150)
def test_any_program_has_a_call_graph_whatever_the_order_of_its_modules(a: str, b: str) -> None:
    trees = {"main": _parsed(a), "lib": _parsed(b)}
    facts = {
        name: calls.extract(tree, module=name, is_package=False)
        for name, tree in trees.items()
        if tree is not None
    }
    assert {n: marshal.loads(marshal.dumps(f)) for n, f in facts.items()} == facts  # noqa: S302
    backwards = dict(reversed(facts.items()))
    graph = calls.solve(facts, external=True)
    assert graph == calls.solve(backwards, external=True)
    names = {function.name for function in graph.functions}
    assert {e.callee for e in graph.edges} <= names


@given(_PROGRAMS)
@settings(deadline=None, max_examples=80)
def test_the_names_of_locals_change_nothing(text: str) -> None:
    body = "\n".join("    " + line for line in text.splitlines() if "import *" not in line)
    text = f"def f(): ...\ndef run(g, h):\n    f = g\n{body}\n    pass\n"
    tree, renamed = _parsed(text), _parsed(re.sub(r"\bh\b", "other", text))
    if tree is None or renamed is None or "class h" in text or "def h" in text:
        return
    graphs = [
        calls.solve({"m": calls.extract(t, module="m", is_package=False)}) for t in (tree, renamed)
    ]
    assert graphs[0].edges == graphs[1].edges


@pytest.mark.parametrize("path", _OURS, ids=lambda path: str(path.name))
def test_our_own_source_has_facts(path: Path) -> None:
    tree = ast.parse(path.read_text())
    facts = calls.extract(tree, module="m", is_package=False)
    again = calls.extract(ast.parse(path.read_text()), module="m", is_package=False)
    assert facts == again


def test_our_own_package_is_the_same_in_any_order() -> None:
    text = {path.stem: path.read_text() for path in _OURS}
    order = list(text)
    random.Random(7).shuffle(order)  # noqa: S311 - an order, no secret
    graphs = [
        calls.solve(
            {n: calls.extract(ast.parse(text[n]), module=n, is_package=False) for n in names}
        )
        for names in (list(text), order)
    ]
    assert graphs[0] == graphs[1]
    assert len(graphs[0].edges) > 300


@pytest.mark.parametrize(
    "source",
    [
        "x = " + " + ".join(["f()"] * 2500),
        "f" + ".g()" * 700,
        "x = " + "(" * 80 + "f()" + ")" * 80,
        "".join("    " * i + "if f():\n" for i in range(90)) + "    " * 90 + "g()",
    ],
    ids=["a long sum", "a long chain", "parentheses", "deep blocks"],
)
def test_a_deep_tree_is_followed_to_its_end(source: str) -> None:
    limit = sys.getrecursionlimit()
    text = f"def f(): ...\ndef g(): ...\n{source}\n"
    graph = calls.solve(facts_of(text))
    assert "m.f" in {e.callee for e in graph.edges} or "g()" in source
    assert (graph.diagnostics, sys.getrecursionlimit()) == ((), limit)
