"""Text for a terminal. Span data is written by others: it must not move the cursor or lie."""

import os
import sys
import unicodedata

__all__ = ["one_line", "printable", "width"]

_PIPED_WIDTH = 120
"""Columns where nobody says how many: a file is read in an editor, and wraps where it must."""

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that steer a terminal, turn the direction of reading, or show nothing."""

_WORD_JOINERS = "\u200c\u200d"
"""Scripts and emoji need these two; they steer nothing."""


def printable(text: str) -> str:
    """`text` with everything that steers a terminal replaced by the replacement character."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        "\ufffd" if unicodedata.category(sign) in _HIDDEN and sign not in _WORD_JOINERS else sign
        for sign in text
    )


def one_line(text: str) -> str:
    """`text` as one printable line, its line breaks as spaces."""
    return printable(" ".join(text.split()))


def width() -> int | None:
    """Columns to write to stdout in; None where the terminal, or COLUMNS, says it."""
    return None if sys.stdout.isatty() or os.environ.get("COLUMNS") else _PIPED_WIDTH
