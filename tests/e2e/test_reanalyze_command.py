"""`otel-llmops reanalyze`: through a running serve, and on the store while none runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from otel_llmops.analysis.tables import ANALYSIS_VERSION
from tests.engine.test_reanalysis import SESSIONS, collect, versions
from tests.support.engines import collector
from tests.support.serving import serving

pytestmark = pytest.mark.slow


def _reanalyze(data: Path, store: Path, *more: str) -> str:
    command = [sys.executable, "-m", "otel_llmops.cli", "reanalyze", "--data", str(data)]
    ran = subprocess.run(
        [*command, "--store", f"chdb://{store}", *more],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    return ran.stdout.strip()


@pytest.mark.parametrize("served", [True, False], ids=["serve runs", "none runs"])
def test_what_an_earlier_version_analysed_is_analysed_again(tmp_path: Path, served: bool) -> None:
    folder, data = tmp_path / "earlier", tmp_path / "data"
    with collector(folder) as house:
        collect(house)
    store = folder / "store"
    all_done = f"{SESSIONS} of {SESSIONS} sessions analysed again by version {ANALYSIS_VERSION}"
    none_left = f"0 of 0 sessions analysed again by version {ANALYSIS_VERSION}"
    if served:
        with serving(data, "--store", f"chdb://{store}") as running:
            told = [_reanalyze(data, store), _reanalyze(data, store)]
            running.stop()
    else:
        told = [_reanalyze(data, store), _reanalyze(data, store)]
    assert told == [all_done, none_left]
    with collector(folder) as house:
        assert set(versions(house).values()) == {ANALYSIS_VERSION}
