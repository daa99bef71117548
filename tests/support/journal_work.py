"""What senders, a journal and its consumer do together, and what each of them saw."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from otel_llmops.errors import JournalError
from otel_llmops.journal import Disk, Journal, JournalSettings, Position, Reader

DIRECTORY = Path("/data/new/journal")
SETTINGS = JournalSettings(segment_bytes_max=500, retained_bytes=600, lock_wait_s=0.0)


@dataclass
class History:
    """What senders and the consumer saw."""

    acknowledged: set[bytes] = field(default_factory=set)
    refused: set[bytes] = field(default_factory=set)
    consumed: dict[Position, bytes] = field(default_factory=dict)
    committed: Position = field(default_factory=lambda: Position(0, 0))

    def send(self, journal: Journal, *payloads: bytes) -> None:
        futures = [journal.submit(payload, signal=1, encoding=1) for payload in payloads]
        for payload, future in zip(payloads, futures, strict=True):
            if future.exception() is None:
                self.acknowledge(payload)
                self.refused.discard(payload)
            else:
                self.refused.add(payload)

    def consume(self, reader: Reader) -> None:
        """Read all there is and commit; a record before the cursor was consumed for good."""
        for record in reader.read(10_000):
            self.take(record.position, record.payload)
        reader.commit(reader.position)
        self.committed = reader.committed

    def acknowledge(self, payload: bytes) -> None:
        """Its sender was told that it is in the journal."""
        self.acknowledged.add(payload)

    def take(self, position: Position, payload: bytes) -> None:
        """The consumer has it, for as long as it lives."""
        self.consumed[position] = payload

    def restart(self, reader: Reader) -> None:
        """What was read and not committed is forgotten by a consumer that dies."""
        assert reader.committed >= self.committed, "the cursor went back"
        self.consumed = {
            position: payload
            for position, payload in self.consumed.items()
            if position < reader.committed
        }


ROUNDS = [
    [(b"a" * 90,), (b"b" * 10, b"c" * 40, b"d" * 90), (b"e" * 200,)],
    [(b"f" * 150, b"g" * 150), (b"h" * 300,), (b"i",)],
    [(b"j" * 400,), (b"k" * 20, b"l" * 20), (b"m" * 20,)],
]
ALL = {payload for round_ in ROUNDS for group in round_ for payload in group}
ONCE = Counter(ALL)


def run(disk: Disk, history: History, directory: Path = DIRECTORY) -> None:
    """Appends, reads and restarts until all is done; after an error it goes on with a restart."""
    for round_ in ROUNDS:
        try:
            with _opened(directory, disk) as journal, _reader(directory, disk) as reader:
                _run_round(journal, reader, history, round_)
        except JournalError:
            for group in round_:
                history.refused.update(set(group) - history.acknowledged)


def _run_round(
    journal: Journal, reader: Reader, history: History, round_: list[tuple[bytes, ...]]
) -> None:
    history.restart(reader)
    for group in round_:
        history.send(journal, *group)
        history.consume(reader)


def _opened(directory: Path, disk: Disk) -> Journal:
    return Journal.open(directory, SETTINGS, required_consumers=["store"], disk=disk)


def _reader(directory: Path, disk: Disk) -> Reader:
    return Reader.open(directory, "store", disk=disk)


def finish(disk: Disk, history: History, directory: Path = DIRECTORY) -> Counter[bytes]:
    """Restart, send again what was not acknowledged, read to the end: how often each arrived."""
    with _opened(directory, disk) as journal:
        with _reader(directory, disk) as reader:
            history.restart(reader)
            history.consume(reader)
        missing = history.acknowledged - set(history.consumed.values())
        assert not missing, "acknowledged, and not in the journal"
        with _reader(directory, disk) as reader:
            history.send(journal, *sorted(ALL - history.acknowledged))
            history.consume(reader)
    return Counter(history.consumed.values())
