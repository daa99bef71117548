"""What is ClickHouse's own: its schema, its projections, its lock, its failures."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import clickhouse_connect
import pyarrow as pa
import pytest
import sqlalchemy as sa
from clickhouse_connect.driver.exceptions import DatabaseError

from otel_llmops.errors import ConfigError, PermanentExport, QueryError, RetryableExport
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.exporters.clickhouse_client import FolderLock, translated
from otel_llmops.exporters.clickhouse_schema import DIALECT
from otel_llmops.storage.queries import Queries
from otel_llmops.storage.summaries import SUMMARIES
from otel_llmops.storage.tables import STORED, TABLES
from otel_llmops.storage.windows import within
from tests.support.engines import DEADLINE_S
from tests.support.tables import BASE_NS, SECOND_NS, derived, spans, table

ROWS_WRITTEN = sa.select(sa.func.count(TABLES["agent_operations"].c.sign).label("rows"))

HOLDER = """
import sys
from pathlib import Path
from otel_llmops.exporters.clickhouse_client import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(folder: Path) -> Iterator[ClickHouse]:
    opened = ClickHouse.embedded(folder, insert_rows_max=3)
    yield opened
    opened.close()


def by_hand(folder: Path, name: str, rows: pa.Table) -> None:
    client = clickhouse_connect.get_client(interface="chdb", path=str(folder))
    client.insert_arrow(name, rows)
    client.close()


def total(store: ClickHouse) -> dict[str, Any]:
    rows = TABLES["agent_operations"].c
    sums = (sa.func.sum(rows.sign).label("rows"), sa.func.sum(rows.input_tokens * rows.sign))
    found = asyncio.run(store.fetch(sa.select(sums[0], sums[1].label("tokens"))))
    return dict(found[0])


def operations(*tokens: int) -> dict[str, pa.Table]:
    return derived(
        agent_operations=[
            {"session_id": "s", "span_id": str(place), "agent": "a", "input_tokens": count}
            for place, count in enumerate(tokens)
        ]
    )


def test_a_store_of_an_earlier_version_gains_the_columns_it_lacks(folder: Path) -> None:
    ClickHouse.embedded(folder).close()
    client = clickhouse_connect.get_client(interface="chdb", path=str(folder))
    client.command("ALTER TABLE token_ledger DROP COLUMN kind, DROP COLUMN residual_tokens")
    client.close()
    store = ClickHouse.embedded(folder)
    entry = {"session_id": "s", "span_id": "1", "kind": "llm", "residual_tokens": 7}
    store.replace_sessions(["s"], derived(token_ledger=[entry]))
    columns = TABLES["token_ledger"].c
    found = asyncio.run(store.fetch(sa.select(columns.kind, columns.residual_tokens)))
    store.close()
    assert found == [{"kind": "llm", "residual_tokens": 7}]


@pytest.mark.parametrize("sign", [-1, 1], ids=["taken back only", "added only"])
def test_half_a_replacement_is_mended_by_the_next(folder: Path, sign: int) -> None:
    store = ClickHouse.embedded(folder)
    store.replace_sessions(["s"], operations(10, 20))
    store.close()
    half = operations(10, 20) if sign < 0 else operations(11, 21, 31)
    signed = [
        {**row, "generation": 1, "sign": sign} for row in half["agent_operations"].to_pylist()
    ]
    by_hand(folder, "agent_operations", table(STORED["agent_operations"], *signed))
    store = ClickHouse.embedded(folder)
    store.replace_sessions(["s"], operations(11, 21, 31))
    found = total(store)
    store.close()
    assert found == {"rows": 3, "tokens": 63}


def test_what_was_forgotten_is_read_back_from_the_store(folder: Path) -> None:
    store = ClickHouse.embedded(folder, written_bytes_max=0)
    for tokens in ((10, 20, 30), (10, 21), (5,)):
        store.replace_sessions(["s"], operations(*tokens))
    found = total(store)
    store.close()
    assert found == {"rows": 1, "tokens": 5}


def test_rows_that_were_taken_back_are_not_taken_back_again(folder: Path) -> None:
    store = ClickHouse.embedded(folder, written_bytes_max=0)
    for step in (1, 2, 3):
        few = operations(*[step] * 100)["agent_operations"]
        store.replace_sessions(["s"], {"agent_operations": pa.concat_tables([few] * 110)})
    written = asyncio.run(store.fetch(ROWS_WRITTEN))[0]["rows"]
    store.close()
    # the third finds the 100 distinct rows of the second, each 110 times, and writes 100 others
    assert written == 11_000 + 2 * 11_000 + 2 * 100


def test_what_did_not_change_is_not_written_again(store: ClickHouse) -> None:
    for tokens in ((10, 20, 30), (10, 20, 30), (10, 20, 31)):
        store.replace_sessions(["s"], operations(*tokens))
    assert asyncio.run(store.fetch(ROWS_WRITTEN)) == [{"rows": 3 + 2}]


def test_a_batch_cut_into_several_inserts_is_stored_once(store: ClickHouse) -> None:
    batch = spans(*({"trace_id": "t", "span_id": str(place)} for place in range(10)))
    for _ in range(2):
        store.export_spans(batch, batch_id="1-2")
    assert store.wire_spans(["t"]).num_rows == 10


def test_a_batch_is_cut_alike_however_it_was_put_together(store: ClickHouse) -> None:
    batch = spans(*({"trace_id": "t", "span_id": str(place)} for place in range(10)))
    store.export_spans(batch, batch_id="1-2")
    store.export_spans(pa.concat_tables([batch[:4], batch[4:]]), batch_id="1-2")
    assert store.wire_spans(["t"]).num_rows == 10


def test_times_that_no_clock_means_make_no_partition_each(store: ClickHouse) -> None:
    days = [*range(0, 18_000, 900), *range(30_000, 106_000, 4_000)]
    batch = spans(*({"trace_id": "t", "start_time": day * 86_400 * SECOND_NS + 1} for day in days))
    store.export_spans(batch, batch_id="1-2")
    parts = "SELECT DISTINCT partition FROM system.parts WHERE table = 'spans' ORDER BY 1"
    assert store._clients.select(parts)["partition"].to_pylist() == ["20200101", "20500101"]


def test_a_trace_is_read_from_the_days_that_may_have_it(store: ClickHouse) -> None:
    today = 20_000 * 86_400 * SECOND_NS
    days = [today, today + 86_400 * SECOND_NS, today + 2 * 86_400 * SECOND_NS]
    # of each day a trace before it and one behind it: only the index knows that it is not there
    rows = [{"trace_id": f"{at}{day}", "start_time": day} for day in days for at in "az"]
    rows.append({"trace_id": "m", "start_time": days[1]})
    store.export_spans(spans(*rows), batch_id="1-2")
    explained = "EXPLAIN indexes = 1 SELECT span_wire FROM spans WHERE trace_id = 'm'"
    plan = "\n".join(store._clients.select(explained)["explain"].to_pylist())
    assert "Name: by_trace_id" in plan
    assert "Parts: 1/3" in plan


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_summary_is_read_from_its_projection(store: ClickHouse, name: str) -> None:
    summary = SUMMARIES[name]
    keys = [key.name for key in summary.keys]
    store.replace_sessions(["s"], derived(**{summary.table: [{"session_id": "s"}]}))
    select = summary.select(*keys)
    sql = str(select.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))
    plan = "\n".join(store._clients.select(f"EXPLAIN {sql}")["explain"].to_pylist())
    assert f"ReadFromMergeTree ({name})" in plan


def test_whole_hours_of_a_window_are_read_from_the_projection(store: ClickHouse) -> None:
    store.replace_sessions(["s"], operations(1))
    asked: list[str] = []

    class Overheard:
        async def fetch(self, statement: sa.Select[*tuple[Any, ...]]) -> Any:
            asked.append(
                str(statement.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))
            )
            return await store.fetch(statement)

    since = datetime(2025, 12, 30, 0, 30, tzinfo=UTC)
    asyncio.run(Queries(Overheard()).agents(since=since, until=since + timedelta(days=7)))
    work = next(sql for sql in asked if "UNION ALL" in sql)
    plan = "\n".join(store._clients.select(f"EXPLAIN {work}")["explain"].to_pylist())
    assert "ReadFromMergeTree (by_agent_hour)" in plan


def _rows_of_days(count: int) -> dict[str, pa.Table]:
    """Operations, a minute apart, in sessions whose ids say nothing of when they were."""
    return derived(
        agent_operations=[
            {
                "session_id": f"s{n * 7919 % 100}",
                "span_id": str(n),
                "agent": "a",
                "started_at": BASE_NS + n * 60 * SECOND_NS,
                "invocations": 1,
                "input_tokens": 1,
            }
            for n in range(count)
        ]
    )


def test_a_window_is_read_in_the_order_of_time(tmp_path: Path) -> None:
    store = ClickHouse.embedded(tmp_path / "many")
    try:
        sessions = [f"s{n}" for n in range(100)]
        store.replace_sessions(sessions, _rows_of_days(30_000))
        since = datetime(2026, 1, 5, 0, 30, tzinfo=UTC)
        window = since, since + timedelta(hours=2)
        statement = within(SUMMARIES["by_agent_hour"], window, ["agent"])
        sql = str(statement.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))
        plan = "\n".join(store._clients.select(f"EXPLAIN indexes = 1 {sql}")["explain"].to_pylist())
        assert "ReadFromMergeTree (by_time)" in plan
        assert "ReadFromMergeTree (by_agent_hour)" in plan
        assert asyncio.run(store.fetch(statement))[0]["sum_input_tokens"] == 120
    finally:
        store.close()


def test_a_store_without_the_order_of_time_gets_it(folder: Path) -> None:
    store = ClickHouse.embedded(folder)
    try:
        store.replace_sessions(["s"], operations(1))
        store._clients.command("ALTER TABLE agent_operations DROP PROJECTION by_time")
    finally:
        store.close()
    store = ClickHouse.embedded(folder)
    try:
        has = "SELECT rows FROM system.projection_parts WHERE name = 'by_time' AND active"
        deadline = time.monotonic() + DEADLINE_S
        while store._clients.select(has)["rows"].to_pylist() != [1]:  # in the background
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        store.close()


def test_a_folder_that_another_process_has_open_is_refused(folder: Path) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            HOLDER,
            str(folder),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(ConfigError, match=r"the store in .* is in use by another process"):
            ClickHouse.embedded(folder)
        holder.communicate()


def test_a_folder_that_was_closed_can_be_opened_again(folder: Path) -> None:
    for _ in range(2):
        FolderLock(folder).release()
    store = ClickHouse.embedded(folder)
    store.close()
    store.close()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written: Not a directory"):
        ClickHouse.embedded(tmp_path / "file" / "store")


def test_a_store_that_cannot_be_reached_is_refused() -> None:
    def connect(settings: dict[str, Any]) -> Any:
        return clickhouse_connect.get_client(host="127.0.0.1", port=1, settings=settings)

    with pytest.raises(ConfigError, match="the store cannot be opened"):
        ClickHouse(connect)


def test_a_query_over_the_limit_is_the_callers_fault(folder: Path) -> None:
    store = ClickHouse.embedded(folder, query_s_max=0.1)
    slow = sa.select(sa.func.sleepEachRow(1).label("slept"))
    try:
        with pytest.raises(QueryError, match=r"longer than 0\.1 s"):
            asyncio.run(store.fetch(slow))
    finally:
        store.close()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (DatabaseError("Code: 53. TYPE_MISMATCH", code=53), PermanentExport),
        (DatabaseError("Code: 243. NOT_ENOUGH_SPACE", code=243), RetryableExport),
        (DatabaseError("connection refused"), RetryableExport),
        (pa.ArrowInvalid("offset overflow"), PermanentExport),
        (OSError(28, "No space left on device"), RetryableExport),
    ],
    ids=str,
)
def test_failures_are_permanent_where_the_rows_are_at_fault(
    error: Exception, kind: type[Exception]
) -> None:
    with pytest.raises(kind), translated():
        raise error
