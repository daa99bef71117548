"""The tools of `mcp`, through the official client and a real `serve`."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import TextContent

from otel_llmops.cli import main
from otel_llmops.cli.mcp import TOOLS
from otel_llmops.errors import QueryError
from tests.support.otlp import TRACES
from tests.support.serving import Serving, until

_CAPTURE = sorted((TRACES / "openai-agents--openinference").glob("*transfer*"))[0]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    serving = Serving(tmp_path_factory.mktemp("mcp") / "data")
    serving.start()
    url = f"http://127.0.0.1:{serving.http_port}/v1/traces"
    for request in sorted(_CAPTURE.glob("request-*.binpb")):
        headers = {"Content-Type": "application/x-protobuf"}
        httpx.post(url, content=request.read_bytes(), headers=headers).raise_for_status()
    until(lambda: _get(serving, "/api/handoffs")["handoffs"])
    until(lambda: all(each["final"] for each in _get(serving, "/api/sessions")["sessions"]))
    yield serving
    serving.stop()


def _get(served: Serving, path: str) -> Any:
    return httpx.get(f"http://127.0.0.1:{served.api_port}{path}").json()


def _called(served: Serving, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
    """What the tools answer, the names of all tools first."""

    async def ask() -> list[Any]:
        command = [sys.executable, "-m", "otel_llmops.cli", "mcp", "--data", str(served.data)]
        server = StdioServerParameters(command=command[0], args=command[1:])
        async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            found: list[Any] = [[each.name for each in (await session.list_tools()).tools]]
            for name, given in calls:
                result = await session.call_tool(name, given)
                (content,) = result.content
                assert isinstance(content, TextContent)
                found.append((content.text, bool(result.is_error)))
            return found

    return asyncio.run(asyncio.wait_for(ask(), 50))


def test_each_tool_answers_what_the_api_answers(served: Serving) -> None:
    names, *answers = _called(
        served,
        ("agents", {}),
        ("handoffs", {"limit": 1}),
        ("agent", {"name": "no such"}),
        ("handoffs", {"limit": 0}),
        ("handoffs", {"colour": "red"}),
    )
    assert names == [tool.name for tool in TOOLS]
    assert [json.loads(text) for text, _ in answers[:2]] == [
        _get(served, "/api/agents"),
        _get(served, "/api/handoffs?limit=1"),
    ]
    assert [failed for _, failed in answers] == [False, False, True, True, True]
    assert "there is no colour" in answers[-1][0]


def test_every_tool_asks_a_route_that_is_there(served: Serving) -> None:
    found = {}
    for tool in TOOLS:
        path = tool.address(dict.fromkeys(tool.needs(), "x/y"))
        found[tool.name] = httpx.get(f"http://127.0.0.1:{served.api_port}{path}")
    nobody = {"agent": 404, "session": 404, "drift": 400}
    assert {name: each.status_code for name, each in found.items()} == {
        tool.name: nobody.get(tool.name, 200) for tool in TOOLS
    }
    assert all(found[name].json()["error"] for name in nobody)


def test_arguments_are_checked_before_anything_is_asked() -> None:
    agent = next(tool for tool in TOOLS if tool.name == "agent")
    assert agent.address({"name": "a/b ?"}) == "/api/agents/a%2Fb%20%3F"
    with pytest.raises(QueryError, match="name is needed"):
        agent.address({})


def test_without_a_serve_it_says_what_to_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mcp", "--data", str(tmp_path)]) == 2
    assert "start otel-llmops serve" in capsys.readouterr().err
