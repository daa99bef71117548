"""Readers: only what is durable, from where the cursor stands, and a word where bytes are gone."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.errors import JournalError
from otel_llmops.journal import Journal, JournalSettings, Position, Reader

SMALL = JournalSettings(segment_bytes_max=500, retained_bytes=0, durability="os")


def fill(directory: Path, *payloads: bytes, settings: JournalSettings = SMALL) -> None:
    with Journal.open(directory, settings, required_consumers=["store"]) as journal:
        for payload in payloads:
            journal.append(payload, signal=1, encoding=1)


def payloads_of(reader: Reader, limit_bytes: int = 2**30) -> list[bytes]:
    return [record.payload for record in reader.read(limit_bytes)]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_a_journal_that_is_not_there_yet_has_nothing_to_read(tmp_path: Path) -> None:
    with Reader.open(tmp_path / "none", "store") as reader:
        found = (reader.read(1000), reader.position, reader.committed, reader.lag_bytes())
    assert found == ([], Position(0, 0), Position(0, 0), 0)


def test_a_reader_that_was_there_before_the_journal_sees_it(tmp_path: Path) -> None:
    with Reader.open(tmp_path, "store") as reader:
        early = payloads_of(reader)
        fill(tmp_path, b"a")
        assert (early, payloads_of(reader)) == ([], [b"a"])


def test_two_consumers_each_read_everything(tmp_path: Path) -> None:
    fill(tmp_path, b"a", b"b" * 600, b"c")
    with Reader.open(tmp_path, "store") as store, Reader.open(tmp_path, "analysis") as analysis:
        found = (payloads_of(store), payloads_of(analysis))
    assert found == ([b"a", b"b" * 600, b"c"],) * 2


def test_a_consumer_goes_on_where_it_has_committed(tmp_path: Path) -> None:
    fill(tmp_path, b"a", b"b", b"c")
    with Reader.open(tmp_path, "store") as reader:
        first, second, _ = reader.read(1000)
        reader.commit(second.position)
    with Reader.open(tmp_path, "store") as reader:
        found = (reader.committed, payloads_of(reader))
    assert found == (first.next, [b"b", b"c"])


def test_what_was_read_and_not_committed_is_read_again(tmp_path: Path) -> None:
    fill(tmp_path, b"a", b"b")
    with Reader.open(tmp_path, "store") as reader:
        reader.read(1000)
    with Reader.open(tmp_path, "store") as reader:
        assert payloads_of(reader) == [b"a", b"b"]


@given(limit_bytes=st.integers(1, 3000))
def test_pieces_of_any_size_make_the_whole(
    tmp_path_factory: pytest.TempPathFactory, limit_bytes: int
) -> None:
    directory = tmp_path_factory.mktemp("journal")
    sizes = [0, 1, 700, 30, 30, 2000, 5, 400]
    sent = [bytes([number]) * size for number, size in enumerate(sizes)]
    fill(directory, *sent)
    found = []
    with Reader.open(directory, "store") as reader:
        while piece := payloads_of(reader, limit_bytes):
            found += piece
    assert found == sent


def test_a_piece_ends_with_the_record_that_reaches_the_limit(tmp_path: Path) -> None:
    fill(tmp_path, *(bytes([number]) * 100_000 for number in range(5)))
    with Reader.open(tmp_path, "store") as reader:
        sizes = []
        while piece := payloads_of(reader, 150_000):
            sizes.append(len(piece))
    assert sizes == [2, 2, 1]


def test_a_record_at_until_is_not_given(tmp_path: Path) -> None:
    fill(tmp_path, b"a", b"b" * 600, b"c")
    with Reader.open(tmp_path, "store") as reader:
        records = reader.read(10_000)
        for number, record in enumerate(records):
            reader.seek(records[0].position)
            assert reader.read(10_000, until=record.position) == records[:number]


def test_until_inside_a_record_gives_that_record_whole(tmp_path: Path) -> None:
    fill(tmp_path, b"a" * 100, b"b")
    with Reader.open(tmp_path, "store") as reader:
        found = reader.read(10_000, until=Position(1, 10))
        assert ([record.payload for record in found], reader.damaged_records) == ([b"a" * 100], 0)


def test_a_range_can_be_read_again(tmp_path: Path) -> None:
    fill(tmp_path, b"a", b"b" * 600, b"c", b"d")
    with Reader.open(tmp_path, "store") as reader:
        records = reader.read(10_000)
        reader.seek(records[1].position)
        again = reader.read(10_000, until=records[3].position)
    assert again == records[1:3]


def test_nothing_that_is_not_durable_can_be_committed(tmp_path: Path) -> None:
    fill(tmp_path, b"a")
    with (
        Reader.open(tmp_path, "store") as reader,
        pytest.raises(JournalError, match="not durable yet"),
    ):
        reader.commit(Position(9, 0))


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "a b"])
def test_a_consumer_whose_name_is_no_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(JournalError, match="cannot be named"):
        Reader.open(tmp_path, name)


def test_the_lag_is_what_is_durable_and_not_committed(tmp_path: Path) -> None:
    fill(tmp_path, b"a" * 52, b"b" * 552, b"c" * 52)
    with Reader.open(tmp_path, "store") as reader:
        lags = [reader.lag_bytes()]
        for record in reader.read(10_000):
            reader.commit(record.next)
            lags.append(reader.lag_bytes())
    assert lags == [800, 700, 100, 0]


def test_segments_that_the_required_consumer_has_left_are_deleted(tmp_path: Path) -> None:
    with (
        Journal.open(tmp_path, SMALL, required_consumers=["store"]) as journal,
        Reader.open(tmp_path, "store") as reader,
    ):
        for number in range(5):
            journal.append(bytes([number]) * 400, signal=1, encoding=1)
        reader.read(10_000)
        reader.commit(reader.position)
        wait_for(lambda: journal.deleted_segments == 4)
        names = sorted(path.name for path in (tmp_path / "segments").iterdir())
    assert names == ["0000000005.segment"]


def test_no_segment_is_deleted_before_every_required_consumer_has_left_it(tmp_path: Path) -> None:
    sent = [bytes([number]) * 400 for number in range(5)]
    fill(tmp_path, *sent)
    with Reader.open(tmp_path, "analysis") as reader:
        reader.read(10_000)
        reader.commit(reader.position)
    with Journal.open(tmp_path, SMALL, required_consumers=["store", "analysis"]) as journal:
        assert (journal.deleted_segments, journal.stats().backlog_bytes) == (0, 5 * 448)


def test_what_the_consumers_have_passed_is_retained_up_to_the_retention(tmp_path: Path) -> None:
    fill(tmp_path, *(bytes([number]) * 400 for number in range(5)))
    with Reader.open(tmp_path, "store") as reader:
        reader.read(10_000)
        reader.commit(reader.position)
    settings = JournalSettings(segment_bytes_max=500, retained_bytes=1000)
    with Journal.open(tmp_path, settings, required_consumers=["store"]) as journal:
        stats = journal.stats()
    assert (stats.deleted_segments, stats.stored_bytes) == (2, 3 * 448)


def test_a_request_in_a_deleted_segment_is_a_new_one(tmp_path: Path) -> None:
    fill(tmp_path, b"a" * 400, b"b" * 400)
    with Reader.open(tmp_path, "store") as reader:
        reader.read(10_000)
        reader.commit(reader.position)
    with Journal.open(tmp_path, SMALL, required_consumers=["store"]) as journal:
        stored = [journal.append(letter * 400, signal=1, encoding=1) for letter in (b"a", b"b")]
    assert stored == [True, False]


def test_a_consumer_that_fell_behind_the_deletion_goes_on_and_counts_the_gap(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(tmp_path, *(bytes([number]) * 400 for number in range(3)))
    with Reader.open(tmp_path, "forward") as slow:
        slow.commit(slow.read(1)[0].next)
    with Reader.open(tmp_path, "store") as reader:
        reader.read(10_000)
        reader.commit(reader.position)
    fill(tmp_path)
    with Reader.open(tmp_path, "forward") as slow:
        found = (payloads_of(slow), slow.gaps, "which is deleted" in caplog.text)
    assert found == ([b"\2" * 400], 1, True)


def test_a_consumer_at_the_end_of_a_segment_finds_no_gap_after_a_restart(tmp_path: Path) -> None:
    fill(tmp_path, b"a" * 400)
    with Reader.open(tmp_path, "store") as reader:
        reader.read(1000)
        reader.commit(reader.position)
    fill(tmp_path, b"b" * 400)
    with Reader.open(tmp_path, "store") as reader:
        found = (payloads_of(reader), reader.gaps)
    assert found == ([b"b" * 400], 0)


def test_a_damaged_cursor_starts_over_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(tmp_path, b"a")
    with Reader.open(tmp_path, "store") as reader:
        reader.read(1000)
        reader.commit(reader.position)
    cursor = tmp_path / "cursors" / "store"
    cursor.write_bytes(b"9" + cursor.read_bytes()[1:])
    with Reader.open(tmp_path, "store") as reader:
        found = (payloads_of(reader), "damaged" in caplog.text)
    assert found == ([b"a"], True)
