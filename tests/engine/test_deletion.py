"""A session that is deleted does not come back, whatever the engine does next."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from errno import ENOSPC

import pyarrow as pa
import pytest

from otel_llmops.engine.deletion import Deleted, Deletions
from otel_llmops.engine.intent import Owed, OwedDeletions
from otel_llmops.engine.pipeline import Engine
from otel_llmops.errors import PermanentExport, RetryableExport
from otel_llmops.journal import Reader
from otel_llmops.model.schemas import DERIVED
from otel_llmops.storage.seams import Exporter
from tests.support.engines import DEADLINE_S, Collector, trace_id, work
from tests.support.exporters import Refusing
from tests.support.serving import until

CHAT = "chat-1"
ONE, TWO, OTHER = trace_id(1), trace_id(2), trace_id(3)


def send(house: Collector) -> None:
    """A conversation of two traces, and another session."""
    for trace in (1, 2):
        house.send(work("agent", "planner", trace=trace, id=1, conversation=CHAT))
    house.send(work("agent", "writer", trace=3, id=1))


def sessions(house: Collector) -> list[str]:
    return sorted(each.session_id for each in house.sessions())


def traces(house: Collector) -> set[str]:
    return {trace for trace in (ONE, TWO, OTHER) if house.store.wire_spans([trace]).num_rows}


def left(house: Collector) -> tuple[list[str], set[str]]:
    return sessions(house), traces(house)


def restarted(house: Collector) -> None:
    """A new engine that reads again what no final analysis has seen."""
    house.restart()
    house.settle()


@pytest.mark.parametrize("name", [CHAT, ONE, TWO])
def test_it_is_gone_by_any_of_its_names_and_stays_so(house: Collector, name: str) -> None:
    send(house)
    house.settle()
    assert left(house) == ([OTHER, CHAT] if OTHER < CHAT else [CHAT, OTHER], {ONE, TWO, OTHER})
    deleted = house.engine.delete(name, house.stop)
    assert (deleted.trace_ids, deleted.rows["spans"]) == ([ONE, TWO], 2)
    assert set(deleted.rows) == {"spans", "log_events", *DERIVED}
    assert deleted.rows["sessions"] == 1
    for again in (house.settle, lambda: restarted(house)):
        again()
        assert left(house) == ([OTHER], {OTHER})


def test_what_still_grows_is_gone_as_well(house: Collector) -> None:
    send(house)
    house.turn()  # stored, in memory, and not analysed
    assert house.engine.delete(CHAT, house.stop).rows["spans"] == 2
    house.settle()
    assert left(house) == ([OTHER], {OTHER})


def test_what_no_final_analysis_has_seen_does_not_come_back_after_a_crash(house: Collector) -> None:
    send(house)
    house.turn()
    house.engine.delete(CHAT, house.stop)
    house.restart()
    house.settle()
    assert left(house) == ([OTHER], {OTHER})


def test_a_deletion_that_a_crash_cuts_off_is_finished_by_the_next(house: Collector) -> None:
    send(house)
    house.turn()

    class Dying(Refusing):
        def delete_sessions(
            self, session_ids: Sequence[str], trace_ids: Sequence[str]
        ) -> dict[str, int]:
            self.real.delete_sessions([], trace_ids[:1])
            raise KeyboardInterrupt

    house.restart(Dying(house.store))
    with pytest.raises(KeyboardInterrupt):
        house.engine.delete(CHAT, house.stop)
    house.restart()
    house.engine.delete(CHAT, house.stop)
    house.settle()
    assert left(house) == ([OTHER], {OTHER})


def test_a_range_that_was_stored_and_not_passed_is_deleted_too(house: Collector) -> None:
    send(house)
    stopped = threading.Event()

    def lost(name: str, _rows: object) -> None:
        if name == "export_log_events" or stopped.is_set():
            raise RetryableExport("no")

    class Lost(Refusing):
        def export_spans(self, spans: pa.Table, *, batch_id: str) -> None:
            super().export_spans(spans, batch_id=batch_id)
            stopped.set()
            house.stop.set()
            raise RetryableExport("the answer was lost, and then the engine stopped")

    house.restart(Lost(house.store, lost))
    house.turn()
    house.stop.clear()
    assert traces(house) == {ONE, TWO, OTHER}
    house.restart()
    house.engine.delete(CHAT, house.stop)
    house.settle()
    restarted(house)
    assert left(house) == ([OTHER], {OTHER})


def test_spans_that_come_afterwards_are_new(house: Collector) -> None:
    send(house)
    house.settle()
    house.engine.delete(CHAT, house.stop)
    house.send(work("agent", "editor", trace=1, id=7, conversation=CHAT))
    house.settle()
    restarted(house)
    found = house.session(CHAT)
    assert found is not None
    assert (found.trace_ids, found.agents) == ([ONE], ["editor"])
    assert house.store.wire_spans([ONE]).num_rows == 1


def test_a_trace_that_another_session_links_to_does_not_name_it(house: Collector) -> None:
    house.send(work("agent", "planner", trace=1, id=1, link=9))
    house.settle()
    assert not any(house.engine.delete(trace_id(9), house.stop).rows.values())
    assert sessions(house) == [ONE]


def running(
    house: Collector,
    deletions: Deletions,
    exporter: Exporter | None = None,
    pass_on: Callable[[Owed], None] | None = None,
) -> Engine:
    return Engine(
        spans_reader=house.reader("store"),
        analysis_reader=house.reader("analysis"),
        exporter=exporter or house.store,
        directory=house.folder / "engine",
        settings=house.settings,
        deletions=deletions,
        pass_on=pass_on,
    )


def test_many_ask_at_once_while_spans_are_stored(house: Collector) -> None:
    number = 5
    for trace in range(1, number + 1):
        house.send(work("agent", "planner", trace=trace, id=1))
    deletions = Deletions(wait_s=DEADLINE_S)
    engine = running(house, deletions)
    thread = threading.Thread(target=engine.run, args=(house.stop,))
    thread.start()
    try:
        until(lambda: engine.figures()["spans"] == number)
        with ThreadPoolExecutor(4) as askers:
            asked = askers.map(deletions.delete, [trace_id(n) for n in range(1, number)])
            for trace in range(number + 1, 2 * number):
                house.send(work("agent", "writer", trace=trace, id=1))
            assert [found.rows["spans"] for found in asked if found] == [1] * (number - 1)
        assert deletions.delete("nobody") is None
    finally:
        house.stop.set()
        thread.join()
    assert sessions(house) == [trace_id(n) for n in range(number, 2 * number)]
    with pytest.raises(RetryableExport, match="stopping"):
        deletions.delete(trace_id(number))


def test_whoever_waits_for_too_long_gives_it_up(house: Collector) -> None:
    send(house)
    house.settle()
    deletions = Deletions(wait_s=0.01)
    with pytest.raises(RetryableExport, match="not deleted within"):
        deletions.delete(CHAT)
    house.engine = running(house, deletions)
    house.engine.resume(house.stop)
    house.settle()
    assert len(sessions(house)) == 2


def test_what_the_store_refuses_is_told(house: Collector) -> None:
    class Down(Refusing):
        def delete_sessions(
            self, session_ids: Sequence[str], trace_ids: Sequence[str]
        ) -> dict[str, int]:
            if not self.calls:
                self.calls.append("refused")
                raise RetryableExport("the connection broke")
            return super().delete_sessions(session_ids, trace_ids)

    send(house)
    house.settle()
    house.restart(Down(house.store))
    deleted: Deleted = house.engine.delete(CHAT, house.stop)
    assert deleted.rows["spans"] == 2
    assert house.engine.figures()["export_retries"] == 1


def owed(house: Collector, *names: str) -> Owed:
    """A deletion that another store did when it had stored what was sent so far."""
    return Owed(names, Reader.open(house.folder / "journal", "another").durable_end())


def test_a_store_that_is_behind_deletes_what_another_one_did_and_keeps_what_came_later(
    house: Collector,
) -> None:
    send(house)
    house.engine.owed.add(owed(house, CHAT))
    house.send(work("agent", "editor", trace=1, id=7, conversation=CHAT))
    for again in (house.settle, lambda: restarted(house)):
        again()
        found = house.session(CHAT)
        assert found is not None
        assert (found.trace_ids, found.agents) == ([ONE], ["editor"])
        assert house.store.wire_spans([ONE]).num_rows == 1
        assert not house.store.wire_spans([TWO]).num_rows
        assert house.engine.figures()["deletions_owed"] == 0


def test_what_is_owed_is_done_by_the_engine_that_is_started_next(house: Collector) -> None:
    send(house)
    house.settle()
    directory = house.folder / "engine"
    OwedDeletions(directory, house.disk).add(owed(house, "nobody's name\n", CHAT))
    OwedDeletions(directory, house.disk).add(owed(house, OTHER))
    house.restart()
    assert house.engine.figures()["deletions_owed"] == 2
    house.settle()
    assert left(house) == ([], set())


def test_what_a_store_refuses_to_delete_stays_owed_and_stops_nothing(house: Collector) -> None:
    class Never(Refusing):
        def delete_sessions(
            self, session_ids: Sequence[str], trace_ids: Sequence[str]
        ) -> dict[str, int]:
            raise PermanentExport("no")

    send(house)
    house.restart(Never(house.store))
    house.engine.owed.add(owed(house, CHAT))
    house.settle()
    house.send(work("agent", "editor", trace=4, id=1))
    house.settle()
    assert trace_id(4) in sessions(house)
    assert house.engine.figures()["deletions_owed"] == 1
    restarted(house)
    assert sessions(house) == sorted([OTHER, trace_id(4)])


def test_whoever_deletes_passes_it_on_by_all_its_names(house: Collector) -> None:
    passed: list[Owed] = []

    def keep(owed: Owed) -> None:
        passed.append(owed)
        if len(passed) == 1:
            raise OSError(ENOSPC, "full")

    send(house)
    house.settle()
    house.engine = running(house, Deletions(), pass_on=keep)
    house.engine.resume(house.stop)
    house.engine.delete(TWO, house.stop)
    assert passed == [owed(house, TWO, CHAT, ONE)] * 2
