"""The house's rules that no linter knows."""

import ast
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_llmops import semconv

_ROOT = Path(__file__).parents[1]
_PACKAGE = _ROOT / "otel_llmops"
_MODULES = sorted(_PACKAGE.rglob("*.py"))
_FUNCTION_LINES_MAX = 60
_MODULE_LINES_MAX = 500


def _dotted(path: Path) -> str:
    name = ".".join(path.relative_to(_ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def _name(path: Path) -> str:
    return str(path.relative_to(_ROOT))


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = (
        function.body[1:]
        if ast.get_docstring(function) and len(function.body) > 1
        else function.body
    )
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


@pytest.mark.parametrize("path", _MODULES, ids=_name)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    long = {
        f.name: _code_lines(f) for f in _functions(path) if _code_lines(f) > _FUNCTION_LINES_MAX
    }
    assert long == {}


@pytest.mark.parametrize("path", _MODULES, ids=_name)
def test_a_module_is_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= _MODULE_LINES_MAX


@pytest.mark.parametrize(
    "path", [path for path in _MODULES if path.name != "__main__.py"], ids=_name
)
def test_all_names_what_is_there(path: Path) -> None:
    module = importlib.import_module(_dotted(path))
    missing = [name for name in getattr(module, "__all__", ()) if not hasattr(module, name)]
    assert missing == []


@pytest.mark.parametrize("name", ["derive.analyse", "readings.read", "forest.forest",
                                  "sessions.sessions", "agents.activations", "tokens.ledger",
                                  "handoffs.handoffs", "pieces.pieces_of",
                                  "critical_path.critical_path", "critical_path.drag",
                                  "critical_path.slack", "bottlenecks.bottlenecks",
                                  "code.code_of", "functions.function_tables",
                                  "nesting.nesting"])  # fmt: skip
def test_an_analysis_says_what_goes_in_what_comes_out_and_what_it_costs(name: str) -> None:
    module, function = name.split(".")
    text = inspect.getdoc(
        getattr(importlib.import_module(f"otel_llmops.analysis.{module}"), function)
    )
    assert [word for word in ("In:", "Out:", "Cost:") if word not in (text or "")] == []


def test_each_concept_of_the_dialect_table_is_read() -> None:
    read = "".join(path.read_text() for path in _MODULES if path.parent.name != "semconv")
    # tokens are asked for as f"{kind}_tokens"
    named = {concept: concept.removesuffix("_tokens") for concept in semconv.CONCEPTS}
    assert [concept for concept, name in named.items() if f'"{name}"' not in read] == []


@pytest.mark.parametrize("path", sorted((_ROOT / "tests" / "oracles").glob("*.py")), ids=_name)
def test_an_oracle_does_not_ask_what_it_checks(path: Path) -> None:
    imported = [
        name
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    ]
    assert [name for name in imported if name.startswith("otel_llmops.analysis")] == []


@pytest.mark.parametrize("module", ["otel_llmops", "otel_llmops.sdk", "otel_llmops.semconv"])
def test_what_runs_in_the_users_process_is_light(module: str) -> None:
    heavy = ["pyarrow", "numpy", "grpc", "starlette", "google.protobuf"]
    program = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert ran.stdout.strip() == "[]"
