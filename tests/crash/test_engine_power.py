"""The power goes at any single call of the engine on its disk: its cursors, its notes, quarantine.

Strategy: journal and engine share a disk in memory (model_disk.py), the store is a real one that
keeps what it said it has. A script of requests and turns runs until the engine's k-th call. Then
the power is gone and the disk holds what it may hold by then; journal and engine are opened again
on it, and the script goes on. In the end the store and the quarantine hold what they hold where
the power never went. The journal's own calls are tried in test_journal_crash.py.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from otel_llmops.journal import Disk, Journal, read_file
from otel_llmops.otlp import Signal
from tests.support.engines import CONSUMERS, Collector, Content, work
from tests.support.model_disk import ModelDisk, Survival, dice
from tests.support.otlp import log_record, log_request

SOME = 61
"""Every so many of the moments are tried in the normal run; a prime, so that all kinds come."""
SURVIVALS: tuple[Survival, ...] = ("dropped", "kept", "torn")
CHANGES = (
    "make_directory",
    "pwritev",
    "fdatasync",
    "truncate",
    "rename",
    "sync_directory",
)
"""Dying before a call that only reads is dying after the change before it."""
Moment = Literal["before", "after"]
MOMENTS: tuple[Moment, ...] = ("before", "after")
MEANWHILE = work("agent", "writer", trace=9)
"""Sent before the engine is back: the range that it was at must be cut where it was cut."""
Step = Callable[[Collector], None]


class Blackout(BaseException):
    """Not an Exception: nothing in the engine may live through it."""


class FragileDisk(Disk):
    """What the engine sees of the disk, until the k-th call."""

    def __init__(self, real: ModelDisk, *, k: int = 0, moment: Moment = "before") -> None:
        self.calls = 0
        self._k, self._moment = k, moment
        self.close = real.close  # type: ignore[method-assign]  # the call itself
        self.names = real.names  # type: ignore[method-assign]  # the call itself
        self.size = real.size  # type: ignore[method-assign]  # the call itself
        self.pread = real.pread  # type: ignore[method-assign]  # the call itself
        self._open = real.open
        self._create = self._fragile(real.open)
        for name in CHANGES:
            setattr(self, name, self._fragile(getattr(real, name)))

    def open(self, path: Path, *, create: bool = False) -> int:
        fd: int = self._create(path, create=True) if create else self._open(path)
        return fd

    def _fragile(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **more: Any) -> Any:
            self.calls += 1
            last = self.calls == self._k
            if last and self._moment == "before":
                raise Blackout
            try:
                return call(*args, **more)
            finally:
                if last:
                    raise Blackout

        return called


class PoweredCollector(Collector):
    """Collector whose disk is a model; the store is real, and is another machine's."""

    def __init__(self, folder: Path, *, k: int = 0, moment: Moment = "before") -> None:
        self.model = ModelDisk()
        for parent in [*reversed(folder.parents), folder]:
            self.model.entries[parent] = None
        self.model.sync_all()
        self.fragile = FragileDisk(self.model, k=0)
        super().__init__(folder, disk=self.model)
        self.fragile = FragileDisk(self.model, k=k, moment=moment)

    def engine_disk(self) -> Disk:
        return self.fragile

    def power_loss(self, survival: Survival, seed: int) -> None:
        """Go on with what the disk holds; nobody was told anything that is not on it."""
        found = self.model.after_power_loss(survival, dice(seed))
        self.journal.close()
        self.disk = self.model = found
        self.fragile = FragileDisk(found)
        self.journal = Journal.open(
            self.folder / "journal", required_consumers=CONSUMERS, disk=found
        )
        self.restart()

    def quarantined(self) -> Counter[bytes | None]:
        """The requests that were put aside."""
        folder = self.folder / "engine" / "quarantine"
        names = [name for name in self.model.names(folder) if name.endswith(".request")]
        return Counter(read_file(self.model, folder / name) for name in names)


def script() -> list[Step]:
    """A request that nobody can read, log events, and a trace that grows until it is carried."""
    event = log_record(trace_id=(1).to_bytes(16, "big"), span_id=b"spanspan", time_unix_nano=1)
    growing: list[Step] = []
    for number in range(2, 9):
        growing += [
            lambda c, n=number: c.send(work("llm", "gpt", trace=1, id=n, parent=1, tokens=n)),  # type: ignore[misc]  # a bound default
            lambda c: c.turn(after_s=1.9),
        ]
    return [
        lambda c: c.restart(),
        lambda c: c.send_body(b"\xff\xff\xff"),
        lambda c: c.send_body(log_request(event), Signal.LOGS),
        *growing,
        lambda c: c.send(work("agent", "planner", trace=1)),
        lambda c: c.settle(),
    ]


Outcome = tuple[Content, Counter[bytes], Counter[str], Counter[bytes | None]]


def played(
    folder: Path, *, k: int = 0, moment: Moment = "before", survival: Survival = "kept"
) -> tuple[Outcome, int]:
    """What is stored and put aside in the end; how many calls the engine made on its disk."""
    folder.mkdir()
    house = PoweredCollector(folder, k=k, moment=moment)
    calls = 0
    try:
        for step in script():
            try:
                step(house)
            except Blackout:
                house.power_loss(survival, seed=k)
                house.send(MEANWHILE)
                house.turn()
            calls = max(calls, house.fragile.calls)
        house.send(MEANWHILE)  # again, or for the first time
        house.settle()
        content, spans = house.content(), house.stored_spans()
        return (content, spans, house.stored_events(), house.quarantined()), calls
    finally:
        house.close()


def losing_power(folder: Path, every: int) -> dict[str, Outcome]:
    """What differs from the life with power, by the moment at which it went."""
    alive, calls = played(folder / "alive")
    assert calls > 60
    moments = [(k, moment) for k in range(1, calls + 1) for moment in MOMENTS]
    different = {}
    for number, (k, moment) in enumerate(moments[::every]):
        survival = SURVIVALS[number % len(SURVIVALS)]
        name = f"{moment}-{k}-{survival}"
        outcome, _ = played(folder / name, k=k, moment=moment, survival=survival)
        if outcome != alive:
            different[name] = outcome
    print(f"{len(moments[::every])} moments")  # noqa: T201 - the figure for the note
    return different


def test_a_life_with_power_stores_everything_once_and_puts_one_aside(tmp_path: Path) -> None:
    (content, spans, events, aside), _ = played(tmp_path / "alive")
    assert (list(spans.values()), list(events.values())) == ([1] * 9, [1])
    assert (sum(content["sessions"].values()), aside) == (2, Counter({b"\xff\xff\xff": 1}))


def test_a_power_loss_at_some_calls_of_the_engine_leaves_no_trace(tmp_path: Path) -> None:
    assert losing_power(tmp_path, SOME) == {}


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_power_loss_at_any_call_of_the_engine_leaves_no_trace(tmp_path: Path) -> None:
    assert losing_power(tmp_path, 1) == {}
