"""Which module an import means: drawn cases, Python's own finder, and grimp as oracles."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import grimp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.topology.facts import ImportFacts
from otel_llmops.topology.files import Tree
from otel_llmops.topology.imports import Resolver
from otel_llmops.topology.layout import layout
from otel_llmops.topology.scan import scan
from tests.topology.drawn import draw, rows, scanned


def _edges(root: Path, files: dict[str, str]) -> list[tuple[str, str, str, str]]:
    table = scanned(root, files).tables["module_dependencies"]
    return rows(table, "from_module", "to_module", "import_type", "scope")


@pytest.mark.parametrize(
    ("written", "imported", "kind"),
    [
        ("import pkg.a", "pkg.a", "import"),
        ("import pkg.a as x", "pkg.a", "import"),
        ("import pkg", "pkg", "import"),
        ("import pkg.a.missing", "pkg.a", "import"),
        ("from pkg import a", "pkg.a", "from_import"),
        ("from pkg import thing", "pkg", "from_import"),
        ("from pkg.a import thing", "pkg.a", "from_import"),
        ("from pkg import *", "pkg", "star_import"),
        ("from pkg.sub import *", "pkg.sub", "star_import"),
        ("from . import a", "pkg.a", "from_import"),
        ("from .a import thing", "pkg.a", "from_import"),
        ("from .sub.deep import thing", "pkg.sub.deep", "from_import"),
        ("from . import thing", "pkg", "from_import"),
        ("from .sub import *", "pkg.sub", "star_import"),
        ("import importlib; importlib.import_module('pkg.a')", "pkg.a", "import"),
        ("import importlib; importlib.import_module('.a', __package__)", "pkg.a", "import"),
        ("import importlib; importlib.import_module('.a', package='pkg')", "pkg.a", "import"),
        ("__import__('pkg.a')", "pkg.a", "import"),
        ("import ns.inner", "ns.inner", "import"),
        ("from ns import inner", "ns.inner", "from_import"),
    ],
)
def test_an_import_means_the_module_that_python_would_find(
    tmp_path: Path, written: str, imported: str, kind: str
) -> None:
    files = {
        "pkg/__init__.py": "thing = 1",
        "pkg/a.py": "thing = 1",
        "pkg/sub/__init__.py": "",
        "pkg/sub/deep.py": "thing = 1",
        "pkg/user.py": written,
        "ns/inner.py": "",
    }
    assert _edges(tmp_path, files) == [("pkg.user", imported, kind, "top_level")]


@pytest.mark.parametrize(
    "written",
    [
        "import os, pkg.missing_top",
        "import pkgs",
        "from .... import a",
        "from .missing import a",
        "import json",
        "importlib.import_module(name)",
        "importlib.import_module('.a', other)",
    ],
)
def test_an_import_of_something_else_is_no_edge_between_modules(
    tmp_path: Path, written: str
) -> None:
    files = {"pkg/__init__.py": "", "pkg/a.py": "", "pkg/user.py": written, "pkg/json.py": ""}
    edges = _edges(tmp_path, files)
    assert [edge for edge in edges if edge[1] != "pkg"] == []


def test_a_scope_says_when_an_import_runs(tmp_path: Path) -> None:
    source = """
        import typing
        from typing import TYPE_CHECKING
        import a

        try:
            import b
        except ImportError:
            import c
        else:
            import d
        finally:
            import e
        if a:
            import f
        elif b:
            import g
        else:
            import h
        if TYPE_CHECKING:
            import i
        else:
            import j
        if not typing.TYPE_CHECKING:
            import k
        else:
            import l
        class K:
            import m
            def method(self):
                import n
                if self:
                    import o
        if TYPE_CHECKING:
            def p_():
                import p
        with a:
            import q
        if TYPE_CHECKING and a:
            import r
    """
    files = {f"{name}.py": "" for name in "abcdefghijklmnopqr"} | {"user.py": source}
    scopes = {imported: scope for _, imported, _, scope in _edges(tmp_path, files)}
    assert scopes == {
        "a": "top_level", "b": "conditional", "c": "conditional", "d": "conditional",
        "e": "conditional", "f": "conditional", "g": "conditional", "h": "conditional",
        "i": "type_checking", "j": "conditional", "k": "conditional", "l": "type_checking",
        "m": "top_level", "n": "function", "o": "function", "p": "type_checking",
        "q": "top_level", "r": "type_checking",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("files", "edges"),
    [
        pytest.param(
            {"src/app/__init__.py": "", "src/app/a.py": "import app.b", "src/app/b.py": ""},
            [("app.a", "app.b")],
            id="a src layout",
        ),
        pytest.param(
            {"pyproject.toml": '[tool.setuptools.packages.find]\nwhere = ["lib"]',
             "lib/app/__init__.py": "", "lib/app/a.py": "import app.b", "lib/app/b.py": ""},
            [("app.a", "app.b")],
            id="a layout that pyproject.toml declares",
        ),
        pytest.param(
            {"setup.cfg": "[options]\npackage_dir =\n    = code\n",
             "code/app/__init__.py": "", "code/app/a.py": "import app.b", "code/app/b.py": ""},
            [("app.a", "app.b")],
            id="a layout that setup.cfg declares",
        ),
        pytest.param(
            {"google/cloud/store/__init__.py": "", "google/cloud/store/a.py": "",
             "google/cloud/b.py": "from google.cloud import store\nimport google.cloud.store.a"},
            [("google.cloud.b", "google.cloud.store"), ("google.cloud.b", "google.cloud.store.a")],
            id="a namespace package",
        ),
        pytest.param(
            {"tools/run.py": "import helper", "tools/helper.py": "", "helper_of_all.py": ""},
            [("tools.run", "tools.helper")],
            id="scripts side by side",
        ),
        pytest.param(
            {"app/main.py": "from services.mail import send", "app/services/__init__.py": "",
             "app/services/mail.py": "from services import base", "app/services/base.py": ""},
            [("app.main", "app.services.mail"), ("app.services.mail", "app.services.base")],
            id="a folder that runs on PYTHONPATH",
        ),
        pytest.param(
            {"one/pyproject.toml": "", "one/src/alpha/__init__.py": "",
             "one/src/alpha/a.py": "import beta.b", "one/tests/test_it.py": "import alpha.a",
             "two/pyproject.toml": "", "two/src/beta/__init__.py": "", "two/src/beta/b.py": "",
             "two/tests/test_it.py": "import beta.b"},
            [("alpha.a", "beta.b"), ("tests.test_it", "alpha.a"),
             ("two.tests.test_it", "beta.b")],
            id="two projects under one root, with tests of one name",
        ),
        pytest.param(
            {"pkg/__init__.py": "from .impl import Thing", "pkg/impl.py": "class Thing: ...",
             "user.py": "from pkg import Thing"},
            [("pkg", "pkg.impl"), ("user", "pkg")],
            id="a re-export",
        ),
        pytest.param(
            {"a.py": "import a.b", "a/__init__.py": "", "a/b.py": ""},
            [("a#2", "a.b")],
            id="a module in the shadow of a package",
        ),
    ],
)  # fmt: skip
def test_a_layout_is_understood(
    tmp_path: Path, files: dict[str, str], edges: list[tuple[str, str]]
) -> None:
    assert [edge[:2] for edge in _edges(tmp_path, files)] == edges


def test_a_package_that_is_scanned_from_inside_keeps_its_name(tmp_path: Path) -> None:
    files = {"a.py": "import top.pkg.b", "b.py": "from . import a", "__init__.py": ""}
    draw(tmp_path / "top" / "pkg", files)
    draw(tmp_path, {"top/__init__.py": ""})
    table = scan(tmp_path / "top" / "pkg", workers=0).tables["module_dependencies"]
    assert rows(table, "from_module", "to_module") == [
        ("top.pkg.a", "top.pkg.b"),
        ("top.pkg.b", "top.pkg.a"),
    ]


def test_one_file_of_a_package_has_its_full_name(tmp_path: Path) -> None:
    draw(tmp_path, {"top/__init__.py": "", "top/pkg/__init__.py": "", "top/pkg/a.py": ""})
    table = scan(tmp_path / "top" / "pkg" / "a.py", workers=0).tables["code_modules"]
    assert rows(table, "module_path", "file_path") == [("top.pkg.a", "a.py")]


def test_external_packages_are_counted_by_statement(tmp_path: Path) -> None:
    files = {
        "a.py": "import numpy as np, numpy.linalg\nimport os",
        "b.py": "from numpy import array",
    }
    graph = scanned(tmp_path, files).tables["topology_snapshots"].column("graph_data")[0].as_py()
    assert '"external": {"numpy": 3}' in graph


_PARTS = st.sampled_from(["a", "b", "c"])
_PATHS = st.lists(_PARTS, min_size=1, max_size=3).map(tuple)


@given(st.sets(_PATHS, min_size=1, max_size=8), _PATHS, st.data())
def test_an_absolute_import_is_found_where_the_path_finder_finds_it(
    modules: set[tuple[str, ...]], wanted: tuple[str, ...], data: st.DataObject
) -> None:
    files = set()
    for parts in modules:
        package = data.draw(st.booleans())
        files.add("/".join(parts) + ("/__init__.py" if package else ".py"))
    tree = Tree(Path("/nowhere"), dict.fromkeys(sorted(files), 0),
                packages={path.removesuffix("/__init__.py") for path in files
                          if path.endswith("/__init__.py")})  # fmt: skip
    placed = layout(tree)
    written = ImportFacts("import", 0, ".".join(wanted), (("", ""),), "top_level", 1)
    ((_, found),) = Resolver(placed).targets("user.py", written)
    assert found == _found_by_python(files, wanted)


def _found_by_python(files: set[str], wanted: tuple[str, ...]) -> str | None:
    """The path finder's rules, one level after the other: package, module, else go on below."""
    best = None
    for depth in range(1, len(wanted) + 1):
        place = "/".join(wanted[:depth])
        if f"{place}/__init__.py" in files:
            best = f"{place}/__init__.py"
        elif f"{place}.py" in files:
            best = f"{place}.py"
            if depth < len(wanted) and not any(path.startswith(f"{place}/") for path in files):
                return best
        elif not any(path.startswith(f"{place}/") for path in files):
            return best
    return best


@pytest.mark.parametrize("package", ["grimp", "networkx", "otel_llmops"])
def test_imports_of_real_packages_are_those_of_grimp(package: str) -> None:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    root = Path(spec.submodule_search_locations[0])
    tables = scan(root, workers=0).tables
    graph = grimp.build_graph(package, cache_dir=None)
    theirs = {
        (importer, imported)
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
    }
    files = dict(rows(tables["code_modules"], "module_path", "file_path"))
    # grimp leaves out folders without an __init__.py below a package, and import_module
    ours = {
        (importer, imported)
        for importer, imported, line in rows(
            tables["module_dependencies"], "from_module", "to_module", "line"
        )
        if importer in graph.modules and "import_module(" not in _line(root / files[importer], line)
    }
    assert ours == theirs
    assert graph.modules <= files.keys()


def _line(path: Path, number: int) -> str:
    return path.read_text("utf-8").splitlines()[number - 1]


def test_scanned_code_is_never_imported(tmp_path: Path) -> None:
    trap = "raise SystemExit('this was run')"
    names = ("ast.py", "json.py", "sitecustomize.py", "otel_llmops/__init__.py", "app.py")
    draw(tmp_path, dict.fromkeys(names, trap))
    program = """if True:
        import sys
        from pathlib import Path
        from otel_llmops.topology.scan import scan
        print(scan(Path(sys.argv[1])).files)
    """
    ran = subprocess.run(
        [sys.executable, "-P", "-c", program, tmp_path],
        cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert ran.stdout == "5\n"
