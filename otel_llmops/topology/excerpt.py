"""The lines of one function, read again from the repository that was scanned.

Strategy: a snapshot keeps no text, and says by itself where its repository lies; whoever may store
one could name any file. So lines are given only where the file, parsed, holds a function of that
name whose `body_hash` is the snapshot's: what is shown is what was scanned, and nobody learns the
code of a function who does not know it.
"""

from dataclasses import dataclass
from pathlib import Path

from otel_llmops.topology.source import SOURCE_BYTES_MAX, Refused, parse, read
from otel_llmops.topology.walk import walk

__all__ = ["Excerpt", "excerpt"]

_LINES_MAX = 400
"""What a reader looks at; the longest function of CPython's library has 700."""
_SUFFIXES = (".py", ".pyi")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of a file, the first of which has the number `line`; `cut` where there are more."""

    line: int
    text: str
    cut: bool


def excerpt(root: str, file: str, *, qualname: str, body_hash: str) -> Excerpt | None:
    """The lines of a function, decorators first; None where they cannot be had as scanned.

    `root` is the repository's folder, `file` relative to it, `qualname` the name in its module.
    """
    try:
        path = _inside(Path(root), file)
        if path is None:
            return None
        source = read(path.read_bytes())
        facts = walk(parse(source), source)
    except (OSError, ValueError, Refused, RecursionError):
        return None
    for each in facts.functions[1:]:  # the first is the module's own body
        if (each.qualname, each.body_hash) == (qualname, body_hash):
            lines = source.text.split("\n")[each.line_first - 1 : each.line_end]
            text = "\n".join(lines[:_LINES_MAX])
            return Excerpt(each.line_first, text, cut=len(lines) > _LINES_MAX)
    return None


def _inside(root: Path, file: str) -> Path | None:
    """The regular Python file of this name below an absolute `root`, links followed."""
    if not root.is_absolute() or not file.endswith(_SUFFIXES):
        return None
    path = (root / file).resolve(strict=True)
    is_small = path.is_file() and path.stat().st_size <= SOURCE_BYTES_MAX
    return path if is_small and path.is_relative_to(root.resolve(strict=True)) else None
