"""Critical paths: how fast, how they grow, and how they compare with Uber's CRISP.

Strategy: one process, thread CPU. Ours runs over all traces at once; CRISP (a checkout of
github.com/uber-research/CRISP, which is neither installed nor copied) takes them one by one, from
documents that are parsed already, and only its search for the path is timed. Simple traces (no two
calls of one parent overlap in part) are to have the same path in both; of traces in which calls
overlap in part the share that agrees is told, as the definitions differ there.

    python benchmarks/bench_critical_path.py [--crisp CHECKOUT] [--traces 2000] [--spans 100000]
"""

import argparse
import importlib.util
import os
import platform
import random
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from bench_analysis import BASE_NS, Columns, as_table, made

from otel_llmops.analysis import derive
from otel_llmops.analysis.bottlenecks import bottlenecks
from otel_llmops.analysis.critical_path import critical_path
from otel_llmops.analysis.findings import Findings
from otel_llmops.analysis.pieces import pieces_of
from otel_llmops.analysis.readings import read

Tree = list[tuple[int, int, int]]
"""Spans of a trace: (parent, start, end) in µs; the first one is the root (parent -1)."""


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.process_time()
    result = work()
    return result, time.process_time() - began


def simple(dice: random.Random, spans: int) -> Tree:
    """Calls in calls, one after the other or all at once."""
    tree: Tree = [(-1, 0, 10_000_000)]
    open_spans = [0]
    while len(tree) < spans and open_spans:
        parent = open_spans.pop(dice.randrange(len(open_spans)))
        _, start, end = tree[parent]
        count = min(dice.randint(1, 6), spans - len(tree))
        if end - start < 100 * count:
            continue
        cuts = sorted(dice.sample(range(start + 1, end), 2 * count))
        if dice.random() < 0.3:  # all at once: they begin together and end one by one
            times = [(cuts[0], cuts[count + each]) for each in range(count)]
        else:
            times = [(cuts[2 * each], cuts[2 * each + 1]) for each in range(count)]
        for each in times:
            open_spans.append(len(tree))
            tree.append((parent, *each))
    return tree


def overlapping(dice: random.Random, spans: int) -> Tree:
    """The same, but calls of one parent begin and end at any time."""
    tree: Tree = [(-1, 0, 10_000_000)]
    while len(tree) < spans:
        parent = dice.randrange(len(tree))
        _, start, end = tree[parent]
        if end - start < 100:
            continue
        first, last = sorted(dice.sample(range(start, end + 1), 2))
        tree.append((parent, first, last))
    return tree


def ours(trees: list[Tree]) -> tuple[list[set[int]], float, float]:
    """The spans on each trace's path; seconds from spans on, and for the path alone."""
    spans = as_spans(trees)
    began = time.process_time()
    readings = read(spans)
    pieces = pieces_of(readings)
    path, alone = timed(lambda: critical_path(pieces))
    whole = time.process_time() - began
    trace, span = (readings.spans[name].to_pylist() for name in ("trace_id", "span_id"))
    found: list[set[int]] = [set() for _ in trees]
    for row in np.flatnonzero(path.on[: len(trace)]).tolist():
        found[int(trace[row], 16)].add(int(span[row], 16) - 1)
    return found, whole, alone


def as_spans(trees: list[Tree]) -> pa.Table:
    columns = Columns(random.Random(1))
    for number, tree in enumerate(trees):
        for place, (parent, start, end) in enumerate(tree):
            above = f"{parent + 1:016x}" if parent >= 0 else ""
            times = (BASE_NS + 1000 * start, BASE_NS + 1000 * end)
            columns.add(f"{number:032x}", above, f"op{place}", times, {})
            columns.span[-1] = f"{place + 1:016x}"
    return as_table(columns)


def crisp(checkout: Path, trees: list[Tree]) -> tuple[list[set[int]], float, float]:
    """The same by CRISP, from documents that are parsed already."""
    documents = [_document(tree) for tree in trees]
    make, file = _crisp_graph(checkout), str(checkout / "README.md")
    began = time.process_time()
    graphs = [make(each, "s", "op0", file, rootTrace=True) for each in documents]
    found, alone = timed(lambda: [graph.findCriticalPath() for graph in graphs])
    whole = time.process_time() - began
    return [{int(node.sid) for node in nodes} for nodes in found], whole, alone


def _document(tree: Tree) -> dict[str, Any]:
    spans = [
        {
            "traceID": "t",
            "spanID": str(number),
            "operationName": f"op{number}",
            "references": [{"refType": "CHILD_OF", "spanID": str(parent)}] if parent >= 0 else [],
            "startTime": start,
            "duration": end - start,
            "processID": "p",
            "tags": [],
            "logs": [],
        }
        for number, (parent, start, end) in enumerate(tree)
    ]
    process = {"p": {"serviceName": "s", "tags": []}}
    return {"data": [{"traceID": "t", "spans": spans, "processes": process}]}


def _crisp_graph(checkout: Path) -> Any:
    if "crisp.graph" not in sys.modules:
        sys.path.insert(0, str(checkout))
        sys.setrecursionlimit(100_000)
        for name in ("numpy", "pandas", "yaml", "psutil", "matplotlib"):
            if importlib.util.find_spec(name) is None:
                sys.modules[name] = types.ModuleType(name)
    return importlib.import_module("crisp.graph").Graph


def compare(checkout: Path, traces: int) -> None:
    dice = random.Random(7)
    for name, make in (("simple", simple), ("overlapping in part", overlapping)):
        trees = [make(dice, dice.choice((10, 20, 40, 80, 160))) for _ in range(traces)]
        spans = sum(map(len, trees))
        mine, my_whole, my_path = ours(trees)
        theirs, their_whole, their_path = crisp(checkout, trees)
        same = sum(one == other for one, other in zip(mine, theirs, strict=True))
        on = sum(map(len, theirs))
        print(f"{name}: {traces:,} traces, {spans:,} spans, {on:,} on paths; same in {same:,}")
        for what, my, their in (
            ("from spans on", my_whole, their_whole),
            ("the path alone", my_path, their_path),
        ):
            print(
                f"    {what}: ours {spans / my:,.0f} spans/s, CRISP {spans / their:,.0f} spans/s, "
                f"ratio {their / my:.1f}"
            )


def findings(spans: pa.Table) -> Findings:
    """What the stages before have found."""
    kept: list[Findings] = []

    def keep(found: Findings) -> pa.Table:
        kept.append(found)
        return bottlenecks(found)

    derive.bottlenecks = keep
    derive.analyse(spans)
    derive.bottlenecks = bottlenecks
    return kept[0]


def stages(count: int, repeat: int) -> float:
    found = findings(made(count))
    rows = len(found.readings.start)
    parts = {
        "critical paths": lambda: critical_path(pieces_of(found.readings)),
        "bottlenecks, critical paths among them": lambda: bottlenecks(found),
    }
    seconds = 0.0
    for name, work in parts.items():
        seconds = min(timed(work)[1] for _ in range(repeat))
        print(f"{rows:,} spans: {name}: {rows / seconds:,.0f} spans/s")
    print(f"    {bottlenecks(found).num_rows:,} rows of {len(found.sessions.ids):,} sessions")
    return seconds / rows


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--crisp", type=Path, metavar="CHECKOUT")
    arguments.add_argument("--traces", type=int, default=2000)
    arguments.add_argument("--spans", type=int, default=100_000)
    arguments.add_argument("--repeat", type=int, default=5)
    asked = arguments.parse_args()
    pa.set_cpu_count(1)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, one used; Python "
        f"{platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    )
    small, large = (stages(n, asked.repeat) for n in (asked.spans // 4, asked.spans))
    print(f"4 times the rows: {4 * large / small:.2f} times the time")
    if asked.crisp:
        compare(asked.crisp, asked.traces)


if __name__ == "__main__":
    main()
