"""How fast the embedded store answers, and how fast sessions are analysed again.

    python benchmarks/bench_store.py [OPERATIONS] [--keep DIR]

Fills a store of the real schema with OPERATIONS (default 1,000,000) rows of agent_operations, 100
a session, 20,000 functions, 12 agents, over 30 days, and the agents, sessions, keys, handoffs and
uses of functions (25 places in the code a session, 24 calls between them) that go with them,
generated inside the engine from a fixed seed. Then measures, warm, and prints milliseconds.
"""

import argparse
import asyncio
import os
import platform
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import clickhouse_connect
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.model.schemas import DERIVED
from otel_llmops.storage.queries import Queries
from otel_llmops.storage.summaries import SUMMARIES, live
from otel_llmops.storage.tables import STORED, TABLES, data_columns

SEED = 20_261_122
OPERATIONS_A_SESSION = 100
FUNCTIONS = 20_000
AGENTS = 12
DAYS = 30
FIRST = datetime(2026, 10, 1, tzinfo=UTC)
ROWS_AN_INSERT = 100_000
ROUNDS = 30

# every expression is over n, the number of the row; s is its session, h a hash of it
TIME = "first + toIntervalMillisecond({})"
_COMMON = {
    "session_id": "concat('session-', toString(s))",
    "trace_id": "lower(hex(MD5(toString(s))))",
    "generation": "1",
    "sign": "1",
    "final": "true",
    "started_at": TIME.format("s * gap + (n % per) * 90"),
}
_COLUMNS: dict[str, dict[str, str]] = {
    "agent_operations": {
        "span_id": "lower(hex(h))",
        "parent_span_id": "lower(hex(cityHash64(intDiv(n, 10), seed)))",
        "name": "concat('chat ', toString(h % 5))",
        "kind": "['llm','tool','agent','step'][1 + h % 4]",
        "operation": "['chat','execute_tool','invoke_agent','step'][1 + h % 4]",
        "dialect": "'otel'",
        "agent": f"concat('agent-', toString(intDiv(h, 7) % {AGENTS}))",
        "service": "concat('service-', toString(h % 3))",
        "model": "if(h % 4 = 0, concat('model-', toString(h % 3)), '')",
        "duration_ns": "toInt64(exp(10 + (h % 1000) / 100) * 1000)",
        "latency_bucket": "toInt16(floor(log2(exp(10 + (h % 1000) / 100) * 1000) * 8))",
        "invocations": "h % 4 = 2",
        "llm_calls": "h % 4 = 0",
        "errors": "h % 100 = 0",
        "error": "h % 100 = 0",
        "input_tokens": "if(h % 4 = 0, h % 4000, 0)",
        "output_tokens": "if(h % 4 = 0, h % 500, 0)",
        "function": f"concat('app.module', toString(h % {FUNCTIONS}), '.run')",
        "file": f"concat('app/module', toString(h % {FUNCTIONS}), '.py')",
        "line": "toInt32(h % 300)",
        "revision": "'9f2c1d7e'",
        "cost_usd": "if(h % 4 = 0, (h % 4000) / 1e6, NULL)",
    },
    "agent_handoffs": {
        "handoff_id": "lower(hex(h))",
        "ordinal": "toInt32(n % per)",
        "from_agent": f"concat('agent-', toString(h % {AGENTS}))",
        "to_agent": f"concat('agent-', toString(intDiv(h, 13) % {AGENTS}))",
        "kind": "['transfer','delegation','sequence','fan_out'][1 + h % 4]",
        "confidence": "0.9",
        "quality": "(h % 100) / 100",
        "evidence": """'["parent_child"]'""",
        "latency_ns": "toInt64(h % 1000000)",
    },
    "agents": {
        "agent": f"concat('agent-', toString((s + n % per * 3) % {AGENTS}))",
        "role": f"concat('role of ', toString((s + n % per * 3) % {AGENTS}))",
        "type": "'specialist'",
        "can_handoff_to": "'[]'",
        "models": """concat('["model-', toString(h % 3), '"]')""",
        "services": """concat('["service-', toString(h % 3), '"]')""",
        "invocations": "6",
        "ended_at": TIME.format("s * gap + (n % per) * 90 + 9000"),
    },
    "sessions": {
        "trace_ids": """concat('["', lower(hex(MD5(toString(s)))), '"]')""",
        "agents": """'["agent-0","agent-1","agent-2","agent-3"]'""",
        "services": "'[]'",
        "ended_at": TIME.format("s * gap + 9000"),
        "duration_ns": "9000000000",
        "spans": "130",
        "operations": "100",
        "handoffs": "5",
        "completeness": "1.0",
    },
    "session_keys": {"key": "lower(hex(MD5(toString(s))))", "kind": "'trace'"},
    "bottlenecks": {
        "agent": f"concat('agent-', toString(h % {AGENTS}))",
        "span_id": "lower(hex(h))",
        "operation": "concat('chat model-', toString(h % 3))",
        "kind": "'llm'",
        "model": "concat('model-', toString(h % 3))",
        "cause": "['slow_model','large_prompt','waiting'][1 + h % 3]",
        "severity": "'high'",
        "impact_ppm": "200000 + h % 300000",
        "agent_impact_ppm": "300000 + h % 300000",
        "critical_path_share": "0.4",
        "session_ns": "9000000000",
        "self_time_ns": "toInt64(h % 4000000000)",
        "latency_bucket": "toInt16(floor(log2(1 + h % 4000000000) * 8))",
        "calls": "5",
        "path_calls": "4",
        "usual_ns": "300000000",
        "input_tokens": "h % 4000",
        "output_tokens": "h % 500",
        "session_tokens": "20000",
        "saving_ns_high": "toInt64(h % 2000000000)",
    },
    "coalitions": {
        "agents": f"""concat('["agent-', toString(h % {AGENTS}), '","triage","writer"]')""",
        "task_type": "['refund','outage','how-to'][1 + h % 3]",
        "success": "h % 4 > 0",
        "tokens": "h % 40000",
        "duration_ns": "9000000000",
    },
    # a function has two places, one agent, and one model where it calls one
    "function_usage": {
        "function": f"concat('app.module', toString(h % {FUNCTIONS}), '.run')",
        "file": f"concat('/app/src/app/module', toString(h % {FUNCTIONS}), '.py')",
        "line": f"toInt32(h % {FUNCTIONS} % 300 + intDiv(h, {FUNCTIONS}) % 2 * 7)",
        "revision": "concat('commit-', toString(intDiv(s * 10, every)))",
        "agent": f"concat('agent-', toString(h % {FUNCTIONS} % {AGENTS}))",
        "model": f"if(intDiv(h, {FUNCTIONS}) % 2 = 0, concat('model-', toString(h % 3)), '')",
        "sessions": "1",
        "calls": "4",
        "llm_calls": "2",
        "input_tokens": "h % 4000",
        "output_tokens": "h % 500",
        "cumulative_input_tokens": "h % 9000",
        "cumulative_output_tokens": "h % 900",
        "duration_ns": "toInt64(h % 1000000000)",
        "squared_tokens": "toFloat64(h % 4500) * (h % 4500)",
        "cost_usd": "(h % 4000) / 1e6",
    },
    "function_edges": {
        "caller": f"concat('app.module', toString(h % {FUNCTIONS}), '.run')",
        "caller_file": f"concat('/app/src/app/module', toString(h % {FUNCTIONS}), '.py')",
        "caller_line": "7",
        "callee": f"concat('app.module', toString(h % {FUNCTIONS} + intDiv(h, 7) % 3), '.run')",
        "callee_file": f"concat('/app/src/app/module', toString(h % {FUNCTIONS}), '.py')",
        "callee_line": "9",
        "calls": "2",
        "duration_ns": "toInt64(h % 1000000000)",
        "input_tokens": "h % 4000",
        "output_tokens": "h % 500",
    },
}
_ROWS_A_SESSION = {
    "agent_operations": OPERATIONS_A_SESSION,
    "agent_handoffs": 5,
    "agents": 4,
    "sessions": 1,
    "session_keys": 1,
    "bottlenecks": 3,
    "coalitions": 1,
    "function_usage": 25,
    "function_edges": 24,
}


def generated(
    chosen: Sequence[str],
    per: int,
    sessions: int,
    rows: tuple[int, int],
    *,
    first: datetime = FIRST,
) -> str:
    """The statement that makes some rows (from, and how many) of `per` a session."""
    gap_ms = DAYS * 86_400_000 // sessions
    return (
        f"WITH {SEED} AS seed, {gap_ms} AS gap, "  # noqa: S608 - nothing from outside
        f"{per} AS per, {sessions} AS every, "
        f"toDateTime64({int(first.timestamp())}, 9, 'UTC') AS first "
        f"SELECT {', '.join(chosen)} FROM (SELECT number AS n, intDiv(n, {per}) AS s, "
        f"cityHash64(n, {SEED}) AS h FROM numbers{rows})"
    )


def fill(folder: Path, sessions: int, *, first: datetime = FIRST) -> float:
    """Fill all tables with DAYS from `first` on; the seconds that agent_operations took."""
    client = clickhouse_connect.get_client(interface="chdb", path=str(folder))
    seconds = {}
    for name, per in _ROWS_A_SESSION.items():
        expressions = _COMMON | _COLUMNS[name]
        wanted = [(field.name, expressions.get(field.name)) for field in STORED[name]]
        chosen = [f"{expression} AS {column}" for column, expression in wanted if expression]
        names = [column for column, expression in wanted if expression]
        begun = time.perf_counter()
        for start in range(0, sessions * per, ROWS_AN_INSERT):
            length = min(ROWS_AN_INSERT, sessions * per - start)
            rows = generated(chosen, per, sessions, (start, length), first=first)
            client.command(f"INSERT INTO {name} ({', '.join(names)}) {rows}")
        seconds[name] = time.perf_counter() - begun
    client.close()
    return seconds["agent_operations"]


def merges_done(folder: Path, deadline_s: float = 120) -> None:
    """Wait until the background merges of the load are through."""
    client = clickhouse_connect.get_client(interface="chdb", path=str(folder))
    end = time.monotonic() + deadline_s
    while time.monotonic() < end and client.query("SELECT 1 FROM system.merges").row_count:
        time.sleep(0.5)
    ((parts, size),) = client.query(
        "SELECT count(), sum(bytes_on_disk) FROM system.parts "
        "WHERE active AND table = 'agent_operations'"
    ).result_rows
    print(f"agent_operations: {parts} parts, {size / 2**20:.0f} MiB")
    client.close()


async def _timed(name: str, call: Callable[[], Awaitable[Any]], rounds: int = ROUNDS) -> None:
    await call()
    spent = []
    for _ in range(rounds):
        begun = time.perf_counter()
        await call()
        spent.append((time.perf_counter() - begun) * 1e3)
    spent.sort()
    p95 = spent[min(len(spent) - 1, round(0.95 * len(spent)))]
    print(f"| {name} | {statistics.median(spent):.1f} | {p95:.1f} | {rounds} |", flush=True)


def histogram() -> sa.Select[Any]:
    """Activations of each agent by latency bucket."""
    return SUMMARIES["by_agent_bucket_day"].select("agent", "latency_bucket")


def agent_sums() -> sa.Select[Any]:
    """What agents did, the one statement that design.md's table calls agents summary."""
    return SUMMARIES["by_agent_hour"].select("agent")


def live_rows(session_id: str) -> sa.Select[Any]:
    """All operations of a session that are live."""
    table = TABLES["agent_operations"]
    columns = data_columns(table)
    chosen = sa.select(*columns).where(table.c.session_id == session_id)
    return chosen.group_by(*columns).having(live(table) > 0)


async def _queries(store: ClickHouse, sessions: int, rounds: int = ROUNDS) -> None:
    queries = Queries(store)
    one = f"session-{sessions // 3}"
    until = FIRST + timedelta(days=20, minutes=25)
    await _timed("agents' sums, one statement", lambda: store.fetch(agent_sums()), rounds)
    await _timed("agents summary", queries.agents, rounds)
    await _timed(
        "agents summary, 7 days", lambda: queries.agents(since=until - timedelta(days=7),
                                                         until=until), rounds,
    )  # fmt: skip
    await _timed("agents' latency histogram", lambda: store.fetch(histogram()), rounds)
    await _timed("top 10 functions", lambda: queries.functions(limit=10), rounds)
    await _timed(
        "top 10 functions, 7 days",
        lambda: queries.functions(since=until - timedelta(days=7), until=until, limit=10),
        rounds,
    )
    await _timed("hotspots", lambda: queries.topology.hotspots(limit=10), rounds)
    await _timed("calls between functions", lambda: queries.topology.function_calls(limit=100),
                 rounds)  # fmt: skip
    await _timed("live operations of one session", lambda: store.fetch(live_rows(one)), rounds)
    await _timed("handoffs of a session", lambda: queries.handoffs(session_id=one), rounds)
    await _timed("session by its id", lambda: queries.session(one), rounds)
    await _timed("newest 100 sessions", queries.sessions, rounds)
    await _timed("newest 100 sessions of an agent", lambda: queries.sessions(agent="agent-3"),
                 rounds)  # fmt: skip
    await _timed("first 100 handoffs of all", queries.handoffs, rounds)


def _tables(store: ClickHouse, ids: list[str]) -> dict[str, pa.Table]:
    """What is derived of these sessions now, with one token more on each operation."""
    read = store._live({}, ids)  # noqa: SLF001 - Arrow, in bulk
    tables = {name: rows.select(DERIVED[name].names) for name, rows in read.items()}
    operations = tables["agent_operations"]
    place = operations.schema.get_field_index("output_tokens")
    more = pc.add(operations["output_tokens"], 1)
    tables["agent_operations"] = operations.set_column(
        place, DERIVED["agent_operations"].field(place), more
    )
    return tables


async def _again(store: ClickHouse, ids: list[str], rounds: int) -> None:
    made = [_tables(store, ids)]
    made.append({**made[0], "agent_operations": _plus_one(made[0]["agent_operations"])})
    turn = iter(range(10**9))

    async def replace(*, forgotten: bool) -> None:
        if forgotten:
            store._written.forget(ids)  # noqa: SLF001 - as after a restart
        store.replace_sessions(ids, made[next(turn) % 2])

    rows = sum(table.num_rows for table in made[0].values())
    name = f"{len(ids)} session{'s'[: len(ids) > 1]} ({rows} rows, all tables) analysed again"
    await _timed(f"{name}, read from the store", lambda: replace(forgotten=True), rounds)
    await _timed(f"{name}, rows still known", lambda: replace(forgotten=False), rounds)


def _plus_one(operations: pa.Table) -> pa.Table:
    place = operations.schema.get_field_index("output_tokens")
    return operations.set_column(
        place, operations.schema.field(place), pc.add(operations["output_tokens"], 1)
    )


async def _while_analysing(store: ClickHouse, sessions: int) -> None:
    ids = [f"session-{place}" for place in range(sessions // 2, sessions // 2 + 100)]
    tables = [_tables(store, ids)]
    tables.append({**tables[0], "agent_operations": _plus_one(tables[0]["agent_operations"])})
    done, count = threading.Event(), 0

    def analyse() -> None:
        nonlocal count
        while not done.is_set():
            store.replace_sessions(ids, tables[count % 2])
            count += 1

    thread = threading.Thread(target=analyse)
    begun = time.monotonic()
    thread.start()
    try:
        await _queries(store, sessions)
    finally:
        done.set()
        thread.join()
    rate = count * len(ids) / (time.monotonic() - begun)
    print(f"\nmeanwhile {rate:.0f} sessions/s were analysed again, 100 at a time")


async def measure(folder: Path, operations: int) -> None:
    sessions = operations // OPERATIONS_A_SESSION
    store = ClickHouse.embedded(folder)
    try:
        if not await store.fetch(sa.select(TABLES["sessions"].c.session_id).limit(1)):
            seconds = fill(folder, sessions)
            print(f"load of {operations} operations: {seconds:.1f} s")
        merges_done(folder)
        print("\n| ms | p50 | p95 | n |\n| --- | --- | --- | --- |")
        await _queries(store, sessions)
        await _again(store, ["session-7"], ROUNDS)
        thousand = min(1000, sessions // 4)
        await _again(store, [f"session-{place}" for place in range(100, 100 + thousand)], 5)
        print("\nwhile sessions are analysed again:\n\n| ms | p50 | p95 | n |\n"
              "| --- | --- | --- | --- |")  # fmt: skip
        await _while_analysing(store, sessions)
    finally:
        store.close()


def over_folder(title: str, unit: str, rows: int, measure: Callable[[Path, int], None]) -> None:
    """Read the command line, and measure in the folder that it names or in one that goes again."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument(unit, type=int, nargs="?", default=rows)
    parser.add_argument("--keep", type=Path, help="a folder to fill, or filled before, and to keep")
    arguments = vars(parser.parse_args())
    folder = arguments["keep"] or Path(tempfile.mkdtemp(prefix="bench-store-"))
    print(f"{arguments[unit]} {unit}; {platform.machine()}, {os.cpu_count()} cores, "
          f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")  # fmt: skip
    try:
        measure(folder, arguments[unit])
    finally:
        if arguments["keep"] is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    over_folder(
        __doc__.splitlines()[0],
        "operations",
        1_000_000,
        lambda folder, count: asyncio.run(measure(folder, count)),
    )
