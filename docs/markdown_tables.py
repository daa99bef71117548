"""What the made pages are written with."""

from collections.abc import Iterable

__all__ = ["MADE", "code", "table"]

MADE = "<!-- Made by `python docs/generate.py`: edit what it reads, not this page. -->"


def code(text: object) -> str:
    """As code in a table's cell."""
    shown = str(text).replace("|", "\\|").replace("\n", "\\n")
    fence = "``" if "`" in shown else "`"
    return f"{fence}{shown}{fence}" if shown else "(empty)"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [head, ("---",) * len(head), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]
