"""Bytes of a file to a syntax tree; whatever stands in the way becomes a line and a message."""

import ast
import io
import re
import tokenize
from dataclasses import dataclass

__all__ = ["SOURCE_BYTES_MAX", "Refused", "Source", "parse", "read"]

SOURCE_BYTES_MAX = 8 << 20
"""A syntax tree takes 20 to 60 times the memory of its source; sympy's largest file has 0.4 MB."""

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


class Refused(Exception):  # noqa: N818 - what became of the file, not whose fault it is
    """Why a file has no tree."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(line, message)
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a file, as Python reads it."""

    text: str

    @property
    def lines(self) -> int:
        """Lines, a last one without a line break too."""
        return self.text.count("\n") + (self.text != "" and not self.text.endswith("\n"))


def read(content: bytes) -> Source:
    """Decode a file: PEP 263's cookie, a byte order mark, else UTF-8.

    Raises: Refused, for a null byte, an encoding nobody knows, bytes that are not in it.
    """
    if len(content) > SOURCE_BYTES_MAX:
        raise Refused(0, f"not read: {len(content):,} bytes, more than {SOURCE_BYTES_MAX:,}")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Refused(line, f"not {error.encoding}: byte {content[error.start]:#04x}") from error
    except SyntaxError as error:
        raise Refused(_cookie_line(content), _message(error)) from error
    except LookupError as error:  # a codec, but of bytes to bytes
        raise Refused(_cookie_line(content), str(error)) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Refused(line, "source code cannot contain null bytes")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return Source(text)


def parse(source: Source) -> ast.Module:
    """The syntax tree.

    Raises: Refused, with Python's own message and line.
    """
    try:
        return ast.parse(source.text)
    except SyntaxError as error:
        raise Refused(error.lineno or 0, _message(error)) from error
    except (RecursionError, MemoryError) as error:
        raise Refused(0, "nested too deep to be parsed") from error
    except ValueError as error:  # an integer literal of more digits than Python converts
        raise Refused(0, str(error)) from error


def _message(error: SyntaxError) -> str:
    return error.msg or "invalid syntax"


def _cookie_line(content: bytes) -> int:
    """detect_encoding does not say which of the first two lines it did not like."""
    first, _, rest = content.partition(b"\n")
    found = any(_COOKIE.match(line) for line in (first, rest.partition(b"\n")[0]))
    if found and not _COOKIE.match(first):
        return 2
    if found:
        return 1
    for number, line in enumerate((first, rest.partition(b"\n")[0]), 1):
        try:
            line.decode()
        except UnicodeDecodeError:
            return number
    return 1
