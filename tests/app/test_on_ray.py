"""On Ray a lake has the answers that it has in one process."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from otel_llmops.analysis.derive import analyse
from otel_llmops.app.lakes import lake_spans
from otel_llmops.app.on_ray import analyse_on_ray
from otel_llmops.cli import main
from otel_llmops.engine.capture import captured
from otel_llmops.errors import ConfigError
from otel_llmops.exporters.parquet import Parquet

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'otel-llmops[ray]'")

SCENARIOS = sorted({path.parent for path in Path("tests/traces").rglob("request-*.binpb")})[::4]
FILES = 5


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray.init("local", num_cpus=2, include_dashboard=False, object_store_memory=128 * 2**20)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of which every trace is in several files, as if it had come in several requests."""
    root = tmp_path_factory.mktemp("lake")
    spans = captured(SCENARIOS)
    file = np.arange(spans.num_rows) % FILES
    with closing(Parquet(root, compacts=False)) as store:
        for number in range(FILES):
            store.export_spans(spans.filter(pa.array(file == number)), batch_id=str(number))
    return root


def in_order(rows: pa.Table) -> list[str]:
    return sorted(map(str, rows.to_pylist()))


@pytest.mark.usefixtures("cluster")
@pytest.mark.timeout(120)  # a cluster takes ten seconds to start, where the machine is busy
def test_tables_are_those_of_one_process(lake: Path) -> None:
    told: list[tuple[int, int]] = []
    there = analyse_on_ray(
        [lake], part_spans_max=200, progress=lambda done, total: told.append((done, total))
    )
    here = analyse(lake_spans(lake))
    for name, rows in here.items():
        assert in_order(there[name]) == in_order(rows), name
    assert told[-1][0] == told[-1][1] > FILES + 2


@pytest.mark.usefixtures("cluster")
@pytest.mark.timeout(120)
def test_the_command_says_the_same(lake: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said = []
    for on in ([], ["--on", "ray"]):
        assert main(["analyze", "--json", *on, str(lake)]) == 0
        said.append(json.loads(capfd.readouterr().out))
    assert said[0] == said[1]
    assert said[0]["sessions"]


@pytest.mark.usefixtures("cluster")
def test_a_file_that_is_damaged_where_a_task_reads_it(tmp_path: Path) -> None:
    with closing(Parquet(tmp_path, compacts=False)) as store:
        store.export_spans(captured(SCENARIOS[:1]), batch_id="1")
    (file,) = (tmp_path / "spans").rglob("*.parquet")
    file.write_bytes(b"PAR1 and no more PAR1")
    with pytest.raises(ConfigError, match="cannot be read"):
        analyse_on_ray([tmp_path])
    file.unlink()
    (file.parent / "other.parquet").symlink_to(file)
    with pytest.raises(ConfigError, match="changes while it is read"):
        analyse_on_ray([tmp_path])


def test_what_is_no_lake_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "--on", "ray", str(SCENARIOS[0])]) == 2
    assert "Ray analyses lakes alone" in capsys.readouterr().err
