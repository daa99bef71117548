"""`otel-llmops diff`: what moved between two commits, in structure and in tokens a call."""

import json
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from otel_llmops.cli.commits import commit_of
from otel_llmops.cli.source import source
from otel_llmops.cli.tables import keep_names, safe, titled
from otel_llmops.cli.terminal import width

__all__ = ["print_difference", "run"]

_NAMES_MAX = 12
_TOKENS_MAX = 20
_COMMIT_DIGITS = 10

_Document = Mapping[str, Any]


def run(arguments: Namespace) -> int:
    """Print the difference of `arguments.before` and `arguments.after`.

    Raises: LlmopsError, if nothing is known of one of them, or there is nothing that could tell.
    """
    commits = [commit_of(each) for each in (arguments.before, arguments.after)]
    with source(arguments) as asked:
        found = asked.difference(commits[0], commits[1])
    if arguments.json:
        # ASCII alone: whatever a name holds, nothing of it can steer a terminal
        sys.stdout.write(json.dumps(found, allow_nan=False, indent=2) + "\n")
        return 0
    print_difference(found, Console(highlight=False, width=width()))
    return 0


def print_difference(found: _Document, console: Console) -> None:
    """The document of Queries.topology.difference as a page."""
    before, after = found["before"], found["after"]
    line = safe(before["commit"][:_COMMIT_DIGITS], "bold cyan")
    line.append(" -> " if console.options.ascii_only else " → ", style="dim")
    console.print(line.append_text(safe(after["commit"][:_COMMIT_DIGITS], "bold cyan")))
    if found["structure"] is None:
        lacking = [each["commit"] for each in (before, after) if each["snapshot_id"] is None]
        names = " and ".join(commit[:_COMMIT_DIGITS] for commit in lacking)
        told = f"No scan of {names} is kept, so nothing is known of the structure: otel-llmops scan"
        console.print(safe(told, "yellow"))
    else:
        _structure(found["structure"], console)
    _tokens(found, console)


def _structure(structure: _Document, console: Console) -> None:
    table = titled("Structure")
    table.add_column("what", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("which", overflow="fold")
    functions, modules = structure["functions"], structure["modules"]
    for what, way, names, style in (
        ("modules", "added", modules["added"], "green"),
        ("modules", "removed", modules["removed"], "red"),
        ("functions", "added", functions["added"], "green"),
        ("functions", "removed", functions["removed"], "red"),
        ("functions", "changed", functions["changed"], "yellow"),
        ("circular imports", "new", _cycles(structure["cycles"]["added"]), "red"),
        ("circular imports", "gone", _cycles(structure["cycles"]["removed"]), "green"),
        ("complexity", "moved", _numbers(functions["complexity"]), "yellow"),
        ("coupling", "moved", _numbers(modules["coupling"]), "yellow"),
    ):
        if names:
            table.add_row(Text(what), Text(f"{len(names):,} {way}", style=style), _some(names))
    console.print()
    console.print(table if table.row_count else Text("The structure is the same.", style="dim"))


def _some(names: Sequence[str]) -> Text:
    text = Text("\n").join(safe(name) for name in names[:_NAMES_MAX])
    if len(names) > _NAMES_MAX:
        text.append(f"\nand {len(names) - _NAMES_MAX:,} more: --json has them all", style="dim")
    return text


def _cycles(cycles: Sequence[Sequence[str]]) -> list[str]:
    return [" ".join(cycle) for cycle in cycles]


def _numbers(changes: Sequence[_Document]) -> list[str]:
    return [
        f"{change['name']}: "
        + ", ".join(
            f"{name.replace('_', ' ')} {_figure(moved['before'])} to {_figure(moved['after'])}"
            for name, moved in change.items()
            if name != "name"
        )
        for change in changes
    ]


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:,.4g}"


def _tokens(found: _Document, console: Console) -> None:
    rows = found["tokens"]
    console.print()
    if not rows:
        told = "No span of either commit spent tokens; spans say theirs as vcs.ref.head.revision."
        console.print(Text(told, style="dim"))
        return
    table = titled(f"Own tokens a call, with {found['confidence']:.0%} intervals")
    table.add_column("function", overflow="fold")
    for name in ("calls", "before", "calls", "after", "difference", "interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows[:_TOKENS_MAX]:
        table.add_row(safe(row["function"], "bold"), *_cells(row, found["calls_min"]))
    keep_names(table, table.columns[0], console)
    console.print(table)
    _legend(table, rows, console)


def _cells(row: _Document, calls_min: int) -> list[Text]:
    difference = row["difference"]
    style = "dim"
    if row["certain"]:
        style = "red" if difference > 0 else "green"
    interval = "fewer than 5 calls".replace("5", str(calls_min)) if difference is not None else ""
    if row["low"] is not None:
        interval = f"{row['low']:+,.1f} to {row['high']:+,.1f}"
    return [
        Text(f"{row['before_calls']:,}", style="dim"),
        Text(_mean(row["before_tokens_per_call"])),
        Text(f"{row['after_calls']:,}", style="dim"),
        Text(_mean(row["after_tokens_per_call"])),
        Text("" if difference is None else f"{difference:+,.1f}", style=style),
        Text(interval, style=style),
    ]


def _mean(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"


def _legend(table: Table, rows: Sequence[_Document], console: Console) -> None:
    left = len(rows) - table.row_count
    if left > 0:
        console.print(Text(f"and {left:,} more: --json has them all", style="dim"))
    if any(row["certain"] for row in rows):
        console.print(Text("Coloured: the interval leaves 0 out.", style="dim"))
