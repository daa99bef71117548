"""Durable segments of raw requests, one cursor for each consumer.

`Journal` is the one writer, `Reader` what each consumer reads with. Checksums are CRC-32 (they
find what a disk does to bytes, not what an attacker would); requests are told apart by SHA-256.
"""

from otel_llmops.journal._disk import Disk
from otel_llmops.journal.reader import Reader
from otel_llmops.journal.record import Position, Record
from otel_llmops.journal.replacing import make_directory, read_file, replace_file
from otel_llmops.journal.settings import JournalSettings, JournalStats
from otel_llmops.journal.watch import Lag, Watch
from otel_llmops.journal.writer import Journal

__all__ = [
    "Disk",
    "Journal",
    "JournalSettings",
    "JournalStats",
    "Lag",
    "Position",
    "Reader",
    "Record",
    "Watch",
    "make_directory",
    "read_file",
    "replace_file",
]
