"""What it takes to forget: a day by retention, a session by its id, in a store of 10 million spans.

    python benchmarks/bench_retention.py [SPANS] [--keep DIR]

Fills an embedded store of the real schema with SPANS (default 10,000,000) spans and all that is
derived of them (bench_store.py), 100 a session, over 30 days, each span some 600 bytes of OTLP.
Then measures what is asked of it, warm; deletes sessions as `DELETE /api/sessions/{id}` does, and
waits until no part has them any more, and until sums come from projections again; and opens the
store with a retention that its oldest day is over, and lets that day go. Beside the time stands by
how much the process grew meanwhile (resident memory, looked at every 10 ms).
"""

import asyncio
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bench_store
import clickhouse_connect
import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own
import sqlalchemy as sa
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.storage.queries import Queries
from otel_llmops.storage.tables import TABLES

PER = bench_store.OPERATIONS_A_SESSION
ROWS_AN_INSERT = 100_000
DELETIONS = 3
_LOOK_S = 0.01
_GONE_S_MAX = 600.0
_SUMS = "SELECT agent, sum(sign * output_tokens) FROM agent_operations GROUP BY agent"


def _wires() -> dict[str, bytes]:
    """What is the same in the bytes of every span."""
    span = Span(name="chat", kind=3, end_time_unix_nano=2**60, start_time_unix_nano=2**60)
    texts = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "model-1",
        "gen_ai.agent.name": "agent-1",
        "gen_ai.response.finish_reasons": "stop",
    }
    for key, text in texts.items():
        span.attributes.add(key=key).value.string_value = text
    for place, key in enumerate(("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")):
        span.attributes.add(key=key).value.int_value = 1_000 + place
    scope = ScopeSpans()
    scope.scope.name, scope.scope.version = "agents", "1.0"
    resource = ResourceSpans()
    resource.resource.attributes.add(key="service.name").value.string_value = "service-1"
    return {
        "span": span.SerializeToString(),
        "scope": scope.SerializeToString(),
        "resource": resource.SerializeToString(),
    }


def _columns() -> dict[str, str]:
    """Expressions over n, the number of the span; s is its session, h a hash of it."""
    wires = {name: f"unhex('{wire.hex()}')" for name, wire in _wires().items()}
    started = bench_store.TIME.format("s * gap + (n % per) * 90")
    content = "concat(" + ", ".join(f"hex(sipHash128(n, {part}))" for part in range(6)) + ")"
    key = b"gen_ai.input.messages"
    size = 6 * 32
    value = b"\x0a" + _varint(size)  # AnyValue.string_value
    body = b"\x0a" + _varint(len(key)) + key + b"\x12" + _varint(len(value) + size) + value
    attribute = b"\x4a" + _varint(len(body) + size) + body  # Span.attributes
    return {
        "trace_id": "lower(hex(MD5(toString(s))))",
        "span_id": "lower(hex(reinterpretAsFixedString(h)))",
        "parent_span_id": "if(n % per = 0, '', lower(hex(cityHash64(intDiv(n, 10), seed))))",
        "name": "concat('chat ', toString(h % 5))",
        "kind": "3",
        "start_time": started,
        "end_time": f"{started} + toIntervalMillisecond(80)",
        "duration_ns": "80000000",
        "status_code": "if(h % 100 = 0, 2, 0)",
        "service": "concat('service-', toString(h % 3))",
        "scope_name": "'agents'",
        "scope_version": "'1.0'",
        "span_wire": "concat(unhex('0a10'), MD5(toString(s)), unhex('1208'), "
        f"reinterpretAsFixedString(h), {wires['span']}, unhex('{attribute.hex()}'), {content})",
        "scope_wire": wires["scope"],
        "resource_wire": wires["resource"],
    }


def _varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128, number >> 7])


def fill_spans(folder: Path, sessions: int) -> float:
    """Fill the table of spans; the seconds it took."""
    client = clickhouse_connect.get_client(interface="chdb", path=str(folder))
    columns = _columns()
    chosen = [f"{expression} AS {name}" for name, expression in columns.items()]
    begun = time.perf_counter()
    for start in range(0, sessions * PER, ROWS_AN_INSERT):
        length = min(ROWS_AN_INSERT, sessions * PER - start)
        rows = bench_store.generated(chosen, PER, sessions, (start, length))
        client.command(f"INSERT INTO spans ({', '.join(columns)}) {rows}")
    spent = time.perf_counter() - begun
    client.close()
    return spent


@contextmanager
def growth() -> Iterator[list[int]]:
    """By how many bytes the process is larger at its largest; filled in at the end."""
    process, found, done = psutil.Process(), [0], threading.Event()
    before = process.memory_info().rss

    def look() -> None:
        while not done.wait(_LOOK_S):
            found[0] = max(found[0], process.memory_info().rss - before)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


async def _asked(store: ClickHouse, sessions: int) -> None:
    """The queries that must stay quick at this size, each time another trace and session."""
    queries, chosen = Queries(store), random.Random(bench_store.SEED)

    def session() -> str:
        return f"session-{chosen.randrange(sessions)}"

    async def trace() -> None:
        (found,) = await store.fetch(
            sa.select(TABLES["session_keys"].c.key)
            .where(TABLES["session_keys"].c.session_id == session())
            .limit(1)
        )
        ids.append(found["key"])

    ids: list[str] = []
    for _ in range(bench_store.ROUNDS + 1):
        await trace()
    print("\n| ms | p50 | p95 | n |\n| --- | --- | --- | --- |")
    timed = bench_store._timed  # noqa: SLF001 - one way to time
    turn = iter(ids)
    await timed("trace by id (100 spans)", lambda: queries.spans.trace(next(turn)))
    await timed("agents summary", queries.agents)
    await timed("handoffs of a session", lambda: queries.handoffs(session_id=session()))
    await timed("top 10 functions", lambda: queries.functions(limit=10))


def _deleted(store: ClickHouse, sessions: int) -> None:
    print("\n| deleting a session | s | grew by, MiB | rows |\n| --- | --- | --- | --- |")
    for place in range(DELETIONS):
        name = f"session-{(2 * place + 1) * sessions // (2 * DELETIONS)}"
        traces = store.trace_ids([name])
        with growth() as grown:
            begun = time.perf_counter()
            gone = store.delete_sessions([name], traces)
            spent = time.perf_counter() - begun
        print(f"| {name} | {spent:.2f} | {grown[0] / 2**20:.0f} | {sum(gone.values())} |",
              flush=True)  # fmt: skip


def _written_out(folder: Path) -> None:
    """Wait for what deleting leaves to the background, and ask for sums meanwhile."""
    client = clickhouse_connect.get_client(interface="chdb", path=str(folder))
    begun, spent = time.perf_counter(), list[float]()

    def done(left: str) -> float:
        def look() -> bool:
            asked = time.perf_counter()
            client.query(_SUMS)
            spent.append((time.perf_counter() - asked) * 1e3)
            return not client.query(left).row_count

        _wait(look)
        return time.perf_counter() - begun

    written = done("SELECT 1 FROM system.mutations WHERE NOT is_done LIMIT 1")
    patched = done("SELECT 1 FROM system.parts WHERE active AND name LIKE 'patch-%' LIMIT 1")
    print(f"\nno part has them after {written:.1f} s, sums come from projections again after "
          f"{patched:.1f} s; sums of all agents meanwhile: median {statistics.median(spent):.0f}, "
          f"at most {max(spent):.0f} ms")  # fmt: skip
    client.close()


def _spans_before(client: Any, moment: datetime) -> int:
    found = client.query(
        "SELECT sum(rows) FROM system.parts "  # noqa: S608 - nothing from outside
        "WHERE active AND table = 'spans' "
        f"AND partition < '{moment:%Y%m%d}'"
    )
    return int(found.result_rows[0][0])


def _expired(folder: Path) -> None:
    """Open it with a retention that its first day is over, and let that day go.

    First without the last step, so that what a day costs that passes stands alone: when it is over
    its parts know that, and are dropped when ClickHouse next looks.
    """
    days = (datetime.now(UTC) - bench_store.FIRST - timedelta(days=1)).days
    until = bench_store.FIRST + timedelta(days=1)
    ClickHouse.embedded(folder, retention_days=days + 2).close()  # nothing is over yet
    client = clickhouse_connect.get_client(interface="chdb", path=str(folder))
    client.command("SYSTEM STOP TTL MERGES spans")
    spans = _spans_before(client, until)
    with growth() as grown:
        begun = time.perf_counter()
        store = ClickHouse.embedded(folder, retention_days=days)
        opened = time.perf_counter() - begun
        _wait(
            lambda: not client.query("SELECT 1 FROM system.mutations WHERE NOT is_done").row_count
        )
        known = time.perf_counter() - begun
    print(f"\nretention changed to {days} days: {opened:.2f} s to open the store with it, "
          f"all parts know it after {known:.1f} s; grew by {grown[0] / 2**20:.0f} MiB")  # fmt: skip
    assert _spans_before(client, until) == spans
    with growth() as grown:
        spent, begun = _cpu_s(), time.perf_counter()
        client.command("SYSTEM START TTL MERGES spans")
        _wait(lambda: not _spans_before(client, until))
        gone, spent = time.perf_counter() - begun, _cpu_s() - spent
    print(f"a day of {spans} spans is over: gone in {gone:.2f} s, {spent:.2f} s of processor time; "
          f"grew by {grown[0] / 2**20:.0f} MiB")  # fmt: skip
    store.close()
    client.close()


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _GONE_S_MAX
    while not condition():
        assert time.monotonic() < end, f"not within {_GONE_S_MAX} s"
        time.sleep(_LOOK_S)


def _cpu_s() -> float:
    times = psutil.Process().cpu_times()
    return float(times.user + times.system)


def measure(folder: Path, spans: int) -> None:
    sessions = spans // PER
    store = ClickHouse.embedded(folder)
    if not asyncio.run(store.fetch(sa.select(TABLES["spans"].c.span_id).limit(1))):
        print(f"load of {spans} spans: {fill_spans(folder, sessions):.1f} s", flush=True)
        print(f"of their operations: {bench_store.fill(folder, sessions):.1f} s", flush=True)
    bench_store.merges_done(folder)
    asyncio.run(_asked(store, sessions))
    _deleted(store, sessions)
    _written_out(folder)
    store.close()
    _expired(folder)


if __name__ == "__main__":
    bench_store.over_folder(__doc__.splitlines()[0], "spans", 10_000_000, measure)
