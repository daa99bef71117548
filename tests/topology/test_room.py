"""Jobs run beside each other where there is room for them."""

import threading

import pytest

from otel_llmops.topology.room import Room


def test_whoever_fits_runs_the_largest_first() -> None:
    room = Room([2, 9, 3, 4], size_max=12)
    first, second = room.jobs(), room.jobs()
    assert next(first) == 1
    assert next(second) == 2  # the next in size does not fit beside it, this one does
    assert next(first) == 3  # by asking for another, the first is done with the largest
    assert list(second) == [0]


def test_what_is_alone_has_enough_room() -> None:
    room = Room([90, 80], size_max=1)
    assert list(room.jobs()) == [0, 1]


def test_a_job_waits_for_room() -> None:
    room = Room([9, 5], size_max=10)
    busy, found = room.jobs(), list[int]()
    assert next(busy) == 0
    waiting = threading.Thread(target=lambda: found.extend(room.jobs()))
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    busy.close()
    waiting.join(10)
    assert found == [1]


@pytest.mark.parametrize("ends", [True, False])
def test_what_comes_beside_all_jobs_waits_for_room(*, ends: bool) -> None:
    room = Room([9, 5], size_max=10)
    busy = room.jobs()
    assert next(busy) == 0
    after = threading.Thread(target=room.wait_for, args=[4])
    after.start()
    after.join(0.05)
    assert after.is_alive()
    if ends:
        assert next(busy) == 1  # and 4 fit beside it
    else:
        busy.close()
        room.close()
    after.join(10)
    assert not after.is_alive()


def test_what_comes_beside_all_jobs_waits_for_none_where_there_is_room() -> None:
    room = Room([9, 5], size_max=20)
    room.wait_for(6)
    assert list(room.jobs()) == [0, 1]
