"""What is remembered of answers, and when it is forgotten."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.exporters.clickhouse_remembered import Remembered
from otel_llmops.storage.queries import Queries
from tests.support.engines import DEADLINE_S
from tests.support.tables import derived


class Asked:
    """Answers each statement with what was asked so far, and a number of bytes."""

    def __init__(self, nbytes: int = 8) -> None:
        self.statements: list[str] = []
        self._nbytes = nbytes

    def __call__(self, sql: str) -> pa.Table:
        self.statements.append(sql)
        return pa.table({"n": pa.array([len(self.statements)] * (self._nbytes // 8), pa.int64())})


def _number(table: pa.Table) -> int:
    number: int = table["n"][0].as_py()
    return number


def test_the_same_statement_is_asked_once_until_something_changes() -> None:
    asked = Asked()
    remembered = Remembered(asked)
    assert [_number(remembered.select(sql)) for sql in ("a", "b", "a", "b")] == [1, 2, 1, 2]
    remembered.forget()
    assert _number(remembered.select("a")) == 3


def test_what_reads_another_table_is_still_known() -> None:
    asked = Asked()
    remembered = Remembered(asked)
    for _ in range(2):
        for sql in ("FROM sessions", "FROM agents"):
            remembered.select(sql)
        remembered.forget("sessions")
    assert asked.statements == ["FROM sessions", "FROM agents", "FROM sessions"]


def test_what_was_forgotten_takes_no_room() -> None:
    asked = Asked(nbytes=1_000)
    remembered = Remembered(asked, bytes_max=2_500)
    for _ in range(3):
        remembered.select("a")
        remembered.forget("a")
    for sql in "bcbc":
        remembered.select(sql)
    assert asked.statements == ["a", "a", "a", "b", "c"]


def test_an_answer_grows_too_old() -> None:
    now = 0.0
    remembered = Remembered(Asked(), age_s_max=10, clock=lambda: now)
    assert _number(remembered.select("a")) == 1
    now = 10
    assert _number(remembered.select("a")) == 1
    now = 10.1
    assert _number(remembered.select("a")) == 2


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    asked = Asked(nbytes=1_000)
    remembered = Remembered(asked, bytes_max=2_500)
    for sql in "abcbca":
        remembered.select(sql)
    assert asked.statements == ["a", "b", "c", "a"]


def test_an_answer_that_is_large_is_not_kept() -> None:
    asked = Asked(nbytes=3 * 2**20)
    remembered = Remembered(asked)
    for _ in range(2):
        remembered.select("a")
    assert asked.statements == ["a", "a"]


def _waiting(answered: Callable[[str], pa.Table]) -> tuple[Remembered, threading.Event, list[str]]:
    asked, go_on = list[str](), threading.Event()

    def ask(sql: str) -> pa.Table:
        asked.append(sql)
        assert go_on.wait(DEADLINE_S)
        return answered(sql)

    return Remembered(ask), go_on, asked


def test_who_asks_the_same_meanwhile_waits_for_the_same_answer() -> None:
    remembered, go_on, asked = _waiting(Asked())
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(remembered.select, "a") for _ in range(3)]
        go_on.set()
        assert [_number(each.result()) for each in answers] == [1, 1, 1]
    assert asked == ["a"]


def test_what_was_asked_before_a_change_is_not_kept_after_it() -> None:
    remembered, go_on, asked = _waiting(Asked())
    with ThreadPoolExecutor(1) as pool:
        before = pool.submit(remembered.select, "a")
        while not asked:
            pass
        remembered.forget()
        go_on.set()
        assert _number(before.result()) == 1
    assert _number(remembered.select("a")) == 2


def test_an_error_is_told_to_all_who_wait_and_not_kept() -> None:
    def fail(sql: str) -> pa.Table:
        raise ValueError(sql)

    remembered = Remembered(fail)
    for _ in range(2):
        with pytest.raises(ValueError, match="a"):
            remembered.select("a")


def _sessions(store: ClickHouse) -> int:
    return len(asyncio.run(Queries(store).sessions()))


def test_a_store_shows_what_was_written_a_moment_ago(tmp_path: Path) -> None:
    store = ClickHouse.embedded(tmp_path / "store")
    try:
        for count in range(1, 5):
            session = f"s{count}"
            row = {"session_id": session, "operations": 1}
            assert _sessions(store) == count - 1
            store.replace_sessions([session], derived(sessions=[row]))
            assert _sessions(store) == count
        store.delete_sessions(["s1"], [])
        assert _sessions(store) == 3
    finally:
        store.close()
