"""What is older than a store is to keep goes, and so does all that it added to the sums."""

import asyncio
import time
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from otel_llmops.app.stores import open_store
from otel_llmops.storage.queries import Queries
from otel_llmops.storage.seams import Destination
from otel_llmops.storage.tables import STORED, TABLES
from tests.backends import Backend
from tests.support.serving import until
from tests.support.sql import execute
from tests.support.tables import derived, spans

DAY_NS = 86_400_000_000_000
OLD_DAYS, KEPT_DAYS = 100, 30
Left = tuple[set[str], set[str], list[tuple[str, int, int]]]


def fill(store: Destination) -> None:
    """A trace and its session of today, one of 100 days ago, and one by a clock that is not set."""
    now = time.time_ns()
    for name, start in (("new", now), ("old", now - OLD_DAYS * DAY_NS), ("odd", 0)):
        batch = spans({"trace_id": name, "start_time": start})
        store.export_spans(batch, batch_id=name)
        row = {"session_id": name, "agent": "planner", "started_at": start}
        work = {**row, "input_tokens": len(name), "llm_calls": 1}
        spent = {**work, "function": "app.run"}
        rows = derived(
            agent_operations=[work], agents=[{**row, "ended_at": start}], function_usage=[spent]
        )
        store.replace_sessions([name], rows)


def left(store: Destination) -> Left:
    """Traces, sessions, and what the sums say of each function."""
    traces = _distinct(store, TABLES["spans"].c.trace_id)
    sessions = _distinct(store, TABLES["agent_operations"].c.session_id)
    functions = asyncio.run(Queries(store).functions())
    return traces, sessions, [(f.function, f.llm_calls, f.input_tokens) for f in functions]


def _distinct(store: Destination, column: sa.Column[str]) -> set[str]:
    found = asyncio.run(store.fetch(sa.select(column.label("value")).distinct()))
    return {row["value"] for row in found}


def _keeping(url: str, days: int) -> str:
    return f"{url}{'&' if '?' in url else '?'}retention_days={days}"


def test_what_is_over_goes_and_takes_its_sums_with_it(backend: Backend, tmp_path: Path) -> None:
    url = backend.url(tmp_path / "store")
    with closing(open_store(url)) as store:
        fill(store)
        assert left(store) == (
            {"new", "old", "odd"},
            {"new", "old", "odd"},
            [("app.run", 3, 9)],
        )
    with closing(open_store(_keeping(url, KEPT_DAYS))) as store:
        if "click" in backend.name:
            # else it comes to it by itself, within hours
            execute(url, *(f"OPTIMIZE TABLE {name} FINAL" for name in STORED))
        # a batch that is known, for what in an object store begins with the first write
        store.export_spans(spans({"trace_id": "new", "start_time": time.time_ns()}), batch_id="new")
        until(
            lambda: left(store) == ({"new"}, {"new"}, [("app.run", 1, 3)]),
            what="only what is new is left",
        )


def test_what_is_kept_for_ever_again_is_kept(backend: Backend, tmp_path: Path) -> None:
    url = backend.url(tmp_path / "store")
    with closing(open_store(_keeping(url, 18250))) as store:
        fill(store)
    with closing(open_store(url)) as store:
        assert left(store)[0] == {"new", "old", "odd"}
