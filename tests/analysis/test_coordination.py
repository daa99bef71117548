"""The shape of coordination graphs, against plain dicts, and laws that need no oracle."""

import json
import random
import time
from typing import Any

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.analysis import coordination
from otel_llmops.analysis.derive import analyse
from tests.analysis.forests import forests, whole_analysis
from tests.oracles import coordination as oracle
from tests.support.tree import Node, spans, table

AGENTS = "abcdefg"
pairs = st.lists(st.tuples(st.sampled_from(AGENTS), st.sampled_from(AGENTS)), max_size=24)


def graph_of(handoffs: list[tuple[str, str]]) -> nx.DiGraph:
    agents = {agent for pair in handoffs for agent in pair}
    return coordination.graph(agents, [(a, b, 1) for a, b in handoffs])


def is_a_way(graph: nx.DiGraph, cycle: list[str]) -> bool:
    return all(graph.has_edge(a, b) for a, b in zip(cycle, cycle[1:] + cycle[:1], strict=True))


@given(pairs)
def test_every_agent_that_control_comes_back_to_is_on_a_shortest_way(
    handoffs: list[tuple[str, str]],
) -> None:
    graph = graph_of(handoffs)
    cycles = coordination.cycles(graph)
    shortest = {
        agent: min(len(cycle) for cycle in cycles if agent in cycle)
        for agent in {agent for cycle in cycles for agent in cycle}
    }
    assert shortest == oracle.shortest_ways_back(handoffs)
    assert all(is_a_way(graph, cycle) and cycle[0] == min(cycle) for cycle in cycles)
    assert cycles == sorted(cycles, key=lambda cycle: (len(cycle), cycle))
    assert len({tuple(cycle) for cycle in cycles}) == len(cycles) <= len(graph)


@given(pairs)
def test_brokers_are_on_the_shortest_paths_of_others(handoffs: list[tuple[str, str]]) -> None:
    found = coordination.brokers(graph_of(handoffs))
    assert dict(found) == pytest.approx(oracle.betweenness(handoffs))
    assert [share for _, share in found] == sorted((share for _, share in found), reverse=True)


@given(pairs)
def test_entries_exits_and_ping_pongs_are_what_the_pairs_say(
    handoffs: list[tuple[str, str]],
) -> None:
    graph, known = graph_of(handoffs), {pair for pair in handoffs if pair[0] != pair[1]}
    out, into = {a for a, _ in known}, {b for _, b in known}
    selves = {a for a, b in handoffs if a == b}
    assert coordination.entries(graph) == sorted((out | selves) - into)
    assert coordination.exits(graph) == sorted((into | selves) - out)
    both = {(a, b) for a, b in known if a < b and (b, a) in known}
    assert {(a, b): (n, m) for a, b, n, m in coordination.ping_pongs(graph)} == {
        (a, b): (handoffs.count((a, b)), handoffs.count((b, a))) for a, b in both
    }


@given(pairs, st.randoms(use_true_random=False))
def test_renaming_agents_renames_the_answers(
    handoffs: list[tuple[str, str]], dice: random.Random
) -> None:
    named = dict(zip(AGENTS, dice.sample(AGENTS, len(AGENTS)), strict=True))
    renamed = [(named[a], named[b]) for a, b in handoffs]
    before, after = graph_of(handoffs), graph_of(renamed)
    assert sorted(named[each] for each in coordination.entries(before)) == coordination.entries(
        after
    )
    assert {named[each]: share for each, share in coordination.brokers(before)} == pytest.approx(
        dict(coordination.brokers(after))
    )
    lengths = [sorted(map(len, coordination.cycles(graph))) for graph in (before, after)]
    assert lengths[0][:1] == lengths[1][:1]


def test_a_long_ring_is_one_cycle_and_nothing_recurses() -> None:
    names = [f"agent-{number:05}" for number in range(5_000)]
    ring = list(zip(names, names[1:] + names[:1], strict=True))
    assert coordination.cycles(graph_of(ring)) == [names]


def test_all_hand_to_all_is_answered_at_once() -> None:
    names = [f"agent-{number:03}" for number in range(300)]
    everybody = [(a, b) for a in names for b in names if a != b]
    graph = graph_of(everybody)
    begun = time.process_time()
    cycles = coordination.cycles(graph)
    brokers = coordination.brokers(graph)
    assert time.process_time() - begun < 10
    assert {len(cycle) for cycle in cycles} == {2}
    assert brokers == []


def test_groups_that_keep_to_themselves_are_communities() -> None:
    groups = [[f"{letter}{number}" for number in range(4)] for letter in "xyz"]
    inside = [(a, b) for group in groups for a in group for b in group if a != b]
    assert coordination.communities(graph_of([*inside, ("x0", "y0"), ("y1", "z1")])) == groups
    assert coordination.communities(graph_of([])) == []


def graphs_of(made: Any) -> dict[str, Any]:
    return {row["session_id"]: json.loads(row["graph"]) for row in made.to_pylist()}


@whole_analysis
@given(forests())
def test_a_sessions_graph_holds_its_agents_and_its_handoffs(nodes: list[Node]) -> None:
    made = analyse(table(nodes))
    agents, handoffs = made["agents"].to_pylist(), made["agent_handoffs"].to_pylist()
    expected = {}
    for session in sorted({row["session_id"] for row in handoffs}):
        own = [row for row in handoffs if row["session_id"] == session]
        expected[session] = {
            "nodes": [
                {"id": row["agent"], "type": row["type"], "invocations": row["invocations"]}
                for row in sorted(agents, key=lambda row: row["agent"])
                if row["session_id"] == session
            ],
            "edges": [
                {"from": pair[0], "to": pair[1], "handoffs": edge["handoffs"],
                 "quality": pytest.approx(edge["quality"], abs=1e-4)}
                for pair, edge in sorted(oracle.edges(own).items())
            ],
        }  # fmt: skip
    rows = made["coordination_graphs"]
    assert graphs_of(rows) == expected
    assert {row["session_id"]: row["started_at"] for row in rows.to_pylist()} == {
        session: min(row["started_at"] for row in handoffs if row["session_id"] == session)
        for session in expected
    }
    counted = [(row["nodes"], row["edges"]) for row in rows.to_pylist()]
    told = [(len(graph["nodes"]), len(graph["edges"])) for graph in graphs_of(rows).values()]
    assert counted == told


def test_a_handoffs_tokens_are_those_of_the_activation_it_led_to() -> None:
    made = analyse(
        spans("""
        agent planner 0-100
          llm gpt 1-9 in=20 out=5
          agent writer 10-50
            llm gpt 11-20 in=7 out=3
            agent critic 21-40
              llm gpt-4o 22-30 in=100 out=10 gen_ai.provider.name=openai
          agent writer 60-90
            llm gpt 61-70 in=1 out=1
        """)
    )["agent_handoffs"]
    told = [
        (row["from_agent"], row["to_agent"], row["tokens"], row["cost_usd"] is not None)
        for row in made.to_pylist()
    ]
    assert told == [
        ("planner", "writer", 10, False),
        ("writer", "critic", 110, True),
        ("planner", "writer", 2, False),
    ]
