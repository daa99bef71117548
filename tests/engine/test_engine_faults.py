"""What disks, clocks and stores do to an engine, and what it makes of it."""

import errno
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from otel_llmops.errors import RetryableExport
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.exporters.clickhouse_client import embedded_connect
from tests.support.engines import Collector, collector, running, trace_id, wait_until, work
from tests.support.exporters import Refusing
from tests.support.faulty_disk import FaultyDisk

WALL_NS = 1_795_000_000_000_000_000


class HalfDisk(Collector):
    """Collector whose engine has a disk that can fail, and whose journal has a good one."""

    faulty = FaultyDisk()

    def engine_disk(self) -> FaultyDisk:
        return self.faulty


@pytest.fixture
def half(tmp_path: Path) -> Iterator[HalfDisk]:
    folder = tmp_path / "data"
    folder.mkdir()
    house = HalfDisk(folder)
    house.faulty = FaultyDisk()
    house.restart()
    try:
        yield house
    finally:
        house.close()


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("create", errno.EROFS),
        ("pwritev", errno.ENOSPC),
        ("rename", errno.EDQUOT),
        ("open", errno.EIO),
        ("pread", errno.EIO),
    ],
    ids=["read only", "full", "over quota", "unopenable", "unreadable"],
)
def test_a_disk_that_fails_for_a_while_is_told_and_costs_nothing(
    half: HalfDisk, call: str, error: int
) -> None:
    with running(half):
        half.faulty.fail(call, error)
        half.send(work("agent", "planner"))
        wait_until(half.engine.healthy)
        said = half.engine.healthy()
        half.faulty.mend()
        wait_until(lambda: half.engine.healthy() is None)
        wait_until(lambda: half.engine.stats()["lag_bytes"] == 0)
    assert (said or "").startswith("the engine waits for its disk: ")
    assert list(half.stored_spans().values()) == [1]


def doubting(_name: str, rows: pa.Table) -> None:
    if "name" in rows.column_names and "llm poison" in rows["name"].to_pylist():
        raise RetryableExport("Code: 4711, never heard of", doubtful=True)


def test_a_refusal_that_nobody_understands_costs_some_time_and_then_one_request(
    house: Collector,
) -> None:
    house.settings = replace(house.settings, doubt_s_max=0.05, doubt_part_s_max=0.0)
    store = Refusing(house.store, doubting)
    house.restart(store)
    for number, name in enumerate(("gpt", "poison", "gpt", "gpt"), start=1):
        house.send(work("llm", name, trace=number, tokens=number))
    house.settle()
    figures = house.engine.figures()
    assert sorted(s.input_tokens for s in house.sessions()) == [1, 3, 4]
    assert (figures["requests_quarantined"], figures["quarantined"]) == (1, 1)
    assert store.calls.count("export_spans") > 10  # it was tried again before it was given up


def test_a_store_that_does_not_answer_is_never_given_up(house: Collector) -> None:
    house.settings = replace(house.settings, doubt_s_max=0.0, doubt_part_s_max=0.0)
    refusals = iter(range(40))

    def down(_name: str, _rows: pa.Table) -> None:
        if next(refusals, None) is not None:
            raise RetryableExport("connection refused")

    house.restart(Refusing(house.store, down))
    house.send(work("agent", "planner"))
    house.settle()
    assert list(house.stored_spans().values()) == [1]
    assert house.engine.figures()["requests_quarantined"] == 0


class FarClient:
    """A client of the real store, which cannot be reached while `gone`."""

    def __init__(self, client: Any, gone: threading.Event) -> None:
        self.command = client.command
        self.close = client.close
        self._client = client
        self._gone = gone

    def raw_insert(self, *args: Any, **more: Any) -> Any:
        self._reach()
        return self._client.raw_insert(*args, **more)

    def raw_query(self, *args: Any, **more: Any) -> Any:
        self._reach()
        return self._client.raw_query(*args, **more)

    def _reach(self) -> None:
        if self._gone.is_set():
            raise OperationalError("Error HTTPConnectionPool: connection refused")


def test_a_server_that_goes_and_comes_back_gets_all_that_was_sent_meanwhile_once(
    house: Collector,
) -> None:
    gone, real = threading.Event(), embedded_connect(house.folder / "store")
    store = ClickHouse(lambda settings: FarClient(real(settings), gone))
    house.restart(store)
    with closing(store), running(house):
        house.send(work("agent", "planner"))
        wait_until(lambda: house.engine.figures()["spans"] == 1)
        gone.set()
        for number in range(2, 8):
            house.send(work("llm", "gpt", id=number, parent=1, tokens=number))
        wait_until(lambda: not house.engine.store_is_up)
        wait_until(lambda: house.engine.figures()["export_retries"] >= 5)
        gone.clear()
        wait_until(lambda: house.engine.stats()["lag_bytes"] == 0)
        up = house.engine.store_is_up
    assert (up, list(house.stored_spans().values())) == (True, [1] * 7)


def flip(file: Path, byte: int) -> None:
    content = bytearray(file.read_bytes())
    content[byte] ^= 1
    file.write_bytes(content)


def test_a_flipped_bit_puts_that_request_aside_and_counts_it(house: Collector) -> None:
    for number in (1, 2, 3):
        house.send(work("agent", "planner", trace=number))
    segment = house.folder / "journal" / "segments" / "0000000001.segment"
    size = segment.stat().st_size
    flip(segment, size // 2)
    house.settle()
    aside = list((house.folder / "engine" / "quarantine").glob("*.damaged"))
    found = {session.session_id for session in house.sessions()}
    assert found == {trace_id(1), trace_id(3)}
    assert [len(file.read_bytes()) for file in aside] == [size // 3]
    assert house.engine.figures()["damaged_records"] == 1


def test_a_damaged_end_is_nothing_to_wait_for(house: Collector) -> None:
    house.send(work("agent", "planner"))
    flip(house.folder / "journal" / "segments" / "0000000001.segment", 60)
    house.settle()
    figures = house.engine.stats()
    assert (figures["lag_bytes"], figures["damaged_records"]) == (0, 1)


@pytest.mark.parametrize("name", ["intent", "open-traces"])
def test_a_note_that_the_disk_has_changed_does_not_stop_the_engine(
    house: Collector, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    house.send(work("llm", "gpt", id=2))
    for _ in range(8):
        house.send(work("llm", "gpt", id=int(house.clock.now * 10)))
        house.turn(after_s=1.9)
    flip(house.folder / "engine" / name, 12)
    house.restart()
    house.send(work("agent", "planner", trace=2))
    house.settle()
    assert set(house.stored_spans().values()) == {1}
    assert f"{name} is damaged" in caplog.text


def test_a_wall_clock_that_jumps_changes_no_answer(tmp_path: Path) -> None:
    def told(name: str, wall: Iterator[int]) -> object:
        with collector(tmp_path / name, clock_ns=lambda: next(wall)) as house:
            for number in range(1, 5):
                house.send(work("agent", "planner", trace=number))
                house.turn(after_s=0.2)
                house.send(work("llm", "gpt", trace=number, id=2, parent=1, tokens=number))
                house.turn(after_s=0.2)
            house.settle()
            return house.content(), house.stored_spans()

    day_ns = 86_400 * 10**9
    steady = told("steady", iter(range(WALL_NS, WALL_NS + 100)))
    jumps = [0, -day_ns, day_ns, -(10**18), 10**17, -1, 0, 5 * day_ns]
    assert told("jumping", iter([WALL_NS + jump for jump in jumps])) == steady
