"""Spans a second that a receiver takes over OTLP/gRPC, beside others that do less.

    python benchmarks/bench_receive.py [--spans 512] [--size small] [--in-flight 32] [--rounds 5]

ours       a whole receiver process: checked, journalled, acknowledged after fdatasync
sink       grpcio that reads the bytes and answers; what Python's gRPC costs by itself
rotel      Rotel's blackhole (Rust): decoded and thrown away; left out where it is not installed
           (pip install rotel, or --rotel with the path of its rotel-agent)

One after the other in each round, each with a load generator in a process of its own on the same
cores. Payloads are encoded beforehand; each request is made a new one by its first trace id, since
our journal stores the same bytes once. The directory must be on a disk (--directory).
"""

import argparse
import importlib.util
import itertools
import json
import os
import platform
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llmops.journal import Journal, JournalSettings
from otel_llmops.receiver import Receiver

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
PAYLOADS = 8
ATTRIBUTES = 13
VALUE_BYTES = {"small": 17, "large": 180}  # about 0.55 KB and 2.6 KB a span
START_S = 20.0


@dataclass(frozen=True)
class Measured:
    """One peer in one round."""

    spans_s: float
    cpu_s_per_million: float
    peak_mb: float
    p50_ms: float
    p99_ms: float
    refused: int


def payload(spans: int, value_bytes: int, seed: int) -> bytes:
    """One request; the first 16 bytes of 0xEE in it are the first span's trace id."""
    dice = random.Random(seed)
    request = ExportTraceServiceRequest()
    envelope = request.resource_spans.add()
    envelope.resource.attributes.add(key="service.name").value.string_value = "support-desk"
    scope = envelope.scope_spans.add()
    scope.scope.name = "bench"
    for number in range(spans):
        span = scope.spans.add(
            trace_id=dice.randbytes(16) if number else b"\xee" * 16,
            span_id=dice.randbytes(8),
            parent_span_id=dice.randbytes(8),
            name=f"chat model-{number % 7}",
            kind=3,
            start_time_unix_nano=1_790_000_000_000_000_000 + number,
            end_time_unix_nano=1_790_000_001_000_000_000 + number,
        )
        for index in range(ATTRIBUTES - 2):
            text = dice.randbytes(value_bytes).hex()[:value_bytes]
            span.attributes.add(key=f"gen_ai.attribute.{index}").value.string_value = text
        span.attributes.add(key="gen_ai.usage.input_tokens").value.int_value = dice.randrange(9999)
        span.attributes.add(key="gen_ai.usage.output_tokens").value.int_value = dice.randrange(999)
    found: bytes = request.SerializeToString()
    return found


# the load generator, in a process of its own


def load(port: int, spans: int, value_bytes: int, in_flight: int, seconds: float) -> None:
    """Keep `in_flight` requests on their way for `seconds`, and say in JSON what came of them."""
    made = [payload(spans, value_bytes, seed) for seed in range(PAYLOADS)]
    places = [each.index(b"\xee" * 16) for each in made]
    numbers = itertools.count(1)
    latencies: list[float] = []
    refused = itertools.count()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        export = channel.unary_unary(EXPORT)
        export(made[0], timeout=START_S)
        end = time.perf_counter() + seconds

        def send() -> None:
            while (begun := time.perf_counter()) < end:
                number = next(numbers)
                template, at = made[number % PAYLOADS], places[number % PAYLOADS]
                try:
                    export(
                        b"".join((template[:at], number.to_bytes(16, "big"), template[at + 16 :])),
                        timeout=START_S,
                    )
                except grpc.RpcError:
                    next(refused)
                    continue
                latencies.append(time.perf_counter() - begun)

        started = time.perf_counter()
        senders = [threading.Thread(target=send) for _ in range(in_flight)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        elapsed = time.perf_counter() - started
    latencies.sort()
    answer = {
        "requests": len(latencies),
        "elapsed_s": elapsed,
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[len(latencies) * 99 // 100],
        "refused": next(refused),
        "bytes": len(made[0]),
    }
    print(json.dumps(answer))


# the peers


def sink(port: int) -> None:
    """The least that grpcio can do."""
    server = grpc.server(
        ThreadPoolExecutor(32), options=(("grpc.max_receive_message_length", 64 << 20),)
    )
    service, method = EXPORT[1:].split("/")
    handler = grpc.unary_unary_rpc_method_handler(lambda _request, _context: b"")
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {method: handler}),)
    )
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


def ours(port: int, directory: str) -> None:
    """The receiver of `serve`, alone: nobody reads the journal, so its budget is out of reach."""
    settings = JournalSettings(budget_bytes=2**40)
    with Journal.open(Path(directory), settings, required_consumers=()) as journal:
        receiver = Receiver(journal, grpc_port=port, http_port=0)
        receiver.start()
        stopping = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stopping.set())
        stopping.wait()
        receiver.stop(grace_s=1)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def command(peer: str, port: int, directory: str, rotel: str) -> list[str]:
    if peer == "rotel":
        return [
            *(rotel, "start", "--otlp-grpc-endpoint", f"127.0.0.1:{port}"),
            *("--otlp-http-endpoint", f"127.0.0.1:{free_port()}", "--exporter", "blackhole"),
            *("--otlp-grpc-max-recv-msg-size-mib", "64"),
        ]
    return [sys.executable, __file__, f"--be-{peer}", str(port), "--directory", directory]


@contextmanager
def running(peer: str, port: int, directory: str, rotel: str) -> Iterator[psutil.Process]:
    process = subprocess.Popen(command(peer, port, directory, rotel), stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(START_S)


def peak_mb(process: psutil.Process) -> float:
    """VmHWM: the most it ever had resident."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def measure(peer: str, args: argparse.Namespace) -> Measured:
    port = free_port()
    with (
        tempfile.TemporaryDirectory(dir=args.directory) as directory,
        running(peer, port, directory, args.rotel) as process,
    ):
        before = sum(process.cpu_times()[:2])
        loaded = subprocess.run(
            [
                *(sys.executable, __file__, "--load", str(port), "--spans", str(args.spans)),
                *("--size", args.size, "--in-flight", str(args.in_flight)),
                *("--seconds", str(args.seconds)),
            ],
            check=True,
            stdout=subprocess.PIPE,
        )
        cpu = sum(process.cpu_times()[:2]) - before
        peak = peak_mb(process)
    told = json.loads(loaded.stdout)
    spans = told["requests"] * args.spans
    return Measured(
        spans / told["elapsed_s"],
        1e6 * cpu / max(spans, 1),
        peak,
        told["p50_ms"],
        told["p99_ms"],
        told["refused"],
    )


def main() -> None:
    args = arguments()
    if args.load is not None:
        load(args.load, args.spans, VALUE_BYTES[args.size], args.in_flight, args.seconds)
        return
    if args.be_sink is not None:
        sink(args.be_sink)
        return
    if args.be_ours is not None:
        ours(args.be_ours, args.directory)
        return
    peers = ["ours", "sink"]
    if args.rotel:
        peers.append("rotel")
    else:
        print("rotel is not installed: left out")
    size = len(payload(args.spans, VALUE_BYTES[args.size], 0))
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, Python "
        f"{platform.python_version()}, grpcio {grpc.__version__}; {args.spans} spans, {size} By a "
        f"request, {args.in_flight} in flight, {args.rounds} rounds of {args.seconds:g} s"
    )
    found: dict[str, list[Measured]] = {peer: [] for peer in peers}
    for _ in range(args.rounds):
        for peer in peers:
            found[peer].append(measure(peer, args))
    report(found)


def report(found: dict[str, list[Measured]]) -> None:
    print("peer   spans/s median (min-max)        CPU s/M spans  peak MB  p50 ms  p99 ms  refused")
    for peer, rounds in found.items():
        rates = [each.spans_s for each in rounds]
        middle = [
            statistics.median(values)
            for values in zip(
                *((m.cpu_s_per_million, m.peak_mb, m.p50_ms, m.p99_ms) for m in rounds), strict=True
            )
        ]
        print(
            f"{peer:6} {statistics.median(rates):>9,.0f} ({min(rates):,.0f}-{max(rates):,.0f})  "
            f"{middle[0]:>8.2f}  {middle[1]:>7.0f}  {middle[2]:>6.1f}  {middle[3]:>6.1f}  "
            f"{sum(each.refused for each in rounds)}"
        )
    for peer in found.keys() - {"ours"}:
        ratios = [
            mine.spans_s / other.spans_s
            for mine, other in zip(found["ours"], found[peer], strict=True)
        ]
        print(f"ours / {peer}: {statistics.median(ratios):.2f}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found = importlib.util.find_spec("rotel")
    installed = str(Path(found.origin).with_name("rotel-agent")) if found and found.origin else None
    parser.add_argument("--spans", type=int, default=512, help="a request: 1, 32, 512, 8192")
    parser.add_argument("--size", choices=VALUE_BYTES, default="small")
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--directory", default=None)
    parser.add_argument("--rotel", default=installed, help="the rotel program")
    for inner in ("load", "be-sink", "be-ours"):
        parser.add_argument(f"--{inner}", type=int, default=None, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
