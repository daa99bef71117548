"""`scan` as a person and as a program runs it."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from otel_llmops.cli import main
from otel_llmops.cli.scan_report import print_scan
from otel_llmops.topology.scan import scan
from tests.topology.drawn import draw

_APP = {
    "app/__init__.py": "",
    "app/main.py": """
        import requests
        from app.tools import search

        def answer(question):
            if question and len(question) > 3:
                return [search(word) for word in question if word]
            return None
        """,
    "app/tools.py": """
        def search(word):
            from app.main import answer
            return answer(word)
        """,
    "app/broken.py": "def",
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return draw(tmp_path / "repository", _APP)


def test_the_document_has_the_fields_that_programs_rely_on(
    app: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", "--json", "--workers", "0", str(app)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document) == {
        "snapshot", "cycles", "diagnostics", "external", "modules", "classes", "functions",
        "calls", "dependencies", "files", "files_reused", "timings_s",
    }  # fmt: skip
    assert [module["module_path"] for module in document["modules"]] == [
        "app", "app.broken", "app.main", "app.tools",
    ]  # fmt: skip
    assert document["diagnostics"] == [
        {"file": "app/broken.py", "line": 1, "message": "invalid syntax"}
    ]
    assert [(call["caller"], call["callee"]) for call in document["calls"]] == [
        ("app.main.answer", "app.tools.search"),
        ("app.tools.search", "app.main.answer"),
    ]
    assert document["external"] == {"requests": 1}
    assert (document["snapshot"]["total_modules"], document["files"]) == (4, 4)


def test_the_page_says_what_is_there_what_is_hard_and_what_is_circular(app: Path) -> None:
    console = Console(width=100, record=True, file=io.StringIO())
    print_scan(scan(app, workers=0), console=console)
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    assert lines[0].startswith(f"{app} · ")
    assert lines[1:] == [
        "4 modules · 10 lines · 2 functions · 2 call edges · 2 imports · 1 import cycle",
        "",
        "Hardest to follow",
        "function         where      lines  cyclomatic  cognitive",
        "────────────────────────────────────────────────────────",
        "app.main.answer  main.py:4      4           2          5",
        "",
        "Circular imports",
        "a shortest way round      modules  at import  cheapest to cut",
        "─────────────────────────────────────────────────────────────",
        "app. main → tools → main        2  no         main → tools",
        "",
        "Most depended upon",
        "module     imported by  imports  instability",
        "────────────────────────────────────────────",
        "app.main             1        1         0.50",
        "app.tools            1        1         0.50",
        "",
        "Packages from outside: requests (1)",
        "",
        "1 not read:",
        "  app/broken.py:1  invalid syntax",
    ]


@pytest.mark.parametrize("path", ["", "main.py"])
def test_the_call_graph_is_printed_as_pycg_writes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    files = {"main.py": "from nested.to import func\nfunc()\n", "nested/__init__.py": "",
             "nested/to.py": "def func():\n    print()\n", "__init__.py": ""}  # fmt: skip
    draw(tmp_path, files)
    assert main(["scan", "--export", "pycg", str(tmp_path / path)]) == 0
    graph = json.loads(capsys.readouterr().out)
    assert graph["main"] == ["nested.to.func"]
    assert graph["nested.to.func"] == ["<builtin>.print"]


def test_output_goes_to_a_file(
    app: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "scan.json"
    assert main(["scan", "--json", "--output", str(file), str(app)]) == 0
    assert capsys.readouterr().out == ""
    assert json.loads(file.read_text())["files"] == 4


def test_a_second_scan_says_what_it_did_not_read_again(
    app: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for reused in (0, 4):
        assert main(["scan", "--json", str(app)]) == 0
        assert json.loads(capsys.readouterr().out)["files_reused"] == reused
    assert main(["scan", "--json", "--no-cache", str(app)]) == 0
    assert json.loads(capsys.readouterr().out)["files_reused"] == 0


def test_no_python_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", str(tmp_path)]) == 0
    assert "There is no Python here" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "nothing: there is no such file or folder"),
        (
            ["README.md"],
            "README.md: this is not a Python file (give a folder, or a file that ends in .py)",
        ),
        (
            ["--json", "--output", "no/where.json", "."],
            "no/where.json: cannot be written (No such file or directory)",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_scanned_is_refused_in_one_line(
    tmp_path: Path, words: list[str], message: str
) -> None:
    draw(tmp_path, {"README.md": "", "a.py": ""})
    ran = subprocess.run(
        [sys.executable, "-m", "otel_llmops.cli", "scan", *words],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", f"otel-llmops: {message}\n")
