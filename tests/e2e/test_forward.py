"""One `serve` passes on to another: traces arrive there, and are counted on both pages."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.otlp import span, trace_request
from tests.support.serving import Serving, until


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Serving, Serving]]:
    behind = Serving(tmp_path / "behind")
    before = Serving(tmp_path / "before", "--forward", f"otlp://127.0.0.1:{behind.grpc_port}")
    before.start()
    yield before, behind
    before.stop()
    behind.stop()


def _post(serving: Serving, name: str) -> None:
    url = f"http://127.0.0.1:{serving.http_port}/v1/traces"
    headers = {"Content-Type": "application/x-protobuf"}
    httpx.post(url, content=trace_request(span(name)), headers=headers).raise_for_status()


def _names(serving: Serving) -> list[str]:
    url = f"http://127.0.0.1:{serving.api_port}/api/services/shop/operations"
    found: list[str] = httpx.get(url).json()["data"]
    return found


def test_what_one_took_arrives_at_the_other_also_after_it_was_away(
    pair: tuple[Serving, Serving],
) -> None:
    before, behind = pair
    _post(before, "early")
    api = f"http://127.0.0.1:{before.api_port}"
    until(lambda: "notes" in httpx.get(f"{api}/readyz").json())
    assert httpx.get(f"{api}/readyz").json()["status"] == "ready"
    behind.start()
    _post(before, "late")
    until(lambda: _names(behind) == ["early", "late"])
    until(lambda: "notes" not in httpx.get(f"{api}/readyz").json())
    figures = httpx.get(f"{api}/metrics").text
    destination = f'destination="otlp://127.0.0.1:{behind.grpc_port}"'
    assert f"otel_llmops_forwarded_requests_total{{{destination}}} 2" in figures
