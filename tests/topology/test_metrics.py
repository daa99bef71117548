import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import complexipy
import pytest

from otel_llmops.topology.cohesion import Method, lcom4, lcom_hs
from otel_llmops.topology.facts import FileFacts
from otel_llmops.topology.source import parse, read
from otel_llmops.topology.walk import walk

_RUFF = Path(sys.executable).with_name("ruff")
_CORPUS = [Path(subprocess.__file__), Path(ast.__file__), Path(re.__file__),
           *sorted(Path(json.__file__).parent.glob("*.py")),
           *sorted(Path(pytest.__file__).parents[1].glob("_pytest/*.py"))]  # fmt: skip
"""Real code that is there with every Python and every checkout of this project."""


def _facts(source: str) -> FileFacts:
    text = read(source.encode())
    return walk(parse(text), text)


def _cognitive(source: str) -> int:
    return next(one.cognitive for one in _facts(source).functions if one.name == "f")


def _ruff() -> dict[tuple[str, int, str], int]:
    asked = [str(_RUFF), "check", "--isolated", "--no-cache", "--ignore-noqa", "--select", "C901",
             "--config", "lint.mccabe.max-complexity=0", "--output-format", "json", "--exit-zero",
             "--no-respect-gitignore", "--target-version", "py311", *map(str, _CORPUS)]  # fmt: skip
    ran = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60)
    found = {}
    for told in json.loads(ran.stdout):
        if match := re.match(r"`(.*)` is too complex \((\d+) > 0\)", told["message"]):
            found[told["filename"], told["location"]["row"], match[1]] = int(match[2])
    return found


def test_cyclomatic_complexity_is_that_of_ruff() -> None:
    ours = {
        (str(path), one.line_start, one.name): one.complexity
        for path in _CORPUS
        for one in _facts(path.read_text("utf-8")).functions
        if one.kind in {"function", "method"}
    }
    assert len(ours) > 1_000
    assert ours == _ruff()


def _decorators(source: str) -> set[str]:
    """Functions of a docstring, a function and a return: complexipy takes them for ordinary."""
    kinds = [ast.Expr, ast.FunctionDef, ast.Return]
    return {
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and list(map(type, node.body)) == kinds
    }


def test_cognitive_complexity_is_that_of_complexipy_or_more() -> None:
    compared = equal = 0
    less = []
    for path in _CORPUS:
        source = path.read_text("utf-8")
        ours = {(one.line_first, one.name): one.cognitive for one in _facts(source).functions}
        decorators = _decorators(source)
        for told in complexipy.code_complexity(source, no_ignore=True).functions:
            name = told.name.rpartition("::")[2]
            count = ours[told.line_start, name]
            compared += 1
            equal += count == told.complexity
            if count < told.complexity and name not in decorators:
                less.append((path.name, name, count, told.complexity))
    assert less == []
    assert equal / compared > 0.94


@pytest.mark.parametrize(
    "body",
    [
        "return (a and b) or (c and d) or not (e or f)",
        "return [x for x in a if x and y for z in x]",
        "return [[x if x else y for x in z] for z in a]",
        "return sorted(a, lambda x: x if x else 1)",
        "x = [1 for a in b if (c if d else e)]",
        "return not a and b",
        "assert a and b or c",
        "while a:\n  pass\n else:\n  if b: pass",
        "try:\n  x\n except A:\n  if a and b: pass\n else:\n  if b: pass\n finally:\n  if c: pass",
        "match a:\n  case 1:\n   if a: pass\n  case _: pass",
        "f()\n f()",
        "def g():\n  if a: pass\n return g",
        "x = 1\n def g():\n  if a: pass\n return g",
        "class A:\n  def g(self):\n   if a: pass\n return A",
        "if a:\n  if b: pass\n  elif c: pass\n  else:\n   if d: pass",
        "async for x in y:\n  async with z: await t",
    ],
)
def test_cognitive_complexity_is_that_of_complexipy(body: str) -> None:
    source = f"async def f(a):\n {body}\n"
    told = {one.name: one.complexity for one in complexipy.code_complexity(source).functions}
    assert _cognitive(source) == told["f"]


@pytest.mark.parametrize(
    ("body", "weight"),
    [
        ("return g(x=a if a else 1)", 1),
        ("yield a if a else 1", 1),
        ("return a + (a or 1)", 1),
        ("x[a or 1] = 2", 1),
        ("return (a or b).c", 1),
        ("return f'{a or b}'", 1),
        ("del x[a or b]", 1),
        ("return sorted(a, key=lambda x: x if x else 1)", 2),
        ("if a:\n  def g():\n   if a: pass", 4),
        ("'A decorator.'\n def g():\n  if a: pass\n return g", 1),
    ],
)
def test_cognitive_complexity_looks_where_complexipy_does_not(body: str, weight: int) -> None:
    assert _cognitive(f"def f(a):\n {body}\n") == weight


def _methods(source: str) -> tuple[int, int, float]:
    (found,) = _facts(source).classes
    return found.methods, found.lcom4, round(found.lcom_hs, 3)


_TWO_IN_ONE = """
class Desk:
    def __init__(self, a, b):
        self.a = a
        self.b = b

    def read(self):
        return self.a

    def write(self, text):
        self.a = text

    def ring(self):
        return [self.b for _ in range(2)]

    @staticmethod
    def lost(self):
        return self.a
"""


def test_a_class_that_could_be_two_has_two_groups_of_methods() -> None:
    # without the static one a and b are touched by 3 and 2 of 4: (4 - 2.5) / 3
    assert _methods(_TWO_IN_ONE) == (5, 2, 0.5)


def test_a_method_that_calls_another_is_of_its_group() -> None:
    assert _methods(_TWO_IN_ONE.replace("return self.a", "self.ring(); return self.a")) == (
        5, 1, 0.5,
    )  # fmt: skip


def test_a_closure_touches_what_its_method_is_bound_to() -> None:
    source = """
class Desk:
    def one(self):
        def inner():
            return self.a
        return inner

    def two(self):
        return lambda: self.a
"""
    assert _methods(source) == (2, 1, 0.0)


def test_a_property_with_a_setter_is_one_method() -> None:
    source = """
class Desk:
    @property
    def name(self):
        return self._name

    @name.setter
    def name(self, name):
        self._name = name
"""
    assert _methods(source) == (1, 1, 0.0)


def test_a_class_without_methods_lacks_nothing() -> None:
    assert (lcom4([]), lcom_hs([])) == (0, 0.0)


def test_methods_that_share_nothing_lack_everything() -> None:
    apart = [Method("a", frozenset({"x"})), Method("b", frozenset({"y"}))]
    assert (lcom4(apart), lcom_hs(apart)) == (2, 1.0)
