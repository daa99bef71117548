"""How fast each store is written, against its statements driven by hand, and how fast it answers.

    python -m benchmarks.bench_stores write [STORE ...] [--rows N] [--rounds N]
    python -m benchmarks.bench_stores read STORE [--operations N] [--keep URL]

STORE is clickhouse-embedded, clickhouse-server, postgresql, mysql or parquet: the server that tests
would use, durable (fsync on), or the one at LLMOPS_TEST_..._URL. By hand, Parquet is
pyarrow.parquet.write_table with zstd to another name, fsync, rename, and fsync of the folder.

write: in turn, the same rows of spans through the exporter, from Arrow, and by hand: the same
statements in the same transactions into tables of the same DDL, with bodies that were made before
the clock ran. So what the ratio shows is all of ours: conversion, partitions, checks. And sessions'
rows, analysed for the first time and again, by the exporter alone.

read: fills a store with N operations in sessions of 100 (20,000 functions, 12 agents, 30 days),
through the exporter, and measures the queries, warm; milliseconds.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.stores_by_hand import by_hand
from otel_llmops.app.stores import open_store
from otel_llmops.model.schemas import DERIVED, SPANS, require
from otel_llmops.storage.queries import Queries
from otel_llmops.storage.seams import Destination
from otel_llmops.storage.tables import STORED, TABLES
from tests.support import clickhouse_server, mysql_server, postgres_server

SEED = 20_261_129
BATCH_ROWS = 20_000
ROUNDS = 5
SESSION_ROWS = 100
FUNCTIONS, AGENTS, DAYS = 20_000, 12, 30
DAY_NS = 86_400_000_000_000
FIRST_NS = (time.time_ns() // DAY_NS - DAYS) * DAY_NS
READ_ROUNDS = 30


def place(name: str, folder: Path) -> str:
    """The URL of a durable store of its own."""
    match name:
        case "clickhouse-embedded":
            return f"chdb://{folder}"
        case "parquet":
            return f"parquet://{folder}"
        case "clickhouse-server":
            return clickhouse_server.clickhouse_url(folder)
        case "postgresql":
            given = os.environ.get("LLMOPS_TEST_POSTGRES_URL")
            settings = ("shared_buffers=1GB", "max_wal_size=8GB")
            server = None if given else postgres_server.make_server(*settings)
            return postgres_server.url_of(server, folder) if server else str(given)
        case "mysql":
            given = os.environ.get("LLMOPS_TEST_MYSQL_URL")
            settings = ("--innodb-buffer-pool-size=1G", "--innodb-log-file-size=1G")
            server = None if given else mysql_server.make_server(*settings)
            return mysql_server.url_of(server, folder) if server else str(given)
        case _:
            raise SystemExit(f"there is no store {name}")


def spans(number: int, rows: int = BATCH_ROWS) -> pa.Table:
    """A batch of spans, 20 a trace, 13 attributes, 600 bytes on the wire, within one day."""
    random = np.random.default_rng(SEED + number)
    traces = np.repeat([uuid.UUID(bytes=random.bytes(16)).hex for _ in range(rows // 20)], 20)
    ids = [random.bytes(8).hex() for _ in range(rows)]
    starts = FIRST_NS + (20 + number % 5) * DAY_NS + np.arange(rows) * 1_000_000
    keys = [f"gen_ai.attribute.{place}" for place in range(13)]
    texts = pa.array([f"value {place} of some length" for place in range(1000)])
    chosen = texts.take(pa.array(random.integers(0, 1000, rows * len(keys))))
    offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * len(keys))
    attributes = pa.MapArray.from_arrays(offsets, pa.array(keys * rows), chosen)
    wire = random.bytes(600 * rows)
    text = {
        "trace_id": traces,
        "span_id": ids,
        "name": [f"chat m-{place % 7}" for place in range(rows)],
        "service": ["shop"] * rows,
    }
    columns: dict[str, Any] = {
        **text,
        "attributes": attributes,
        "span_wire": [wire[place * 600 : place * 600 + 600] for place in range(rows)],
        "resource_wire": [b"r" * 120] * rows,
        "start_time": starts,
        "end_time": starts + 500_000,
        "duration_ns": [500_000] * rows,
    }
    return pa.table([_filled(columns.get(f.name), f, rows) for f in SPANS], schema=SPANS)


def _filled(values: Any, field: pa.Field, rows: int) -> pa.Array:
    if isinstance(values, pa.Array):
        return values
    if values is not None:
        kind = pa.int64() if pa.types.is_timestamp(field.type) else field.type
        return pa.array(values, kind).cast(field.type)
    if field.nullable:
        return pa.nulls(rows, field.type)
    if pa.types.is_nested(field.type):
        return pa.array([[]] * rows, field.type)
    empty = {pa.string(): "", pa.binary(): b"", pa.bool_(): False}.get(field.type, 0)
    if pa.types.is_timestamp(field.type):
        return pa.array(np.full(rows, FIRST_NS)).cast(field.type)
    return pa.repeat(pa.scalar(empty, field.type), rows)


def write(name: str, rows: int, rounds: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench-stores-")) / "store"
    url = place(name, folder)
    with closing(open_store(url)) as store:
        prepare = by_hand(url)
        batches = max(1, rows // BATCH_ROWS // rounds)
        ours, hand, ratios = [], [], []
        store.export_spans(spans(0), batch_id="warm")
        prepare(10**6, require(spans(1), STORED["spans"]))()
        for turn in range(rounds):
            made = [spans(100 + turn * batches + number) for number in range(batches)]
            stored = [require(each, STORED["spans"]) for each in made]
            ready = [prepare(turn * batches + place, each) for place, each in enumerate(stored)]
            pair = [_exported(store, made, turn), _called(ready)][:: 1 if turn % 2 else -1]
            mine, theirs = pair[:: 1 if turn % 2 else -1]
            ours.append(batches * BATCH_ROWS / mine)
            hand.append(batches * BATCH_ROWS / theirs)
            ratios.append(theirs / mine)
        first, again = _sessions(store)
    figures = (statistics.median(each) for each in (ours, hand))
    shown = " | ".join(f"{each:,.0f}" for each in figures)
    print(f"| {name} | {shown} | {statistics.median(ratios):.2f} ({min(ratios):.2f}-"
          f"{max(ratios):.2f}) | {first:,.0f} / {again:,.0f} |", flush=True)  # fmt: skip


def _exported(store: Destination, made: list[pa.Table], turn: int) -> float:
    begun = time.perf_counter()
    for number, rows in enumerate(made):
        store.export_spans(rows, batch_id=f"{turn}-{number}")
    return time.perf_counter() - begun


def _called(ready: list[Callable[[], None]]) -> float:
    begun = time.perf_counter()
    for each in ready:
        each()
    return time.perf_counter() - begun


def _sessions(store: Destination, calls: int = 5, sessions: int = 100) -> tuple[float, float]:
    """Rows of derived tables a second, analysed for the first time and again."""
    made = [derived(place * sessions, sessions) for place in range(calls)]
    rows = sum(each.num_rows for tables in made for each in tables.values())
    seconds = []
    for shift in (0, 1):
        begun = time.perf_counter()
        for tables in made:
            store.replace_sessions(_ids(tables), _shifted(tables, shift))
        seconds.append(time.perf_counter() - begun)
    return rows / seconds[0], rows / seconds[1]


def _ids(tables: dict[str, pa.Table]) -> list[str]:
    found: list[str] = tables["sessions"]["session_id"].to_pylist()
    return found


def _shifted(tables: dict[str, pa.Table], more: int) -> dict[str, pa.Table]:
    operations = tables["agent_operations"]
    at = operations.schema.get_field_index("output_tokens")
    tokens = pc.add(operations["output_tokens"], more)
    return {**tables, "agent_operations": operations.set_column(at, operations.field(at), tokens)}


def derived(first: int, sessions: int) -> dict[str, pa.Table]:
    """The rows of so many sessions: 100 operations, 5 handoffs, 4 agents, itself and its key."""
    random = np.random.default_rng(SEED + first)
    counts = {"agent_operations": SESSION_ROWS, "agent_handoffs": 5, "agents": 4, "sessions": 1,
              "session_keys": 1}  # fmt: skip
    return {name: _rows_of(name, first, sessions, per, random) for name, per in counts.items()}


def _rows_of(
    name: str, first: int, sessions: int, per: int, random: np.random.Generator
) -> pa.Table:
    rows = sessions * per
    number = np.repeat(np.arange(first, first + sessions), per)
    within = np.tile(np.arange(per), sessions)
    agent = (number + random.integers(0, 3, rows)) % AGENTS
    function = random.integers(0, FUNCTIONS, rows)
    is_call = random.integers(0, 4, rows) == 0
    starts = FIRST_NS + (number * 7_919 % (DAYS * 86_400)) * 1_000_000_000 + within * 90_000_000

    def named(prefix: str, values: np.ndarray) -> list[str]:
        return [f"{prefix}{value}" for value in values.tolist()]

    columns: dict[str, Any] = {
        "session_id": named("session-", number),
        "trace_id": [f"{value:032x}" for value in number.tolist()],
        "key": [f"{value:032x}" for value in number.tolist()],
        "kind": ["trace" if name == "session_keys" else "llm"] * rows,
        "span_id": [f"{value:016x}" for value in (number * 1000 + within).tolist()],
        "handoff_id": [f"{value:016x}" for value in (number * 1000 + within).tolist()],
        "agent": named("agent-", (number + within) % AGENTS if name == "agents" else agent),
        "from_agent": named("agent-", agent),
        "to_agent": named("agent-", (agent + 1) % AGENTS),
        "role": named("role of agent-", (number + within) % AGENTS),
        "type": ["specialist"] * rows,
        "evidence": ['["parent_child"]'] * rows,
        "trace_ids": [f'["{value:032x}"]' for value in number.tolist()],
        "can_handoff_to": ["[]"] * rows,
        "agents": ['["agent-0","agent-1"]'] * rows,
        "services": ["[]"] * rows,
        "models": named('["model-', number % 3),
        "model": named("model-", number % 3),
        "function": named("app.module", function),
        "file": named("app/module", function),
        "name": ["chat"] * rows,
        "started_at": starts,
        "ended_at": starts + 9_000_000_000,
        "duration_ns": random.integers(1_000, 9_000_000_000, rows),
        "latency_bucket": random.integers(80, 260, rows).astype(np.int16),
        "invocations": (within % 4 == 2).astype(np.int64),
        "llm_calls": is_call.astype(np.int64),
        "input_tokens": np.where(is_call, random.integers(0, 4000, rows), 0),
        "output_tokens": np.where(is_call, random.integers(0, 500, rows), 0),
        "ordinal": within.astype(np.int32),
        "quality": random.random(rows),
        "operations": np.full(rows, SESSION_ROWS),
    }
    columns["models"] = [f'{each}"]' for each in columns["models"]]
    schema = DERIVED[name]
    return pa.table([_filled(columns.get(f.name), f, rows) for f in schema], schema=schema)


def read(name: str, operations: int, url: str) -> None:
    url = url or place(name, Path(tempfile.mkdtemp(prefix="bench-stores-")) / "store")
    with closing(open_store(url)) as store:
        sessions = operations // SESSION_ROWS
        begun, done = time.perf_counter(), _filled_already(store)
        for first in range(done, sessions, 200):
            tables = derived(first, min(200, sessions - first))
            store.replace_sessions(_ids(tables), tables)
            trace = spans(first, 2_000)
            store.export_spans(trace, batch_id=f"read-{first}")
            if (first // 200) % 50 == 49:
                print(f"{first} sessions, {time.perf_counter() - begun:.0f} s", flush=True)
        print(f"{sessions} sessions: loaded from {done} in {time.perf_counter() - begun:.0f} s")
        one = spans(0, 2_000)["trace_id"][0].as_py()
        asyncio.run(_queries(store, sessions, one))


def _filled_already(store: Destination) -> int:
    import sqlalchemy as sa  # noqa: PLC0415 - for this alone

    count = sa.select(sa.func.count(TABLES["sessions"].c.session_id).label("rows"))
    found: int = asyncio.run(store.fetch(count))[0]["rows"]
    return found


async def _queries(store: Destination, sessions: int, trace: str) -> None:
    queries = Queries(store)
    one = f"session-{sessions // 3}"
    print("\n| ms | p50 | p95 | n |\n| --- | --- | --- | --- |")
    await _timed("trace by id", lambda: asyncio.to_thread(store.wire_spans, [trace]))
    await _timed("agents", queries.agents)
    await _timed("handoffs of a session", lambda: queries.handoffs(session_id=one))
    await _timed("top 10 functions", lambda: queries.functions(limit=10))
    await _timed("session by its id", lambda: queries.session(one))
    await _timed("newest 100 sessions", queries.sessions)
    await _timed("newest 100 sessions of an agent", lambda: queries.sessions(agent="agent-3"))
    await _timed("first 100 handoffs of all", queries.handoffs)


async def _timed(name: str, call: Callable[[], Awaitable[Any]]) -> None:
    await call()
    spent = []
    for _ in range(READ_ROUNDS):
        begun = time.perf_counter()
        await call()
        spent.append((time.perf_counter() - begun) * 1e3)
    spent.sort()
    p95 = spent[round(0.95 * len(spent)) - 1]
    print(f"| {name} | {statistics.median(spent):.1f} | {p95:.1f} | {len(spent)} |", flush=True)


def _stores() -> Iterator[str]:
    yield from ("clickhouse-embedded", "clickhouse-server", "postgresql", "mysql", "parquet")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["write", "read"])
    parser.add_argument("stores", nargs="*")
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--keep", default="", metavar="URL", help="filled, or to be filled")
    arguments = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    if arguments.what == "read":
        for name in arguments.stores:
            read(name, arguments.operations, arguments.keep)
        return
    print("| rows/s of spans | exporter, from Arrow | by hand, bodies ready | ratio | "
          "derived rows/s, first / again |\n| --- | ---: | ---: | ---: | ---: |")  # fmt: skip
    for name in arguments.stores or _stores():
        write(name, arguments.rows, arguments.rounds)


if __name__ == "__main__":
    main()
