"""What every store promises of topology snapshots, and what it answers of code without one."""

import asyncio
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from otel_llmops.analysis.derive import analyse
from otel_llmops.errors import PermanentExport
from otel_llmops.model.topology import TOPOLOGY
from otel_llmops.otlp import Request, decode_traces
from otel_llmops.storage.queries import Queries
from otel_llmops.storage.tables import TABLES
from tests.backends import Destination
from tests.support.commits import calls_under
from tests.support.otlp import trace_request
from tests.support.snapshot import SCANNED_AT, Tables, snapshot
from tests.support.tree import spans


def drawn(name: str, *functions: str, hours: int = 0) -> Tables:
    lines = "\n".join(f"function {each} {place}-{place}" for place, each in enumerate(functions, 2))
    return snapshot(
        f"module m m.py 1-9\nclass C 1-9\n{lines}",
        calls=[(f"m.{each}", f"m.{functions[0]}") for each in functions],
        imports=[("m", "m")],
        snapshot_id=name,
        scanned_at=SCANNED_AT + timedelta(hours=hours),
    )


def stored(store: Destination, name: str) -> dict[str, list[Any]]:
    """All rows of a snapshot as they were given, in order of their text."""
    found = {}
    for table_name, schema in TOPOLOGY.items():
        table = TABLES[table_name]
        rows = asyncio.run(store.fetch(sa.select(table).where(table.c.snapshot_id == name)))
        found[table_name] = _sorted(pa.Table.from_pylist([dict(row) for row in rows], schema))
    return found


def _sorted(rows: pa.Table) -> list[Any]:
    return sorted(rows.to_pylist(), key=repr)


def given(tables: Tables) -> dict[str, list[Any]]:
    return {name: _sorted(rows) for name, rows in tables.items()}


def test_a_snapshot_is_stored_as_it_was_given(store: Destination) -> None:
    tables = drawn("it's", "f", "g")
    store.replace_snapshot("it's", tables)
    assert stored(store, "it's") == given(tables)


def test_a_snapshot_again_leaves_exactly_its_rows_and_no_others_alone(store: Destination) -> None:
    other, first, second = drawn("other", "f"), drawn("one", "f", "g"), drawn("one", "h")
    store.replace_snapshot("other", other)
    for tables in (first, second, second):
        store.replace_snapshot("one", tables)
    assert stored(store, "one") == given(second)
    assert stored(store, "other") == given(other)


def test_rows_that_a_crash_left_behind_are_gone_after_the_next_call(store: Destination) -> None:
    half = {name: rows for name, rows in drawn("one", "f").items() if name != "topology_snapshots"}
    with pytest.raises(PermanentExport):
        store.replace_snapshot("one", half)
    whole = drawn("one", "g")
    store.replace_snapshot("one", whole)
    assert stored(store, "one") == given(whole)


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_modules": drawn("two")["code_modules"]},
        {"topology_snapshots": TOPOLOGY["topology_snapshots"].empty_table()},
        {"code_smells": TOPOLOGY["code_modules"].empty_table()},
        {"code_modules": pa.table({"snapshot_id": ["one"]})},
    ],
    ids=["of another", "without its row", "a table unknown", "a column missing"],
)
def test_what_is_no_snapshot_is_refused_and_changes_nothing(
    store: Destination, wrong: dict[str, pa.Table]
) -> None:
    before = drawn("one", "f")
    store.replace_snapshot("one", before)
    with pytest.raises(PermanentExport):
        store.replace_snapshot("one", before | wrong)
    assert stored(store, "one") == given(before)


def test_snapshots_come_newest_first(store: Destination) -> None:
    for name, hours in (("b", 1), ("c", 3), ("a", 2)):
        store.replace_snapshot(name, drawn(name, "f", hours=hours))
    found = asyncio.run(Queries(store).topology.snapshots(limit=2, offset=0))
    assert [each.snapshot_id for each in found] == ["c", "a"]


OUTLINE = """
    span serve 0-100 code.function.name=app.serve code.file.path=/app/app.py
      llm gpt 10-20 in=100 out=10 code.function.name=app.Desk.ask code.file.path=/app/app.py
    """


def test_without_a_snapshot_there_is_what_spans_tell(store: Destination) -> None:
    tables = analyse(spans(OUTLINE))
    store.replace_sessions(tables["sessions"]["session_id"].to_pylist(), tables)

    async def asked() -> list[Any]:
        topology = Queries(store).topology
        return [
            await topology.snapshot(),
            [(e.caller, e.callee, e.static) for e in await topology.function_calls(limit=9)],
            [(e.caller, e.callee) for e in await topology.call_chain("serve", depth=3)],
            [e.component for e in await topology.hotspots(limit=9)],
            [(e.qualified_name, e.call_count) for e in await topology.functions_by_tokens(limit=9)],
            await topology.module_graph("d3"),
        ]

    assert asyncio.run(asked()) == [
        None,
        [("app.serve", "app.Desk.ask", False)],
        [("app.serve", "app.Desk.ask")],
        ["app.Desk.ask", "app", "app.serve -> app.Desk.ask"],
        [("app.Desk.ask", 1)],
        {"nodes": [], "edges": []},
    ]


def test_what_is_analysed_again_is_not_counted_twice(store: Destination) -> None:
    for outline in (OUTLINE, OUTLINE.replace("in=100", "in=7"), OUTLINE.replace("app.Desk", "app")):
        tables = analyse(spans(outline))
        store.replace_sessions(tables["sessions"]["session_id"].to_pylist(), tables)
    found = asyncio.run(Queries(store).topology.functions_by_tokens(limit=9))
    assert [(each.qualified_name, each.total_tokens) for each in found] == [("app.ask", 110)]
    edges = asyncio.run(Queries(store).topology.function_calls(limit=9))
    assert [(each.callee, each.total_tokens) for each in edges] == [("app.ask", 110)]


def test_tokens_a_call_of_a_commit_are_told_with_their_spread_by_session(
    store: Destination,
) -> None:
    before = calls_under("a" * 40, 1, "app.ask", [10, 20, 30, 50], calls_a_session=2)
    after = calls_under("b" * 40, 9, "app.ask", [10**9, 3 * 10**9])
    tables = analyse(decode_traces([Request(trace_request(*before, *after))]))
    store.replace_sessions(tables["sessions"]["session_id"].to_pylist(), tables)
    found = asyncio.run(Queries(store).topology.difference("aaaa", "bbbb"))
    (change,) = found["tokens"]
    told = {name: value for name, value in change.items() if name.startswith(("before", "after"))}
    assert told == pytest.approx(
        {
            "before_calls": 4,
            "before_tokens_per_call": 27.5,
            "before_sessions": 2,
            "before_sessions_effective": 2.0,
            "before_variance": 875 / 3,
            # two sessions of one size, whose means are 15 and 40
            "before_mean_variance": 312.5 / 2,
            "after_calls": 2,
            "after_tokens_per_call": 2e9,
            "after_sessions": 2,
            "after_sessions_effective": 2.0,
            "after_variance": 2e18,
            "after_mean_variance": 1e18,
        }
    )


def test_nothing_at_all_answers_with_nothing(store: Destination) -> None:
    async def asked() -> list[Any]:
        topology = Queries(store).topology
        return [
            await topology.snapshot(),
            await topology.function_calls(limit=9),
            await topology.call_chain("serve", depth=3),
            await topology.hotspots(limit=9),
            await topology.functions_by_tokens(limit=9),
        ]

    assert asyncio.run(asked()) == [None, [], [], [], []]
