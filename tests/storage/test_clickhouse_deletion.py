"""A session deleted from ClickHouse: no query finds it from then on, and soon the disk has none."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import clickhouse_connect

from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.exporters.clickhouse_schema import HIDING
from tests.contract.test_deletion import SESSION_TABLES, answers, counts, fill, trace_of

NONE = dict.fromkeys(SESSION_TABLES, 0)
_EVERYTHING = "SETTINGS apply_patch_parts = 0, apply_deleted_mask = 0"


@contextmanager
def opened(folder: Path, **options: bool) -> Iterator[tuple[ClickHouse, Any]]:
    """The store, and a client that sees all that is in its folder."""
    with (
        closing(ClickHouse.embedded(folder, **options)) as store,
        closing(clickhouse_connect.get_client(interface="chdb", path=str(folder))) as client,
    ):
        yield store, client


def command(client: Any, *statements: str) -> None:
    """Run each for every table that has rows of sessions."""
    for statement in statements:
        for name in SESSION_TABLES:
            client.command(statement.format(name))


def on_disk(client: Any) -> dict[str, int]:
    """Rows in the parts that count, hidden or not."""
    return {
        name: client.query(f"SELECT count() FROM {name} {_EVERYTHING}").result_rows[0][0]
        for name in SESSION_TABLES
    }


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_it_leaves_the_disk_soon(tmp_path: Path) -> None:
    with opened(tmp_path / "store") as (store, client):
        fill(store, "gone")
        store.delete_sessions(["gone"], [trace_of("gone")])
        wait_until(lambda: on_disk(client) == NONE)


def test_no_query_finds_it_before_it_has_left_the_disk(tmp_path: Path) -> None:
    with opened(tmp_path / "store") as (store, client):
        fill(store, "kept")
        before = answers(store), counts(store)
        fill(store, "gone")
        stored = on_disk(client)
        command(client, "SYSTEM STOP MERGES {}")
        store.delete_sessions(["gone"], [trace_of("gone")])
        assert (answers(store), counts(store)) == before
        assert on_disk(client) == stored
        again = store.delete_sessions(["gone"], [trace_of("gone")])
        assert again == NONE
        command(client, "SYSTEM START MERGES {}")
        wait_until(lambda: on_disk(client) == before[1])
        assert answers(store) == before[0]


def test_parts_that_are_merged_meanwhile_bring_nothing_back(tmp_path: Path) -> None:
    with opened(tmp_path / "store") as (store, client):
        fill(store, "kept")
        before = answers(store)
        fill(store, "gone")
        hidden = "DELETE FROM {} WHERE {} = '{}' SETTINGS lightweight_delete_mode = '{}'"
        command(client, "OPTIMIZE TABLE {} FINAL")
        for name in SESSION_TABLES:
            mine = ("trace_id", trace_of("gone")) if name in {"spans", "log_events"} else (
                "session_id", "gone")  # fmt: skip
            client.command(hidden.format(name, *mine, "lightweight_update_force"))
        fill(store, "later")
        command(client, "OPTIMIZE TABLE {} FINAL")
        assert counts(store, of=["gone"]) == NONE
        store.delete_sessions(["later"], [trace_of("later")])
        assert answers(store) == before


def test_a_store_that_is_closed_meanwhile_goes_on_when_it_is_opened(tmp_path: Path) -> None:
    with opened(tmp_path / "store") as (store, client):
        fill(store, "gone")
        command(client, "SYSTEM STOP MERGES {}")
        store.delete_sessions(["gone"], [trace_of("gone")])
        assert on_disk(client)["spans"]
    with opened(tmp_path / "store") as (store, client):
        assert counts(store) == NONE
        wait_until(lambda: on_disk(client) == NONE)


def test_what_was_cut_short_is_written_out_by_the_next_call(tmp_path: Path) -> None:
    with opened(tmp_path / "store") as (store, client):
        fill(store, "gone")
        mode = "SETTINGS lightweight_delete_mode = 'lightweight_update_force'"
        command(client, f"DELETE FROM {{}} WHERE 1 {mode}")
        assert counts(store) == NONE
        assert on_disk(client)["spans"]
        assert store.delete_sessions(["gone"], [trace_of("gone")]) == NONE
        wait_until(lambda: on_disk(client) == NONE)


def test_a_store_of_an_earlier_release_can_hide_rows_from_now_on(tmp_path: Path) -> None:
    with opened(tmp_path / "store") as (store, client):
        command(client, f"ALTER TABLE {{}} RESET SETTING {', '.join(HIDING)}")
        fill(store, "gone", "kept")
        command(client, "OPTIMIZE TABLE {} FINAL")
    with opened(tmp_path / "store") as (store, client):
        command(client, "SYSTEM STOP MERGES {}")
        store.delete_sessions(["gone"], [trace_of("gone")])
        assert counts(store, of=["gone"]) == NONE
        assert all(counts(store, of=["kept"]).values())
        command(client, "SYSTEM START MERGES {}")
        store.delete_sessions(["kept"], [trace_of("kept")])
        wait_until(lambda: on_disk(client) == NONE)


def test_where_rows_cannot_be_hidden_it_is_waited_for(tmp_path: Path) -> None:
    with opened(tmp_path / "store", hides_deleted=False) as (store, client):
        fill(store, "gone")
        store.delete_sessions(["gone"], [trace_of("gone")])
        assert on_disk(client) == NONE
