"""kill -9 of each process alone and of all at once, under load: stored exactly once."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.support.load import Load
from tests.support.serving import Serving, processes_of, serving, until

WHO = ("receiver", "engine", "serve", "all")
_LONG_ROUNDS = 100
_DRAINED_S_MAX = 120.0


def _killed_under_load(served: Serving, rounds: Sequence[str], dice: np.random.Generator) -> Load:
    """After some more acknowledged requests each, kill one after the other; stop when stored."""
    load = Load(served)
    load.start()
    for who in rounds:
        goal = load.requests + int(dice.integers(5, 80))
        until(lambda: load.requests >= goal, what=f"{goal} requests before the {who} dies")  # noqa: B023 - called at once
        served.kill(who)
        if who in {"serve", "all"}:
            served.start()
    goal = load.requests + 5
    until(lambda: load.requests >= goal, what="requests after the last death")
    load.stop()
    until(lambda: served.lag_bytes() == 0, deadline_s=_DRAINED_S_MAX, what="all is stored")
    served.stop()
    return load


def _wrong(load: Load, stored: Counter[tuple[str, str]]) -> dict[str, int]:
    return {
        "acknowledged and missing": len(load.acknowledged - set(stored)),
        "stored more than once": sum(1 for count in stored.values() if count > 1),
        "stored and never sent": len(set(stored) - load.sent),
    }


NOTHING = {"acknowledged and missing": 0, "stored more than once": 0, "stored and never sent": 0}


def test_what_was_acknowledged_is_stored_once_whoever_is_killed(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as served:
        load = _killed_under_load(served, WHO, np.random.default_rng(2))
        stored = served.stored(trace_id for trace_id, _ in load.sent)
    assert (_wrong(load, stored), processes_of(tmp_path)) == (NOTHING, [])


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_acknowledged_is_stored_once_after_many_kills(tmp_path: Path, seed: int) -> None:
    dice = np.random.default_rng(seed)
    with serving(tmp_path / "data") as served:
        rounds = [str(who) for who in dice.choice(WHO, _LONG_ROUNDS)]
        load = _killed_under_load(served, rounds, dice)
        stored = served.stored(trace_id for trace_id, _ in load.sent)
    told = f"{_LONG_ROUNDS} kills, {len(load.acknowledged)} spans acknowledged"
    sys.stdout.write(f"{told}: {_wrong(load, stored)}\n")
    assert (_wrong(load, stored), processes_of(tmp_path)) == (NOTHING, [])
