"""`otel-llmops report`: one page about a session in plain words, for a terminal or as Markdown."""

import json
import sys
from argparse import Namespace
from collections.abc import Iterable

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from otel_llmops.cli.markdown import escaped
from otel_llmops.cli.page import Part, page
from otel_llmops.cli.source import source
from otel_llmops.cli.terminal import one_line, width
from otel_llmops.errors import QueryError

__all__ = ["markdown", "run"]


def run(arguments: Namespace) -> int:
    """Print the page about `arguments.session`.

    Raises: LlmopsError, if there is no such session, or nothing that could tell.
    """
    with source(arguments) as asked:
        document = asked.report(arguments.session)
    if document is None:
        raise QueryError(
            f"there is no session {arguments.session!r}", hint="otel-llmops tokens lists them"
        )
    if arguments.json:
        # ASCII alone: whatever a span's text holds, nothing of it can steer a terminal
        sys.stdout.write(json.dumps(document, allow_nan=False, indent=2) + "\n")
    elif arguments.markdown:
        sys.stdout.write(markdown(page(document, escaped)))
    else:
        _print(page(document, one_line), Console(highlight=False, width=width()))
    return 0


def markdown(parts: Iterable[Part]) -> str:
    """The page as Markdown."""
    blocks = []
    for place, part in enumerate(parts):
        lines = [f"- {line}" for line in part.lines] if part.listed else [" ".join(part.lines)]
        blocks.append(f"{'#' if not place else '##'} {part.heading}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(blocks)


def _print(parts: Iterable[Part], console: Console) -> None:
    mark = "-" if console.options.ascii_only else "•"
    for place, part in enumerate(parts):
        if place:
            console.print()
        console.print(Text(part.heading, style="bold"))
        for line in part.lines if part.listed else [" ".join(part.lines)]:
            if part.listed:
                text = Text(f"{mark} {line}")
                console.print(Padding(text, (0, 0, 0, 2), expand=False))
            else:
                console.print(Text(line))
