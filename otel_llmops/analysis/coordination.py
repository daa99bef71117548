"""The shape of a coordination graph: ways back, brokers, communities, where control comes and ends.

Strategy: a NetworkX DiGraph of agents by name, whose edges count handoffs, so that anybody can go
on from here with all of NetworkX. Nothing enumerates all cycles (there may be exponentially many)
and nothing recurses: each question has a bound on the edges it looks at.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import networkx as nx

__all__ = ["brokers", "communities", "cycles", "entries", "exits", "graph", "ping_pongs"]

_CYCLE_LOOKS_MAX = 2_000_000
"""Edges that the search for ways back looks at, about a second; what is found by then stands."""
_BROKER_LOOKS_MAX = 200_000
"""Edges that the search for brokers looks at, from as many agents as that allows: 0.2 s."""
_SEED = 20_261_129
"""Sampling and Louvain roll dice: with the same seed the same graph has the same answer."""


def graph(agents: Iterable[str], handoffs: Iterable[tuple[str, str, int]]) -> nx.DiGraph:
    """Agents as nodes; (from, to, count) as edges with `handoffs`, equal pairs added up."""
    made = nx.DiGraph()
    made.add_nodes_from(sorted(agents))
    for source, target, count in sorted(handoffs):
        before = made.get_edge_data(source, target, {"handoffs": 0})["handoffs"]
        made.add_edge(source, target, handoffs=before + count)
    return made


def cycles(coordination: nx.DiGraph) -> list[list[str]]:
    """For every agent that control comes back to, a shortest way: distinct cycles.

    In:   n agents, m edges.
    Out:  at most n cycles, shortest first, then by names; each begins with its first name.
    Edge: An agent that hands to itself is a cycle of one.
    Cost: O(n * m) at worst, bounded by _CYCLE_LOOKS_MAX.
    """
    looks_left = _CYCLE_LOOKS_MAX
    found = set()
    for component in nx.strongly_connected_components(coordination):
        onward = {
            agent: sorted(component.intersection(coordination.adj[agent]))
            for agent in sorted(component)
        }
        for agent in onward:
            way, looks = _way_back(onward, agent, looks_left)
            looks_left -= looks
            if way:
                first = way.index(min(way))
                found.add(tuple(way[first:] + way[:first]))
            if looks_left <= 0:
                break
    return [list(cycle) for cycle in sorted(found, key=lambda cycle: (len(cycle), cycle))]


def _way_back(
    onward: Mapping[str, Sequence[str]], agent: str, looks_max: int
) -> tuple[list[str], int]:
    """A shortest cycle through `agent`, and how many edges were looked at."""
    before: dict[str, str] = {}
    waiting, looks = deque([agent]), 0
    while waiting and looks < looks_max:
        here = waiting.popleft()
        for target in onward[here]:
            looks += 1
            if target == agent:
                way = [here]
                while way[-1] != agent:
                    way.append(before[way[-1]])
                return way[::-1], looks
            if target not in before:
                before[target] = here
                waiting.append(target)
    return [], looks


def ping_pongs(coordination: nx.DiGraph) -> list[tuple[str, str, int, int]]:
    """Pairs that hand to each other, as (agent, other, handoffs, handoffs back).

    Out: those first that go back and forth most, then by name; the agent has the smaller name.
    """
    pairs = [
        (agent, other, data["handoffs"], coordination.edges[other, agent]["handoffs"])
        for agent, other, data in coordination.edges(data=True)
        if agent < other and coordination.has_edge(other, agent)
    ]
    return sorted(pairs, key=lambda pair: (-min(pair[2:]), pair))


def brokers(coordination: nx.DiGraph) -> list[tuple[str, float]]:
    """Agents that others need to reach each other, with their betweenness from 0 to 1.

    In:     n agents, m edges.
    Out:    agents of a betweenness above 0, highest first, then by name.
    Edge:   Above _BROKER_LOOKS_MAX = n * m it is an estimate from a sample of agents.
    Cost:   O(n * m), bounded.
    Source: Brandes, "A faster algorithm for betweenness centrality" (2001); NetworkX.
    """
    count = coordination.number_of_nodes()
    sample = max(1, _BROKER_LOOKS_MAX // max(1, coordination.number_of_edges()))
    central = nx.betweenness_centrality(
        coordination, k=None if sample >= count else sample, seed=_SEED
    )
    found = [(agent, min(1.0, share)) for agent, share in central.items() if share > 0]
    return sorted(found, key=lambda each: (-each[1], each[0]))


def communities(coordination: nx.DiGraph) -> list[list[str]]:
    """Groups of agents that hand over to each other more than to others.

    Out:    groups of two agents or more, largest first, then by names.
    Cost:   near to linear in the edges.
    Source: Blondel et al., "Fast unfolding of communities in large networks" (2008), NetworkX's
            Louvain over handoffs in either direction.
    """
    both = nx.Graph()
    both.add_nodes_from(coordination)
    for source, target, data in coordination.edges(data=True):
        before = both.get_edge_data(source, target, {"weight": 0})["weight"]
        both.add_edge(source, target, weight=before + data["handoffs"])
    groups = nx.community.louvain_communities(both, seed=_SEED)
    named = [sorted(group) for group in groups if len(group) > 1]
    return sorted(named, key=lambda group: (-len(group), group))


def entries(coordination: nx.DiGraph) -> list[str]:
    """Agents that hand over and to whom nobody hands: where work comes in, by name."""
    return sorted(
        agent
        for agent in coordination
        if coordination.out_degree(agent) and not _from_others(coordination, agent)
    )


def exits(coordination: nx.DiGraph) -> list[str]:
    """Agents that are handed to and hand to nobody: where work ends, by name."""
    return sorted(
        agent
        for agent in coordination
        if coordination.in_degree(agent) and not set(coordination.adj[agent]) - {agent}
    )


def _from_others(coordination: nx.DiGraph, agent: str) -> set[str]:
    return set(coordination.pred[agent]) - {agent}
