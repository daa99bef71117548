"""`otel-llmops bottlenecks`: what holds sessions up, and what to do about it."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from otel_llmops.cli.given import given
from otel_llmops.cli.printing import paper, print_json, tell_if_cut
from otel_llmops.cli.source import source
from otel_llmops.cli.tables import keep_names, safe, titled
from otel_llmops.cli.terminal import one_line

__all__ = ["print_bottlenecks", "run"]

_ASKED = ("min_severity", "since", "until", "limit")

_Row = Mapping[str, Any]

_STYLES = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "dim"}


def run(arguments: Namespace) -> int:
    """Print what holds up `arguments.session`, or without one all sessions.

    Raises: LlmopsError, if there is nothing that could tell.
    """
    asked_for = {"session_id": arguments.session, **given(arguments, *_ASKED)}
    with source(arguments) as asked:
        rows = asked.answer("bottlenecks", asked_for)
    if arguments.json:
        print_json({"bottlenecks": rows})
        return 0
    console = paper()
    print_bottlenecks(rows, console)
    tell_if_cut(len(rows), arguments.limit, console)
    return 0


def print_bottlenecks(rows: Sequence[_Row], console: Console) -> None:
    """A table of what takes the time, and below it what to do, in the same order."""
    if not rows:
        console.print(Text("Nothing stands out.", style="dim"))
        return
    table = titled("Bottlenecks")
    table.add_column("agent", overflow="fold")
    table.add_column("operation", style="dim", overflow="fold")
    table.add_column("severity", no_wrap=True)
    table.add_column("cause", no_wrap=True)
    for name in ("path", "self", "wait", "saves", "sessions"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            safe(row["agent"] or "(nobody)", "bold cyan"),
            safe(row["operation"] or "by itself"),
            Text(row["severity"], style=_STYLES.get(row["severity"], "")),
            Text(row["cause"].replace("_", " ")),
            Text(f"{row['critical_path_share']:.0%}"),
            Text(_seconds(row["self_time_ms"])),
            Text(_seconds(row["wait_ms"])),
            Text(_between(row["saving_ms_low"], row["saving_ms_high"])),
            Text(f"{row['occurrences']:,}"),
        )
    keep_names(table, table.columns[0], console)
    console.print(table)
    console.print()
    for number, row in enumerate(rows, start=1):
        console.print(Text(f"{number}. {one_line(row['recommendation'])}"))


def _seconds(duration_ms: float) -> str:
    return f"{duration_ms / 1000:,.1f} s" if duration_ms >= 1000 else f"{duration_ms:.0f} ms"


def _between(low: float, high: float) -> str:
    least, most = _seconds(low), _seconds(high)
    return least if least == most else f"{least} - {most}"
