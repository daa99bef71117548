"""The API of a `serve` that asks for tokens: over TLS, while spans come in."""

import json
import shutil
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets.sync.client
from websockets.exceptions import ConnectionClosed, InvalidStatus

from otel_llmops.app.endpoints import Endpoints
from tests.support.certificates import Certificates, certificates
from tests.support.otlp import span, trace_request
from tests.support.serving import Serving, until

READ, ADMIN = "a-token-that-may-read-0", "a-token-that-may-change-0"
_TOLD_S_MAX = 10.0
_PROVISIONAL_S_MAX = 2.0

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("pems"))


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, pems: Certificates
) -> Iterator[tuple[Serving, Endpoints]]:
    folder: Path = tmp_path_factory.mktemp("live")
    (folder / "read").write_text(f"{READ}\n")
    (folder / "admin").write_text(f"{ADMIN}\n")
    serving = Serving(
        folder / "data",
        *("--api-token-file", str(folder / "read")),
        *("--api-admin-token-file", str(folder / "admin")),
        *("--tls-certificate", str(pems.server), "--tls-key", str(pems.server_key), "--api-tls"),
    )
    yield serving, serving.start()
    serving.stop()


@pytest.fixture
def context(pems: Certificates) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(pems.authority))


def _socket(
    found: Endpoints, context: ssl.SSLContext, *, origin: str | None = None, **headers: str
) -> Any:
    return websockets.sync.client.connect(
        f"wss://localhost:{found.api_port}/graphql",
        ssl=context,
        subprotocols=[websockets.Subprotocol("graphql-transport-ws")],
        additional_headers=headers,
        origin=websockets.Origin(origin) if origin else None,
        proxy=None,
    )


_HANDOFFS = "subscription { handoffs { sessionId fromAgent toAgent final } }"


def _subscribed(socket: Any, payload: dict[str, str], query: str = _HANDOFFS) -> dict[str, Any]:
    """The first answer after saying hello with `payload` and asking for `query`."""
    socket.send(json.dumps({"type": "connection_init", "payload": payload}))
    acknowledged: dict[str, Any] = json.loads(socket.recv(_TOLD_S_MAX))
    socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query}}))
    return acknowledged


def _send(found: Endpoints, context: ssl.SSLContext, *spans: Any) -> None:
    answer = httpx.post(
        f"https://localhost:{found.http_port}/v1/traces",
        content=trace_request(*spans),
        headers={"Content-Type": "application/x-protobuf"},
        verify=context,
    )
    assert answer.status_code == 200


def _agent(number: int, name: str, *, trace: int, parent: int = 0) -> Any:
    now = time.time_ns()
    return span(
        f"invoke_agent {name}",
        trace_id=bytes([trace] * 16),
        span_id=bytes([number] * 8),
        parent_span_id=bytes([parent] * 8) if parent else b"",
        start_time_unix_nano=now,
        end_time_unix_nano=now + 1000,
        attributes={"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name},
    )


def test_a_handoff_is_told_while_its_trace_still_grows(
    served: tuple[Serving, Endpoints], context: ssl.SSLContext
) -> None:
    _, found = served
    with _socket(found, context) as socket:
        assert _subscribed(socket, {"authorization": f"Bearer {READ}"}) == {
            "type": "connection_ack"
        }
        # no root: the trace is open for two seconds
        _send(found, context, _agent(2, "planner", trace=7, parent=1))
        _send(found, context, _agent(3, "writer", trace=7, parent=2))
        began = time.monotonic()
        told: list[dict[str, Any]] = []
        while len(told) < 2:
            handoff = json.loads(socket.recv(_TOLD_S_MAX))["payload"]["data"]["handoffs"]
            # what another test sent may settle meanwhile
            told += [handoff] if handoff["sessionId"] == "07" * 16 else []
        took_s = time.monotonic() - began
    pair = {"sessionId": "07" * 16, "fromAgent": "planner", "toAgent": "writer"}
    assert told == [pair | {"final": False}, pair | {"final": True}]
    assert took_s < _TOLD_S_MAX


def test_the_graph_of_a_session_is_told_as_it_grows(
    served: tuple[Serving, Endpoints], context: ssl.SSLContext
) -> None:
    _, found = served
    session = "0b" * 16
    query = (
        f'subscription {{ coordinationGraph(sessionId: "{session}") '
        "{ nodes { agent } edges { fromAgent toAgent handoffs } } }"
    )

    def told() -> tuple[set[str], set[tuple[str, str, int]]]:
        message = json.loads(socket.recv(_TOLD_S_MAX))
        assert message["type"] == "next", message
        graph = message["payload"]["data"]["coordinationGraph"]
        edges = {(edge["fromAgent"], edge["toAgent"], edge["handoffs"]) for edge in graph["edges"]}
        return {node["agent"] for node in graph["nodes"]}, edges

    with _socket(found, context) as socket:
        _subscribed(socket, {"authorization": f"Bearer {READ}"}, query)
        # another session's handoff is not told
        _send(found, context, _agent(1, "x", trace=12), _agent(2, "y", trace=12, parent=1))
        _send(
            found,
            context,
            _agent(2, "planner", trace=11, parent=1),
            _agent(3, "writer", trace=11, parent=2),
        )
        assert told() == ({"planner", "writer"}, {("planner", "writer", 1)})
        _send(found, context, _agent(4, "critic", trace=11, parent=3))
        grown = {("planner", "writer", 1), ("writer", "critic", 1)}
        until(
            lambda: told() == ({"planner", "writer", "critic"}, grown), what="the graph has grown"
        )


@pytest.mark.parametrize("payload", [{}, {"authorization": "Bearer x"}, {"authorization": READ}])
def test_a_web_socket_without_a_token_hears_nothing(
    served: tuple[Serving, Endpoints], context: ssl.SSLContext, payload: dict[str, str]
) -> None:
    with _socket(served[1], context) as socket, pytest.raises(ConnectionClosed) as closed:
        _subscribed(socket, payload)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403


def test_a_web_socket_of_another_page_is_refused(
    served: tuple[Serving, Endpoints], context: ssl.SSLContext
) -> None:
    with (
        pytest.raises(InvalidStatus) as refused,
        _socket(served[1], context, origin="https://evil.example"),
    ):
        pass
    assert refused.value.response.status_code == 403


def test_changes_are_told_as_server_sent_events(
    served: tuple[Serving, Endpoints], context: ssl.SSLContext
) -> None:
    _, found = served
    url, session = f"https://localhost:{found.api_port}/api/live", "08" * 16
    headers = {"Authorization": f"Bearer {READ}"}
    with (
        httpx.Client(verify=context, timeout=_TOLD_S_MAX) as client,
        client.stream("GET", url, headers=headers) as answer,
    ):
        lines = answer.iter_lines()
        assert next(lines) == ": listening"
        root = _agent(1, "desk", trace=8)
        _send(found, context, root, _agent(2, "clerk", trace=8, parent=1))
        events = (json.loads(line[6:]) for line in lines if line.startswith("data: "))
        told = next(event for event in events if session in event["sessions"])
    ours = [each for each in told["handoffs"] if each["session_id"] == session]
    assert [(each["from_agent"], each["to_agent"]) for each in ours] == [("desk", "clerk")]


def test_a_token_may_do_what_it_is_for(
    served: tuple[Serving, Endpoints], context: ssl.SSLContext
) -> None:
    url = f"https://localhost:{served[1].api_port}"
    with httpx.Client(verify=context, base_url=url) as client:
        found = [
            client.request(method, path, headers={"Authorization": f"Bearer {token}"}).status_code
            for method, path, token in [
                ("GET", "/api/agents", "wrong"),
                ("GET", "/api/agents", READ),
                ("DELETE", "/api/agents", READ),
                ("DELETE", "/api/agents", ADMIN),
            ]
        ]
    assert found == [401, 200, 403, 405]


def test_a_stop_ends_whoever_listens_without_an_error(tmp_path: Path) -> None:
    log = tmp_path / "log"
    serving = Serving(tmp_path / "data", log=log)
    found = serving.start()
    with httpx.stream("GET", f"{found.api}/api/live", timeout=_TOLD_S_MAX) as stream:
        lines = stream.iter_lines()
        assert next(lines) == ": listening"
        assert serving.stop() == 0
        assert list(lines) == [""]
    assert "Traceback" not in log.read_text()
