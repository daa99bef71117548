"""A store that is down or refuses, analyses that fail, a stop at a bad moment."""

import json
import time
from collections import Counter
from dataclasses import replace

import pyarrow as pa

from otel_llmops.analysis.derive import Derived, analyse
from otel_llmops.errors import PermanentExport, RetryableExport
from otel_llmops.otlp import Signal
from tests.support.engines import Collector, running, trace_id, wait_until, work
from tests.support.exporters import Refusing
from tests.support.otlp import log_record, log_request

LONG = "m" * 200_000
"""Longer than what the reader takes from the disk at once."""


def down(_name: str, _rows: pa.Table) -> None:
    raise RetryableExport("connection refused")


def up(_name: str, _rows: pa.Table) -> None:
    """Takes everything."""


def poisonous(_name: str, rows: pa.Table) -> None:
    if "name" in rows.column_names and "llm poison" in rows["name"].to_pylist():
        raise PermanentExport("a value that no column takes")


def test_a_store_that_was_down_loses_nothing_and_gets_nothing_twice(house: Collector) -> None:
    store = Refusing(house.store, down)
    house.restart(store)
    house.send(work("agent", "planner"))
    with running(house):
        wait_until(lambda: house.engine.stats()["export_retries"] >= 3)
        house.send(work("llm", "gpt", id=2, parent=1, tokens=10))
        store.refuse = up
        wait_until(lambda: house.engine.stats()["lag_bytes"] == 0)
    assert list(house.stored_spans().values()) == [1, 1]


def test_while_the_store_is_down_the_engine_says_so(house: Collector) -> None:
    store = Refusing(house.store, down)
    house.restart(store)
    house.send(work("agent", "planner"))
    with running(house):
        wait_until(house.engine.healthy)
        said = house.engine.healthy()
        store.refuse = up
        wait_until(lambda: house.engine.healthy() is None)
    assert said == "nothing is stored at the moment: connection refused"


def test_the_waits_for_a_store_that_is_down_grow(house: Collector) -> None:
    house.settings = replace(house.settings, retry_s_min=0.01, retry_s_max=10.0, drain_s=0.0)
    store = Refusing(house.store, down)
    house.restart(store)
    house.send(work("agent", "planner"))
    began = time.monotonic()
    with running(house):
        wait_until(lambda: len(store.calls) == 5)
        waited_s = time.monotonic() - began
    # four waits of 10, 20, 40 and 80 ms, each at least half as long
    assert waited_s >= 0.075


def test_an_answer_that_was_lost_stores_nothing_twice(house: Collector) -> None:
    house.restart(Refusing(house.store, lost_answers=2))
    house.send(work("agent", "planner"))
    house.settle()
    assert (list(house.stored_spans().values()), len(house.sessions())) == ([1], 1)


def test_a_range_that_a_stop_interrupted_is_stored_once_with_what_came_since(
    house: Collector,
) -> None:
    store = Refusing(house.store, lost_answers=1)
    house.restart(store)
    house.send(work("agent", "planner"))
    house.stop.set()
    house.turn()
    house.send(work("llm", "gpt", id=2, parent=1))
    house.engine.drain()
    assert list(house.stored_spans().values()) == [1, 1]


def test_a_request_that_the_store_refuses_for_ever_goes_to_quarantine_alone(
    house: Collector,
) -> None:
    house.restart(Refusing(house.store, poisonous))
    for number, name in enumerate(("gpt", "poison", "gpt", "gpt", "gpt"), start=1):
        house.send(work("llm", name, trace=number, tokens=number))
    house.settle()
    folder = house.folder / "engine" / "quarantine"
    reasons = [json.loads(file.read_text())["reason"] for file in folder.glob("*.json")]
    assert reasons == ["a value that no column takes"]
    assert sorted(s.input_tokens for s in house.sessions()) == [1, 3, 4, 5]
    assert house.engine.stats()["requests_quarantined"] == 1


def test_what_is_in_quarantine_is_not_analysed_after_a_restart(house: Collector) -> None:
    house.restart(Refusing(house.store, poisonous))
    house.send(work("llm", "poison", trace=1))
    house.send(work("llm", "gpt", trace=2))
    house.turn()
    house.restart(Refusing(house.store, poisonous))
    house.settle()
    assert [session.session_id for session in house.sessions()] == [trace_id(2)]


def test_refused_log_events_leave_the_spans_beside_them_stored_once(house: Collector) -> None:
    def no_logs(name: str, _rows: pa.Table) -> None:
        if name == "export_log_events":
            raise PermanentExport("no logs here")

    house.restart(Refusing(house.store, no_logs))
    house.send(work("agent", "planner"))
    for event_name in ("gen_ai.choice", "gen_ai.user.message"):
        house.send_body(log_request(log_record(event_name)), Signal.LOGS)
    house.settle()
    assert list(house.stored_spans().values()) == [1]
    assert house.engine.stats()["requests_quarantined"] == 2


def test_a_request_that_cannot_be_read_goes_to_quarantine_and_the_rest_goes_on(
    house: Collector,
) -> None:
    house.send(work("agent", "planner"))
    house.send_body(b"\xff\xff\xff")
    house.settle()
    assert len(house.sessions()) == 1
    assert house.engine.stats()["requests_quarantined"] == 1


def failing_on_trace_3(spans: pa.Table, *, open_traces: pa.Array | None = None) -> Derived:
    if trace_id(3) in spans["trace_id"].to_pylist():
        raise ZeroDivisionError
    return analyse(spans, open_traces=open_traces)


def test_a_trace_that_cannot_be_analysed_costs_no_other_its_answers(house: Collector) -> None:
    house.engine = house.fresh(analysis=failing_on_trace_3)
    for trace in range(1, 8):
        house.send(work("agent", "planner", trace=trace))
    house.settle()
    found = {session.session_id for session in house.sessions()}
    assert found == {trace_id(n) for n in (1, 2, 4, 5, 6, 7)}
    assert house.engine.stats()["analyses_failed"] == 1


def test_an_analysis_that_took_a_second_is_followed_by_a_second_without(house: Collector) -> None:
    def slow(spans: pa.Table, *, open_traces: pa.Array | None = None) -> Derived:
        house.clock.move(1.0)
        return analyse(spans, open_traces=open_traces)

    house.engine = house.fresh(analysis=slow)
    counts = []
    for trace, pause_s in ((1, 0.0), (2, 0.5), (3, 0.2), (4, 0.4)):
        house.send(work("agent", "planner", trace=trace))
        house.turn(after_s=pause_s)
        counts.append(len(house.sessions()))
    assert counts == [0, 1, 1, 1]
    house.turn(after_s=0.5)
    assert len(house.sessions()) == 4


def test_a_store_that_fails_during_one_of_many_analyses_gets_it_later(house: Collector) -> None:
    fails = iter([True, False, True, False, True])

    def flaky(name: str, _rows: pa.Table) -> None:
        if name == "replace_sessions" and next(fails, False):
            raise RetryableExport("too busy")

    house.restart(Refusing(house.store, flaky))
    house.engine = house.fresh(Refusing(house.store, flaky), failing_on_trace_3)
    for trace in range(1, 8):
        house.send(work("agent", "planner", trace=trace))
    house.settle()
    assert len(house.sessions()) == 6


def test_what_was_sent_before_the_stop_is_stored_and_analysed_when_the_engine_ends(
    house: Collector,
) -> None:
    with running(house):
        house.send(work("agent", "planner"), work("llm", "gpt", id=2, parent=1, tokens=10))
    assert [(s.input_tokens, s.final) for s in house.sessions()] == [(10, True)]


def test_a_trace_without_its_root_is_not_final_when_the_engine_ends(house: Collector) -> None:
    house.send(work("llm", "gpt", id=2, parent=1, tokens=10))
    with running(house):
        pass
    assert [(s.input_tokens, s.final) for s in house.sessions()] == [(10, False)]


def test_a_stop_while_the_store_is_down_ends_within_its_limit(house: Collector) -> None:
    house.settings = replace(house.settings, drain_s=0.2)
    house.restart(Refusing(house.store, down))
    house.send(work("agent", "planner"))
    with running(house):
        wait_until(house.engine.healthy)
        began = time.monotonic()
    assert time.monotonic() - began < 2.0


def test_behind_a_backlog_a_trace_is_not_taken_for_quiet(house: Collector) -> None:
    house.settings = replace(house.settings, batch_bytes=1)
    house.restart()
    for number in range(2, 8):
        house.send(work("llm", LONG, id=number, parent=1, tokens=1))
    finals: Counter[bool] = Counter()
    for _ in range(6):
        house.turn(after_s=2.5)
        finals.update(session.final for session in house.sessions())
    house.settle()
    assert (finals[True], [session.final for session in house.sessions()]) == (0, [True])
