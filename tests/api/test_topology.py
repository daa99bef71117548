"""The answers about code, over a real store: what was scanned, and what spans laid onto it."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette

from otel_llmops.analysis.derive import analyse
from otel_llmops.api.application import application
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.storage.queries import Queries
from otel_llmops.storage.snapshots import SNAPSHOT_TYPE, snapshot_bytes
from tests.api.conftest import Ask
from tests.support.snapshot import SCANNED_AT, Tables, id_of, snapshot
from tests.support.tree import spans

OLD, NEW = "a" * 40, "b" * 40

RUN = """
    span POST 0-100 code.function.name=shop.desk.serve code.file.path=/app/src/shop/desk.py {at}
      agent triage 5-90 code.function.name=shop.desk.Desk.ask code.file.path=/app/src/shop/desk.py
        llm gpt 10-20 in=100 out=10 code.function.name=shop.model.chat code.file.path=/app/src/shop/model.py
        llm gpt 30-40 in=200 out=20 code.function.name=shop.model.chat code.file.path=/app/src/shop/model.py
      llm gpt 92-95 in=7 out=3 code.function.name=shop.desk.serve code.file.path=/app/src/shop/desk.py
    span lost 0-10 trace=9{trace} code.function.name=shop.gone.f code.file.path=/app/src/shop/gone.py
    """  # noqa: E501 - an outline


def _shop(commit: str, name: str, hours: int) -> Tables:
    changed = "hash=new complexity=7" if commit == NEW else "hash=old complexity=3"
    more = "  function added 30-40" if commit == NEW else ""
    return snapshot(
        f"""
        module shop.desk src/shop/desk.py 1-60
          class Desk 3-20
          method Desk.ask 5-18 async {changed}
          function serve 22-28
        {more}
        module shop.model src/shop/model.py 1-30
          function chat 2-9
          function unused 11-19
        """,
        calls=[
            ("shop.desk.serve", "shop.desk.Desk.ask"),
            ("shop.desk.Desk.ask", "shop.model.chat"),
            ("shop.model.chat", "shop.model.unused"),
        ],
        imports=[("shop.desk", "shop.model")],
        cycles=[["shop.desk", "shop.model"]] if commit == NEW else [],
        snapshot_id=name,
        repository="/home/me/shop",
        commit=commit,
        scanned_at=SCANNED_AT + timedelta(hours=hours),
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    opened = ClickHouse.embedded(tmp_path_factory.mktemp("topology") / "store")
    opened.replace_snapshot("old", _shop(OLD, "old", 0))
    opened.replace_snapshot("new", _shop(NEW, "new", 1))
    for trace, commit in ((1, OLD), (2, NEW)):
        outline = RUN.format(at=f"trace={trace} vcs.ref.head.revision={commit}", trace=trace)
        tables = analyse(spans(outline))
        opened.replace_sessions(tables["sessions"]["session_id"].to_pylist(), tables)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def api(store: ClickHouse) -> Starlette:
    return application(Queries(store), replace_snapshot=store.replace_snapshot)


def _answer(graphql: Callable[..., Any], query: str, **variables: Any) -> Any:
    found = graphql(query, **variables)
    assert "errors" not in found
    return found["data"]


def test_the_newest_snapshot_has_modules_functions_and_tokens(graphql: Callable[..., Any]) -> None:
    found = _answer(
        graphql,
        """{ topologySnapshot { snapshotId repositoryPath commitHash scannedAt totalModules
             totalFunctions totalDependencies circularDependencies cycles
             modules { modulePath lineCount
               dependencies { fromModule toModule importType isCircular }
               tokenConsumption { totalTokens inputTokens outputTokens callCount avgTokensPerCall }
               functions { qualifiedName isAsync complexity totalTokens cumulativeTokens
                 callCount avgTokensPerCall } } } }""",
    )["topologySnapshot"]

    def function(
        name: str, own: int, below: int, calls: int, *, complexity: float = 1.0
    ) -> dict[str, Any]:
        return {
            "qualifiedName": name,
            "isAsync": name == "shop.desk.Desk.ask",
            "complexity": complexity,
            "totalTokens": own,
            "cumulativeTokens": below,
            "callCount": calls,
            "avgTokensPerCall": own / max(calls, 1),
        }

    assert found == {
        "snapshotId": "new",
        "repositoryPath": "/home/me/shop",
        "commitHash": NEW,
        "scannedAt": "2026-11-22T11:00:00Z",
        "totalModules": 2,
        "totalFunctions": 7,
        "totalDependencies": 1,
        "circularDependencies": 1,
        "cycles": [["shop.desk", "shop.model"]],
        "modules": [
            {
                "modulePath": "shop.desk",
                "lineCount": 60,
                "dependencies": [
                    {
                        "fromModule": "shop.desk",
                        "toModule": "shop.model",
                        "importType": "from_import",
                        "isCircular": False,
                    }
                ],
                "tokenConsumption": {
                    "totalTokens": 20,
                    "inputTokens": 14,
                    "outputTokens": 6,
                    "callCount": 4,
                    "avgTokensPerCall": 5.0,
                },
                "functions": [
                    function("shop.desk", 0, 0, 0),
                    function("shop.desk.Desk.ask", 0, 660, 2, complexity=7.0),
                    function("shop.desk.serve", 20, 680, 2),
                    function("shop.desk.added", 0, 0, 0),
                ],
            },
            {
                "modulePath": "shop.model",
                "lineCount": 30,
                "dependencies": [],
                "tokenConsumption": {
                    "totalTokens": 660,
                    "inputTokens": 600,
                    "outputTokens": 60,
                    "callCount": 4,
                    "avgTokensPerCall": 165.0,
                },
                "functions": [
                    function("shop.model", 0, 0, 0),
                    function("shop.model.chat", 660, 660, 4),
                    function("shop.model.unused", 0, 0, 0),
                ],
            },
        ],
    }


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", "new"),
        (f'(commitHash: "{OLD}")', "old"),
        ('(commitHash: "aaaa")', "old"),
        ('(repository: "/home/me/shop")', "new"),
        ('(repository: "shop/")', "new"),
        ('(repository: "hop")', None),
        ('(repository: "%")', None),
        ('(commitHash: "cccc")', None),
    ],
)
def test_a_snapshot_is_chosen(
    graphql: Callable[..., Any], arguments: str, expected: str | None
) -> None:
    found = _answer(graphql, f"{{ topologySnapshot{arguments} {{ snapshotId }} }}")
    assert found["topologySnapshot"] == (expected and {"snapshotId": expected})


def test_modules_come_in_pages(graphql: Callable[..., Any]) -> None:
    query = "{ topologySnapshot { modules(limit: 1, offset: 1) { moduleName } } }"
    found = _answer(graphql, query)["topologySnapshot"]
    assert found == {"modules": [{"moduleName": "model"}]}


def test_what_a_module_has_comes_in_pages(graphql: Callable[..., Any]) -> None:
    def names(page: str) -> list[list[str]]:
        module = f"functions{page} {{ qualifiedName }} dependencies{page} {{ toModule }}"
        found = _answer(graphql, f"{{ topologySnapshot {{ modules {{ {module} }} }} }}")
        return [
            [each[name] for each in module[list_]]
            for module in found["topologySnapshot"]["modules"]
            for list_, name in (("functions", "qualifiedName"), ("dependencies", "toModule"))
        ]

    every = names("")
    assert max(map(len, every)) > 2
    assert names("(limit: 1, offset: 1)") == [each[1:2] for each in every]
    assert names("(limit: 2)") == [each[:2] for each in every]


def test_functions_come_most_tokens_first(graphql: Callable[..., Any]) -> None:
    found = _answer(
        graphql,
        """{ highTokenFunctions(limit: 5) { functionName qualifiedName filePath totalTokens
             cumulativeTokens callCount avgTokensPerCall avgDurationMs agents } }""",
    )
    assert found["highTokenFunctions"] == [
        {
            "functionName": "chat",
            "qualifiedName": "shop.model.chat",
            "filePath": "/app/src/shop/model.py",
            "totalTokens": 660,
            "cumulativeTokens": 660,
            "callCount": 4,
            "avgTokensPerCall": 165.0,
            "avgDurationMs": 10.0,
            "agents": ["triage"],
        },
        {
            "functionName": "serve",
            "qualifiedName": "shop.desk.serve",
            "filePath": "/app/src/shop/desk.py",
            "totalTokens": 20,
            "cumulativeTokens": 680,
            "callCount": 2,
            "avgTokensPerCall": 10.0,
            "avgDurationMs": 100.0,
            "agents": [],
        },
    ]


def test_a_window_leaves_out_what_began_outside_it(graphql: Callable[..., Any]) -> None:
    query = '{ highTokenFunctions(since: "2050-01-01T00:00:00Z") { functionName } }'
    assert _answer(graphql, query) == {"highTokenFunctions": []}


def test_calls_are_of_the_source_of_spans_or_of_both(graphql: Callable[..., Any]) -> None:
    found = _answer(
        graphql,
        """{ functionCalls { caller callee callCount avgDurationMs totalTokens avgTokensPerCall
             observed static } }""",
    )

    def edge(caller: str, callee: str, calls: int, ms: float | None, tokens: int) -> dict[str, Any]:
        return {
            "caller": f"shop.{caller}",
            "callee": f"shop.{callee}",
            "callCount": calls,
            "avgDurationMs": ms,
            "totalTokens": tokens,
            "avgTokensPerCall": tokens / max(calls, 1),
            "observed": calls > 0,
            "static": True,
        }

    assert found["functionCalls"] == [
        edge("desk.Desk.ask", "model.chat", 4, 10.0, 660),
        edge("desk.serve", "desk.Desk.ask", 2, 85.0, 660),
        edge("model.chat", "model.unused", 0, None, 0),
    ]


@pytest.mark.parametrize("entry", ["shop.desk.serve", "desk.serve", "serve"])
def test_a_chain_leads_from_its_entry_level_by_level(
    graphql: Callable[..., Any], entry: str
) -> None:
    query = "query($e: String!, $d: Int) { callChain(entryPoint: $e, depth: $d) { caller callee } }"
    chain = [
        {"caller": "shop.desk.serve", "callee": "shop.desk.Desk.ask"},
        {"caller": "shop.desk.Desk.ask", "callee": "shop.model.chat"},
        {"caller": "shop.model.chat", "callee": "shop.model.unused"},
    ]
    assert _answer(graphql, query, e=entry)["callChain"] == chain
    assert _answer(graphql, query, e=entry, d=1)["callChain"] == chain[:1]
    assert _answer(graphql, query, e="nobody")["callChain"] == []


def test_hotspots_are_functions_modules_and_calls(graphql: Callable[..., Any]) -> None:
    found = _answer(
        graphql, "{ tokenHotspots(limit: 4) { component kind totalTokens callCount tokenShare } }"
    )
    named = [(each["kind"], each["component"]) for each in found["tokenHotspots"]]
    assert named == [
        ("function", "shop.model.chat"),
        ("module", "shop.model"),
        ("call", "shop.desk.Desk.ask -> shop.model.chat"),
        ("call", "shop.desk.serve -> shop.desk.Desk.ask"),
    ]
    assert found["tokenHotspots"][0]["tokenShare"] == pytest.approx(660 / 680)


@pytest.mark.parametrize("name", ["d3", "cytoscape", "sankey", "treemap"])
def test_pictures_are_the_same_by_graphql_and_rest(
    graphql: Callable[..., Any], ask: Ask, name: str
) -> None:
    query = "query($f: String) { moduleGraph(format: $f) { format data } }"
    found = _answer(graphql, query, f=name)["moduleGraph"]
    assert found["format"] == name
    assert found["data"] == ask("GET", f"/api/topology/graph?format={name}").json()
    assert "660" in json.dumps(found["data"])


def test_a_picture_without_a_format_is_d3(graphql: Callable[..., Any], ask: Ask) -> None:
    found = _answer(graphql, "{ moduleGraph { format data } }")["moduleGraph"]
    assert found == {"format": "d3", "data": ask("GET", "/api/topology/graph").json()}


def test_a_page_may_run_its_own_program_and_load_nothing(ask: Ask) -> None:
    found = ask("GET", "/api/topology/graph?format=html")
    assert found.headers["content-type"] == "text/html; charset=utf-8"
    assert found.headers["content-security-policy"].startswith("default-src 'none'; style-src")
    assert "shop.model" in found.text


def test_a_snapshot_says_how_the_places_of_spans_were_laid(ask: Ask) -> None:
    found = ask("GET", f"/api/topology?commit={NEW[:8]}").json()
    assert (found["snapshot_id"], found["places"]) == ("new", {"name": 3, "outside": 1})


def test_modules_by_rest_have_all_that_is_known_of_them(ask: Ask) -> None:
    (desk, model) = ask("GET", "/api/topology/modules").json()["modules"]
    assert [each["qualified_name"] for each in desk["functions"]] == [
        "shop.desk",
        "shop.desk.Desk.ask",
        "shop.desk.serve",
        "shop.desk.added",
    ]
    assert model["token_consumption"]["total_tokens"] == 660
    assert [each["to_module"] for each in desk["dependencies"]] == ["shop.model"]


def test_lists_by_rest_are_those_of_graphql(ask: Ask) -> None:
    found = [
        [
            each["snapshot_id"]
            for each in ask("GET", "/api/topology/snapshots?repository=shop").json()["snapshots"]
        ],
        len(ask("GET", "/api/topology/calls?limit=2").json()["calls"]),
        len(ask("GET", "/api/topology/call-chain?entry_point=serve&depth=2").json()["calls"]),
        ask("GET", "/api/hotspots?limit=1").json()["hotspots"][0]["component"],
    ]
    assert found == [["new", "old"], 2, 2, "shop.model.chat"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/topology?commit=cccc", 404),
        ("/api/topology/modules?repository=none", 404),
        ("/api/topology/graph?format=dot", 400),
        ("/api/topology/call-chain", 400),
        ("/api/topology/call-chain?entry_point=serve&depth=0", 400),
        ("/api/topology/diff?before=aaaa", 400),
        ("/api/topology/diff?before=aaaa&after=bbb", 400),
        ("/api/topology/diff?before=aaaa&after=cccc", 400),
        ("/api/hotspots?limit=0", 400),
        ("/api/hotspots?depth=1", 400),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_word(ask: Ask, path: str, status: int) -> None:
    found = ask("GET", path)
    assert (found.status_code, set(found.json())) == (status, {"error", "hint"})


def test_a_difference_tells_structure_and_tokens_a_call(ask: Ask) -> None:
    found = ask("GET", "/api/topology/diff?before=aaaa&after=bbbb").json()
    assert [found[side]["commit"] for side in ("before", "after")] == [OLD, NEW]
    assert found["structure"]["functions"] == {
        "added": ["shop.desk.added"],
        "removed": [],
        "changed": ["shop.desk.Desk.ask"],
        "complexity": [{"name": "shop.desk.Desk.ask", "complexity": {"before": 3.0, "after": 7.0}}],
    }
    assert found["structure"]["cycles"] == {"added": [["shop.desk", "shop.model"]], "removed": []}
    assert [(each["function"], each["difference"], each["low"]) for each in found["tokens"]] == [
        ("shop.desk.serve", 0.0, None),
        ("shop.model.chat", 0.0, None),
    ]


def _posted(ask: Ask, body: bytes, kind: str = SNAPSHOT_TYPE) -> tuple[int, Any]:
    answer = ask("POST", "/api/topology", content=body, headers={"content-type": kind})
    return answer.status_code, answer.json()


def test_a_snapshot_that_is_sent_is_there_and_sent_again_is_there_once(ask: Ask) -> None:
    tables = snapshot(
        "module tiny tiny.py 1-3", snapshot_id="tiny", repository="/tiny", commit="d" * 40,
        scanned_at=SCANNED_AT - timedelta(days=1),
    )  # fmt: skip
    for _ in range(2):
        assert _posted(ask, snapshot_bytes(tables)) == (201, {"snapshot_id": "tiny"})
    modules = ask("GET", "/api/topology/modules?repository=/tiny").json()["modules"]
    assert [each["module_id"] for each in modules] == [id_of("tiny", "tiny")]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", SNAPSHOT_TYPE, 400),
        (b"not arrow", SNAPSHOT_TYPE, 400),
        (snapshot_bytes(_shop(OLD, "x", 0))[:-40], SNAPSHOT_TYPE, 400),
        (snapshot_bytes(_shop(OLD, "x", 0)), "text/plain", 415),
        (
            snapshot_bytes(
                _shop(OLD, "x", 0) | {"code_modules": _shop(OLD, "y", 0)["code_modules"]}
            ),
            SNAPSHOT_TYPE,
            400,
        ),
        (snapshot_bytes({"sessions": _shop(OLD, "x", 0)["code_modules"]}), SNAPSHOT_TYPE, 400),
    ],
    ids=["empty", "no arrow", "cut off", "another type", "of two", "another table"],
)
def test_what_is_no_snapshot_is_refused(ask: Ask, body: bytes, kind: str, status: int) -> None:
    code, answer = _posted(ask, body, kind)
    assert (code, set(answer)) == (status, {"error", "hint"})


def test_an_api_that_only_reads_takes_no_snapshot(store: ClickHouse, asked: Ask) -> None:
    reading = application(Queries(store))
    answer = asked(reading, "POST", "/api/topology", content=b"")
    assert answer.status_code == 405
