"""The engine dies before or after any single thing it makes durable, and nothing shows it.

Strategy: a script of requests and turns runs over a real journal and a real store whose every
insert, and every move of a cursor, is counted: an analysis is several inserts, so death comes in
the middle of one as well. At the k-th the engine and its store object are thrown away, new ones
are made from what is on the disk, and the script goes on. In the end the store holds what it holds
without a death. The range is written down between a cursor's move and an insert, so dying after
the one and before the other is dying before and after that, too.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.exporters.clickhouse_client import Connect, embedded_connect
from otel_llmops.journal import Position, Reader
from otel_llmops.otlp import Signal
from tests.support.engines import Collector, Content, collector, work
from tests.support.otlp import log_record, log_request

Moment = Literal["before", "after"]
NEVER = 0
SOME = 17
"""Every so many of the moments are tried in the normal run; a prime, so that all kinds come."""


class Death(BaseException):
    """Not an Exception: nothing in the engine may live through it."""


@dataclass
class Fate:
    dies_at: int
    moment: Moment = "before"
    calls: int = 0

    def __call__(self, call: Callable[[], Any]) -> Any:
        self.calls += 1
        doomed = self.calls == self.dies_at
        if doomed and self.moment == "before":
            raise Death
        result = call()
        if doomed:
            raise Death
        return result


class MortalClient:
    """A client of the real store; `fate` decides over every insert."""

    def __init__(self, client: Any, fate: Fate) -> None:
        self.command = client.command
        self.raw_query = client.raw_query
        self.close = client.close
        self._insert = client.raw_insert
        self._fate = fate

    def raw_insert(self, *args: Any, **more: Any) -> None:
        self._fate(lambda: self._insert(*args, **more))


class MortalReader(Reader):
    """The real reader; `fate` decides over every move of its cursor."""

    fate = Fate(NEVER)

    def commit(self, position: Position) -> None:
        if position != self.committed:
            self.fate(lambda: super(MortalReader, self).commit(position))


class MortalCollector(Collector):
    """Collector whose engine dies once, at `fate`."""

    fate = Fate(NEVER)

    def reader(self, consumer: str) -> Reader:
        reader = MortalReader.open(self.folder / "journal", consumer)
        assert isinstance(reader, MortalReader)
        reader.fate = self.fate
        return reader

    def reopen(self) -> None:
        """What a new process would make of the folder."""
        self.store.close()
        self.store = ClickHouse(self._connect())
        self.restart()

    def _connect(self) -> Connect:
        real = embedded_connect(self.folder / "store")
        return lambda settings: MortalClient(real(settings), self.fate)


MEANWHILE = work("agent", "writer", trace=9)
"""Sent before the engine is back: the range that it was at must be cut where it was cut."""
Step = Callable[[Collector], None]


def script() -> list[Step]:
    """Growth, late spans, a conversation over two traces, a merge, a link, log events."""
    late = work("llm", "gpt", trace=1, id=3, parent=1, tokens=7)
    event = log_record(trace_id=(1).to_bytes(16, "big"), span_id=b"spanspan", time_unix_nano=1)
    return [
        lambda c: c.send(work("llm", "gpt", trace=1, id=2, parent=1, tokens=5)),
        lambda c: c.turn(after_s=1.1),
        lambda c: c.turn(after_s=1.1),
        lambda c: c.send(work("agent", "planner", trace=1)),
        lambda c: c.send_body(log_request(event), Signal.LOGS),
        lambda c: c.turn(after_s=0.5),
        lambda c: c.send(work("llm", "gpt", trace=2, tokens=1)),
        lambda c: c.turn(after_s=0.5),
        lambda c: c.send(late, work("llm", "gpt", trace=2, id=2, parent=1, conversation="talk")),
        lambda c: c.turn(after_s=0.5),
        lambda c: c.send(work("llm", "gpt", trace=3, conversation="talk", link=1, tokens=3)),
        lambda c: c.turn(after_s=0.5),
        lambda c: c.settle(),
        lambda c: c.send(MEANWHILE),  # again, or for the first time
        lambda c: c.settle(),
    ]


def played(folder: Path, fate: Fate) -> tuple[Content, Counter[bytes], Counter[str]]:
    """Derived rows, spans and log events in the store after the script with that fate."""
    folder.mkdir()
    house = MortalCollector(folder)
    try:
        house.fate = fate
        house.reopen()
        for step in script():
            try:
                step(house)
            except Death:
                house.reopen()
                house.send(MEANWHILE)
                house.turn()
        house.settle()
        return house.content(), house.stored_spans(), house.stored_events()
    finally:
        house.close()


def moments(calls: int) -> list[tuple[int, Moment]]:
    """All moments at which this script makes something durable."""
    assert calls > 30
    return [(k, moment) for k in range(1, calls + 1) for moment in ("before", "after")]


def dying(folder: Path, step: int) -> dict[str, Any]:
    """What differs from the life without a death, by the moment of death; `step` skips some."""
    fate = Fate(NEVER)
    alive = played(folder / "alive", fate)
    return {
        f"{moment} {k}": dead
        for k, moment in moments(fate.calls)[::step]
        if (dead := played(folder / f"{moment}-{k}", Fate(k, moment))) != alive
    }


def test_a_life_without_a_death_stores_everything_once(tmp_path: Path) -> None:
    content, spans, events = played(tmp_path / "alive", Fate(NEVER))
    assert (sorted(spans.values()), list(events.values())) == ([1] * 7, [1])
    assert sum(content["sessions"].values()) == 2


def test_a_death_at_some_moments_leaves_no_trace(tmp_path: Path) -> None:
    assert dying(tmp_path, SOME) == {}


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_death_at_any_moment_leaves_no_trace(tmp_path: Path) -> None:
    assert dying(tmp_path, 1) == {}


def test_a_range_whose_writing_down_was_cut_off_is_as_if_it_was_never_begun(tmp_path: Path) -> None:
    with collector(tmp_path / "data") as house:
        house.send(work("agent", "planner"))
        (house.folder / "engine" / ".intent").write_text("0000000")
        house.restart()
        house.settle()
        assert list(house.stored_spans().values()) == [1]
