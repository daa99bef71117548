"""From the wire to an answer: spans a second that `serve` stores, analyses and answers for.

    python benchmarks/bench_ingest.py [--rate 50000] [--seconds 60] [--graphql]
    python benchmarks/bench_ingest.py --peer .../bin/phoenix --rate 300 --seconds 20

A real `serve` of its own, and a load generator in a process of its own on the same cores, which
sends traces of agents (agent_traffic.py) over OTLP/gRPC. The time ends when
GraphQL's sums over all agents are those of what was sent: nothing missing, nothing twice; then the
store itself is counted. `--rate 0` sends as fast as it is acknowledged. --peer is Phoenix (pip
install arize-phoenix) on its SQLite, under the same load; its time ends when its table holds every
span. CPU is that of the processes and, in the engine, of the threads by name: `python` decodes and
analyses, `ThreadPool` is ClickHouse inserting and reading, `MergeMutate` merging.
"""

import argparse
import itertools
import json
import os
import platform
import resource
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import agent_traffic  # type: ignore[import-not-found]  # beside this file
import grpc
import httpx
import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own
from usage import Usage, watched  # type: ignore[import-not-found]  # beside this file

from otel_llmops.app.endpoints import Endpoints, read_endpoints

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
START_S = 60.0
SENDERS = 16
TOTALS = "{ agents(limit: 1000) { name invocations totalTokens } }"
QUERIES = {
    "agents": TOTALS,
    "sessions": "{ sessions(limit: 50) { sessionId inputTokens agents } }",
    "handoffs": "{ handoffs(limit: 50) { fromAgent toAgent quality } }",
}
COUNTED = """
import json, sys
from contextlib import closing
from pathlib import Path
from otel_llmops.exporters.clickhouse_client import Clients, embedded_connect
clients = Clients(embedded_connect(Path(sys.argv[1])), query_s_max=300)
with closing(clients):
    (spans,) = clients.select(
        "SELECT count() AS stored, uniqExact(trace_id, span_id) AS distinct FROM spans"
    ).to_pylist()
    (sessions,) = clients.select(
        "SELECT sum(sign) AS sessions, sum(sign * final) AS final FROM sessions"
    ).to_pylist()
print(json.dumps(spans | sessions))
"""


# the load generator, in a process of its own


def load(args: argparse.Namespace) -> None:
    """Send whole rounds for about `seconds`, and say in JSON what was acknowledged."""
    made = agent_traffic.made_round(
        args.round_spans,
        a_request=args.spans,
        lasts_ms=max(1, round(1000 * args.round_spans / (args.rate or 100_000))),
        session_ms=args.session_ms,
        content_bytes=args.content,
    )
    size = sum(len(each.body) for each in made.requests)
    print(json.dumps({"span_bytes": round(size / made.totals.spans)}), flush=True)
    sys.stdin.readline()
    rounds = max(1, round(args.seconds * (args.rate or 100_000) / made.totals.spans))
    places = iter(list(itertools.product(range(1, rounds + 1), range(len(made.requests)))))
    began_ns = dict.fromkeys(range(1, rounds + 1), 0)
    lock, late = threading.Lock(), [0.0]
    before, began = _cpu_s(), time.perf_counter()
    with grpc.insecure_channel(f"127.0.0.1:{args.load}") as channel:
        export = channel.unary_unary(EXPORT)

        def send() -> None:
            while True:
                with lock:
                    number, place = next(places, (0, 0))
                    due = (number - 1) * made.totals.spans + place * args.spans
                    began_ns[number] = began_ns.get(number) or time.time_ns()
                if not number:
                    return
                if args.rate:
                    pause = began + due / args.rate - time.perf_counter()
                    late[0] = max(late[0], -pause)
                    time.sleep(max(0.0, pause))
                body = made.request(place, number=number, began_ns=began_ns[number])
                while True:
                    try:
                        export(body, timeout=START_S)
                        break
                    except grpc.RpcError as error:
                        refused[error.code().name] += 1
                        time.sleep(0.2)

        refused: Counter[str] = Counter()
        senders = [threading.Thread(target=send) for _ in range(SENDERS)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
    told = {
        "spans": rounds * made.totals.spans,
        "sessions": rounds * made.totals.sessions,
        "elapsed_s": time.perf_counter() - began,
        "late_s": late[0],
        "cpu_s": _cpu_s() - before,
        "refused": refused,
        "agents": {
            agent: [rounds * invocations, rounds * (tokens_in + tokens_out)]
            for agent, (invocations, _, tokens_in, tokens_out) in made.totals.by_agent.items()
        },
    }
    print(json.dumps(told), flush=True)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


# who is measured


@dataclass
class Peer:
    """A running server: where it takes OTLP/gRPC, and how much of a load it has answers for."""

    process: subprocess.Popen[bytes]
    grpc_port: int
    has_all: Callable[[dict[str, Any]], bool]
    api: str = ""


@contextmanager
def ours(folder: Path) -> Iterator[Peer]:
    ports = (str(each) for each in _free_ports(3))
    flags = [
        each
        for name in ("--grpc-port", "--http-port", "--api-port")
        for each in (name, next(ports))
    ]
    command = [sys.executable, "-m", "otel_llmops.cli", "serve", "--data", str(folder), *flags]
    with _running(command, {}) as process:
        found: Endpoints = _until(
            lambda: (told := read_endpoints(folder)) and told.pid == process.pid and told
        )

        def has_all(sent: dict[str, Any]) -> bool:
            told = {
                a["name"]: [a["invocations"], a["totalTokens"]]
                for a in ask(found.api, TOTALS)["agents"]
            }
            more = {name for name, sums in told.items() if sums > sent["agents"].get(name, [0, 0])}
            assert not more, f"more was counted than was sent, of {more}"
            return bool(told == sent["agents"])

        yield Peer(process, found.grpc_port, has_all, found.api)


@contextmanager
def phoenix(program: str, folder: Path) -> Iterator[Peer]:
    grpc_port, http_port = _free_ports(2)
    places = {
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_GRPC_PORT": str(grpc_port),
        "PHOENIX_PORT": str(http_port),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    with _running([program, "serve"], places) as process:
        _until(lambda: _answers(grpc_port) and _answers(http_port))

        def has_all(sent: dict[str, Any]) -> bool:
            with closing(
                sqlite3.connect(f"file:{folder}/phoenix.db?mode=ro", uri=True)
            ) as database:
                (count,) = database.execute("SELECT count(*) FROM spans").fetchone()
            return bool(count >= sent["spans"])

        yield Peer(process, grpc_port, has_all)


@contextmanager
def _running(command: list[str], places: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command, env=os.environ | places, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(START_S)


def ask(api: str, query: str) -> dict[str, Any]:
    """The data of a GraphQL answer."""
    told = httpx.post(f"{api}/graphql", json={"query": query}, timeout=START_S).json()
    assert "errors" not in told, told["errors"]
    found: dict[str, Any] = told["data"]
    return found


def _until(condition: Callable[[], Any], seconds: float = START_S, *, every_s: float = 0.05) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(every_s)
    return found


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


# what it takes


@contextmanager
def asked(api: str, times: dict[str, list[float]]) -> Iterator[None]:
    """Ask one query after the other while the block runs."""
    done = threading.Event()

    def go_on() -> None:
        for name in itertools.cycle(QUERIES):
            if done.wait(0.05):
                return
            began = time.perf_counter()
            ask(api, QUERIES[name])
            times.setdefault(name, []).append(1000 * (time.perf_counter() - began))

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def measure(peer: Peer, args: argparse.Namespace) -> dict[str, Any]:
    """One load from beginning to the last answer."""
    names = ("spans", "rate", "seconds", "round_spans", "session_ms", "content")
    flags = [each for n in names for each in (f"--{n.replace('_', '-')}", str(getattr(args, n)))]
    command = [sys.executable, __file__, "--load", str(peer.grpc_port), *flags]
    times: dict[str, list[float]] = {}
    usage = Usage(psutil.Process(peer.process.pid))
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as sender:
        assert sender.stdin is not None
        assert sender.stdout is not None
        size = json.loads(sender.stdout.readline())["span_bytes"]
        usage.look()
        before, began = Counter(usage.cpu_s), time.perf_counter()
        print("go", file=sender.stdin, flush=True)
        with watched(usage):
            if args.graphql:
                with asked(peer.api, times):
                    sent = json.loads(sender.stdout.readline())
            else:
                sent = json.loads(sender.stdout.readline())
            # seldom: to add up all agents takes a core for 0.1 s
            _until(lambda: peer.has_all(sent), args.patience, every_s=1.0)
            elapsed = time.perf_counter() - began
    used = {name: seconds - before[name] for name, seconds in usage.cpu_s.items()}
    found: dict[str, Any] = sent | {
        "all_s": elapsed,
        "used": used,
        "usage": usage,
        "times": times,
        "size": size,
    }
    return found


def report(told: dict[str, Any]) -> None:
    spans, million = told["spans"], told["spans"] / 1e6
    print(
        f"{spans:,} spans of {told['size']} By, {told['sessions']:,} sessions; refused "
        f"{dict(told['refused'])}\n"
        f"acknowledged after {told['elapsed_s']:.1f} s: {spans / told['elapsed_s']:,.0f} spans/s "
        f"(late by up to {told['late_s']:.1f} s)\n"
        f"answered for after {told['all_s']:.1f} s: {spans / told['all_s']:,.0f} spans/s\n"
        f"load {os.getloadavg()[0]:.1f}"
    )
    every = sum(told["used"].values())
    sender = told["cpu_s"] / million
    print(f"CPU s per million spans: {every / million:.1f}, and the sender {sender:.1f}")
    for name, seconds in sorted(told["used"].items(), key=lambda each: -each[1]):
        if seconds / million >= 0.1:
            print(f"    {name:28} {seconds / million:6.1f}")
    usage = told["usage"]
    print(
        f"peak memory: {usage.peak_mb:,.0f} MB at once, {sum(usage.peaks.values()):,.0f} as a sum"
    )
    for name, each in told["times"].items():
        each.sort()
        print(
            f"GraphQL {name}: n = {len(each)}, p50 {each[len(each) // 2]:.0f} ms, "
            f"p95 {each[len(each) * 95 // 100]:.0f} ms, most {each[-1]:.0f} ms"
        )


def main() -> None:
    args = arguments()
    if args.load is not None:
        load(args)
        return
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; "
        f"{args.spans} spans a request, {args.rate or 'any number of'} spans/s"
    )
    with tempfile.TemporaryDirectory(dir=args.directory) as directory:
        folder = Path(directory)
        with phoenix(args.peer, folder) if args.peer else ours(folder) as peer:
            told = measure(peer, args)
        report(told)
        if not args.peer:
            counted = subprocess.run(
                [sys.executable, "-c", COUNTED, str(folder / "store")],
                stdout=subprocess.PIPE,
                check=True,
            )
            found = json.loads(counted.stdout)
            print(f"in the store: {found}")
            sent = {"stored": told["spans"], "distinct": told["spans"]}
            assert found == sent | dict.fromkeys(("sessions", "final"), told["sessions"])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spans", type=int, default=512, help="a request")
    parser.add_argument("--rate", type=float, default=50_000, help="spans/s; 0: as fast as it goes")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--round-spans", type=int, default=131_072, help="before ids repeat anew")
    parser.add_argument("--session-ms", type=int, default=1_000, help="what a session takes")
    parser.add_argument("--content", type=int, default=120, help="bytes of a text that was said")
    parser.add_argument("--graphql", action="store_true", help="ask meanwhile")
    parser.add_argument("--patience", type=float, default=300.0, help="s, after the last span")
    parser.add_argument("--peer", default="", help="the phoenix program, in place of ours")
    parser.add_argument("--directory", default=None)
    parser.add_argument("--load", type=int, default=None, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
