"""What each picture shows of a small repository, with and without tokens."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from otel_llmops.errors import QueryError
from otel_llmops.model.loads import FLOWS, FUNCTION_LOADS
from otel_llmops.views import FORMATS, TopologyVisualizer, export
from tests.support.snapshot import Tables, snapshot
from tests.support.tables import table

EVIL = "</script><img/src=x/onerror=alert(1)>"


def _desk() -> Tables:
    return snapshot(
        """
        module shop.desk shop/desk.py 1-40
          function answer 3-9
          method Desk.ask 12-20
        module shop.tools.search shop/tools/search.py 1-10
          function find 1-10
        """,
        calls=[("shop.desk.answer", "shop.tools.search.find")],
        imports=[("shop.desk", "shop.tools.search!"), ("shop.tools.search", "shop.desk!")],
    )


def _loads(tables: Tables) -> pa.Table:
    ids = {
        row["qualified_name"]: row["function_id"] for row in tables["code_functions"].to_pylist()
    }
    spent = {"shop.desk.answer": (100, 1), "shop.tools.search.find": (40, 2)}
    return table(
        FUNCTION_LOADS,
        *(
            {"function_id": ids[name], "input_tokens": tokens, "calls": calls}
            for name, (tokens, calls) in spent.items()
        ),
    )


def _module(name: str, file: str, lines: int, functions: int, **spent: int) -> dict[str, Any]:
    return {
        "id": name,
        "type": "module",
        "file": file,
        "lines": lines,
        "functions": functions,
        "complexity": 1.5,
        "afferent_coupling": 0,
        "efferent_coupling": 0,
        "instability": 0.0,
        "cohesion": None,
        "tokens": 0,
        "calls": 0,
        **spent,
    }


def test_d3_has_modules_and_imports() -> None:
    tables = _desk()
    assert export("d3", tables, loads=_loads(tables)) == {
        "nodes": [
            _module("shop.desk", "shop/desk.py", 40, 3, tokens=100, calls=1),
            _module("shop.tools.search", "shop/tools/search.py", 10, 2, tokens=40, calls=2),
        ],
        "edges": [
            {
                "from": left,
                "to": right,
                "source": left,
                "target": right,
                "types": ["from_import"],
                "circular": True,
            }
            for left, right in [
                ("shop.desk", "shop.tools.search"),
                ("shop.tools.search", "shop.desk"),
            ]
        ],
    }


def test_cytoscape_names_each_end_by_an_id_that_is_there_and_no_two_alike() -> None:
    elements = export("cytoscape", _desk())["elements"]
    nodes = [node["data"]["id"] for node in elements["nodes"]]
    edges = [edge["data"] for edge in elements["edges"]]
    ids = nodes + [edge["id"] for edge in edges]
    assert len(set(ids)) == len(ids) == 4
    assert {edge[end] for edge in edges for end in ("source", "target")} == set(nodes)
    assert [(edge["from"], edge["to"]) for edge in edges] == [
        ("shop.desk", "shop.tools.search"),
        ("shop.tools.search", "shop.desk"),
    ]


def test_a_treemap_nests_packages_modules_and_functions() -> None:
    tables = _desk()

    def leaf(name: str, lines: int, tokens: int = 0, calls: int = 0) -> dict[str, Any]:
        return {"name": name, "tokens": tokens, "calls": calls, "lines": lines}

    search = {
        "name": "search",
        "tokens": 40,
        "calls": 2,
        "lines": 10,
        "children": [leaf("<module>", 10), leaf("find", 10, 40, 2)],
    }
    desk = {
        "name": "desk",
        "tokens": 100,
        "calls": 1,
        "lines": 40,
        "children": [leaf("<module>", 40), leaf("answer", 7, 100, 1), leaf("Desk.ask", 9)],
    }
    tools = {"name": "tools", "tokens": 40, "calls": 2, "lines": 10, "children": [search]}
    whole = {"tokens": 140, "calls": 3, "lines": 50}
    assert export("treemap", tables, loads=_loads(tables)) == {
        "name": "shop",
        **whole,
        "children": [{"name": "shop", **whole, "children": [desk, tools]}],
    }


def test_a_sankey_leads_from_agents_through_functions_to_models() -> None:
    flows = table(
        FLOWS,
        {"agent": "triage", "function": "answer", "model": "gpt-4o", "tokens": 70, "calls": 2},
        {"agent": "", "function": "answer", "model": "gpt-4o", "tokens": 30, "calls": 1},
        {"agent": "answer", "function": "answer", "model": "", "tokens": 0, "calls": 1},
    )
    found = TopologyVisualizer(_desk(), flows=flows).export_sankey()
    assert [(node["type"], node["name"]) for node in found["nodes"]] == [
        ("function", "answer"),
        ("model", "gpt-4o"),
        ("agent", "triage"),
        ("agent", "no agent"),
    ]
    links = [(link["from"], link["to"], link["value"], link["calls"]) for link in found["links"]]
    assert links == [
        ("answer", "gpt-4o", 100, 3),
        ("triage", "answer", 70, 2),
        ("no agent", "answer", 30, 1),
    ]
    assert [(link["source"], link["target"]) for link in found["links"]] == [(0, 1), (2, 0), (3, 0)]


def test_a_sankey_without_tokens_shows_calls_between_modules() -> None:
    found = export("sankey", _desk())
    assert found == {
        "nodes": [
            {"id": "caller:shop.desk", "name": "shop.desk", "type": "caller"},
            {"id": "callee:shop.tools.search", "name": "shop.tools.search", "type": "callee"},
        ],
        "links": [
            {
                "source": 0,
                "target": 1,
                "from": "shop.desk",
                "to": "shop.tools.search",
                "value": 1,
                "calls": 1,
            }
        ],
    }


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_loads_nothing_and_names_stay_text() -> None:
    tables = snapshot(f"module {EVIL} a/{EVIL} 1-3")
    page = export("html", tables)
    parser = _Elements()
    parser.feed(page)
    tags = [tag for tag, _ in parser.found]
    assert tags.count("script") == 2
    assert "img" not in tags
    assert not [given for _, given in parser.found if {"src", "href"} & set(given)]
    assert (
        re.findall(r"(?:https?:)?//\w[^\s\"']*", page.replace("http://www.w3.org/2000/svg", ""))
        == []
    )


def test_the_page_holds_the_snapshot() -> None:
    page = export("html", _desk())
    (document,) = re.findall(r'id="data">(.*?)</script>', page)
    held = json.loads(document)
    assert [node["id"] for node in held["graph"]["nodes"]] == ["shop.desk", "shop.tools.search"]
    assert held["tree"] == export("treemap", _desk())
    assert len(held["functions"]) == 5


@pytest.mark.parametrize("name", FORMATS)
def test_a_snapshot_without_modules_is_an_empty_picture(name: str) -> None:
    assert export(name, snapshot(""))


def test_two_modules_of_one_name_are_told_apart() -> None:
    tables = snapshot("module main a/main.py 1-2\nmodule main b/main.py 1-2")
    ids = pa.array(["first", "second"])
    tables["code_modules"] = tables["code_modules"].set_column(
        1, tables["code_modules"].schema.field(1), ids
    )
    nodes = export("d3", tables)["nodes"]
    assert [node["id"] for node in nodes] == ["main (a/main.py)", "main (b/main.py)"]


def test_a_format_that_nobody_knows_is_refused() -> None:
    with pytest.raises(QueryError, match="there is no format 'dot'"):
        export("dot", _desk())


def test_the_page_is_part_of_what_is_installed() -> None:
    root = Path(__file__).parents[2]
    assert '"views/*.html"' in (root / "pyproject.toml").read_text()
