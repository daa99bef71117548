"""What commands that print one answer have in common."""

import json
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from otel_llmops.cli.terminal import width

__all__ = ["paper", "print_json", "tell_if_cut"]


def print_json(document: Any) -> None:
    """`document` on stdout."""
    # ASCII alone: whatever a span's text holds, nothing of it can steer a terminal
    sys.stdout.write(json.dumps(document, allow_nan=False, indent=2) + "\n")


def paper() -> Console:
    """What tables are printed on."""
    return Console(highlight=False, width=width())


def tell_if_cut(count: int, limit: int, console: Console) -> None:
    """A line below a list that is as long as it may be."""
    if count >= limit:
        console.print(Text(f"the first {count:,}: --limit N shows more", style="dim"))
