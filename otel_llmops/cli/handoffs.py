"""`otel-llmops handoffs`: who handed to whom, how well, and how that is known."""

from argparse import Namespace

from rich.text import Text

from otel_llmops.cli import tables
from otel_llmops.cli.given import given
from otel_llmops.cli.printing import paper, print_json, tell_if_cut
from otel_llmops.cli.source import source

__all__ = ["run"]

_ASKED = ("agent", "min_quality", "since", "until", "limit")


def run(arguments: Namespace) -> int:
    """Print handoffs of `arguments.session`, or without one of all sessions.

    Raises: LlmopsError, if there is nothing that could tell.
    """
    asked_for = {"session_id": arguments.session, **given(arguments, *_ASKED)}
    with source(arguments) as asked:
        rows = asked.answer("handoffs", asked_for)
    if arguments.json:
        print_json({"handoffs": rows})
        return 0
    console = paper()
    if not rows:
        console.print(Text("No handoff was found.", style="dim"))
        return 0
    shown = [
        tables.HandoffRow(
            session=row["session_id"],
            from_agent=row["from_agent"],
            to_agent=row["to_agent"],
            kind=row["kind"],
            quality=row["quality"],
            confidence=row["confidence"],
            evidence=row["evidence"],
        )
        for row in rows
    ]
    console.print(tables.handoffs(shown, console))
    tell_if_cut(len(rows), arguments.limit, console)
    return 0
