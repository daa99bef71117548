"""A scan as a page that a person likes to read: what is there, what is hard, what is circular."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table
from rich.text import Text

from otel_llmops.cli.tables import keep_names, safe, summary, titled
from otel_llmops.cli.terminal import width
from otel_llmops.topology.scan import Scan

__all__ = ["print_scan"]

_COMPLEX, _CYCLES, _MODULES, _DIAGNOSTICS, _PACKAGES = 8, 5, 5, 5, 8
_HARD, _VERY_HARD = 15, 30
"""Cognitive complexity that complexipy and SonarSource warn at, and twice that."""
_SHOWN_CYCLE = 6
_COMMIT_DIGITS = 10


def print_scan(made: Scan, *, console: Console | None = None) -> None:
    """Print the summary of a scan."""
    console = console or Console(highlight=False, width=width())
    (snapshot,) = made.tables["topology_snapshots"].to_pylist()
    graph = json.loads(snapshot["graph_data"])
    console.print(_head(made, snapshot, console))
    if not made.files:
        console.print(Text("There is no Python here: no file that ends in .py.", style="yellow"))
        _diagnostics(made, console)
        return
    console.print(_found(made, snapshot, console))
    for table in (_complex(made), _cycles(graph["cycles"]), _used(made)):
        if table.row_count:
            keep_names(table, table.columns[0], console)
            console.print()
            console.print(table)
    _external(graph["external"], console)
    _diagnostics(made, console)


def _head(made: Scan, snapshot: Mapping[str, Any], console: Console) -> Text:
    commit, mark, changed = snapshot["commit_hash"].partition("+")
    dot = "," if console.options.ascii_only else " ·"
    line = safe(snapshot["repository_path"], "bold cyan")
    if commit:
        line.append(f"{dot} commit {commit[:_COMMIT_DIGITS]}{mark}{changed}", style="dim")
    line.append(f"{dot} {sum(made.timings.values()):.1f} s", style="dim")
    if made.reused:
        line.append(f", {made.reused:,} of {made.files:,} files as last time", style="dim")
    return line


def _found(made: Scan, snapshot: Mapping[str, Any], console: Console) -> Text:
    lines = pc.sum(made.tables["code_modules"].column("line_count")).as_py()
    return summary(
        [
            (snapshot["total_modules"], "module"),
            (lines or 0, "line"),
            (snapshot["total_functions"], "function"),
            (made.tables["function_calls"].num_rows, "call edge"),
            (snapshot["total_dependencies"], "import"),
            (snapshot["circular_dependencies"], "import cycle"),
        ],
        console,
    )


def _top(made: Scan, table: str, keys: Sequence[str], most: int) -> list[dict[str, Any]]:
    rows = made.tables[table]
    order = pc.select_k_unstable(rows, most, [(key, "descending") for key in keys])
    found: list[dict[str, Any]] = rows.take(order).to_pylist()
    return found


def _complex(made: Scan) -> Table:
    files = dict(
        zip(
            made.tables["code_modules"].column("module_id").to_pylist(),
            made.tables["code_modules"].column("file_path").to_pylist(),
            strict=True,
        )
    )
    table = titled("Hardest to follow")
    table.add_column("function", overflow="fold")
    table.add_column("where", style="dim", overflow="fold")
    for name in ("lines", "cyclomatic", "cognitive"):
        table.add_column(name, justify="right", no_wrap=True)
    keys = ("cognitive_complexity", "complexity", "line_end")
    for row in _top(made, "code_functions", keys, _COMPLEX):
        cognitive = int(row["cognitive_complexity"])
        if row["kind"] != "module" and cognitive:
            table.add_row(
                safe(row["qualified_name"], "bold"),
                safe(f"{files[row['module_id']].rpartition('/')[2]}:{row['line_start']}"),
                Text(f"{row['line_end'] - row['line_start'] + 1:,}"),
                Text(f"{int(row['complexity'])}"),
                Text(f"{cognitive}", style=_style(cognitive)),
            )
    return table


def _style(cognitive: int) -> str:
    if cognitive > _VERY_HARD:
        return "red"
    return "yellow" if cognitive > _HARD else "green"


def _cycles(cycles: Sequence[Mapping[str, Any]]) -> Table:
    table = titled("Circular imports")
    table.add_column("a shortest way round", overflow="fold")
    table.add_column("modules", justify="right", no_wrap=True)
    table.add_column("at import", no_wrap=True)
    table.add_column("cheapest to cut", style="dim", overflow="fold")
    for cycle in cycles[:_CYCLES]:
        names = list(cycle["shortest"])
        package = _package(names)
        short = {name: name.removeprefix(package) for name in names}
        way = [short[name] for name in names[:_SHOWN_CYCLE]]
        way.append("…" if len(names) > _SHOWN_CYCLE else way[0])
        table.add_row(
            safe(f"{package} " if package else "", "dim").append_text(
                safe(" → ".join(way), "bold")
            ),
            Text(f"{len(cycle['modules']):,}"),
            Text("yes", style="red") if cycle["at_import_time"] else Text("no", style="green"),
            safe(" → ".join(short[name] for name in cycle["cheapest_edge"])),
        )
    if len(cycles) > _CYCLES:
        table.add_row(Text(f"and {len(cycles) - _CYCLES:,} more", style="dim"))
    return table


def _package(names: Sequence[str]) -> str:
    """What all names begin with, up to a dot."""
    parts = [name.split(".")[:-1] for name in names]
    common = 0
    while all(len(part) > common and part[common] == parts[0][common] for part in parts):
        common += 1
    return "".join(f"{part}." for part in parts[0][:common])


def _used(made: Scan) -> Table:
    table = titled("Most depended upon")
    table.add_column("module", overflow="fold")
    for name in ("imported by", "imports", "instability"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in _top(made, "code_modules", ("afferent_coupling", "efferent_coupling"), _MODULES):
        if row["afferent_coupling"]:
            table.add_row(
                safe(row["module_path"], "bold"),
                Text(f"{row['afferent_coupling']:,}"),
                Text(f"{row['efferent_coupling']:,}"),
                Text(f"{row['instability']:.2f}"),
            )
    return table


def _external(external: Mapping[str, int], console: Console) -> None:
    if not external:
        return
    shown = ", ".join(f"{name} ({count:,})" for name, count in list(external.items())[:_PACKAGES])
    more = f" and {len(external) - _PACKAGES:,} more" if len(external) > _PACKAGES else ""
    console.print()
    console.print(Text("Packages from outside: ", style="bold").append_text(safe(shown + more)))


def _diagnostics(made: Scan, console: Console) -> None:
    if not made.diagnostics:
        return
    count = len(made.diagnostics)
    console.print()
    console.print(Text(f"{count:,} not read{'' if count == 1 else ', of these'}:", style="yellow"))
    for one in made.diagnostics[:_DIAGNOSTICS]:
        place = f"{one.file}:{one.line}" if one.line else one.file
        console.print(safe(f"  {place}  {one.message}"))
    if count > _DIAGNOSTICS:
        console.print(
            Text(f"  and {count - _DIAGNOSTICS:,} more: --json has them all", style="dim")
        )
