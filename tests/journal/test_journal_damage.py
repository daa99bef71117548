"""What a disk does to bytes: torn tails, flipped bits, holes."""

from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.journal import Journal, JournalSettings, Reader

UNSYNCED = JournalSettings(durability="os")  # the disk's speed is not what is tested here
SIZES = st.lists(st.integers(0, 200), min_size=1, max_size=8)


class Found(NamedTuple):
    payloads: list[bytes]
    damaged: int


def distinct(sizes: list[int]) -> list[bytes]:
    """Payloads of these sizes (and one byte), no two the same."""
    return [bytes([number]) * (size + 1) for number, size in enumerate(sizes)]


def write(directory: Path, payloads: list[bytes]) -> Path:
    """A journal of one segment; its file."""
    with Journal.open(directory, UNSYNCED, required_consumers=["store"]) as journal:
        for payload in payloads:
            journal.append(payload, signal=1, encoding=1)
    return directory / "segments" / "0000000001.segment"


def read(directory: Path) -> Found:
    with Reader.open(directory, "store") as reader:
        payloads = [record.payload for record in reader.read(2**30)]
        return Found(payloads, reader.damaged_records)


@given(sizes=SIZES, data=st.data())
def test_a_flipped_bit_costs_the_record_it_is_in_and_is_counted(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("journal")
    payloads = distinct(sizes)
    segment = write(directory, payloads)
    content = bytearray(segment.read_bytes())
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    segment.write_bytes(content)
    ends = [sum(48 + len(p) for p in payloads[: n + 1]) for n in range(len(payloads))]
    hit = next(number for number, end in enumerate(ends) if bit // 8 < end)
    assert read(directory) == Found(payloads[:hit] + payloads[hit + 1 :], 1)


@given(sizes=SIZES, data=st.data())
def test_a_flipped_bit_costs_the_same_after_a_restart(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("journal")
    payloads = distinct(sizes)
    segment = write(directory, payloads)
    content = bytearray(segment.read_bytes())
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    segment.write_bytes(content)
    with Journal.open(directory, UNSYNCED, required_consumers=["store"]) as journal:
        stats = journal.stats()
    found = read(directory)
    assert (len(found.payloads), found.damaged, stats.damaged_records) == (len(sizes) - 1, 1, 1)


def test_a_tail_torn_at_any_byte_is_cut_and_nothing_else(tmp_path: Path) -> None:
    whole = [b"a" * 30, b"b" * 10]
    segment = write(tmp_path / "whole", whole)
    kept = segment.stat().st_size
    written = write(tmp_path / "torn", [*whole, b"c" * 20]).read_bytes()
    for size in range(kept, len(written)):
        directory = tmp_path / f"cut-at-{size}"
        (directory / "segments").mkdir(parents=True)
        (directory / "segments" / segment.name).write_bytes(written[:size])
        with Journal.open(directory, UNSYNCED, required_consumers=["store"]) as journal:
            torn = journal.torn_bytes
            assert journal.append(b"c" * 20, signal=1, encoding=1) is True
        assert (torn, read(directory)) == (size - kept, Found([*whole, b"c" * 20], 0))


def test_a_tail_of_zeros_is_cut(tmp_path: Path) -> None:
    segment = write(tmp_path, [b"a"])
    segment.write_bytes(segment.read_bytes() + bytes(5000))
    with Journal.open(tmp_path, UNSYNCED, required_consumers=["store"]) as journal:
        assert journal.torn_bytes == 5000
    assert read(tmp_path) == Found([b"a"], 0)


def test_a_segment_cut_below_what_was_durable_is_counted_by_its_readers(tmp_path: Path) -> None:
    segment = write(tmp_path, [b"a", b"b", b"c"])
    segment.write_bytes(segment.read_bytes()[:-10])
    with Reader.open(tmp_path, "store") as reader:
        payloads = [record.payload for record in reader.read(1000)]
        found = (payloads, reader.damaged_bytes, reader.position == reader.durable_end())
    assert found == ([b"a", b"b"], 49, True)


def test_a_journal_inside_a_payload_is_never_taken_for_records(tmp_path: Path) -> None:
    inner = write(tmp_path / "inner", [b"x" * 100] * 1).read_bytes()
    segment = write(tmp_path / "outer", [inner * 3, b"last"])
    content = bytearray(segment.read_bytes())
    content[5] ^= 1  # the outer record's header: the next one must be looked for
    segment.write_bytes(content)
    assert read(tmp_path / "outer") == Found([b"last"], 1)


def test_a_damaged_middle_segment_costs_that_record_only(tmp_path: Path) -> None:
    settings = JournalSettings(segment_bytes_max=200, durability="os")
    payloads = [bytes([number]) * 100 for number in range(4)]
    with Journal.open(tmp_path, settings, required_consumers=["store"]) as journal:
        for payload in payloads:
            journal.append(payload, signal=1, encoding=1)
    segment = tmp_path / "segments" / "0000000002.segment"
    segment.write_bytes(bytes(len(segment.read_bytes())))
    with Journal.open(tmp_path, settings, required_consumers=["store"]) as journal:
        stored = [journal.append(payload, signal=1, encoding=1) for payload in payloads]
    found = read(tmp_path)
    assert (stored, found) == (
        [False, True, False, False],
        Found([payloads[0], payloads[2], payloads[3], payloads[1]], 1),
    )


@given(content=st.binary(max_size=4000))
def test_any_bytes_as_a_segment_are_survived(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    directory = tmp_path_factory.mktemp("journal")
    (directory / "segments").mkdir()
    (directory / "segments" / "0000000001.segment").write_bytes(content)
    (directory / "segments" / "0000000002.segment").write_bytes(content)
    with Journal.open(directory, UNSYNCED, required_consumers=["store"]) as journal:
        assert journal.append(b"payload", signal=1, encoding=1) is True
    assert read(directory).payloads == [b"payload"]


@given(content=st.binary(max_size=200))
def test_any_bytes_as_the_durable_end_are_survived(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    directory = tmp_path_factory.mktemp("journal")
    write(directory, [b"a"])
    (directory / "durable").write_bytes(content)
    with Journal.open(directory, UNSYNCED, required_consumers=["store"]) as journal:
        journal.append(b"b", signal=1, encoding=1)
    assert read(directory) == Found([b"a", b"b"], 0)
