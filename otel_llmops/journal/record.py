r"""What a segment holds: records, one after the other, and nothing else.

Strategy: a record is a header of 48 bytes, the refused ordinals (u32 each) and the payload.

    offset  size  field (little-endian)
         0     4  magic "\xa7LJ1"; the digit is the version of this layout
         4     4  CRC-32 of the rest of the header, seeded with segment and byte
         8     4  payload length
        12     4  number of refused ordinals
        16     4  CRC-32 of the ordinals and the payload
        20     1  signal
        21     1  encoding
        22     2  zero
        24     8  received at, ns since 1970
        32    16  SHA-256, cut, of signal, encoding and payload: what makes two requests the same

The header has a sum of its own, so that its length can be trusted where the payload is damaged,
and that sum depends on where the header stands, so that bytes of a journal inside a payload are
never taken for a record.
"""

import hashlib
import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from otel_llmops.errors import JournalError

__all__ = [
    "HEADER_BYTES",
    "MAGIC",
    "Body",
    "Header",
    "Position",
    "Record",
    "encode_header",
    "parse_header",
    "request_hash",
]

MAGIC = b"\xa7LJ1"
HEADER_BYTES = 48
_HEADER = struct.Struct("<4sI III BBH q 16s")
_SUMMED = struct.Struct("<III BBH q 16s")
_PLACE = struct.Struct("<QQ")
_SIZE_MAX = 2**32 - 1


class Position(NamedTuple):
    """A place in the journal, totally ordered. Its text sorts as it does."""

    segment: int
    byte: int

    def __str__(self) -> str:
        return f"{self.segment:010d}-{self.byte:012d}"

    @classmethod
    def parse(cls, text: str) -> "Position":
        """The position that `str` wrote. Raises JournalError for any other text."""
        segment, dash, byte = text.partition("-")
        if not (dash and segment.isdecimal() and byte.isdecimal()):
            raise JournalError(f"not a journal position: {text!r}")
        return cls(int(segment), int(byte))


class Record(NamedTuple):
    """One journalled request, and the place of the one after it."""

    position: Position
    next: Position
    signal: int
    encoding: int
    received_at_ns: int
    rejected: tuple[int, ...]
    payload: bytes


class Header(NamedTuple):
    """A record without its body; all sizes in bytes."""

    payload_bytes: int
    rejected: int
    body_sum: int
    signal: int
    encoding: int
    received_at_ns: int
    request: bytes

    @property
    def body_bytes(self) -> int:
        """Bytes between this header and the next one."""
        return 4 * self.rejected + self.payload_bytes

    @property
    def record_bytes(self) -> int:
        """Bytes of the whole record."""
        return HEADER_BYTES + self.body_bytes


class Body(NamedTuple):
    """A record's bytes as they lie behind its header."""

    ordinals: bytes
    payload: bytes

    @classmethod
    def of(cls, payload: bytes, rejected: Sequence[int]) -> "Body":
        """Raises JournalError where a length or an ordinal does not fit 32 bits."""
        if len(payload) > _SIZE_MAX:
            raise JournalError(f"a payload of {len(payload)} bytes does not fit a record")
        try:
            return cls(struct.pack(f"<{len(rejected)}I", *rejected), payload)
        except struct.error as error:
            raise JournalError(f"ordinals that are no 32-bit numbers: {rejected!r}") from error

    def sum(self) -> int:
        """CRC-32 of all of it."""
        return zlib.crc32(self.payload, zlib.crc32(self.ordinals))


def request_hash(payload: bytes, *, signal: int, encoding: int) -> bytes:
    """16 bytes that two requests share only if they are the same."""
    # processors have instructions for it: half of BLAKE2b's time
    digest = hashlib.sha256(bytes((signal, encoding)), usedforsecurity=False)
    digest.update(payload)
    return digest.digest()[:16]


def encode_header(header: Header, at: Position) -> bytes:
    """The 48 bytes that stand at `at`."""
    fields = _SUMMED.pack(*header[:5], 0, *header[5:])
    head_sum = zlib.crc32(fields, zlib.crc32(_PLACE.pack(*at)))
    return MAGIC + head_sum.to_bytes(4, "little") + fields


def parse_header(block: bytes, offset: int, at: Position) -> Header | None:
    """The header at `offset` of `block`, which stands at `at`; None where there is no whole one."""
    if len(block) - offset < HEADER_BYTES or not block.startswith(MAGIC, offset):
        return None
    fields = _HEADER.unpack_from(block, offset)
    rest = memoryview(block)[offset + 8 : offset + HEADER_BYTES]
    if fields[1] != zlib.crc32(rest, zlib.crc32(_PLACE.pack(*at))):
        return None
    payload_bytes, rejected, body_sum, signal, encoding, _, received_at_ns, request = fields[2:]
    return Header(payload_bytes, rejected, body_sum, signal, encoding, received_at_ns, request)
