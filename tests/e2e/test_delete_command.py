"""`otel-llmops delete`: through a running serve, and on the store while none runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.engines import collector, trace_id, work
from tests.support.serving import serving

pytestmark = pytest.mark.slow


def _delete(data: Path, store: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "otel_llmops.cli", "delete", "--data", str(data)]
    return subprocess.run(
        [*command, "--store", f"chdb://{store}", *more],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("served", [True, False], ids=["serve runs", "none runs"])
def test_a_session_is_deleted_and_no_other(tmp_path: Path, served: bool) -> None:
    folder, data = tmp_path / "earlier", tmp_path / "data"
    with collector(folder) as house:
        for trace in (1, 2):
            house.send(work("agent", "planner", trace=trace, id=1))
        house.settle()
    store = folder / "store"

    def use() -> None:
        unasked = _delete(data, store, trace_id(1))
        assert (unasked.returncode, "--yes" in unasked.stderr) == (2, True)
        deleted = _delete(data, store, trace_id(1), "--yes", "--json")
        assert json.loads(deleted.stdout)["rows"]["spans"] == 1, deleted.stderr
        again = _delete(data, store, trace_id(1), "--yes")
        assert (again.returncode, "there is no session" in again.stderr) == (2, True)

    if served:
        with serving(data, "--store", f"chdb://{store}") as running:
            use()
            running.stop()
    else:
        use()
    with collector(folder) as house:
        assert [each.session_id for each in house.sessions()] == [trace_id(2)]
