"""A coordination graph in the shapes that pictures are made of."""

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.errors import QueryError
from otel_llmops.storage.coordination import CoordinationEdge, CoordinationNode
from otel_llmops.views.coordination import export


def node(agent: str) -> CoordinationNode:
    return CoordinationNode(agent, "specialist", 3, 2, 10, 5, None, 1, 0, 0)


def edge(source: str, target: str, handoffs: int) -> CoordinationEdge:
    by_kind = {"transfer": handoffs}
    return CoordinationEdge(
        source, target, handoffs, 0.5, 2.0, handoffs, ["transfer"], by_kind, 0, 0, 0, 7, None
    )


NODES = [node("a"), node("b")]
EDGES = [edge("a", "b", 4), edge("b", "a", 1)]
FACTS = {"type": "specialist", "invocations": 3, "tokens": 15, "cost_usd": None, "errors": 1}


def passed(handoffs: int) -> dict[str, object]:
    return {
        "handoffs": handoffs,
        "quality": 0.5,
        "avg_latency_ms": 2.0,
        "kinds": ["transfer"],
        "tokens": 7,
    }


def test_d3_has_nodes_by_id_and_edges_by_their_ends() -> None:
    assert export("d3", NODES, EDGES) == {
        "nodes": [{"id": "a", **FACTS}, {"id": "b", **FACTS}],
        "edges": [
            {"from": "a", "to": "b", "source": "a", "target": "b", **passed(4)},
            {"from": "b", "to": "a", "source": "b", "target": "a", **passed(1)},
        ],
    }


def test_cytoscape_has_elements_whose_ids_are_unique() -> None:
    assert export("cytoscape", NODES, EDGES[:1]) == {
        "elements": {
            "nodes": [
                {"data": {"id": "n0", "label": "a", **FACTS}},
                {"data": {"id": "n1", "label": "b", **FACTS}},
            ],
            "edges": [
                {
                    "data": {
                        "id": "e0",
                        "source": "n0",
                        "target": "n1",
                        "from": "a",
                        "to": "b",
                        **passed(4),
                    }
                }
            ],
        }
    }


def test_a_sankey_diagram_shows_what_flows_back_beside_what_flows_forward() -> None:
    assert export("sankey", NODES, EDGES) == {
        "nodes": [
            {"id": "agent:a", "name": "a", "type": "specialist", "again": False},
            {"id": "agent:b", "name": "b", "type": "specialist", "again": False},
            {"id": "again:a", "name": "a", "type": "specialist", "again": True},
        ],
        "links": [
            {"source": 0, "target": 1, "from": "a", "to": "b", "value": 4, **passed(4)},
            {"source": 1, "target": 2, "from": "b", "to": "a", "value": 1, **passed(1)},
        ],
    }


@given(st.dictionaries(st.tuples(*[st.sampled_from("abcdef")] * 2), st.integers(1, 9)))
def test_a_sankey_diagram_has_no_circle_and_leaves_nothing_out(
    handoffs: dict[tuple[str, str], int],
) -> None:
    edges = [edge(*pair, count) for pair, count in handoffs.items()]
    drawn = export("sankey", [node(agent) for agent in "abcdef"], edges)
    flow = nx.DiGraph([(link["source"], link["target"]) for link in drawn["links"]])
    assert nx.is_directed_acyclic_graph(flow)
    names = [each["name"] for each in drawn["nodes"]]
    told = {
        (names[link["source"]], names[link["target"]]): link["value"] for link in drawn["links"]
    }
    assert told == handoffs
    if nx.is_directed_acyclic_graph(nx.DiGraph(list(handoffs))):
        assert names == list("abcdef")


def test_a_format_that_is_not_there_is_refused() -> None:
    with pytest.raises(QueryError, match="choose d3, cytoscape, sankey"):
        export("gif", NODES, EDGES)
