import os
from pathlib import Path

import pytest

from otel_llmops.errors import ConfigError
from otel_llmops.topology.files import Diagnostic, find
from otel_llmops.topology.source import SOURCE_BYTES_MAX
from otel_llmops.topology.worker import Job, Look, look
from tests.topology.drawn import draw, rows, scanned


def _found(root: Path, *files: str) -> list[str]:
    draw(root, dict.fromkeys(files, ""))
    return list(find(root).files)


def test_every_py_file_is_found_whatever_its_folder_is(tmp_path: Path) -> None:
    files = ["a.py", "b/c.py", "pkg/__init__.py", "pkg/deep/er/x.py", "src/y.py", "über/straße.py"]
    assert _found(tmp_path, *files, "README.md", "stub.pyi", "b/data.py.txt") == sorted(files)


@pytest.mark.parametrize(
    "left_out",
    [
        ".git/hook.py",
        ".tox/py311/x.py",
        ".hidden/x.py",
        "__pycache__/x.py",
        "web/node_modules/node-gyp/gyp/x.py",
        "vendor/site-packages/x.py",
        "usr/dist-packages/x.py",
    ],
)
def test_what_is_not_the_repositorys_code_is_left_out(tmp_path: Path, left_out: str) -> None:
    assert _found(tmp_path, "a.py", left_out) == ["a.py"]


def test_a_virtual_environment_is_left_out_under_any_name(tmp_path: Path) -> None:
    draw(tmp_path, {"tools/pyvenv.cfg": "", "conda/conda-meta/history": ""})
    assert _found(tmp_path, "a.py", "tools/lib/x.py", "conda/lib/y.py") == ["a.py"]


def test_build_is_left_out_beside_a_project_file_unless_it_is_a_package(tmp_path: Path) -> None:
    draw(tmp_path, {"one/pyproject.toml": "", "two/pyproject.toml": ""})
    found = _found(tmp_path, "one/build/x.py", "two/build/__init__.py", "three/build/y.py")
    assert found == ["three/build/y.py", "two/build/__init__.py"]


def test_site_packages_can_be_the_root(tmp_path: Path) -> None:
    root = tmp_path / ".venv" / "lib" / "site-packages"
    assert _found(root, "a.py", "pkg/__init__.py") == ["a.py", "pkg/__init__.py"]


def test_links_neither_loop_nor_count_twice(tmp_path: Path) -> None:
    root = draw(tmp_path / "root", {"pkg/a.py": "", "pkg/b.py": ""})
    outside = draw(tmp_path / "outside", {"c.py": "", "folder/d.py": ""})
    (root / "pkg" / "again").symlink_to(root, target_is_directory=True)
    (root / "alias.py").symlink_to(root / "pkg" / "a.py")
    (root / "c.py").symlink_to(outside / "c.py")
    (root / "folder").symlink_to(outside / "folder", target_is_directory=True)
    (root / "round.py").symlink_to(root / "round.py")
    (root / "gone.py").symlink_to(root / "nothing.py")
    tree = find(root)
    assert list(tree.files) == ["c.py", "pkg/a.py", "pkg/b.py"]
    assert [one.file for one in sorted(tree.diagnostics)] == ["gone.py", "round.py"]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    made = scanned(tmp_path, {"a.py": ""})
    assert made.diagnostics == [Diagnostic("pipe.py", 0, "not read: it is not a regular file")]


def test_a_name_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.py")).write_text("")
    assert scanned(tmp_path, {}).diagnostics == [
        Diagnostic("?.py", 0, "not read: its name is not UTF-8")
    ]


def test_what_may_not_be_read_is_told(tmp_path: Path) -> None:
    draw(tmp_path, {"a.py": "", "closed.py": "", "folder/b.py": ""})
    (tmp_path / "closed.py").chmod(0)
    (tmp_path / "folder").chmod(0)
    made = scanned(tmp_path, {})
    (tmp_path / "folder").chmod(0o700)
    closed = [
        Diagnostic("closed.py", 0, "not read: Permission denied"),
        Diagnostic("folder", 0, "not listed: Permission denied"),
    ]
    assert made.diagnostics == ([] if os.geteuid() == 0 else closed)  # root may read everything


def test_a_file_that_vanishes_is_told(tmp_path: Path) -> None:
    seen = look(Job(str(tmp_path / "gone.py"), "gone", is_package=False))
    assert seen == Look(b"", b"", b"", 0, "not read: No such file or directory")


def test_a_path_that_is_not_there_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file or folder"):
        find(tmp_path / "nothing")


def test_a_file_that_is_not_python_is_the_callers_mistake(tmp_path: Path) -> None:
    draw(tmp_path, {"README.md": ""})
    with pytest.raises(ConfigError, match="this is not a Python file"):
        find(tmp_path / "README.md")


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        pytest.param(b"x = 1\nif x\n", 2, "expected ':'", id="syntax"),
        pytest.param(b"def f():\nreturn\n", 2, "expected an indented block after function "
                     "definition on line 1", id="indentation"),
        pytest.param(b"x = 1\ny = '\0'\n", 2, "source code cannot contain null bytes", id="null"),
        pytest.param(b"x = 1\ny = '\xff'\n", 2, "not utf-8: byte 0xff", id="not utf-8"),
        pytest.param(b"# coding: latin-1\nx = '\xff'\nif\n", 3, "invalid syntax", id="latin-1"),
        pytest.param(b"#!/usr/bin/python\n# coding: klingon\n", 2, "unknown encoding: klingon",
                     id="unknown encoding"),
        pytest.param(b"# coding: hex\n", 1, "'hex' is not a text encoding; use codecs.decode() to "
                     "handle arbitrary codecs", id="no text encoding"),
        pytest.param(b"\xef\xbb\xbf# coding: latin-1\n", 1, "encoding problem: utf-8",
                     id="byte order mark and another encoding"),
        pytest.param(b"(" * 5000 + b")" * 5000, 1, "too many nested parentheses", id="parentheses"),
        pytest.param(b"x = " + b"-" * 50_000 + b"1", 0, "nested too deep to be parsed", id="deep"),
        pytest.param(b"#" * (SOURCE_BYTES_MAX + 1), 0, "not read: 8,388,609 bytes, more than "
                     "8,388,608", id="huge"),
    ],
)  # fmt: skip
def test_what_cannot_be_parsed_is_told_with_its_line_and_the_rest_goes_on(
    tmp_path: Path, content: bytes, line: int, message: str
) -> None:
    (tmp_path / "bad.py").write_bytes(content)
    made = scanned(tmp_path, {"good.py": "import bad"})
    assert made.diagnostics == [Diagnostic("bad.py", line, message)]
    edges = rows(made.tables["module_dependencies"], "from_module", "to_module")
    assert edges == [("good", "bad")]
    assert rows(made.tables["code_functions"], "qualified_name") == [("good",)]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfdef f(): pass\n",
        b"# -*- coding: latin-1 -*-\nx = '\xff'\ndef f(): pass\n",
        b"# vim: set fileencoding=cp1251 :\n\n# \xcf\xf0\ndef f(): pass\n",
        b"x = 1\r\ndef f(): pass\r\n",
        b"x = 1\rdef f(): pass\r",
        b"\f\ndef f(): pass",
        "# ünïcödé\ndef f(): pass".encode(),
        b"x = '\\ud800'\n'''\\udfff'''\ndef f():\n '\\ud800'\n",
        b"x = " + b" + ".join([b"1"] * 2_000) + b"\ndef f(): pass\n",
        b"x = f\ndef f(): pass\nx" + b".a" * 900,
    ],
)
def test_what_python_reads_is_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.py").write_bytes(content)
    made = scanned(tmp_path, {})
    assert made.diagnostics == []
    assert rows(made.tables["code_functions"], "qualified_name") == [("m",), ("m.f",)]


def test_statements_nested_deep_are_read(tmp_path: Path) -> None:
    deep = "".join(f"{' ' * depth}if x:\n" for depth in range(90)) + " " * 90 + "import a\n"
    elifs = "if x: pass\n" + "elif x: pass\n" * 1_500
    made = scanned(tmp_path, {"a.py": "", "deep.py": deep, "elifs.py": elifs})
    assert made.diagnostics == []
    names = rows(made.tables["module_dependencies"], "from_module", "to_module", "scope")
    assert names == [("deep", "a", "conditional")]


def test_no_python_at_all_is_an_empty_snapshot(tmp_path: Path) -> None:
    made = scanned(tmp_path, {"README.md": "# nothing here"})
    assert {name: table.num_rows for name, table in made.tables.items()} == {
        "topology_snapshots": 1,
        "code_modules": 0,
        "code_classes": 0,
        "code_functions": 0,
        "function_calls": 0,
        "module_dependencies": 0,
    }
