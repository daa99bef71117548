"""What a journal's directory holds when it is opened, after whatever crash.

Strategy: only the last segment can have a torn tail, because a segment is begun when the one
before it is on the disk. It is read whole and cut behind its last whole record; of the older ones
the headers alone are read, for the hashes of the requests in them.
"""

import logging
from dataclasses import dataclass, field

from otel_llmops.journal._disk import Disk
from otel_llmops.journal.files import Durable, Layout
from otel_llmops.journal.record import Position
from otel_llmops.journal.scan import read_headers, read_records

__all__ = ["Recovered", "recover"]

_log = logging.getLogger(__name__)

_READ_BYTES = 8 * 2**20


@dataclass
class Recovered:
    """Segments in ascending order with their sizes (bytes) and the requests in each of them."""

    sizes: dict[int, int] = field(default_factory=dict)
    hashes: dict[int, list[bytes]] = field(default_factory=dict)
    damaged_records: int = 0
    torn_bytes: int = 0


def recover(disk: Disk, layout: Layout, durable: Durable, *, syncs: bool) -> Recovered:
    """Read the segments, cut the last one's torn tail; `syncs`: return when that is on the disk.

    Raises OSError. Cost: the last segment once, one block of each 16 KiB that holds a header.
    """
    found = Recovered()
    numbers = layout.numbers(disk)
    for number in numbers:
        fd = disk.open(layout.segment(number))
        try:
            if number == numbers[-1]:
                _recover_last(disk, fd, number, durable.read(), found)
                if syncs:
                    # A record that was written and never acknowledged is whole, and counts now
                    disk.fdatasync(fd)
            else:
                _recover_older(disk, fd, number, found)
        finally:
            disk.close(fd)
    return found


def _recover_older(disk: Disk, fd: int, number: int, found: Recovered) -> None:
    size = disk.size(fd)
    headers = list(read_headers(disk, fd, number, size))
    found.sizes[number] = size
    found.hashes[number] = [header.request for header in headers if header is not None]
    found.damaged_records += headers.count(None)


def _recover_last(disk: Disk, fd: int, number: int, durable: Position, found: Recovered) -> None:
    size = disk.size(fd)
    place, whole_end = Position(number, 0), 0
    hashes = found.hashes.setdefault(number, [])
    damaged: list[tuple[int, int]] = []
    while place.byte < size:
        scanned = read_records(
            disk, fd, place, end_byte=size, limit_bytes=_READ_BYTES, stop_byte=size
        )
        hashes += scanned.hashes
        if scanned.records:
            whole_end = scanned.records[-1].next.byte
        damaged += scanned.damaged
        if scanned.next_byte == place.byte:
            break
        place = Position(number, scanned.next_byte)
    # What was said to be durable is never cut off, be it damaged: its readers count it
    said = min(durable.byte, size) if durable.segment == number else 0
    end = max(whole_end, said)
    if end < size:
        _log.warning("cut %d bytes of a torn tail off segment %d", size - end, number)
        disk.truncate(fd, end)
    found.sizes[number] = end
    found.damaged_records += sum(start < end for start, _ in damaged)
    found.torn_bytes += size - end
