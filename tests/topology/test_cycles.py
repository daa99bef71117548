import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.topology.cycles import components, cycles, shortest_cycle

_NODES = "abcdefgh"
_EDGES = st.dictionaries(
    st.tuples(st.sampled_from(_NODES), st.sampled_from(_NODES)).filter(
        lambda pair: pair[0] != pair[1]
    ),
    st.integers(1, 3),
    max_size=24,
)


def _graph(edges: dict[tuple[str, str], int]) -> "nx.DiGraph[str]":
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(_NODES)
    graph.add_edges_from(edges)
    return graph


@given(_EDGES)
def test_components_are_those_of_networkx(edges: dict[tuple[str, str], int]) -> None:
    graph = _graph(edges)
    ours = components({node: sorted(graph[node]) for node in _NODES})
    theirs = nx.strongly_connected_components(graph)
    assert {frozenset(part) for part in ours} == {frozenset(part) for part in theirs}


@given(_EDGES)
def test_a_cycle_shown_is_a_shortest_one(edges: dict[tuple[str, str], int]) -> None:
    graph = _graph(edges)
    for cycle in cycles(edges):
        assert nx.is_simple_path(graph, cycle.shortest)
        assert graph.has_edge(cycle.shortest[-1], cycle.shortest[0])
        lengths = map(len, nx.simple_cycles(graph.subgraph(cycle.modules)))
        assert len(cycle.shortest) == min(lengths)


@given(_EDGES)
def test_nothing_is_circular_once_the_edges_to_break_are_broken(
    edges: dict[tuple[str, str], int],
) -> None:
    graph = _graph(edges)
    found = cycles(edges)
    graph.remove_edges_from(edge for cycle in found for edge in cycle.to_break)
    assert nx.is_directed_acyclic_graph(graph)
    inside = {node: cycle.modules for cycle in found for node in cycle.modules}
    assert all(a in inside[b] for cycle in found for a, b in cycle.to_break)


def test_the_cheapest_edge_is_the_one_with_the_fewest_statements() -> None:
    statements = {("a", "b"): 3, ("b", "c"): 1, ("c", "a"): 2, ("c", "d"): 1}
    (cycle,) = cycles(statements)
    assert cycle._asdict() == {
        "modules": ["a", "b", "c"],
        "shortest": ["a", "b", "c"],
        "cheapest_edge": ("b", "c"),
        "to_break": [("b", "c")],
    }


def test_a_ring_of_many_modules_is_found_without_recursion() -> None:
    count = 20_000
    names = [f"m{number:05}" for number in range(count)]
    ring = {(names[n], names[(n + 1) % count]): 1 for n in range(count)}
    graph = {importer: [imported] for importer, imported in ring}
    assert [len(part) for part in components(graph)] == [count]


def test_a_long_cycle_is_as_short_as_it_gets() -> None:
    graph = {"a": ["b"], "b": ["c"], "c": ["d", "a"], "d": ["e"], "e": ["b"]}
    assert shortest_cycle(graph) == ["a", "b", "c"]
