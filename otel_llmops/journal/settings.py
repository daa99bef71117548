"""What the operator may turn, and what the journal tells about itself."""

from dataclasses import dataclass
from typing import Literal

from otel_llmops.journal.record import Position

__all__ = ["JournalSettings", "JournalStats"]


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """How big the journal may grow and when an append counts.

    `budget_bytes`: what the required consumers have not yet passed may grow to this, then
    appends are refused. `retained_bytes`: what they have passed and is kept all the same, so that
    a retried request is known and a range can be replayed. `queue_bytes_max`: what may wait in
    memory for the disk. `hashes_max`: how many requests are remembered, at about 150 By each.
    `durability`: an append returns when its bytes are on the disk (fsync), with the operating
    system (os: lost with the power), or waiting in memory (none: lost with the process).
    """

    segment_bytes_max: int = 64 * 2**20
    budget_bytes: int = 4 * 2**30
    retained_bytes: int = 512 * 2**20
    queue_bytes_max: int = 256 * 2**20
    hashes_max: int = 1_000_000
    durability: Literal["fsync", "os", "none"] = "fsync"
    lock_wait_s: float = 3.0

    @property
    def syncs(self) -> bool:
        """Whether anything waits for the disk itself."""
        return self.durability == "fsync"


@dataclass(frozen=True, slots=True)
class JournalStats:
    """Counters since the journal was opened, and how it stands.

    `refused`: appends that raised. `lost_records`: acknowledged and not written, which only
    durability "none" allows. `failures`: times that the disk did not do what was asked.
    `damaged_records`: runs of bytes that are no record, found at opening. `torn_bytes`: cut off the
    last segment at opening, never acknowledged. `backlog_bytes`: what the required consumers have
    not yet passed.
    `trouble`: why appends were refused within the last seconds, None while all is well.
    """

    appended_records: int
    appended_bytes: int
    duplicates: int
    commits: int
    refused: int
    lost_records: int
    failures: int
    damaged_records: int
    torn_bytes: int
    deleted_segments: int
    segments: int
    stored_bytes: int
    backlog_bytes: int
    known_requests: int
    end: Position
    trouble: str | None = None
