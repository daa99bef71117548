"""Appends a second and MB/s of the journal, durable, by number of threads and size.

    python benchmarks/bench_journal.py [--directory DIR] [--seconds 2] [--durability fsync]

The directory must be on the disk that is to be measured (a RAM disk tells nothing).
"""

import argparse
import os
import platform
import resource
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from otel_llmops.journal import Journal, JournalSettings, Reader

THREADS = (1, 8, 32, 64)
SIZES = {"512 spans": 285_000, "1 KB": 1_000}


@dataclass(frozen=True)
class Measured:
    """One run: how many appends in how long, and what they cost."""

    appends: int
    size: int
    elapsed_s: float
    cpu_s: float
    commits: int
    latencies_ms: list[float]

    def line(self, name: str, threads: int) -> str:
        ordered = sorted(self.latencies_ms)
        median, high = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
        megabytes = self.appends * self.size / 1e6
        return (
            f"{name:>9}  {threads:>7}  {self.appends:>7}  "
            f"{self.appends / self.elapsed_s:>9.0f}  {megabytes / self.elapsed_s:>7.1f}  "
            f"{self.appends / self.commits:>7.1f}  {median:>7.2f}  {high:>7.2f}  "
            f"{1e6 * self.cpu_s / self.appends:>9.0f}"
        )


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def append_for(journal: Journal, size: int, threads: int, seconds: float) -> Measured:
    """`threads` senders, each with one request in flight, no two requests the same."""
    filler = os.urandom(size)
    latencies: list[list[float]] = [[] for _ in range(threads)]
    start, cpu = time.perf_counter(), cpu_s()

    def send(thread: int) -> None:
        while (begun := time.perf_counter()) < start + seconds:
            name = f"{thread:08d}{len(latencies[thread]):08d}".encode()
            journal.append(name + filler[16:], signal=1, encoding=1)
            latencies[thread].append(1000 * (time.perf_counter() - begun))

    senders = [threading.Thread(target=send, args=(thread,)) for thread in range(threads)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    every = [latency for of_one in latencies for latency in of_one]
    elapsed = time.perf_counter() - start
    return Measured(len(every), size, elapsed, cpu_s() - cpu, journal.commits, every)


def read_all(directory: Path) -> str:
    with Reader.open(directory, "store") as reader:
        start, size = time.perf_counter(), 0
        while records := reader.read(8 * 2**20):
            size += sum(len(record.payload) for record in records)
    return f"{size / 1e6 / (time.perf_counter() - start):.0f} MB/s read back"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, default=None)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--durability", choices=("fsync", "os", "none"), default="fsync")
    args = parser.parse_args()
    settings = replace(
        JournalSettings(budget_bytes=2**40, queue_bytes_max=2**30), durability=args.durability
    )
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, "
        f"Python {platform.python_version()}, durability {args.durability}"
    )
    print("     size  threads  appends  appends/s     MB/s  a group   p50 ms   p99 ms  CPU us/app")
    for name, size in SIZES.items():
        for threads in THREADS:
            with tempfile.TemporaryDirectory(dir=args.directory) as directory:
                path = Path(directory)
                with Journal.open(path, settings, required_consumers=["store"]) as journal:
                    measured = append_for(journal, size, threads, args.seconds)
                print(measured.line(name, threads), "", read_all(path), flush=True)


if __name__ == "__main__":
    main()
