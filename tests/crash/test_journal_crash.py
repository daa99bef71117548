"""The journal on a disk that loses its power, fails or fills up at every single system call.

Strategy: a workload of appends, reads, commits and restarts runs on it until its k-th call, for
every k. Then the power goes, senders send again what was not acknowledged, and every request must
have reached the consumer exactly once.
"""

import errno
from collections.abc import Callable

import pytest

from otel_llmops.journal import Journal
from tests.support.journal_work import ALL, DIRECTORY, ONCE, SETTINGS, History, finish, run
from tests.support.model_disk import ModelDisk, Survival, dice


def count_calls() -> int:
    disk = ModelDisk()
    run(disk, History())
    return disk.calls


def test_the_workload_alone_delivers_every_request_once() -> None:
    disk, history = ModelDisk(), History()
    run(disk, history)
    assert (finish(disk, history), history.refused) == (ONCE, set())


def test_the_workload_reaches_every_part_of_the_journal() -> None:
    disk, history = ModelDisk(), History()
    run(disk, history)
    segments = disk.names(DIRECTORY / "segments")
    assert "0000000001.segment" not in segments
    assert len(segments) > 1


@pytest.mark.parametrize("survival", ["dropped", "kept", "torn"])
def test_a_power_loss_at_any_call_loses_and_repeats_nothing(survival: Survival) -> None:
    for fails_at in range(1, count_calls() + 1):
        disk, history = ModelDisk(fails_at=fails_at), History()
        run(disk, history)
        found = disk.after_power_loss(survival, dice(fails_at))
        assert finish(found, history) == ONCE, f"power loss at call {fails_at}"


def resend(disk: ModelDisk, history: History) -> None:
    """The senders are quicker than the consumer: nothing is read between kill and power loss."""
    with Journal.open(DIRECTORY, SETTINGS, required_consumers=["store"], disk=disk) as journal:
        history.send(journal, *sorted(ALL - history.acknowledged))


@pytest.mark.parametrize("between", [resend, finish])
def test_a_kill_at_any_call_and_a_power_loss_later_lose_and_repeat_nothing(
    between: Callable[[ModelDisk, History], object],
) -> None:
    for fails_at in range(1, count_calls() + 1):
        disk, history = ModelDisk(fails_at=fails_at), History()
        run(disk, history)
        disk.after_kill()
        between(disk, history)
        found = disk.after_power_loss("dropped", dice(fails_at))
        assert finish(found, history) == ONCE, f"killed at call {fails_at}"


@pytest.mark.parametrize(
    ("error", "survival"),
    [
        (errno.EIO, "dropped"),
        (errno.EIO, "kept"),
        (errno.EIO, "torn"),
        (errno.ENOSPC, "dropped"),
    ],
)
def test_a_call_that_fails_once_loses_and_repeats_nothing(error: int, survival: Survival) -> None:
    for fails_at in range(1, count_calls() + 1):
        disk = ModelDisk(fails_at=fails_at, error=error, goes_on=True)
        history = History()
        run(disk, history)
        found = disk.after_power_loss(survival, dice(fails_at))
        assert finish(found, history) == ONCE, f"call {fails_at} failed"
