"""Text in Markdown. What somebody else wrote must show as it is, and do nothing."""

import re

from otel_llmops.cli.terminal import one_line

__all__ = ["escaped"]

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~&:@]|^[-+])")
"""What means something in Markdown, HTML included, or makes a link of a bare address."""


def escaped(text: str) -> str:
    """`text` on one line, with nothing in it that Markdown would act upon."""
    return _MARKS.sub(r"\\\1", one_line(text))
