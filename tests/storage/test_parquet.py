"""What is a lake's own: its files, what they say of themselves, and how many become few."""

import asyncio
import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from otel_llmops.errors import ConfigError, RetryableExport
from otel_llmops.exporters.parquet import Parquet
from otel_llmops.exporters.parquet_files import LAKE_FILE
from otel_llmops.storage.tables import STORED, TABLES
from tests.support.faulty_disk import FaultyDisk
from tests.support.lakes import FIRST_VERSION, FIRST_WIRE, fill_first
from tests.support.tables import BASE_NS, derived, spans

DAY_NS = 86_400_000_000_000
TRACE = "a" * 32


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Parquet]:
    with closing(Parquet(tmp_path / "lake", compacts=False)) as opened:
        yield opened


def batch(number: int, *, days: int = 1) -> pa.Table:
    return spans(
        *(
            {
                "trace_id": TRACE,
                "span_id": f"{number:016x}",
                "start_time": BASE_NS + day * DAY_NS,
                "span_wire": b"%d" % number,
            }
            for day in range(days)
        )
    )


def operations(session: str, *tokens: int) -> dict[str, pa.Table]:
    rows = [{"session_id": session, "input_tokens": count} for count in tokens]
    return derived(agent_operations=rows, agents=[{"session_id": session, "agent": "planner"}])


def tokens(store: Parquet) -> list[int]:
    columns = TABLES["agent_operations"].c
    found = asyncio.run(store.fetch(sa.select(columns.input_tokens)))
    return sorted(row["input_tokens"] for row in found)


def files(store: Parquet, table: str) -> list[str]:
    root = Path(store.root) / table
    return sorted(str(path.relative_to(root)) for path in root.rglob("*.parquet*"))


def test_a_batch_is_a_file_a_day_named_by_its_range(lake: Parquet) -> None:
    lake.export_spans(batch(1, days=2), batch_id="0-16..0-99")
    named = [f"day=2026-01-0{day}/0-16..0-99.parquet" for day in (1, 2)]
    assert files(lake, "spans") == named
    columns = pq.read_metadata(lake.root / "spans" / named[0]).row_group(0)
    assert columns.column(0).compression == "ZSTD"


@pytest.mark.parametrize("name", ["../../outside", "/etc/x", "a+b", ".", "..", "é\0", "x" * 999])
def test_whatever_a_batch_is_called_its_file_stays_in_the_lake(lake: Parquet, name: str) -> None:
    lake.export_spans(batch(1), batch_id=name)
    lake.export_spans(batch(1), batch_id=name)
    assert len(files(lake, "spans")) == 1
    assert lake.wire_spans([TRACE]).num_rows == 1


def test_spans_of_any_number_of_days_become_few_files(lake: Parquet) -> None:
    lake.export_spans(batch(1, days=3_000), batch_id="1")
    assert len(files(lake, "spans")) == 99  # months
    assert lake.wire_spans([TRACE]).num_rows == 3_000


def test_a_merged_batch_that_comes_again_is_known(lake: Parquet) -> None:
    for _ in range(2):
        for number in range(20):
            lake.export_spans(batch(number), batch_id=f"{number:02d}")
        lake.compact()
    assert files(lake, "spans") == ["day=2026-01-01/00+19.parquet"]
    assert lake.wire_spans([TRACE]).num_rows == 20


def test_merging_forgets_what_was_superseded_and_nothing_else(lake: Parquet) -> None:
    for count in range(9):
        lake.replace_sessions([f"s{count % 2}"], operations(f"s{count % 2}", count, count * 10))
    before = tokens(lake)
    lake.compact()
    assert (before, tokens(lake)) == ([7, 8, 70, 80], [7, 8, 70, 80])
    (merged,) = files(lake, "agent_operations")
    assert pq.read_metadata(lake.root / "agent_operations" / merged).num_rows == 4
    assert pq.read_metadata(lake.root / "replaced" / files(lake, "replaced")[0]).num_rows == 2


def test_a_session_that_was_merged_is_still_replaced(lake: Parquet) -> None:
    for count in range(9):
        lake.replace_sessions(["s"], operations("s", count))
    lake.compact()
    lake.replace_sessions(["s"], operations("s", 99))
    assert tokens(lake) == [99]


def test_what_a_crash_left_of_a_merge_is_counted_once_and_removed(tmp_path: Path) -> None:
    root, saved = tmp_path / "lake", tmp_path / "saved"
    with closing(Parquet(root, compacts=False)) as store:
        for number in range(8):
            store.export_spans(batch(number), batch_id=str(number))
        shutil.copytree(root / "spans", saved)
        store.compact()
    shutil.copytree(saved, root / "spans", dirs_exist_ok=True)
    (root / "spans" / "day=2026-01-01" / "9.parquet.fresh").write_bytes(b"PAR1 half")
    with closing(Parquet(root, compacts=False)) as store:
        assert files(store, "spans") == ["day=2026-01-01/0+7.parquet"]
        assert store.wire_spans([TRACE]).num_rows == 8


@pytest.mark.parametrize("call", ["create", "pwritev", "rename"])
def test_a_disk_that_fails_is_waited_for_and_leaves_no_half(tmp_path: Path, call: str) -> None:
    disk = FaultyDisk()
    with closing(Parquet(tmp_path / "lake", compacts=False, disk=disk)) as store:
        store.replace_sessions(["s"], operations("s", 1))
        disk.fail(call, errno.ENOSPC)
        with pytest.raises(RetryableExport, match="injected"):
            store.export_spans(batch(1), batch_id="1")
        with pytest.raises(RetryableExport, match="injected"):
            store.replace_sessions(["s"], operations("s", 2))
        assert (store.wire_spans([TRACE]).num_rows, tokens(store)) == (0, [1])
        disk.mend()
        store.export_spans(batch(1), batch_id="1")
        store.replace_sessions(["s"], operations("s", 2))
        assert (store.wire_spans([TRACE]).num_rows, tokens(store)) == (1, [2])


def test_an_analysis_without_its_last_file_never_happened(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    with closing(Parquet(root, compacts=False)) as store:
        store.replace_sessions(["s"], operations("s", 1))
        store.replace_sessions(["s"], operations("s", 2))
        (root / "replaced" / files(store, "replaced")[-1]).unlink()
    with closing(Parquet(root, compacts=False)) as store:
        assert tokens(store) == [1]


def test_files_of_the_first_version_are_read(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    shutil.copytree(FIRST_VERSION, root)
    with closing(Parquet(root, compacts=False)) as store:
        assert [row["span_wire"] for row in store.wire_spans([TRACE]).to_pylist()] == [FIRST_WIRE]
        assert tokens(store) == [7]
        fill_first(store)  # the same batch, and the same session analysed by today's release
        assert (store.wire_spans([TRACE]).num_rows, tokens(store)) == (1, [7])


def test_a_column_that_came_later_is_empty_in_older_files_also_when_merged(tmp_path: Path) -> None:
    root, later = tmp_path / "lake", ["role", "models", "cost_usd", "errors"]
    with closing(Parquet(root, compacts=False)) as store:
        for number in range(8):
            row = {"session_id": f"s{number}", "agent": "planner", "role": "plans", "errors": 3}
            store.replace_sessions([f"s{number}"], derived(agents=[row]))
    for path in (root / "agents").rglob("*.parquet"):
        pq.write_table(pq.read_table(path, partitioning=None).drop_columns(later), path)
    note = json.loads((root / LAKE_FILE).read_text())
    note["tables"]["agents"] = [c for c in note["tables"]["agents"] if c not in later]
    (root / LAKE_FILE).write_text(json.dumps(note))
    asked = sa.select(*(TABLES["agents"].c[name] for name in later)).distinct()
    found: list[Any] = []
    with closing(Parquet(root, compacts=False)) as store:
        found.append(asyncio.run(store.fetch(asked)))
        store.compact()
        found.append(asyncio.run(store.fetch(asked)))
        assert len(files(store, "agents")) == 1
    assert found == [[{"role": "", "models": "", "cost_usd": None, "errors": 0}]] * 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "a newer otel-llmops wrote"),
        ({"tables": {"agents": ["mood"]}}, "agents.mood"),
    ],
    ids=["format", "column"],
)
def test_a_lake_of_a_newer_release_is_refused(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    root = tmp_path / "lake"
    Parquet(root, compacts=False).close()
    note = json.loads((root / LAKE_FILE).read_text())
    (root / LAKE_FILE).write_text(json.dumps(note | change))
    with pytest.raises(ConfigError, match=said):
        Parquet(root, compacts=False)


def test_two_processes_do_not_write_one_lake(lake: Parquet) -> None:
    with pytest.raises(ConfigError, match="in use by another process"):
        Parquet(Path(lake.root), compacts=False)


def test_a_folder_that_would_be_read_as_a_pattern_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has none of"):
        Parquet(tmp_path / "la*ke")


def test_other_programs_read_the_files_as_they_are(lake: Parquet) -> None:
    lake.export_spans(batch(1, days=2), batch_id="1")
    read = pq.read_table(lake.root / "spans", partitioning="hive")
    assert read.column_names == [*STORED["spans"].names, "day"]
    assert read.num_rows == 2
