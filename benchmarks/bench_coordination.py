"""How fast coordination graphs and coalitions are answered through GraphQL, over stored rows.

    python benchmarks/bench_coordination.py [OPERATIONS] [--agents N]

Fills an embedded store of the real schema with OPERATIONS (default 1,000,000) rows of
agent_operations, 100 a session, over 30 days, 10 handoffs a session between N agents (default 100)
that each hand to 6 others, in a second store each to all others, and one team a session of 500,
generated inside the engine from a fixed seed. Then asks, warm, and prints milliseconds; then what
the shape of a graph of 500 agents and 100,000 handoffs costs, and the mining alone at two sizes.
"""

import argparse
import asyncio
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import clickhouse_connect
import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))
from otel_llmops.analysis import coordination
from otel_llmops.analysis.coalitions import coalitions
from otel_llmops.api.application import application
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.storage.queries import Queries
from tests.support.teams import planted, summed

SEED = 20_261_129
FIRST_S = 1_790_000_000
DAY_MS = 86_400_000
ROUNDS = 20
ROWS_AN_INSERT = 200_000

# every expression is over n, the number of the row; s is its session, h a hash of it
_COMMON = {
    "session_id": "concat('session-', toString(s))",
    "generation": "1",
    "sign": "1",
    "started_at": f"toDateTime64({FIRST_S}, 9, 'UTC') + toIntervalMillisecond(s * gap + n % 9000)",
}
_FROM = "h % many"
_TO = {
    "six": "(h % many + 1 + intDiv(h, 1000) % 6) % many",
    "all": "(h % many + 1 + intDiv(h, 1000) % (many - 1)) % many",
}


def columns(to: str) -> dict[str, tuple[int, dict[str, str]]]:
    """Table -> rows a session, and the expression of each column that is not empty."""
    name = "concat('agent-', toString({}))"
    return {
        "agent_operations": (
            100,
            {
                "agent": name.format(_FROM),
                "kind": "'llm'",
                "invocations": "h % 4 = 0",
                "llm_calls": "1",
                "input_tokens": "h % 4000",
                "output_tokens": "h % 500",
                "cost_usd": "(h % 4000) / 1e6",
                "final": "true",
            },
        ),
        "agent_handoffs": (
            10,
            {
                "handoff_id": "lower(hex(h))",
                "from_agent": name.format(_FROM),
                "to_agent": name.format(_TO[to]),
                "kind": f"['transfer','delegation','sequence','fan_out'][1 + {_FROM} % 4]",
                "quality": "(h % 100) / 100",
                "latency_ns": "if(h % 3 = 0, NULL, h % 1000000000)",
                "completed": "h % 10 > 0",
                "tokens": "h % 4000",
                "final": "true",
            },
        ),
        "agents": (
            4,
            {
                "agent": name.format("(s + n % 4 * 31) % many"),
                "type": "'specialist'",
                "ended_at": _COMMON["started_at"],
            },
        ),
        "sessions": (1, {"operations": "100", "handoffs": "10", "final": "true"}),
        "session_keys": (1, {"key": "concat('session-', toString(s))", "kind": "'conversation'"}),
        "coalitions": (
            1,
            {
                "agents": """concat('["agent-', toString(h % 50), '", "agent-',
                             toString(50 + intDiv(h, 50) % 10), '"]')""",
                "task_type": "concat('task-', toString(intDiv(h, 500) % 5))",
                "success": "intDiv(h, 1000) % 10 < 6",
                "tokens": "h % 10000",
                "duration_ns": "h % 10000000000",
            },
        ),
    }


def fill(folder: Path, sessions: int, agents: int, to: str) -> None:
    client = clickhouse_connect.get_client(interface="chdb", path=str(folder))
    gap = 30 * DAY_MS // sessions
    for name, (per, made) in columns(to).items():
        expressions = _COMMON | made
        for start in range(0, sessions * per, ROWS_AN_INSERT):
            length = min(ROWS_AN_INSERT, sessions * per - start)
            chosen = ", ".join(f"{text} AS {column}" for column, text in expressions.items())
            client.command(
                f"INSERT INTO {name} ({', '.join(expressions)}) "  # noqa: S608 - all of it ours
                f"WITH {gap} AS gap, {agents} AS many SELECT {chosen} FROM (SELECT number AS n, "
                f"intDiv(n, {per}) AS s, cityHash64(n, {SEED}) AS h "
                f"FROM numbers({start}, {length}))"
            )
    client.close()


GRAPH = """nodes { agent type invocations totalTokens costUsd errors }
    edges { fromAgent toAgent handoffs quality avgLatencyMs kinds } cycles"""
QUESTIONS = {
    "graph over all: nodes, edges, cycles": f"{{ coordinationGraph {{ {GRAPH} }} }}",
    "the same over 7 days": "{ coordinationGraph(since: %s, until: %s) { " + GRAPH + " } }",
    "the same of one session": f'{{ coordinationGraph(sessionId: "session-7") {{ {GRAPH} }} }}',
    "brokers, communities, ping-pongs": "{ coordinationGraph { brokers { agent betweenness }"
    " communities pingPongs { agents handoffs back } } }",
    "export for D3": '{ coordinationGraph { export(format: "d3") } }',
    "coalitions of a task type": '{ coalitions(taskType: "task-1") { agents successRateLow'
    " recommended } }",
}


async def ask(folder: Path) -> None:
    store = ClickHouse.embedded(folder)
    try:
        transport = httpx.ASGITransport(application(Queries(store)))
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            for name, question in QUESTIONS.items():
                await measure(client, name, question)
    finally:
        store.close()


async def measure(client: httpx.AsyncClient, name: str, question: str) -> None:
    if "%s" in question:
        question %= '"2026-09-25T11:20:00Z"', '"2026-10-02T11:20:00Z"'
    spent = []
    for _ in range(ROUNDS + 1):
        begun = time.perf_counter()
        answer = await client.post("/graphql", json={"query": question})
        spent.append((time.perf_counter() - begun) * 1e3)
        assert "errors" not in answer.json(), answer.text
    spent = sorted(spent[1:])
    print(f"| {name} | {statistics.median(spent):.1f} | {spent[-2]:.1f} | "
          f"{len(answer.content) // 1024} |", flush=True)  # fmt: skip


def shapes() -> None:
    """A graph of 500 agents and 100,000 handoffs, each agent to 20 others."""
    dice = random.Random(SEED)
    names = [f"agent-{number}" for number in range(500)]
    circles = {name: dice.sample(names, 20) for name in names}
    pairs = [(name, dice.choice(circles[name]), 1) for name in dice.choices(names, k=100_000)]
    timed("100,000 handoffs to a graph", lambda: coordination.graph(names, pairs))
    graph = coordination.graph(names, pairs)
    print(f"    {graph.number_of_edges():,} edges")
    timed("ways back", lambda: coordination.cycles(graph))
    timed("brokers", lambda: coordination.brokers(graph))
    timed("communities", lambda: coordination.communities(graph))
    for sessions in (1_000, 10_000):
        teams = summed(planted(3, sessions=sessions).sessions)
        timed(f"mining {len(teams):,} teams", lambda teams=teams: coalitions(teams))


def timed(name: str, work: Callable[[], object]) -> None:
    spent = []
    for _ in range(3):
        begun = time.process_time()
        work()
        spent.append((time.process_time() - begun) * 1e3)
    print(f"{name}: {min(spent):.0f} ms CPU", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("operations", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--agents", type=int, default=100)
    asked = parser.parse_args()
    print(f"{asked.operations:,} operations, {asked.agents} agents; {platform.machine()}, "
          f"{os.cpu_count()} cores, Python {platform.python_version()}, "
          f"load {os.getloadavg()[0]:.1f}")  # fmt: skip
    for to in _TO:
        with tempfile.TemporaryDirectory(prefix="bench-coordination-") as folder:
            place = Path(folder) / "store"
            ClickHouse.embedded(place).close()
            fill(place, asked.operations // 100, asked.agents, to)
            print(f"\neach agent hands to {to} others\n\n| ms | p50 | p95 | KiB |\n"
                  "| --- | ---: | ---: | ---: |")  # fmt: skip
            asyncio.run(ask(place))
    print()
    shapes()


if __name__ == "__main__":
    main()
