"""A serve that is killed while it starts leaves no orphan, and the next one starts at once."""

from pathlib import Path

import pytest

from tests.support.serving import Serving, is_reachable, processes_of, until


@pytest.mark.parametrize("children", [0, 2])
def test_no_orphan_is_left_by_a_parent_that_is_killed_while_it_starts(
    tmp_path: Path, children: int
) -> None:
    served = Serving(tmp_path / "data")
    served.launch()
    try:
        until(lambda: len(served.children()) >= children, what=f"{children} children")
        served.process.kill()
        served.process.wait()
        until(lambda: processes_of(tmp_path) == [], what="the children are gone")
        served.start()
        code = served.stop()
    finally:
        if served.process.poll() is None:
            served.kill("all")
    assert code == 0


def test_a_child_that_dies_comes_back_on_the_same_port(served: Serving) -> None:
    before = {child.pid for child in served.children().values()}
    served.kill("receiver")
    served.kill("engine")
    until(lambda: _answers(served), what="both answer again")
    after = {role: child.pid in before for role, child in served.children().items()}
    assert after == {"receiver": False, "engine": False}


def _answers(served: Serving) -> bool:
    ready = is_reachable(served.api_port) and served.get("/readyz").is_success
    return ready and is_reachable(served.http_port)
