"""What the made pages are written with."""

import re
from collections.abc import Iterable

__all__ = ["MADE", "code", "prose", "table"]

MADE = "<!-- Made by `python docs/generate.py`: edit what it reads, not this page. -->"


def code(text: object) -> str:
    """As code in a table's cell."""
    shown = str(text).replace("|", "\\|").replace("\n", "\\n")
    fence = "``" if "`" in shown else "`"
    return f"{fence}{shown}{fence}" if shown else "(empty)"


def prose(text: str) -> str:
    """Help as Markdown: options as code."""
    shown = re.sub(r"(?<![\w`-])(--[a-z][a-z-]*)", r"`\1`", text.replace("%%", "%"))
    return shown.replace("|", "\\|")


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [head, ("---",) * len(head), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]
