"""What is PostgreSQL's own: its partitions, and what its errors mean."""

from contextlib import suppress
from datetime import date
from pathlib import Path

import asyncpg
import pytest

from otel_llmops.errors import ConfigError, PermanentExport, QueryError, RetryableExport
from otel_llmops.exporters.postgres import Postgres
from otel_llmops.exporters.postgres_connection import translated
from otel_llmops.exporters.postgres_partitions import Partitions, drop_statements
from otel_llmops.store_url import store_url
from tests.support.postgres_server import postgres_url
from tests.support.servers import or_skip
from tests.support.serving import until
from tests.support.sql import rows
from tests.support.tables import spans

DAY_NS = 86_400_000_000_000
TODAY = date(2026, 3, 2)


def ns(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY_NS


def partitions_for(name: str, *days: date) -> list[str]:
    batch = spans(*({"start_time": ns(day)} for day in days))
    if name != "spans":
        batch = batch.rename_columns(
            ["started_at" if each == "start_time" else each for each in batch.column_names]
        )
    return [partition for partition, _ in Partitions(lambda: TODAY).missing(name, batch)]


def test_a_day_of_spans_and_a_month_of_sessions_have_a_partition() -> None:
    days = date(2026, 2, 28), date(2026, 3, 1)
    assert partitions_for("spans", *days) == ["spans_20260228", "spans_20260301"]
    assert partitions_for("sessions", *days) == ["sessions_202602", "sessions_202603"]


def test_times_that_no_clock_means_have_none() -> None:
    days = date(1970, 1, 1), date(2262, 4, 11), date(2024, 12, 1)
    assert partitions_for("spans", *days) == []


def test_what_is_dropped_is_over() -> None:
    there = ["spans_20260227", "spans_20260228", "spans_rest", "sessions_202601", "sessions_202602"]
    dropped = [each for each in drop_statements(there, date(2026, 2, 28)) if "DROP" in each]
    assert dropped == [
        "DROP TABLE IF EXISTS spans_20260227",
        "DROP TABLE IF EXISTS sessions_202601",
    ]


def test_rows_of_a_day_that_was_the_far_future_stay_where_they_are(tmp_path: Path) -> None:
    url = or_skip(lambda: postgres_url(tmp_path))
    store = Postgres(store_url(url))
    now = date.today()  # noqa: DTZ011 - a day more or less is all the same here
    then = ns(now.replace(year=now.year + 1, day=1))
    batch = spans({"trace_id": "t", "start_time": then})
    store.export_spans(batch, batch_id="1")
    store._partitions = Partitions(lambda: now.replace(year=now.year + 1, day=1))
    store.export_spans(batch, batch_id="2")
    store.close()
    found = rows(url, "SELECT tableoid::regclass::text, count(*) FROM spans GROUP BY 1")
    assert found == [("spans_rest", 2)]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (asyncpg.CharacterNotInRepertoireError("NUL"), PermanentExport),
        (asyncpg.NotNullViolationError("null"), PermanentExport),
        (asyncpg.DiskFullError("full"), RetryableExport),
        (asyncpg.CannotConnectNowError("starting up"), RetryableExport),
        (asyncpg.InterfaceError("connection is closed"), RetryableExport),
        (ConnectionRefusedError(111, "refused"), RetryableExport),
        (asyncpg.QueryCanceledError("statement timeout"), QueryError),
    ],
    ids=lambda each: getattr(each, "__name__", type(each).__name__),
)
def test_failures_are_permanent_where_the_rows_are_at_fault(
    error: Exception, kind: type[Exception]
) -> None:
    with pytest.raises(kind), translated(query_s_max=30):
        raise error


def test_a_store_that_cannot_be_reached_is_refused() -> None:
    with pytest.raises(ConfigError, match="the store cannot be opened"):
        Postgres(store_url("postgresql://u@127.0.0.1:1/x"))


def test_a_connection_that_the_server_ended_is_made_again_to_read(tmp_path: Path) -> None:
    url = or_skip(lambda: postgres_url(tmp_path))
    store = Postgres(store_url(url))
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    try:
        store.export_spans(spans({"trace_id": "t"}), batch_id="one")
        assert store.wire_spans(["t"]).num_rows == 1
        assert rows(url, f"{ended} AND datname = current_database()")

        def read() -> int:
            with suppress(RetryableExport):  # the first may find out
                found: int = store.wire_spans(["t"]).num_rows
                return found
            return 0

        assert until(read) == 1
    finally:
        store.close()
