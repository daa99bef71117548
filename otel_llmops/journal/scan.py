"""Records out of a segment's bytes, whatever happened to them.

Strategy: one sequential read of a big block, then slices. Where a header is damaged, the next
one is looked for by its magic and its sum; where only a body is, its header says where it ends.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from otel_llmops.journal._disk import Disk
from otel_llmops.journal.record import (
    HEADER_BYTES,
    MAGIC,
    Header,
    Position,
    Record,
    parse_header,
)

__all__ = ["Scanned", "read_headers", "read_records"]

_BLOCK_BYTES_MIN = 64 * 1024
_SEARCH_BYTES = 1024 * 1024
_HEADERS_BYTES = 16 * 1024


class Scanned(NamedTuple):
    """What was found from one byte to another; `next_byte` is where to go on.

    `damaged` are runs of bytes that are no record, [from, to): at least one was lost in each.
    """

    records: list[Record]
    hashes: list[bytes]
    next_byte: int
    damaged: list[tuple[int, int]]


def read_records(
    disk: Disk, fd: int, start: Position, *, end_byte: int, limit_bytes: int, stop_byte: int
) -> Scanned:
    """Records that begin between `start` and `stop_byte`, about `limit_bytes` of them.

    The segment ends at `end_byte`. At least one record, or one run of damaged bytes, is passed
    where there is one. Raises OSError.
    """
    wanted = min(max(limit_bytes, _BLOCK_BYTES_MIN), stop_byte - start.byte)
    while True:
        size = min(end_byte - start.byte, wanted)
        block = disk.pread(fd, size, start.byte)
        if len(block) < size:  # the file is shorter than was said: nothing stands behind its end
            end_byte = start.byte + len(block)
        walk = _Walk(disk, fd, start, block, end_byte=end_byte)
        wanted = walk.run(stop_byte)
        if walk.byte > start.byte or start.byte >= end_byte:
            return walk.scanned()


class _Walk:
    """One pass over one block."""

    def __init__(
        self, disk: Disk, fd: int, start: Position, block: bytes, *, end_byte: int
    ) -> None:
        self._disk = disk
        self._fd = fd
        self._start = start
        self._block = block
        self._end_byte = end_byte
        self.byte = start.byte
        self._records: list[Record] = []
        self._hashes: list[bytes] = []
        self._damaged: list[tuple[int, int]] = []

    def scanned(self) -> Scanned:
        return Scanned(self._records, self._hashes, self.byte, self._damaged)

    def run(self, stop_byte: int) -> int:
        """Walk until the block ends; how many bytes the record that reaches beyond it needs."""
        block_end = self._start.byte + len(self._block)
        while self.byte < min(block_end, stop_byte):
            at = Position(self._start.segment, self.byte)
            header = parse_header(self._block, self.byte - self._start.byte, at)
            if header is None:
                if block_end - self.byte < HEADER_BYTES and block_end < self._end_byte:
                    return HEADER_BYTES
                self._pass(self._next_header(self.byte + 1))
            elif self.byte + header.record_bytes > self._end_byte:
                self._pass(self._next_header(self.byte + HEADER_BYTES))
            elif self.byte + header.record_bytes > block_end:
                return header.record_bytes
            else:
                self._take(header, at)
        return 0

    def _take(self, header: Header, at: Position) -> None:
        offset = self.byte - self._start.byte + HEADER_BYTES
        body = memoryview(self._block)[offset : offset + header.body_bytes]
        end = self.byte + header.record_bytes
        if zlib.crc32(body) != header.body_sum:
            self._pass(end)
            return
        ordinals = struct.unpack_from(f"<{header.rejected}I", body)
        self._records.append(
            Record(
                at,
                Position(at.segment, end),
                header.signal,
                header.encoding,
                header.received_at_ns,
                ordinals,
                bytes(body[4 * header.rejected :]),
            )
        )
        self._hashes.append(header.request)
        self.byte = end

    def _pass(self, byte: int) -> None:
        self._damaged.append((self.byte, byte))
        self.byte = byte

    def _next_header(self, byte: int) -> int:
        at = Position(self._start.segment, byte)
        return _find_header(self._disk, self._fd, at, self._end_byte)


def _find_header(disk: Disk, fd: int, start: Position, end_byte: int) -> int:
    """Where the first whole header at or after `start` stands; `end_byte` where there is none."""
    byte = start.byte
    while end_byte - byte >= HEADER_BYTES:
        block = disk.pread(fd, min(_SEARCH_BYTES, end_byte - byte), byte)
        offset = block.find(MAGIC)
        while offset >= 0:
            if parse_header(block, offset, Position(start.segment, byte + offset)):
                return byte + offset
            offset = block.find(MAGIC, offset + 1)
        if len(block) < HEADER_BYTES:
            break
        byte += len(block) - HEADER_BYTES + 1
    return end_byte


def read_headers(disk: Disk, fd: int, segment: int, end_byte: int) -> Iterator[Header | None]:
    """Headers of a segment's records, None for each damaged run; bodies are not looked at."""
    byte = 0
    block, block_byte = b"", 0
    while byte < end_byte:
        if byte + HEADER_BYTES > block_byte + len(block):
            block, block_byte = disk.pread(fd, min(_HEADERS_BYTES, end_byte - byte), byte), byte
        header = parse_header(block, byte - block_byte, Position(segment, byte))
        if header is not None and byte + header.record_bytes <= end_byte:
            byte += header.record_bytes
            yield header
        else:
            byte = _find_header(disk, fd, Position(segment, byte + 1), end_byte)
            yield None
