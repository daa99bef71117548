"""How many of the spans of a profiled run are laid onto the function that made them."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from otel_llmops.topology.correlate import Index, Place

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Run:
    """One row a span: what it said, and who really made it (file, first line, name)."""

    spans: Sequence[tuple[Place, tuple[str, int, str]]]


@dataclass
class Score:
    """Spans by verdict; `wrong` holds what was laid elsewhere or nowhere."""

    right: int = 0
    spans: int = 0
    how: Counter[str] = field(default_factory=Counter)
    wrong: Counter[tuple[Place, str, str]] = field(default_factory=Counter)

    @property
    def share(self) -> float:
        """Spans laid onto the right function, of all whose maker is known."""
        return self.right / max(self.spans, 1)


def profiled(
    root: Path, program: Path, *arguments: str, every: int = 0, out: Path, path: Sequence[Path] = ()
) -> Run:
    """Run `program` under tests.support.profiled; `path` is where it finds its modules."""
    paths = [str(_ROOT), *map(str, path)]
    command = [sys.executable, "-m", "tests.support.profiled", str(root), str(out)]
    subprocess.run(
        [*command, "--every", str(every), "--", str(program), *arguments],
        check=True,
        capture_output=True,
        cwd=_ROOT,
        env={"PYTHONPATH": ":".join(paths), "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"},
        timeout=150,
    )
    rows = json.loads(out.read_text())
    return Run(
        [
            ((function or "", file or "", line or 0), (true_file, first, name))
            for function, file, line, true_file, first, name in rows
        ]
    )


def score(
    run: Run, tables: Mapping[str, pa.Table], root: Path, *, moved: Mapping[str, int] | None = None
) -> Score:
    """Lay the spans of `run`, made by code below `root`, onto a snapshot.

    `moved` is how many lines a file's functions are further down in the snapshot.
    """
    index = Index(
        **{name: tables[f"code_{name}"].to_pylist() for name in ("modules", "classes", "functions")}
    )
    files = {row["module_id"]: row["file_path"] for row in tables["code_modules"].to_pylist()}
    functions = {row["function_id"]: row for row in tables["code_functions"].to_pylist()}
    places = list(dict.fromkeys(place for place, _ in run.spans))
    laid = index.lay(places)
    found = dict(zip(places, zip(laid.function_ids, laid.how, strict=True), strict=True))
    result = Score()
    for place, (file, first, name) in run.spans:
        if not file:
            continue
        function_id, how = found[place]
        row = functions.get(function_id)
        inside = str(Path(file).relative_to(root))
        result.spans += 1
        result.how[how] += 1
        if (
            row is not None
            and files[row["module_id"]] == inside
            and _is(row, first + (moved or {}).get(inside, 0), name, how)
        ):
            result.right += 1
        else:
            result.wrong[place, f"{inside}:{first} {name}", how] += 1
    return result


_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")


def _is(row: Mapping[str, Any], first: int, name: str, how: str) -> bool:
    """Whether a function is the one whose code begins at that line and is called so.

    A comprehension is the work of the function that it is written in, whoever goes through it.
    """
    whole = name
    while name.rpartition(".")[2] in _COMPREHENSIONS:
        name = name.rpartition(".")[0].removesuffix(".<locals>") or "<module>"
    own = name.rpartition(".")[2]
    last = str(row["qualified_name"]).rpartition(".")[2]
    if own == "<module>":
        return bool(row["kind"] == "module")
    begins = row["line_first"] == first
    if name != whole:
        begins = row["line_first"] <= first <= row["line_end"]
        if how == "scope":  # written in the body of a class
            return bool(begins)
    return bool(begins and (row["kind"] == "lambda" if own == "<lambda>" else last == own))
