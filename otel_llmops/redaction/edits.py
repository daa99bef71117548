"""Changes of parts of a protobuf message, written back with the lengths around them.

Only lengths of what holds a change are written anew: every other byte stays as it came, also
fields that nobody knows and numbers that are longer than they need be.
"""

from typing import NamedTuple

from otel_llmops.otlp.wire import LEN, varint

__all__ = ["Edits", "Piece"]


class Piece(NamedTuple):
    """A length-delimited field: its tag begins at `tag`, its value is `[start, end)`."""

    parent: "Piece | None"
    number: int
    tag: int
    start: int
    end: int


class Edits:
    """What becomes of some pieces of `data`. A piece inside one that is changed is not changed."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._changed: dict[int, tuple[Piece, bytes | None]] = {}

    def replace(self, piece: Piece, value: bytes) -> None:
        """Let `value` be the value of `piece`."""
        self._changed[piece.tag] = piece, value

    def remove(self, piece: Piece) -> None:
        """Leave `piece` out, tag and all."""
        self._changed[piece.tag] = piece, None

    def __bool__(self) -> bool:
        return bool(self._changed)

    def applied(self) -> bytes:
        """The data with all changes."""
        growth: dict[int, int] = {}
        parts: list[tuple[int, int, bytes]] = []
        # what is inside comes after what it is inside of: so from the end, lengths are known
        for piece in sorted(self._touched(), key=lambda piece: piece.tag, reverse=True):
            change = self._changed.get(piece.tag)
            if change is None:
                size = piece.end - piece.start + growth[piece.tag]
                head, value_end = _head(piece, size), piece.start
                parts.append((piece.tag, value_end, head))
                written = len(head) + size
            else:
                value = change[1]
                new = b"" if value is None else _head(piece, len(value)) + value
                parts.append((piece.tag, piece.end, new))
                written = len(new)
            if piece.parent is not None:
                grown = written - (piece.end - piece.tag)
                growth[piece.parent.tag] = growth.get(piece.parent.tag, 0) + grown
        return self._spliced(parts)

    def _touched(self) -> list[Piece]:
        """The changed pieces and all that hold them, each once."""
        found: dict[int, Piece] = {}
        for changed, _ in self._changed.values():
            path = {changed.tag: changed}
            piece = changed.parent
            while piece is not None and piece.tag not in found:
                if piece.tag in self._changed:
                    path = {}
                    break
                path[piece.tag] = piece
                piece = piece.parent
            found |= path
        return list(found.values())

    def _spliced(self, parts: list[tuple[int, int, bytes]]) -> bytes:
        out: list[bytes] = []
        at = 0
        for start, end, new in reversed(parts):
            out += (self._data[at:start], new)
            at = end
        return b"".join([*out, self._data[at:]])


def _head(piece: Piece, size: int) -> bytes:
    return varint(piece.number << 3 | LEN) + varint(size)
