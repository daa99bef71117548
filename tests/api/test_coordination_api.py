"""Coordination graphs and coalitions by GraphQL and by REST: one answer, two spellings."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

Ask = Callable[..., httpx.Response]
GraphQL = Callable[..., Any]


def test_a_graph_tells_who_hands_to_whom(graphql: GraphQL) -> None:
    query = """{ coordinationGraph(sessionId: "conv-1") { sessionId
        nodes { agent type invocations totalTokens costUsd errors }
        edges { fromAgent toAgent handoffs quality avgLatencyMs kinds }
        cycles pingPongs { agents } brokers { agent } communities entryAgents exitAgents
        deadEnds outsideShare omittedAgents omittedEdges } }"""
    node = {"type": "SPECIALIST", "invocations": 1, "costUsd": None, "errors": 0}
    edge = {"fromAgent": "triage", "handoffs": 1}
    assert graphql(query) == {
        "data": {
            "coordinationGraph": {
                "sessionId": "conv-1",
                "nodes": [
                    node | {"agent": "triage", "type": "ORCHESTRATOR", "totalTokens": 101},
                    node | {"agent": "billing", "type": "UNKNOWN", "totalTokens": 11},
                    node | {"agent": "researcher", "totalTokens": 3_000_000_001},
                ],
                "edges": [
                    edge | {"toAgent": "billing", "quality": 0.25, "avgLatencyMs": 0.0,
                            "kinds": ["TRANSFER"]},
                    edge | {"toAgent": "researcher", "quality": 1.0, "avgLatencyMs": 1.5,
                            "kinds": ["DELEGATION"]},
                ],
                "cycles": [],
                "pingPongs": [],
                "brokers": [],
                "communities": [["billing", "researcher", "triage"]],
                "entryAgents": ["triage"],
                "exitAgents": ["billing", "researcher"],
                "deadEnds": [],
                "outsideShare": None,
                "omittedAgents": 0,
                "omittedEdges": 0,
            }
        }
    }  # fmt: skip


def test_a_graph_over_all_and_one_that_is_not_there(graphql: GraphQL) -> None:
    query = """{ coordinationGraph { sessionId nodes { agent } }
        none: coordinationGraph(sessionId: "x") { sessionId } }"""
    assert graphql(query)["data"] == {
        "coordinationGraph": {
            "sessionId": None,
            "nodes": [{"agent": "triage"}, {"agent": "billing"}, {"agent": "researcher"}],
        },
        "none": None,
    }


def test_a_graph_is_exported_in_each_format(graphql: GraphQL, ask: Ask) -> None:
    for name, held in (("d3", "edges"), ("cytoscape", "elements"), ("sankey", "links")):
        query = f'{{ coordinationGraph(sessionId: "conv-1") {{ export(format: "{name}") }} }}'
        by_graphql = graphql(query)["data"]["coordinationGraph"]["export"]
        by_rest = ask("GET", f"/api/coordination-graph/conv-1?format={name}")
        assert by_rest.json() == by_graphql
        assert held in by_graphql


def test_an_unknown_format_is_refused_with_those_there_are(graphql: GraphQL, ask: Ask) -> None:
    query = '{ coordinationGraph { export(format: "gif") } }'
    assert "choose d3, cytoscape, sankey" in graphql(query)["errors"][0]["message"]
    refused = ask("GET", "/api/coordination-graph?format=gif")
    assert (refused.status_code, refused.json()["hint"]) == (
        400,
        "give one of d3, cytoscape, sankey",
    )


def test_rest_has_the_whole_graph_in_snake_case(ask: Ask) -> None:
    found = ask("GET", "/api/coordination-graph/conv-1").json()
    assert found["nodes"][0] == {
        "agent": "triage",
        "type": "orchestrator",
        "invocations": 1,
        "llm_calls": 1,
        "input_tokens": 100,
        "output_tokens": 1,
        "cost_usd": None,
        "errors": 0,
        "handoffs_in": 0,
        "handoffs_out": 2,
        "total_tokens": 101,
    }
    assert [edge["by_kind"] for edge in found["edges"]] == [{"transfer": 1}, {"delegation": 1}]
    assert found["exit_agents"] == ["billing", "researcher"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/coordination-graph/nobody", 404),
        ("/api/coordination-graph?since=yesterday", 400),
        ("/api/coordination-graph?limit=3", 400),
        ("/api/coalitions?limit=0", 400),
        ("/api/coalitions?type=refund", 400),
    ],
)
def test_what_rest_refuses(ask: Ask, path: str, status: int) -> None:
    assert ask("GET", path).status_code == status


def test_coalitions_are_the_same_in_both(graphql: GraphQL, ask: Ask) -> None:
    query = """{ coalitions(taskType: "refund", limit: 1) { agents taskType sessions successRate
        successRateLow baseRate lift avgTokens avgDurationMs exact pValue recommended avoid } }"""
    (by_graphql,) = graphql(query)["data"]["coalitions"]
    (by_rest,) = ask("GET", "/api/coalitions?task_type=refund&limit=1").json()["coalitions"]
    assert by_graphql == {
        "agents": ["billing", "triage"],
        "taskType": "refund",
        "sessions": 1,
        "successRate": 1.0,
        "successRateLow": pytest.approx(0.2065, abs=1e-4),
        "baseRate": None,
        "lift": 1.0,
        "avgTokens": 111.0,
        "avgDurationMs": 2000.0,
        "exact": True,
        "pValue": None,
        "recommended": False,
        "avoid": False,
    }
    assert by_rest["success_rate_low"] == by_graphql["successRateLow"]
    assert by_rest["agents"] == by_graphql["agents"]
