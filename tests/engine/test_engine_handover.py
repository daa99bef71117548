"""What one half of the engine hands to the other: all of it, once, and not without a bound."""

import threading
from pathlib import Path

import pytest

from otel_llmops.engine.arrived import Arrived
from otel_llmops.engine.handover import Handover, Stored, beside
from otel_llmops.engine.insistence import StoppedError
from otel_llmops.journal import Position
from otel_llmops.otlp import Encoding, Request, decode_traces
from tests.support.engines import Collector, collector, work
from tests.support.otlp import trace_request

START, END = Position(1, 0), Position(1, 100)


def stored() -> Stored:
    body = trace_request(work("agent", "planner"))
    return Stored(Arrived(body, decode_traces([Request(body, Encoding.PROTOBUF)])), START, 1.0)


def test_what_was_put_is_taken_once() -> None:
    handover, spans = Handover(START, now=0.0, bytes_max=1), stored()
    handover.put([spans], end=END, now=2.0, behind=True)
    first, second = handover.take(), handover.take()
    assert (first.stored, second.stored) == ([spans], [])
    assert (first.end, first.now, first.behind) == (END, 2.0, True)


def test_time_goes_on_while_nothing_comes() -> None:
    handover = Handover(START, now=0.0, bytes_max=1)
    handover.put([], end=END, now=2.0, behind=True)
    handover.pass_time(3.0)
    assert handover.take() == ([], END, 3.0, False)


def test_who_puts_waits_until_there_is_room() -> None:
    handover, stop = Handover(START, now=0.0, bytes_max=1), threading.Event()
    handover.put([stored()], end=END, now=2.0, behind=False)
    with beside(lambda: handover.make_room(stop)) as waiting:
        assert not waiting.done()
        handover.take()
        assert waiting.result(timeout=10) is None


def test_who_waits_for_room_can_be_stopped() -> None:
    handover, stop = Handover(START, now=0.0, bytes_max=1), threading.Event()
    handover.put([stored()], end=END, now=2.0, behind=False)
    stop.set()
    with pytest.raises(StoppedError):
        handover.make_room(stop)


def test_a_running_engine_stores_and_analyses_all_of_it(tmp_path: Path) -> None:
    with collector(tmp_path / "data") as house:
        _send_traces(house, 30)
        house.engine.run(_stopped_when_stored(house, 30))
        assert len(house.sessions()) == 30
        assert sum(house.stored_spans().values()) == 60


def _send_traces(house: Collector, count: int) -> None:
    for trace in range(1, count + 1):
        house.send(work("agent", "planner", trace=trace))
        house.send(work("llm", "gpt", trace=trace, id=2, parent=1, tokens=5))


def _stopped_when_stored(house: Collector, traces: int) -> threading.Event:
    """An event that is set once the engine has counted all spans."""
    stop = threading.Event()

    def watch() -> None:
        while house.engine.figures()["spans"] < 2 * traces and not stop.wait(0.01):
            pass
        stop.set()

    threading.Thread(target=watch, daemon=True).start()
    return stop
