"""What a real OpenTelemetry Collector sent, byte for byte: tests/golden/wire/README.md."""

import socket
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.otlp import TRACES
from tests.support.receiving import DEADLINE_S, Running

_WIRE = Path(__file__).parents[1] / "golden" / "wire"
_SENT = TRACES / "langgraph--openlit" / "single"
_FRAME = 9
_HEADERS, _END_STREAM = 1, 1


def _spans(*bodies: bytes) -> Counter[Any]:
    return Counter(
        (of_resource.resource.SerializeToString(), of_scope.scope.SerializeToString(),
         span.SerializeToString())
        for body in bodies
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for of_scope in of_resource.scope_spans
        for span in of_scope.spans
    )  # fmt: skip


def _records(*bodies: bytes) -> Counter[Any]:
    return Counter(
        record.SerializeToString()
        for body in bodies
        for of_resource in ExportLogsServiceRequest.FromString(body).resource_logs
        for of_scope in of_resource.scope_logs
        for record in of_scope.log_records
    )


def _replayed(port: int, name: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
    connection.sendall((_WIRE / name).read_bytes())
    return connection


def _over_grpc(running: Running, name: str) -> None:
    """Send it; return when the call has ended."""
    with (
        _replayed(running.endpoints.grpc_port, name) as connection,
        connection.makefile("rb") as of,
    ):
        ended = False
        while not ended:
            head = of.read(_FRAME)
            assert len(head) == _FRAME, "the connection ended before the call did"
            of.read(int.from_bytes(head[:3], "big"))
            ended = head[3] == _HEADERS and bool(head[4] & _END_STREAM)


def _over_http(running: Running, name: str) -> str:
    """Send it; the status line."""
    with (
        _replayed(running.endpoints.http_port, name) as connection,
        connection.makefile("rb") as of,
    ):
        return of.readline().decode().strip()


def _sent(pattern: str) -> list[bytes]:
    return [each.read_bytes() for each in sorted(_SENT.glob(pattern))]


def test_its_traces_over_grpc_arrive_once_also_when_it_tries_again(receiver: Running) -> None:
    for _ in range(2):
        _over_grpc(receiver, "collector-grpc-traces.bin")
    assert _spans(*receiver.payloads()) == _spans(*_sent("request-*.binpb"))


def test_its_logs_over_grpc_arrive(receiver: Running) -> None:
    _over_grpc(receiver, "collector-grpc-logs.bin")
    assert _records(*receiver.payloads()) == _records(*_sent("logs-*.binpb"))


def test_its_traces_over_http_arrive(receiver: Running) -> None:
    assert _over_http(receiver, "collector-http-traces.bin") == "HTTP/1.1 200 OK"
    assert _spans(*receiver.payloads()) == _spans(*_sent("request-*.binpb"))


@pytest.mark.parametrize("name", ["collector-http-zstd.bin"])
def test_what_is_compressed_as_we_cannot_read_is_refused(receiver: Running, name: str) -> None:
    assert _over_http(receiver, name) == "HTTP/1.1 415 Unsupported Media Type"
    assert receiver.payloads() == []
