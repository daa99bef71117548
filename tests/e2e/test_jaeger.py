"""`serve` as the storage of a Jaeger."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest

from otel_llmops.api.jaeger.messages import PACKAGE, message
from tests.support.otlp import span, trace_request
from tests.support.serving import Serving, free_ports, until


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Serving, int]]:
    (port,) = free_ports(1)
    serving = Serving(tmp_path / "data", "--jaeger-storage-port", str(port))
    found = serving.start()
    assert found.jaeger_storage_port == port
    yield serving, port
    serving.stop()


def test_what_serve_took_a_jaeger_reads(served: tuple[Serving, int]) -> None:
    serving, port = served
    url = f"http://127.0.0.1:{serving.http_port}/v1/traces"
    headers = {"Content-Type": "application/x-protobuf"}
    httpx.post(url, content=trace_request(span()), headers=headers).raise_for_status()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        services = channel.unary_unary(
            f"/{PACKAGE}.TraceReader/GetServices",
            lambda request: request.SerializeToString(),
            message("GetServicesResponse").FromString,
        )
        until(lambda: list(services(message("GetServicesRequest")()).services) == ["shop"])
