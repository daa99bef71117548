"""How long the analysis of a lake takes, and how much memory, in one process and on Ray.

    python benchmarks/bench_lake.py [SPANS] [--part-spans N]

Fills a lake with SPANS (default 200,000) spans of agent_traffic.py's sessions, and analyses it in a
process each way: by `analyse`, and in tasks of Ray on this machine. Prints seconds and the peak
memory of the process and of the largest of its children, in MB, Ray's start and end among them.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import agent_traffic
import psutil

from otel_llmops.analysis.derive import analyse
from otel_llmops.app.lakes import lake_spans
from otel_llmops.app.on_ray import analyse_on_ray
from otel_llmops.exporters.parquet import Parquet
from otel_llmops.otlp import Request, decode_traces

ROUND_SPANS = 20_000
BEGAN_NS = 1_795_000_000_000_000_000
PAUSE_S = 0.05
WAYS = ("one process", "Ray")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spans", nargs="?", type=int, default=200_000)
    parser.add_argument("--part-spans", type=int, default=25_000)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--lake", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        measure(arguments.way, arguments.lake, arguments.part_spans)
        return
    with tempfile.TemporaryDirectory() as folder:
        lake = Path(folder) / "lake"
        print(f"{fill(lake, arguments.spans):,} spans, parts of {arguments.part_spans:,}")
        for way in WAYS:
            here = [sys.executable, __file__, "--part-spans", str(arguments.part_spans)]
            subprocess.run([*here, "--way", way, "--lake", lake], check=True)


def fill(lake: Path, spans: int) -> int:
    made = agent_traffic.made_round(
        ROUND_SPANS, a_request=500, lasts_ms=60_000, session_ms=20_000, content_bytes=200
    )
    done = 0
    with closing(Parquet(lake, compacts=False)) as store:
        while done < spans:
            number = done // made.totals.spans
            requests = [
                Request(made.request(place, number=number, began_ns=BEGAN_NS))
                for place in range(len(made.requests))
            ]
            rows = decode_traces(requests)
            store.export_spans(rows, batch_id=f"{number}-0..{number}-9")
            done += rows.num_rows
    return done


def measure(way: str, lake: Path, part_spans: int) -> None:
    largest = [0, 0]
    threading.Thread(target=watch, args=(largest,), daemon=True).start()
    started = time.perf_counter()
    if way == "Ray":
        found = analyse_on_ray([lake], part_spans_max=part_spans)
    else:
        found = analyse(lake_spans(lake))
    seconds = time.perf_counter() - started
    sessions = found["sessions"].num_rows
    own, child = (each // 10**6 for each in largest)
    print(f"{way}: {seconds:.1f} s, {own:,} MB, a child {child:,} MB, {sessions:,} sessions")


def watch(largest: list[int]) -> None:
    """Keep the most memory that this process, and one below it, had, By."""
    this = psutil.Process()
    while True:
        largest[0] = max(largest[0], this.memory_info().rss)
        for child in this.children(recursive=True):
            with suppress(psutil.Error):
                # without what is shared: Ray's workers map one store of objects
                found = child.memory_info()
                largest[1] = max(largest[1], found.rss - found.shared)
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()
