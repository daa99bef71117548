"""What every Exporter promises (storage/seams.py), asked of every backend."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llmops.errors import PermanentExport
from otel_llmops.model.schemas import DERIVED, SPANS
from otel_llmops.storage.summaries import live
from otel_llmops.storage.tables import TABLES, data_columns
from tests.backends import BACKENDS, Backend, Destination
from tests.support.tables import BASE_NS, SECOND_NS, derived, log_events, spans, table

TRACE = "0af7651916cd43dd8448eb211c80319c"
DAY_NS = 86_400 * SECOND_NS


def a_trace(length: int, trace_id: str = TRACE, step_ns: int = SECOND_NS) -> pa.Table:
    return spans(
        *(
            {
                "trace_id": trace_id,
                "span_id": f"{place:016x}",
                "start_time": BASE_NS + place * step_ns,
                "span_wire": f"{trace_id}{place}".encode(),
            }
            for place in range(length)
        )
    )


def rows_of(store: Destination, name: str) -> Counter[str]:
    """Live rows of a derived table as text, with how many copies there are."""
    columns = data_columns(TABLES[name])
    statement = sa.select(*columns, live(TABLES[name]).label("copies")).group_by(*columns)
    return Counter(
        {
            repr([row[column.name] for column in columns]): row["copies"]
            for row in asyncio.run(store.fetch(statement))
            if row["copies"] != 0
        }
    )


def sum_of(store: Destination, name: str, column: str) -> int:
    rows = TABLES[name]
    total = sa.func.coalesce(sa.func.sum(rows.c[column] * rows.c.sign), 0).label("total")
    found: int = asyncio.run(store.fetch(sa.select(total)))[0]["total"]
    return found


def operations(session_id: str, tokens: list[int], **more: Any) -> dict[str, pa.Table]:
    return derived(
        agent_operations=[
            {
                "session_id": session_id,
                "span_id": f"{place:016x}",
                "input_tokens": count,
                **more,
            }
            for place, count in enumerate(tokens)
        ]
    )


def test_the_same_batch_twice_is_one_copy(store: Destination) -> None:
    batch = a_trace(40, step_ns=DAY_NS // 8)
    for _ in range(2):
        store.export_spans(batch, batch_id="1-5")
    assert store.wire_spans([TRACE]).num_rows == 40


def test_the_same_batch_after_a_restart_is_one_copy(backend: Backend, tmp_path: Path) -> None:
    batch, copies = a_trace(3), 0
    for _ in range(2):
        store = backend.open(tmp_path / "store")
        store.export_spans(batch, batch_id="1-5")
        copies = store.wire_spans([TRACE]).num_rows
        store.close()
    assert copies == 3


def test_the_same_rows_in_another_batch_are_stored_again(store: Destination) -> None:
    for batch_id in ("1-5", "5-9"):
        store.export_spans(a_trace(3), batch_id=batch_id)
    assert store.wire_spans([TRACE]).num_rows == 6


def test_log_events_of_the_same_batch_are_one_copy(store: Destination) -> None:
    events = log_events({"trace_id": TRACE, "body": "hello", "attributes": [("k", "v")]})
    for _ in range(2):
        store.export_log_events(events, batch_id="1-5")
    columns = TABLES["log_events"].c
    found = asyncio.run(store.fetch(sa.select(columns.body, columns.attributes)))
    assert found == [{"body": "hello", "attributes": {"k": "v"}}]


def test_wire_bytes_come_back_as_they_were(store: Destination) -> None:
    sent = {"span_wire": bytes(range(256)), "scope_wire": b"", "resource_wire": b"\xff\xfe\x00"}
    store.export_spans(spans({"trace_id": TRACE, **sent}), batch_id="1-2")
    assert store.wire_spans([TRACE]).to_pylist() == [sent]


def test_an_unknown_trace_has_no_spans(store: Destination) -> None:
    assert store.wire_spans([TRACE]).to_pylist() == []


def test_a_trace_of_ten_thousand_spans_comes_back_whole(store: Destination) -> None:
    sent = a_trace(10_000)
    store.export_spans(sent, batch_id="1-2")
    found = store.wire_spans([TRACE])["span_wire"].to_pylist()
    assert sorted(found) == sorted(sent["span_wire"].to_pylist())


def test_thousands_of_traces_are_read_by_one_call(store: Destination) -> None:
    ids = [f"{place:032x}" for place in range(12_000)]
    store.export_spans(spans(*({"trace_id": each} for each in ids)), batch_id="1-2")
    assert store.wire_spans(ids).num_rows == 12_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "🦜 \\ ' \" ` %s {x:String} :x \\N NULL \r\n\t\x01\x1a\x7f",
        pytest.param("a\0b", marks=pytest.mark.trait("nul")),
        "я" * 70_000,
        "x" * 2**20,
        "NULL",
    ],
    ids=["empty", "odd", "nul", "long", "1 MB", "null"],
)
def test_text_comes_back_as_it_was(store: Destination, text: str) -> None:
    sent = {"name": text, "resource_attributes": [(text, text)]}
    store.export_spans(spans({"trace_id": TRACE, **sent}), batch_id="1-2")
    columns = TABLES["spans"].c
    statement = sa.select(columns.name, columns.resource_attributes).where(columns.name == text)
    found = asyncio.run(store.fetch(statement))
    assert found == [{"name": text, "resource_attributes": {text: text}}]


@pytest.mark.parametrize("start_ns", [0, BASE_NS + 123_456_789, 2**63 - 1])
def test_times_are_kept_to_the_nanosecond(store: Destination, start_ns: int) -> None:
    sent = derived(session_keys=[{"session_id": "s", "key": "k", "started_at": start_ns}])
    store.replace_sessions(["s"], sent)
    assert store.session_keys(["k"]).equals(sent["session_keys"])


def test_spans_of_all_ages_are_stored_together(store: Destination) -> None:
    ages = [0, 1, BASE_NS, 2**63 - 1]
    store.export_spans(
        spans(*({"trace_id": TRACE, "start_time": age} for age in ages)), batch_id="1-2"
    )
    assert store.wire_spans([TRACE]).num_rows == 4


def test_a_batch_of_another_schema_is_refused_for_good(store: Destination) -> None:
    with pytest.raises(PermanentExport, match="columns are missing: span_wire"):
        store.export_spans(a_trace(1).drop_columns("span_wire"), batch_id="1-2")


def test_an_analysis_that_finds_less_leaves_nothing_stale(store: Destination) -> None:
    store.replace_sessions(["s"], operations("s", [10, 20, 30]))
    store.replace_sessions(["s"], operations("s", [10, 7]))
    found = rows_of(store, "agent_operations")
    assert (sum(found.values()), sum_of(store, "agent_operations", "input_tokens")) == (2, 17)


def test_a_session_without_rows_is_removed_from_every_table(store: Destination) -> None:
    rows = {name: [{"session_id": "s"}] for name in DERIVED}
    store.replace_sessions(["s"], derived(**rows))
    store.replace_sessions(["s"], {})
    assert {name: rows_of(store, name) for name in DERIVED} == {name: Counter() for name in DERIVED}


def test_other_sessions_do_not_change(store: Destination) -> None:
    store.replace_sessions(["other"], operations("other", [5]))
    before = rows_of(store, "agent_operations")
    store.replace_sessions(["s"], operations("s", [1]))
    store.replace_sessions(["s"], {})
    assert rows_of(store, "agent_operations") == before


def test_rows_of_a_session_that_is_not_replaced_are_refused(store: Destination) -> None:
    with pytest.raises(PermanentExport, match="agent_operations has rows of sessions"):
        store.replace_sessions(["s"], operations("another", [1]))


def test_analysed_after_a_restart_it_is_still_exact(backend: Backend, tmp_path: Path) -> None:
    total = 0
    for tokens in ([10, 20, 30], [10, 25], [4]):
        store = backend.open(tmp_path / "store")
        store.replace_sessions(["s"], operations("s", tokens))
        total = sum_of(store, "agent_operations", "input_tokens")
        store.close()
    assert total == 4


def test_rows_of_nan_and_null_are_replaced_by_themselves(backend: Backend, tmp_path: Path) -> None:
    odd = derived(
        agent_handoffs=[
            {"session_id": "s", "quality": float("nan"), "completed": float("nan")},
            {"session_id": "s", "quality": -0.0, "latency_ns": 2**63 - 1, "completed": None},
        ]
    )
    found: list[int] = []
    for _ in range(2):
        store = backend.open(tmp_path / "store")
        store.replace_sessions(["s"], odd)
        store.replace_sessions(["s"], odd)
        found = sorted(rows_of(store, "agent_handoffs").values())
        store.close()
    assert found == [1, 1]


@pytest.mark.parametrize(
    "number",
    [
        0.1,
        1e-300,
        pytest.param(float("nan"), marks=pytest.mark.trait("nan")),
        pytest.param(float("-inf"), marks=pytest.mark.trait("nan")),
    ],
    ids=str,
)
def test_a_number_comes_back_as_it_was(store: Destination, number: float) -> None:
    store.replace_sessions(["s"], derived(agent_handoffs=[{"session_id": "s", "quality": number}]))
    found = asyncio.run(store.fetch(sa.select(TABLES["agent_handoffs"].c.quality)))
    assert [str(row["quality"]) for row in found] == [str(number)]


def test_equal_rows_are_all_kept(store: Destination) -> None:
    twice = derived(token_ledger=[{"session_id": "s", "own_input_tokens": 5}] * 2)
    for _ in range(2):
        store.replace_sessions(["s"], twice)
    assert sum_of(store, "token_ledger", "own_input_tokens") == 10


def test_more_rows_than_are_compared_are_replaced_exactly(store: Destination) -> None:
    for step in (1, 2):
        few = operations("s", [step] * 100)["agent_operations"]
        many = {"agent_operations": pa.concat_tables([few] * 200)}
        store.replace_sessions(["s"], many)
    assert sum_of(store, "agent_operations", "input_tokens") == 40_000


def test_sums_hold_64_bits(store: Destination) -> None:
    store.replace_sessions(["s"], operations("s", [2**61, 2**61]))
    assert sum_of(store, "agent_operations", "input_tokens") == 2**62


def test_keys_lead_to_their_session_and_back(store: Destination) -> None:
    keys = [
        {"session_id": "s", "key": TRACE, "kind": "trace"},
        {"session_id": "s", "key": "chat-1", "kind": "conversation"},
    ]
    store.replace_sessions(["s"], derived(session_keys=keys))
    found = store.session_keys(["chat-1", "nothing"])["session_id"].to_pylist()
    assert (found, store.trace_ids(["s", "nobody"])) == (["s"], [TRACE])


def test_keys_of_a_merged_session_lead_to_the_other(store: Destination) -> None:
    key = {"key": TRACE, "kind": "trace"}
    store.replace_sessions(["old"], derived(session_keys=[{"session_id": "old", **key}]))
    merged = derived(session_keys=[{"session_id": "new", **key}])
    store.replace_sessions(["old", "new"], merged)
    assert store.session_keys([TRACE]).equals(merged["session_keys"])


def test_a_batch_without_rows_stores_nothing(store: Destination) -> None:
    store.export_spans(table(SPANS), batch_id="1-1")
    assert asyncio.run(store.fetch(sa.select(TABLES["spans"].c.trace_id))) == []


Step = tuple[str, list[int]]
STEPS = st.lists(
    st.tuples(st.sampled_from("abc"), st.lists(st.integers(0, 3), max_size=4)),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: backend.name)
def test_any_sequence_of_analyses_ends_as_the_last_of_each(
    backend: Backend, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = backend.open(tmp_path_factory.mktemp("sequence") / "store")

    @settings(max_examples=10, deadline=None, database=None)
    @given(STEPS)
    def replay(steps: list[Step]) -> None:
        oracle: dict[str, list[int]] = {}
        for session, tokens in steps:
            store.replace_sessions([session], operations(session, tokens))
            oracle[session] = tokens
        expected = Counter(
            (session, place, count)
            for session, tokens in oracle.items()
            for place, count in enumerate(tokens)
        )
        rows = TABLES["agent_operations"]
        keys = (rows.c.session_id, rows.c.span_id, rows.c.input_tokens)
        statement = sa.select(*keys, live(rows).label("copies")).group_by(*keys)
        found = Counter(
            {
                (row["session_id"], int(row["span_id"], 16), row["input_tokens"]): row["copies"]
                for row in asyncio.run(store.fetch(statement))
                if row["copies"]
            }
        )
        store.replace_sessions(list("abc"), {})
        assert found == expected

    try:
        replay()
    finally:
        store.close()
