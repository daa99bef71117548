"""A session that is deleted is in no table and in no sum any more; every other one is untouched."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import sqlalchemy as sa

from otel_llmops.model.schemas import DERIVED
from otel_llmops.storage.kept import KEPT
from otel_llmops.storage.queries import Queries
from otel_llmops.storage.summaries import live
from otel_llmops.storage.tables import STORED, TABLES, belongs_to
from tests.backends import Backend, Destination
from tests.support.sql import rows
from tests.support.tables import derived, log_events, spans

ARRIVED = ("spans", "log_events")
SESSION_TABLES = (*ARRIVED, *DERIVED)
SPANS = 3


def trace_of(session: str) -> str:
    return f"trace of {session}"


def arrive(store: Destination, session: str) -> None:
    """Spans and a log event of a session, always under the same names."""
    trace = {"trace_id": trace_of(session)}
    store.export_spans(
        spans(*({**trace, "span_id": f"{place:016x}"} for place in range(SPANS))),
        batch_id=f"spans {session}",
    )
    store.export_log_events(log_events({**trace, "body": session}), batch_id=f"logs {session}")


def analysed(session: str) -> dict[str, pa.Table]:
    """Two rows of every derived table, with a name of its own wherever a name can be."""
    named = ("trace_id", "agent", "from_agent", "to_agent", "function", "caller", "model", "key")
    counted = ("input_tokens", "calls", "llm_calls", "invocations", "impact_ppm", "operations")
    tables = {}
    for name, schema in DERIVED.items():
        row: dict[str, object] = {each: f"{each} of {session}" for each in named}
        row |= dict.fromkeys(counted, 7) | {"session_id": session, "cost_usd": 0.1}
        if name == "session_keys":
            row |= {"key": trace_of(session), "kind": "trace"}
        row = {each: value for each, value in row.items() if each in schema.names}
        tables[name] = [row, row]
    return derived(**tables)


def fill(store: Destination, *sessions: str) -> None:
    for session in sessions:
        arrive(store, session)
        before = {name: table.slice(0, 1) for name, table in analysed(session).items()}
        store.replace_sessions([session], before)
        store.replace_sessions([session], analysed(session))


def counts(store: Destination, *, of: Sequence[str] = ()) -> dict[str, int]:
    """Rows as they lie in the tables, taken back or not; of some sessions or of all."""
    found = {}
    for name in SESSION_TABLES:
        table = TABLES[name]
        statement = sa.select(sa.func.count(sa.literal_column("1")).label("rows"))
        ids = of if name in DERIVED else [trace_of(session) for session in of]
        chosen = table.c[belongs_to(table)]
        statement = statement.select_from(table).where(chosen.in_(ids) if of else sa.true())
        found[name] = asyncio.run(store.fetch(statement))[0]["rows"]
    return found


def answers(store: Destination) -> list[object]:
    queries = Queries(store)

    async def ask() -> list[object]:
        return [
            await queries.agents(),
            await queries.functions(),
            await queries.sessions(),
            await queries.handoffs(),
        ]

    return asyncio.run(ask())


def test_nothing_is_left_of_it_and_the_other_is_untouched(store: Destination) -> None:
    fill(store, "kept")
    before = answers(store), counts(store)
    fill(store, "gone")
    assert answers(store) != before[0]
    gone = store.delete_sessions(["gone"], [trace_of("gone")])
    assert gone == dict.fromkeys(SESSION_TABLES, 2) | {"spans": SPANS, "log_events": 1}
    assert counts(store, of=["gone"]) == dict.fromkeys(SESSION_TABLES, 0)
    assert answers(store) == before[0]
    assert counts(store) == before[1]


def test_no_sum_has_its_names_any_more(backend: Backend, tmp_path: Path) -> None:
    url = backend.url(tmp_path / "store")
    with closing(backend.open(tmp_path / "store")) as store:
        fill(store, "gone")
        assert answers(store)[0]
        store.delete_sessions(["gone"], [trace_of("gone")])
        assert answers(store)[:3] == [[], [], []]
        if backend.name in {"postgresql", "mysql"}:  # others add up the rows that there are
            left = {name: rows(url, f"SELECT count(*) FROM {name}") for name in KEPT}
            assert left == {key: [(0,)] for key in KEPT}


def test_every_sum_has_a_whole_number_that_tells_whether_it_is_empty() -> None:
    whole = {
        name: [c for c in table.c if isinstance(c.type, sa.Integer)] for name, table in KEPT.items()
    }
    assert all(whole.values())


def test_to_delete_again_or_what_nobody_knows_takes_nothing(store: Destination) -> None:
    fill(store, "gone", "kept")
    store.delete_sessions(["gone"], [trace_of("gone")])
    before = counts(store)
    for session in ("gone", "nobody's\\ '\0", "🦆"):
        again = store.delete_sessions([session], [trace_of(session)])
        assert again == dict.fromkeys(SESSION_TABLES, 0)
    assert store.delete_sessions([], []) == dict.fromkeys(SESSION_TABLES, 0)
    assert counts(store) == before


def test_a_batch_that_is_repeated_does_not_bring_it_back(store: Destination) -> None:
    fill(store, "gone")
    store.delete_sessions(["gone"], [trace_of("gone")])
    arrive(store, "gone")
    assert counts(store) == dict.fromkeys(SESSION_TABLES, 0)


def test_what_comes_later_under_its_name_is_new(store: Destination) -> None:
    fill(store, "again")
    store.delete_sessions(["again"], [trace_of("again")])
    late = spans({"trace_id": trace_of("again"), "span_wire": b"late"})
    store.export_spans(late, batch_id="another")
    store.replace_sessions(["again"], analysed("again"))
    assert store.wire_spans([trace_of("again")])["span_wire"].to_pylist() == [b"late"]
    copies = live(TABLES["agent_operations"]).label("copies")
    assert asyncio.run(store.fetch(sa.select(copies)))[0]["copies"] == 2


def test_every_table_with_rows_of_sessions_is_known_here() -> None:
    assert set(SESSION_TABLES) == {
        name for name in STORED if belongs_to(TABLES[name]) in {"session_id", "trace_id"}
    }
