"""Call edges are told of the newest scan, or of the one that is chosen."""

import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette

from otel_llmops.api.application import application
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.storage.queries import Queries
from tests.api.conftest import Ask
from tests.support.snapshot import SCANNED_AT, Tables, snapshot

Edge = tuple[str, str]


def _scan(name: str, commit: str, hours: int, *functions: str) -> Tables:
    """A repository with one module, whose functions call each other in their order."""
    lines = "\n".join(
        f"  function {each} {10 * n}-{10 * n + 8}" for n, each in enumerate(functions, 1)
    )
    return snapshot(
        f"module {name} src/{name}.py 1-99\n{lines}",
        calls=_edges(name, *functions),
        imports=[],
        snapshot_id=name + commit,
        repository=f"/home/me/{name}",
        commit=commit * 40,
        scanned_at=SCANNED_AT + timedelta(hours=hours),
    )


def _edges(name: str, *functions: str) -> list[Edge]:
    every = [f"{name}.{each}" for each in functions]
    return list(itertools.pairwise(every))


OLD, NEW = _edges("shop", "serve", "ask"), _edges("shop", "serve", "ask", "pay")
LAB = _edges("lab", "serve", "heat")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    opened = ClickHouse.embedded(tmp_path_factory.mktemp("two") / "store")
    opened.replace_snapshot("shopa", _scan("shop", "a", 0, "serve", "ask"))
    opened.replace_snapshot("shopb", _scan("shop", "b", 1, "serve", "ask", "pay"))
    opened.replace_snapshot("labc", _scan("lab", "c", 2, "serve", "heat"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def api(store: ClickHouse) -> Starlette:
    return application(Queries(store))


def _pairs(calls: list[dict[str, Any]]) -> list[Edge]:
    return [(each["caller"], each["callee"]) for each in calls]


@pytest.mark.parametrize(
    ("chosen", "edges"),
    [
        ({}, LAB),
        ({"repository": "lab"}, LAB),
        ({"repository": "shop"}, NEW),
        ({"repository": "shop", "commit": "aaaa"}, OLD),
        ({"commit": "a"}, OLD),
        ({"repository": "lab", "commit": "aaaa"}, []),
        ({"repository": "none"}, []),
    ],
    ids=str,
)
def test_calls_are_of_the_scan_that_is_chosen(
    ask: Ask, chosen: dict[str, str], edges: list[Edge]
) -> None:
    every = ask("GET", "/api/topology/calls", params=chosen).json()["calls"]
    chain = ask(
        "GET", "/api/topology/call-chain", params={"entry_point": "serve", **chosen}
    ).json()["calls"]
    assert sorted(_pairs(every)) == sorted(edges)
    assert _pairs(chain) == edges

    declared = "($repository: String, $commit: String)"
    passed = "repository: $repository, commitHash: $commit"
    fields = "{ caller callee }"
    query = f"""query{declared} {{
        functionCalls({passed}) {fields}
        callChain(entryPoint: "serve", {passed}) {fields}
    }}"""
    found = ask("POST", "/graphql", json={"query": query, "variables": chosen}).json()["data"]
    assert _pairs(found["functionCalls"]) == _pairs(every)
    assert _pairs(found["callChain"]) == edges
