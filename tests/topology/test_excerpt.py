"""The lines of a function: only what was scanned, and only from inside the repository."""

import os
from pathlib import Path

import pytest

from otel_llmops.topology.excerpt import Excerpt, excerpt
from otel_llmops.topology.parser import CodeParser

TEXT = '''import os


class Desk:
    @staticmethod
    def ask(what):
        """Docstrings do not count."""
        return f"{what}?"


def ask(what):
    return what
'''


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "desk.py").write_text(TEXT)
    return folder


def _hash(file: Path, qualname: str) -> str:
    facts = CodeParser().parse_file(file)
    return next(each.body_hash for each in facts.functions if each.qualname == qualname)


def _read(root: Path, file: str, wanted: str, qualname: str = "Desk.ask") -> Excerpt | None:
    return excerpt(str(root), file, qualname=qualname, body_hash=wanted)


def test_a_function_with_its_decorators(desk: Path) -> None:
    found = _read(desk, "desk.py", _hash(desk / "desk.py", "Desk.ask"))
    assert found == Excerpt(5, "\n".join(TEXT.split("\n")[4:8]), cut=False)


def test_it_is_found_where_it_has_moved_to(desk: Path) -> None:
    wanted = _hash(desk / "desk.py", "ask")
    (desk / "desk.py").write_text("# one more line\n" + TEXT)
    found = _read(desk, "desk.py", wanted, "ask")
    assert found == Excerpt(12, "def ask(what):\n    return what", cut=False)


def test_what_has_changed_since_the_scan_is_not_shown(desk: Path) -> None:
    wanted = _hash(desk / "desk.py", "Desk.ask")
    (desk / "desk.py").write_text(TEXT.replace("{what}?", "{what}!"))
    assert _read(desk, "desk.py", wanted) is None


def test_a_long_function_is_cut(desk: Path) -> None:
    (desk / "long.py").write_text("def run():\n" + "    print()\n" * 1000)
    found = _read(desk, "long.py", _hash(desk / "long.py", "run"), "run")
    assert found is not None
    assert found.cut
    assert found.text.count("\n") == 399


def test_nothing_outside_the_repository_is_read(desk: Path) -> None:
    outside = desk.parent / "outside.py"
    outside.write_text(TEXT)
    (desk / "link.py").symlink_to(outside)
    wanted = _hash(outside, "Desk.ask")
    assert _read(desk.parent, "outside.py", wanted) is not None
    for file in ("../outside.py", str(outside), "link.py"):
        assert _read(desk, file, wanted) is None


def test_what_is_no_python_file_is_not_read(desk: Path) -> None:
    wanted = _hash(desk / "desk.py", "Desk.ask")
    (desk / "desk.txt").write_text(TEXT)
    (desk / "broken.py").write_text("def (")
    (desk / "folder.py").mkdir()
    os.mkfifo(desk / "pipe.py")
    for file in ("desk.txt", "broken.py", "folder.py", "pipe.py", "none.py", "nul\0.py", ""):
        assert _read(desk, file, wanted) is None, file
    assert excerpt("repository", "desk.py", qualname="Desk.ask", body_hash=wanted) is None


def test_the_body_of_a_module_is_not_shown(desk: Path) -> None:
    assert _read(desk, "desk.py", _hash(desk / "desk.py", ""), "") is None
