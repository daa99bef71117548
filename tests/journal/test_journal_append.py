"""The writer on a real disk: stored once, refused in words, one at a time."""

import errno
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from otel_llmops.errors import JournalError, JournalFull
from otel_llmops.journal import Journal, JournalSettings, Position, Reader, Record
from otel_llmops.journal._disk import Disk

HEADER_BYTES = 48


def opened(
    directory: Path, settings: JournalSettings | None = None, disk: Disk | None = None
) -> Journal:
    return Journal.open(
        directory, settings, required_consumers=["store"], disk=disk, clock_ns=lambda: 42
    )


def everything(directory: Path) -> list[Record]:
    with Reader.open(directory, "someone-new") as reader:
        return reader.read(2**30)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


class HeldDisk(Disk):
    """A disk whose fdatasync waits until it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.let_go.set()

    def fdatasync(self, fd: int) -> None:
        assert self.let_go.wait(10)
        super().fdatasync(fd)


def test_a_record_holds_all_that_was_appended(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.append(b"payload", signal=2, encoding=1, rejected=[0, 7])
    size = HEADER_BYTES + 2 * 4 + len(b"payload")
    assert everything(tmp_path) == [
        Record(Position(1, 0), Position(1, size), 2, 1, 42, (0, 7), b"payload")
    ]


def test_an_empty_payload_is_a_record(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.append(b"", signal=1, encoding=1)
    assert [record.payload for record in everything(tmp_path)] == [b""]


def test_the_same_request_twice_is_stored_once(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        stored = [journal.append(b"payload", signal=1, encoding=1) for _ in range(3)]
    found = [record.payload for record in everything(tmp_path)]
    assert (stored, found) == ([True, False, False], [b"payload"])


def test_the_same_request_after_a_restart_is_stored_once(tmp_path: Path) -> None:
    stored = []
    for _ in range(3):
        with opened(tmp_path) as journal:
            stored.append(journal.append(b"payload", signal=1, encoding=1))
    found = [record.payload for record in everything(tmp_path)]
    assert (stored, found) == ([True, False, False], [b"payload"])


def test_the_same_bytes_as_another_signal_or_encoding_are_another_request(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        stored = [
            journal.append(b"payload", signal=signal, encoding=encoding)
            for signal, encoding in [(1, 1), (1, 2), (2, 1)]
        ]
    assert stored == [True, True, True]


def test_a_request_that_is_on_its_way_is_waited_for_and_stored_once(tmp_path: Path) -> None:
    disk = HeldDisk()
    with opened(tmp_path, disk=disk) as journal:
        disk.let_go.clear()
        futures = [journal.submit(b"payload", signal=1, encoding=1) for _ in range(3)]
        early = [future.done() for future in futures]
        disk.let_go.set()
        stored = [future.result(10) for future in futures]
    assert (early, stored) == ([False] * 3, [True, False, False])


def test_what_64_threads_append_is_read_once_each(tmp_path: Path) -> None:
    payloads = [f"{number}".encode() * 50 for number in range(1000)]
    with opened(tmp_path) as journal, ThreadPoolExecutor(64) as threads:
        stored = list(
            threads.map(lambda payload: journal.append(payload, signal=1, encoding=1), payloads)
        )
    found = Counter(record.payload for record in everything(tmp_path))
    assert (all(stored), found) == (True, Counter(payloads))


def test_requests_that_come_while_the_disk_is_busy_share_one_sync(tmp_path: Path) -> None:
    disk = HeldDisk()
    with opened(tmp_path, disk=disk) as journal:
        disk.let_go.clear()
        first = journal.submit(b"first", signal=1, encoding=1)
        wait_for(lambda: journal.stats().end != Position(0, 0) and not journal._queue)
        rest = [journal.submit(f"{n}".encode(), signal=1, encoding=1) for n in range(100)]
        disk.let_go.set()
        assert all(future.result(10) for future in (first, *rest))
    stats = journal.stats()
    assert (stats.appended_records, stats.commits) == (101, 2)


def test_over_the_budget_an_append_is_refused_with_what_to_do(tmp_path: Path) -> None:
    settings = JournalSettings(budget_bytes=1000)
    with opened(tmp_path, settings) as journal:
        journal.append(b"a" * 800, signal=1, encoding=1)
        with pytest.raises(JournalFull) as refused:
            journal.append(b"b" * 800, signal=1, encoding=1)
    assert str(refused.value) == (
        "the journal holds 848 bytes that are not stored yet, of 1000 allowed "
        "(see why the store is slow or down, or raise the journal's budget)"
    )


def test_a_retry_of_what_is_stored_is_acknowledged_over_the_budget(tmp_path: Path) -> None:
    settings = JournalSettings(budget_bytes=1000)
    with opened(tmp_path, settings) as journal:
        journal.append(b"a" * 900, signal=1, encoding=1)
        assert journal.append(b"a" * 900, signal=1, encoding=1) is False


def test_appends_go_on_when_the_required_consumer_has_moved(tmp_path: Path) -> None:
    settings = JournalSettings(budget_bytes=1000)
    with opened(tmp_path, settings) as journal, Reader.open(tmp_path, "store") as reader:
        journal.append(b"a" * 900, signal=1, encoding=1)
        reader.read(10_000)
        reader.commit(reader.position)
        wait_for(lambda: journal.stats().backlog_bytes == 0)
        assert journal.append(b"b" * 900, signal=1, encoding=1) is True


def test_a_consumer_that_is_not_required_does_not_fill_the_budget(tmp_path: Path) -> None:
    settings = JournalSettings(budget_bytes=1000)
    with Journal.open(tmp_path, settings, required_consumers=[]) as journal:
        for letter in (b"a", b"b", b"c"):
            assert journal.append(letter * 900, signal=1, encoding=1) is True


def test_more_than_the_queue_holds_is_refused(tmp_path: Path) -> None:
    disk = HeldDisk()
    with opened(tmp_path, JournalSettings(queue_bytes_max=1000), disk) as journal:
        disk.let_go.clear()
        first = journal.submit(b"a" * 900, signal=1, encoding=1)
        second = journal.submit(b"b" * 900, signal=1, encoding=1)
        disk.let_go.set()
        assert (first.result(10), type(second.exception(10))) == (True, JournalFull)


def test_a_payload_over_the_queue_alone_is_taken(tmp_path: Path) -> None:
    with opened(tmp_path, JournalSettings(queue_bytes_max=1000)) as journal:
        assert journal.append(b"a" * 5000, signal=1, encoding=1) is True


def test_a_second_writer_is_refused_with_the_first_ones_process(tmp_path: Path) -> None:
    settings = JournalSettings(lock_wait_s=0.0)
    with (
        opened(tmp_path, settings),
        pytest.raises(JournalError, match=r"another process writes the journal in .*: process \d+"),
    ):
        opened(tmp_path, settings)


def test_a_writer_waits_for_the_one_before_it_to_end(tmp_path: Path) -> None:
    first = opened(tmp_path)
    with ThreadPoolExecutor(1) as threads:
        second = threads.submit(opened, tmp_path)
        first.close()
        second.result(10).close()


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="cannot open the journal"):
        opened(tmp_path / "file" / "journal")


class RefusingDisk(Disk):
    """A disk that answers writes with an error while one is set."""

    def __init__(self) -> None:
        self.error = 0

    def pwritev(self, fd: int, buffers: Sequence[bytes | memoryview], offset: int) -> int:
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        return super().pwritev(fd, buffers, offset)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (errno.ENOSPC, "no space for the journal: No space left on device"),
        (errno.EDQUOT, "no space for the journal: Disk quota exceeded"),
        (errno.EROFS, "the disk did not take the journal: Read-only file system"),
    ],
)
def test_what_the_disk_refuses_is_refused_in_its_words(
    tmp_path: Path, error: int, message: str
) -> None:
    disk = RefusingDisk()
    with opened(tmp_path, disk=disk) as journal:
        disk.error = error
        with pytest.raises(JournalError) as refused:
            journal.append(b"payload", signal=1, encoding=1)
        disk.error = 0
    assert refused.value.message == message


def test_after_a_full_disk_the_same_request_is_stored(tmp_path: Path) -> None:
    disk = RefusingDisk()
    with opened(tmp_path, disk=disk) as journal:
        disk.error = errno.ENOSPC
        refused = journal.submit(b"payload", signal=1, encoding=1).exception(10)
        disk.error = 0
        stored = journal.append(b"payload", signal=1, encoding=1)
        stats = journal.stats()
    assert (type(refused), stored, stats.refused, stats.failures) == (JournalFull, True, 1, 1)


class BuggyDisk(Disk):
    """A disk that raises what nobody expects."""

    def fdatasync(self, fd: int) -> None:
        raise RuntimeError("a bug")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_ever_for_a_writer_that_died_of_a_bug(tmp_path: Path) -> None:
    journal = opened(tmp_path, disk=BuggyDisk())
    first = journal.submit(b"first", signal=1, encoding=1).exception(10)
    later = journal.submit(b"later", signal=1, encoding=1).exception(10)
    journal.close()
    assert (type(first), type(later)) == (JournalError, JournalError)


def test_closing_writes_what_was_submitted(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    futures = [journal.submit(f"{n}".encode(), signal=1, encoding=1) for n in range(50)]
    journal.close()
    assert [future.result(0) for future in futures] == [True] * 50


def test_after_closing_an_append_is_refused(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.close()
    with pytest.raises(JournalError, match="the journal is closed"):
        journal.append(b"late", signal=1, encoding=1)


def test_a_future_of_the_journal_cannot_be_cancelled(tmp_path: Path) -> None:
    disk = HeldDisk()
    with opened(tmp_path, disk=disk) as journal:
        disk.let_go.clear()
        future = journal.submit(b"payload", signal=1, encoding=1)
        cancelled = future.cancel()
        disk.let_go.set()
        assert (cancelled, future.result(10)) == (False, True)


@pytest.mark.parametrize("durability", ["fsync", "os", "none"])
def test_what_is_appended_is_read_whatever_the_durability(tmp_path: Path, durability: str) -> None:
    settings = {
        "fsync": JournalSettings(durability="fsync"),
        "os": JournalSettings(durability="os"),
        "none": JournalSettings(durability="none"),
    }[durability]
    with opened(tmp_path, settings) as journal:
        stored = [journal.append(b"payload", signal=1, encoding=1) for _ in range(2)]
    found = [record.payload for record in everything(tmp_path)]
    assert (stored, found) == ([True, False], [b"payload"])


def test_durability_none_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    journal = opened(tmp_path, JournalSettings(durability="none"))
    with journal._wake:  # the writer cannot take anything meanwhile
        pass
    assert journal.submit(b"payload", signal=1, encoding=1).done()
    journal.close()
