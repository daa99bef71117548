"""Coordination graphs from handoffs one by one, with dicts: obvious and slow."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import permutations
from typing import Any

Row = Mapping[str, Any]
Pair = tuple[str, str]


def edges(handoffs: Iterable[Row]) -> dict[Pair, dict[str, Any]]:
    """(from, to) -> what all handoffs between the two come to."""
    found: dict[Pair, dict[str, Any]] = {}
    for row in handoffs:
        edge = found.setdefault(
            (row["from_agent"], row["to_agent"]),
            {"handoffs": 0, "quality": 0.0, "latencies": [], "kinds": Counter(), "tokens": 0,
             "failed": 0, "judged": 0, "outside": 0},
        )  # fmt: skip
        edge["handoffs"] += 1
        edge["quality"] += row["quality"]
        edge["latencies"] += [row["latency_ns"]] if row["latency_ns"] is not None else []
        edge["kinds"][row["kind"]] += 1
        edge["tokens"] += row["tokens"]
        edge["failed"] += row["completed"] is not None and row["completed"] < 0.5
        edge["judged"] += row["allowed"] is not None
        edge["outside"] += row["allowed"] is not None and row["allowed"] < 0.5
    for edge in found.values():
        edge["quality"] /= edge["handoffs"]
    return found


def shortest_ways_back(pairs: Iterable[Pair]) -> dict[str, int]:
    """For each agent that control comes back to, in how many handoffs at the least."""
    known = set(pairs)
    agents = sorted({agent for pair in known for agent in pair})
    ways = dict.fromkeys(known, 1)
    for via in agents:  # Floyd and Warshall
        for a in agents:
            for b in agents:
                if (a, via) in ways and (via, b) in ways:
                    through = ways[a, via] + ways[via, b]
                    ways[a, b] = min(ways.get((a, b), through), through)
    return {agent: ways[agent, agent] for agent in agents if (agent, agent) in ways}


def betweenness(pairs: Iterable[Pair]) -> dict[str, float]:
    """Of all shortest paths between two others, the share that leads over each agent."""
    known = set(pairs)
    agents = sorted({agent for pair in known for agent in pair})
    central = dict.fromkeys(agents, 0.0)
    for source, target in permutations(agents, 2):
        paths = _shortest_paths(known, source, target)
        for path in paths:
            for agent in path[1:-1]:
                central[agent] += 1 / len(paths)
    others = (len(agents) - 1) * (len(agents) - 2)
    return {agent: share / others for agent, share in central.items() if share and others}


def _shortest_paths(known: set[Pair], source: str, target: str) -> list[list[str]]:
    reached: set[str] = {source}
    paths = [[source]]
    while paths:
        done = [path for path in paths if path[-1] == target]
        if done:
            return done
        longer = [
            [*path, to] for path in paths for a, to in known if a == path[-1] and to not in reached
        ]
        reached |= {path[-1] for path in longer}
        paths = longer
    return []
