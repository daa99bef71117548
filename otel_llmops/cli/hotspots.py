"""`otel-llmops hotspots`: where tokens go in the code, and what to do about it."""

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

__all__ = ["print_hotspots", "run"]

_Row = Mapping[str, Any]


def run(arguments: Namespace) -> int:
    """Print functions, modules and calls by tokens.

    Raises: LlmopsError, if there is nothing that could tell.
    """
    with source(arguments) as asked:
        rows = asked.answer("hotspots", given(arguments, "limit"))
    if arguments.json:
        print_json({"hotspots": rows})
        return 0
    console = paper()
    print_hotspots(rows, console)
    tell_if_cut(len(rows), arguments.limit, console)
    return 0


def print_hotspots(rows: Sequence[_Row], console: Console) -> None:
    """A table of what takes the tokens, and below it what to do, in the same order."""
    if not rows:
        told = "No span says which function made it: AgentSpanProcessor does (code.function.name)."
        console.print(Text(told, style="dim"))
        return
    table = titled("Hotspots")
    table.add_column("component", overflow="fold")
    table.add_column("kind", style="dim", no_wrap=True)
    for name in ("calls", "a call", "tokens", "share"):
        table.add_column(name, justify="right", no_wrap=True)
    advice = [row for row in rows if row["recommendation"]]
    if advice:
        table.add_column("", justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            safe(row["component"], "bold"),
            safe(row["kind"]),
            Text(f"{row['call_count']:,}"),
            Text(f"{row['avg_tokens_per_call']:,.0f}"),
            Text(f"{row['total_tokens']:,}", style="bold"),
            Text(f"{row['token_share']:.0%}"),
            *([Text(f"see {advice.index(row) + 1}" if row in advice else "")] if advice else []),
        )
    keep_names(table, table.columns[0], console)
    console.print(table)
    for number, row in enumerate(advice, start=1):
        console.print()
        line = Text(f"{number}. ")
        line.append(one_line(row["component"]), style="bold")
        console.print(line.append(f": {one_line(row['recommendation'])}"))
