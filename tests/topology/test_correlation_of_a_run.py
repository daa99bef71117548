"""Spans of real programs onto the functions that made them; the truth comes from sys.setprofile."""

import shutil
from pathlib import Path

import pytest

from otel_llmops.topology.scan import scan
from tests.support.laid import Run, profiled, score

BAZAAR = Path(__file__).parent / "bazaar"
AT_LEAST = 0.99


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """The shop, run from a container's folder."""
    root = tmp_path_factory.mktemp("container") / "app"
    shutil.copytree(BAZAAR, root)
    out = root.parent / "spans.json"
    made = profiled(root, root / "scripts" / "run_bazaar.py", "2", out=out, path=[root / "src"])
    return made, root


def test_each_span_of_a_program_is_laid_onto_the_function_that_made_it(
    run: tuple[Run, Path],
) -> None:
    found = score(run[0], scan(BAZAAR, cache=None, workers=0).tables, run[1])
    assert found.spans > 150
    assert found.share >= AT_LEAST, found.wrong


def test_lines_that_moved_since_the_scan_change_nothing(
    run: tuple[Run, Path], tmp_path: Path
) -> None:
    shutil.copytree(BAZAAR, tmp_path / "moved")
    moved = {}
    for path in (tmp_path / "moved").rglob("*.py"):
        lines = 2 + len(path.name) % 3
        path.write_text("# one more line\n" * lines + path.read_text())
        moved[str(path.relative_to(tmp_path / "moved"))] = lines
    tables = scan(tmp_path / "moved", cache=None, workers=0).tables
    found = score(run[0], tables, run[1], moved=moved)
    assert found.share >= AT_LEAST, found.wrong


def test_only_the_package_was_scanned_not_the_folder_above(run: tuple[Run, Path]) -> None:
    src = Path("src/bazaar")
    of_package = Run([each for each in run[0].spans if f"/{src}/" in each[1][0]])
    tables = scan(BAZAAR / src, cache=None, workers=0).tables
    found = score(of_package, tables, run[1] / src)
    assert found.spans > 150
    assert found.share >= AT_LEAST, found.wrong
