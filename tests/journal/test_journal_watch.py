"""How far behind a consumer is, as others see it."""

from pathlib import Path

from otel_llmops.journal import Journal, JournalSettings, Lag, Reader, Watch

UNSYNCED = JournalSettings(segment_bytes_max=120, durability="os")
CONSUMERS = ("store", "analysis")
RECORD_BYTES = 48 + 10


class Clock:
    """Stands still until it is moved; s."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def append(journal: Journal, *numbers: int) -> None:
    for number in numbers:
        journal.append(bytes([number]) * 10, signal=1, encoding=1)


def consume(directory: Path, consumer: str, records: int) -> None:
    """Pass so many records."""
    with Reader.open(directory, consumer) as reader:
        for _ in range(records):
            record = reader.read(1)[0]
            reader.commit(record.next)
            reader.seek(record.next)


def test_where_there_is_no_journal_nobody_lags(tmp_path: Path) -> None:
    watch = Watch(tmp_path / "none", CONSUMERS)
    assert watch.look() == {"store": Lag(0, 0.0), "analysis": Lag(0, 0.0)}


def test_a_lag_is_bytes_and_the_time_since_the_oldest_of_them_was_seen(tmp_path: Path) -> None:
    clock = Clock()
    watch = Watch(tmp_path, CONSUMERS, clock=clock)
    with Journal.open(tmp_path, UNSYNCED, required_consumers=CONSUMERS) as journal:
        append(journal, 1)
        watch.look()
        clock.now += 3.0
        append(journal, 2, 3)
        watch.look()
        clock.now += 4.0
        consume(tmp_path, "store", 1)
        found = watch.look()
    watch.close()
    assert found == {"store": Lag(2 * RECORD_BYTES, 4.0), "analysis": Lag(3 * RECORD_BYTES, 7.0)}


def test_who_has_caught_up_does_not_lag(tmp_path: Path) -> None:
    clock = Clock()
    watch = Watch(tmp_path, CONSUMERS, clock=clock)
    with Journal.open(tmp_path, UNSYNCED, required_consumers=CONSUMERS) as journal:
        append(journal, 1, 2, 3)
        watch.look()
        clock.now += 9.0
        for consumer in CONSUMERS:
            consume(tmp_path, consumer, 3)
        found = watch.look()
    watch.close()
    assert found == {"store": Lag(0, 0.0), "analysis": Lag(0, 0.0)}


def test_a_wall_clock_that_jumps_changes_no_lag(tmp_path: Path) -> None:
    wall = iter([10**18, 9 * 10**17, 2 * 10**18])
    clock = Clock()
    watch = Watch(tmp_path, CONSUMERS, clock=clock)
    with Journal.open(
        tmp_path, UNSYNCED, required_consumers=CONSUMERS, clock_ns=lambda: next(wall)
    ) as journal:
        append(journal, 1, 2, 3)
        watch.look()
        clock.now += 2.0
        found = watch.look()
    watch.close()
    assert found["store"] == Lag(3 * RECORD_BYTES, 2.0)
