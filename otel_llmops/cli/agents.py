"""`otel-llmops agents`: the agents, and what each of them took."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from otel_llmops.cli.given import given
from otel_llmops.cli.money import usd_column
from otel_llmops.cli.printing import paper, print_json, tell_if_cut
from otel_llmops.cli.source import source
from otel_llmops.cli.tables import WIDE_ENOUGH, duration, keep_names, safe, titled

__all__ = ["print_agents", "run"]

_Row = Mapping[str, Any]


def run(arguments: Namespace) -> int:
    """Print the agents.

    Raises: LlmopsError, if there is nothing that could tell.
    """
    asked_for = given(arguments, "type", "since", "until", "limit")
    with source(arguments) as asked:
        rows = asked.answer("agents", asked_for)
    if arguments.json:
        print_json({"agents": rows})
        return 0
    console = paper()
    print_agents(rows, console)
    tell_if_cut(len(rows), arguments.limit, console)
    return 0


def print_agents(rows: Sequence[_Row], console: Console) -> None:
    """Agents in the order given; narrow terminals are spared what says least."""
    if not rows:
        console.print(Text("No agent was found.", style="dim"))
        return
    wide = console.width >= WIDE_ENOUGH
    table = titled("Agents")
    table.add_column("agent", overflow="fold")
    if wide:
        table.add_column("type", style="dim", no_wrap=True)
    names = ("calls", "tokens", "cost", *(["p50"] if wide else []), "p95", "out", "in", "errors")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for row, cost in zip(rows, usd_column([row["cost_usd"] for row in rows]), strict=True):
        table.add_row(
            safe(row["name"], "bold cyan"),
            *([Text(row["type"])] if wide else []),
            Text(f"{row['llm_calls']:,}"),
            Text(f"{row['total_tokens']:,}", style="bold"),
            Text(cost),
            *([Text(duration(row["latency_ms_p50"]))] if wide else []),
            Text(duration(row["latency_ms_p95"])),
            Text(f"{row['handoffs_out']:,}"),
            Text(f"{row['handoffs_in']:,}"),
            Text(f"{row['errors']:,}", style="red" if row["errors"] else "dim"),
        )
    keep_names(table, table.columns[0], console)
    console.print(table)
    console.print(Text("out, in: handoffs from it and to it.", style="dim"))
