"""How fast a running `serve` answers twenty people, and how soon it tells two hundred.

    python benchmarks/bench_api.py [OPERATIONS] [--clients 20] [--seconds 60] [--listeners 200]
                                   [--arriving 100]

A real `serve` over an embedded store that bench_store.py filled. First each client asks once a
second, at a moment of its own, for one of a mix of answers over GraphQL and REST: those of a page
that many have open (the same words each time), and those of one session or one window of time
(other words each time). With `--arriving` so many spans a second arrive meanwhile, so that hardly
any answer is that of the time before. Then that many web sockets subscribe to handoffs, traces with
one handoff each are sent over OTLP, and the time is taken from sending to each socket's hearing of
it.
"""

import argparse
import asyncio
import itertools
import json
import os
import platform
import random
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own
import websockets
from bench_ingest import ours
from bench_store import DAYS, FIRST, OPERATIONS_A_SESSION, fill, merges_done
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from usage import Usage

from otel_llmops.app.endpoints import read_endpoints
from otel_llmops.exporters.clickhouse import ClickHouse

TOLD = 10
"""Handoffs that are sent to the listeners."""
SUBSCRIPTION = "subscription { handoffs { sessionId fromAgent toAgent kind quality final } }"
SENT = {"Content-Type": "application/x-protobuf"}
HANDOFF = "id fromAgent toAgent kind quality confidence evidence latencyMs"

Asked = tuple[str, dict[str, Any] | None]
"""A path, and for GraphQL what is posted there."""


def _graphql(query: str, **variables: Any) -> Asked:
    return "/graphql", {"query": query, "variables": variables}


def _day(chance: random.Random) -> tuple[str, str]:
    since = FIRST + timedelta(seconds=chance.randrange((DAYS - 1) * 86_400))
    return since.isoformat(), (since + timedelta(days=1)).isoformat()


def mix(sessions: int) -> dict[str, Callable[[random.Random], Asked]]:
    """Name -> what is asked, at random where the answer is of one session or window."""

    def one(chance: random.Random) -> str:
        return f"session-{chance.randrange(sessions)}"

    def window(field: str) -> Callable[[random.Random], Asked]:
        query = f"query($s: DateTime, $u: DateTime) {{ {field} }}"

        def asked(chance: random.Random) -> Asked:
            since, until = _day(chance)
            return _graphql(query, s=since, u=until)

        return asked

    of_session = "query($id: String!) {{ {} }}"
    return {
        "agents": lambda _: _graphql(
            "{ agents(limit: 100) { name role type invocations totalTokens costUsd latencyMsP95 } }"
        ),
        "agents of a day": window("agents(since: $s, until: $u, limit: 100) { name totalTokens }"),
        "agents, REST": lambda _: ("/api/agents?limit=100", None),
        "newest sessions": lambda _: _graphql(
            "{ sessions(limit: 100) { sessionId startedAt agents inputTokens errors } }"
        ),
        "a session": lambda chance: _graphql(
            of_session.format("session(sessionId: $id) { sessionId agents inputTokens final }"),
            id=one(chance),
        ),
        "a session, REST": lambda chance: (f"/api/sessions/{one(chance)}", None),
        "handoffs of a session": lambda chance: _graphql(
            of_session.format(f"handoffs(sessionId: $id) {{ {HANDOFF} }}"), id=one(chance)
        ),
        "first handoffs": lambda _: _graphql(f"{{ handoffs(limit: 100) {{ {HANDOFF} }} }}"),
        "graph of a session": lambda chance: ("/api/coordination-graph/" + one(chance), None),
        "graph over all": lambda _: _graphql(
            "{ coordinationGraph { nodes { agent } edges { fromAgent toAgent handoffs } } }"
        ),
        "top 10 functions": lambda _: _graphql(
            "{ highTokenFunctions(limit: 10) { functionName llmCalls totalTokens } }"
        ),
        "usage of a day": window("usage(since: $s, until: $u) { inputTokens outputTokens }"),
    }


@asynccontextmanager
async def arriving(http: str, spans_a_second: int) -> AsyncIterator[None]:
    """Traces of two spans each arrive at that rate, in five requests a second, until the end."""
    parts = 5

    async def send() -> None:
        begin = time.monotonic()
        async with httpx.AsyncClient(timeout=60) as client:
            for turn in itertools.count():
                await asyncio.sleep(max(0.0, begin + turn / parts - time.monotonic()))
                made = [_trace(f"{random.getrandbits(128):032x}", with_root=True)
                        for _ in range(spans_a_second // 2 // parts)]  # fmt: skip
                # requests, one after the other, are one request that has all they have
                answer = await client.post(
                    f"{http}/v1/traces", content=b"".join(made), headers=SENT
                )
                assert answer.status_code == 200, answer.text[:300]

    task = asyncio.create_task(send()) if spans_a_second else None
    yield
    if task is not None:
        if task.done():
            task.result()
        task.cancel()


async def ask(api: str, clients: int, seconds: float, sessions: int) -> None:
    """Print p50 and p95 of each kind of answer and of all."""
    asked, spent = mix(sessions), dict[str, list[float]]()

    async def client(number: int) -> None:
        chance = random.Random(number)
        begin = time.monotonic() + chance.random()
        async with httpx.AsyncClient(base_url=api, timeout=60) as http:
            for turn in range(round(seconds)):
                await asyncio.sleep(max(0.0, begin + turn - time.monotonic()))
                name = chance.choice(list(asked))
                path, body = asked[name](chance)
                began = time.perf_counter()
                answer = await (http.post(path, json=body) if body else http.get(path))
                spent.setdefault(name, []).append(1e3 * (time.perf_counter() - began))
                assert answer.status_code == 200, (name, answer.text[:300])
                assert not (body and "errors" in answer.json()), (name, answer.text[:300])

    await asyncio.gather(*map(client, range(clients)))
    print("| answer, ms | p50 | p95 | n |\n| --- | ---: | ---: | ---: |")
    for name, times in [*spent.items(), ("all", [*itertools.chain(*spent.values())])]:
        times.sort()
        p95 = times[min(len(times) - 1, len(times) * 95 // 100)]
        print(f"| {name} | {times[len(times) // 2]:.0f} | {p95:.0f} | {len(times)} |")


def _trace(trace: str, *, with_root: bool = False) -> bytes:
    """An agent that calls another: a handoff by parent and child. Else its root is not there."""
    now, spans = time.time_ns(), []
    parents = {1: b"" if with_root else (99).to_bytes(8, "big"), 2: (1).to_bytes(8, "big")}
    for place, name in enumerate(("planner", "writer"), 1):
        made = Span(
            trace_id=bytes.fromhex(trace),
            span_id=place.to_bytes(8, "big"),
            parent_span_id=parents[place],
            name=f"invoke_agent {name}",
            start_time_unix_nano=now + place,
            end_time_unix_nano=now + 1_000_000,
        )
        for key, value in (("gen_ai.operation.name", "invoke_agent"), ("gen_ai.agent.name", name)):
            made.attributes.add(key=key).value.string_value = value
        spans.append(made)
    scope = ScopeSpans(spans=spans)
    request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[scope])])
    return request.SerializeToString()


async def listen(api: str, http: str, listeners: int) -> None:
    """Print how long it takes until the first and the last of all sockets hear of a handoff."""
    heard: list[dict[str, float]] = [{} for _ in range(listeners)]

    async def listener(number: int) -> None:
        async with websockets.connect(
            f"{api.replace('http', 'ws', 1)}/graphql",
            subprotocols=[websockets.Subprotocol("graphql-transport-ws")],
        ) as socket:
            await socket.send(json.dumps({"type": "connection_init"}))
            await socket.recv()
            body = {"id": "1", "type": "subscribe", "payload": {"query": SUBSCRIPTION}}
            await socket.send(json.dumps(body))
            while len(heard[number]) < TOLD:
                told = json.loads(await socket.recv())
                if told["type"] == "next":  # each handoff comes as provisional, and as final
                    session = told["payload"]["data"]["handoffs"]["sessionId"]
                    heard[number].setdefault(session, time.monotonic())

    tasks = [asyncio.create_task(listener(number)) for number in range(listeners)]
    await asyncio.sleep(5)  # until all have subscribed
    sent: dict[str, float] = {}
    async with httpx.AsyncClient() as client:
        for number in range(TOLD):
            trace = f"{number:016x}{random.getrandbits(64):016x}"
            sent[trace] = time.monotonic()
            answer = await client.post(f"{http}/v1/traces", content=_trace(trace), headers=SENT)
            assert answer.status_code == 200
            await asyncio.sleep(3)
    _, pending = await asyncio.wait(tasks, timeout=10)
    missed = sum(TOLD - len(times) for times in heard)
    waited = sorted(
        at - sent[trace] for times in heard for trace, at in times.items() if trace in sent
    )
    for task in pending:
        task.cancel()
    print(
        f"\n{listeners} sockets, {TOLD} handoffs each, {missed} not heard; heard after "
        f"{waited[len(waited) // 2]:.2f} s (p50), {waited[len(waited) * 95 // 100]:.2f} s (p95), "
        f"{waited[-1]:.2f} s (most)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("operations", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--listeners", type=int, default=200)
    parser.add_argument("--arriving", type=int, default=0, help="spans a second, 10 or more")
    parser.add_argument("--keep", type=Path, help="a data folder to fill, or filled before")
    args = parser.parse_args()
    folder = args.keep or Path(tempfile.mkdtemp(prefix="bench-api-"))
    sessions = args.operations // OPERATIONS_A_SESSION
    try:
        if not (folder / "store").exists():
            ClickHouse.embedded(folder / "store").close()
            fill(folder / "store", sessions)
            merges_done(folder / "store")
        print(f"{args.operations:,} operations; {platform.machine()}, {os.cpu_count()} cores, "
              f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}\n")  # fmt: skip
        with ours(folder) as served:
            endpoints = read_endpoints(folder)
            assert endpoints is not None
            http = f"http://127.0.0.1:{endpoints.http_port}"
            usage = Usage(psutil.Process(served.process.pid))
            usage.look()
            before = sum(usage.cpu_s.values())

            async def asked() -> None:
                async with arriving(http, args.arriving):
                    await ask(served.api, args.clients, args.seconds, sessions)

            asyncio.run(asked())
            usage.look()
            used = sum(usage.cpu_s.values()) - before
            print(f"\n{used:.1f} s of the server's CPU, load {os.getloadavg()[0]:.1f} at the end")
            if args.listeners:
                asyncio.run(listen(served.api, http, args.listeners))
    finally:
        if args.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
