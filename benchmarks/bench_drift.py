"""How many MB of message text a second context drift reads on one core, and that it grows evenly.

Strategy: seeded conversations of agents that hand over (tests/support/conversations.py), each
message made longer by prose of a seeded vocabulary, in several dialects; only the drift is timed.
MB are of the documents it read: what stands beside handoffs. Beside it are the bytes of all
attributes on the spans, most of which it need not read.

    python -m benchmarks.bench_drift [--sessions 400] [--words 300] [--repeat 3] [--profile]
"""

import argparse
import cProfile
import os
import platform
import pstats
import random
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.agents import activations
from otel_llmops.analysis.drift import drift
from otel_llmops.analysis.drift_documents import Budget, documents_of
from otel_llmops.analysis.drift_sides import sides_of
from otel_llmops.analysis.handoffs import handoffs
from otel_llmops.analysis.messages import messages_of
from otel_llmops.analysis.readings import read
from otel_llmops.analysis.sessions import sessions
from tests.support.conversations import DIALECTS, conversation, plans
from tests.support.tree import Node, table

_ALPHABET = "etaoinshrdlucmfwypvbgk"


def vocabulary(chance: random.Random) -> list[str]:
    """Words as long as those of prose, a few of them numbers."""
    words = [
        "".join(chance.choices(_ALPHABET, k=chance.choice((2, 3, 3, 4, 5, 6, 7, 8, 11))))
        for _ in range(5_000)
    ]
    return words + [str(chance.randrange(10_000)) for _ in range(200)]


def longer(node: Node, prose: str) -> Node:
    """The node with prose in each of its messages."""
    said = {
        key: value.replace(". ", f". {prose} ", 1) if len(value) > 40 else value
        for key, value in node.said.items()
    }
    events = tuple(
        (name, {key: f"{value} {prose}" for key, value in told.items()})
        for name, told in node.events
    )
    return replace(node, said=said, events=events)


def made(count: int, words: int) -> pa.Table:
    """The spans of `count` conversations of 4 handoffs."""
    chance = random.Random(5)
    known = vocabulary(chance)
    nodes = [
        longer(node, " ".join(chance.choices(known, k=words)))
        for plan in plans(count, seed=3, handoffs=4)
        if plan.dialect in DIALECTS
        for node in conversation(plan)
    ]
    return table(nodes)


def measure(count: int, words: int, repeat: int, *, profile: bool = False) -> float:
    """Time the drift of `count` conversations; s."""
    spans = made(count, words)
    readings = read(spans)
    tied = sessions(readings)
    acts = activations(readings, tied.session)
    edges = handoffs(readings, acts, tied.run)
    seconds = []
    for _ in range(repeat):
        began = time.process_time()
        found = drift(readings, acts, edges, tied.run)
        seconds.append(time.process_time() - began)
    messages = messages_of(readings.attributes)
    documents = documents_of(
        messages, sides_of(readings, acts, edges, tied.run, messages), Budget()
    )
    text = sum(map(len, documents.texts)) / 1e6
    held = pc.sum(pc.binary_length(spans["attributes"].combine_chunks().items)).as_py() / 1e6
    best = min(seconds)
    print(
        f"{count:,} sessions, {spans.num_rows:,} spans, {len(edges.source):,} handoffs: "
        f"{text:.1f} MB of documents, {held:.1f} MB of attributes; {best:.2f} s CPU, "
        f"{text / best:.0f} MB/s, "
        f"{spans.num_rows / best:,.0f} spans/s; mean score {np.mean(found.score):.2f}"
    )
    if profile:
        profiler = cProfile.Profile()
        profiler.runcall(drift, readings, acts, edges, tied.run)
        pstats.Stats(profiler).sort_stats("tottime").print_stats(20)
    return best


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sessions", type=int, default=400)
    arguments.add_argument("--words", type=int, nargs="+", default=[0, 30, 300, 3000])
    arguments.add_argument("--repeat", type=int, default=3)
    arguments.add_argument("--profile", action="store_true")
    asked = arguments.parse_args()
    pa.set_cpu_count(1)
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, one used; "
        f"Python {platform.python_version()}, numpy {np.__version__}, load {os.getloadavg()[0]:.1f}"
    )
    for words in asked.words:
        print(f"{words} words more in each message")
        small = measure(asked.sessions // 4, words, asked.repeat)
        large = measure(asked.sessions, words, asked.repeat, profile=asked.profile)
        print(f"    4 times the rows: {large / small:.2f} times the time")


if __name__ == "__main__":
    main()
