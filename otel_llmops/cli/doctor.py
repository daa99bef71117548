"""`otel-llmops doctor`: how spans were read, and what they leave out."""

import json
import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from otel_llmops.cli.source import source
from otel_llmops.cli.tables import safe, summary, titled
from otel_llmops.cli.terminal import width
from otel_llmops.errors import QueryError

__all__ = ["run"]

_TELLS = {
    "agents": "agent",
    "models": "model",
    "usage": "tokens",
    "content": "content",
    "code": "code",
}


def run(arguments: Namespace) -> int:
    """Print how the spans of `arguments.session`, or of the newest ones, were read.

    Raises: LlmopsError, if there is no such session, or nothing that could tell.
    """
    with source(arguments) as asked:
        found = asked.diagnosis(arguments.session)
    if found is None:
        raise QueryError(
            f"there is no session {arguments.session!r}", hint="otel-llmops tokens lists them"
        )
    if arguments.json:
        # ASCII alone: whatever a span's text holds, nothing of it can steer a terminal
        sys.stdout.write(json.dumps(found, allow_nan=False, indent=2) + "\n")
    else:
        _print(found, Console(highlight=False, width=width()))
    return 0


def _print(found: Mapping[str, Any], console: Console) -> None:
    if not found["spans"]:
        console.print(Text("There is no span yet.", style="dim"))
        return
    counts = [(found["spans"], "span"), (found["traces"], "trace"), (found["sessions"], "session")]
    console.print(summary(counts, console))
    console.print()
    console.print(_groups(found["groups"], console))
    if found["ignored"]:
        share = found["ignored"] / found["spans"]
        told = (
            f"\n{found['ignored']:,} spans ({share:.0%}) say nothing of agents, and are only kept."
        )
        console.print(Text(told, style="dim"))
    for finding in found["findings"]:
        console.print()
        console.print(safe(f"! {finding['what']}", "bold yellow"))
        console.print(safe(f"  so {finding['so']}"))
        console.print(safe(f"  {finding['do']}", "dim"))
    if not found["findings"]:
        console.print(Text("\nNothing is missing.", style="green"))


def _groups(groups: list[Mapping[str, Any]], console: Console) -> Table:
    """What was read alike, by who wrote it: the names of spans get what room is left."""
    table = titled("Read as")
    table.add_column("spans", justify="right", no_wrap=True)
    table.add_column("as", no_wrap=True)
    table.add_column("in the words of", no_wrap=True)
    for name in _TELLS.values():
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("written by", overflow="fold")
    table.add_column("such as", style="dim", overflow="ellipsis", no_wrap=True, ratio=1)
    for group in groups:
        other = group["kind"] == "other"
        table.add_row(
            Text(f"{group['spans']:,}", style="bold"),
            Text("nothing" if other else group["kind"], style="dim" if other else "bold cyan"),
            safe(group["dialect"] or "-"),
            *(_share(group[name], group["spans"]) for name in _TELLS),
            safe(group["scope"] or "-"),
            safe(group["names"][0]),
        )
    table.width = console.width
    return table


def _share(count: int, spans: int) -> Text:
    if not count:
        return Text("-", style="dim")
    return Text("all" if count == spans else f"{count / spans:.0%}", style="green")
