"""Handoffs against their oracle, over more forests than Hypothesis draws in the time."""

import json
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import example, given

from otel_llmops.analysis.derive import analyse
from tests.analysis.forests import forests, random_forest, whole_analysis
from tests.oracles.activations import told_by_nobody
from tests.oracles.handoffs import handoffs
from tests.oracles.rows import in_order, parents_of
from tests.oracles.sessions import runs, session_names
from tests.support.tree import MS, Node, span_id, table, trace_id, tree

_COLUMNS = ["trace_id", "from_span_id", "to_span_id", "kind", "evidence", "latency_ns"]
_TARGET = "gen_ai.transfer.target.name"
_AT_ONCE = 200
"""Forests in one analysis, each in traces of its own."""

LATE = [
    Node("agent", "planner", 0, 10, 1),
    Node("agent", "Writer", 0, -5, 2, 1),
    Node("agent", "writer", 10, 5, 3, 2),
    Node("agent", "planner", 0, -5, 4, 3),
]
"""What an agent above was moved to by its times says nothing of an agent that began before it."""

OUTLIVES = tree("""
    agent planner 0-30
      agent writer 0-10
        span work 20-25
          agent critic 20-60
""")
"""Nobody around holds the critic in time, so it stays where it hangs."""

CALLED_EARLY = tree("""
    agent critic 110-210
      agent Writer 90-92
        tool transfer_to_planner 110-110
          llm gpt 70-81
""")
"""A tool holds what hangs below it, whoever had ended meanwhile."""

NOT_BACK = tree(f"""
    workflow crew 0-200
      agent critic 90-110
        tool transfer_back_to_planner 100-105 {_TARGET}=writer
      agent writer 110-120
""")
"""An attribute that tells of somebody else wins over the tool's name."""

BACK = tree(f"""
    workflow crew 0-200
      agent planner 0-40
        tool transfer_to_writer 10-20
      agent writer 50-80
        tool transfer_back_to_planner 60-70 {_TARGET}=Planner
      agent planner 90-110
""")
"""An attribute that says the same as the name leaves it a return."""


@whole_analysis
@example(LATE)
@example(OUTLIVES)
@example(CALLED_EARLY)
@example(NOT_BACK)
@example(BACK)
@given(forests())
def test_handoffs_are_the_oracles(drawn: list[Node]) -> None:
    nodes = _told(drawn)
    assert _found(nodes) == _expected(nodes)


@pytest.mark.parametrize("seed", [1])
def test_handoffs_of_random_forests_are_the_oracles(seed: int) -> None:
    _compare(seed, 400)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [2, 3, 4, 100, 20261129])
def test_handoffs_of_many_random_forests_are_the_oracles(seed: int) -> None:
    _compare(seed, 6_000)


def _compare(seed: int, count: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - forests, no secrets
    for _ in range(count // _AT_ONCE):
        drawn = [_told(random_forest(chance, 100 * number)) for number in range(_AT_ONCE)]
        expected: Counter[tuple[object, ...]] = Counter()
        for nodes in drawn:
            expected += _expected(nodes)
        assert _found(node for nodes in drawn for node in nodes) == expected


def _told(drawn: list[Node]) -> list[Node]:
    """Without what the oracle leaves to another: words that nobody says."""
    nodes = in_order(drawn)
    for row in told_by_nobody(nodes, parents_of(nodes)):
        nodes[row] = replace(nodes[row], name="search", said={})
    return in_order(nodes)


def _expected(nodes: list[Node]) -> Counter[tuple[object, ...]]:
    parent = parents_of(nodes)
    return Counter(
        (
            trace_id(nodes[edge.target].trace),
            span_id(nodes[edge.source].id),
            span_id(nodes[edge.target].id),
            edge.kind,
            edge.evidence,
            None if edge.latency is None else edge.latency * MS,
        )
        for edge in handoffs(nodes, parent, runs(nodes), session_names(nodes, parent))
    )


def _found(nodes: Iterable[Node]) -> Counter[tuple[object, ...]]:
    rows = analyse(table(nodes))["agent_handoffs"].select(_COLUMNS).to_pylist()
    return Counter(
        tuple((row | {"evidence": tuple(json.loads(row["evidence"]))}).values()) for row in rows
    )
