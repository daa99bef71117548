"""Further stores beside the one that is queried: one is killed and comes back, one is a lake."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_llmops.app.lakes import lake_spans
from tests.support import mysql_server, postgres_server
from tests.support.otlp import span, trace_request
from tests.support.servers import Server, or_skip
from tests.support.serving import Serving, serving, until
from tests.support.sql import rows

pytestmark = pytest.mark.slow

REQUESTS = 20
STORED = "SELECT count(*), count(DISTINCT concat(trace_id, span_id)) FROM spans"
SESSIONS = "SELECT count(*), count(DISTINCT session_id) FROM sessions"


@pytest.fixture
def steady() -> Iterator[Server]:
    server: Server = or_skip(mysql_server.make_server)
    yield server
    server.kill()


@pytest.fixture
def shaky() -> Iterator[Server]:
    server: Server = or_skip(postgres_server.make_server)
    yield server
    server.kill()


def send(served: Serving, first: int) -> None:
    for number in range(first, first + REQUESTS):
        trace = number.to_bytes(16, "big")
        payload = trace_request(span(f"span {number}", trace_id=trace))
        served.post(payload, content_type="application/x-protobuf").raise_for_status()


def has(url: str, count: int) -> None:
    until(lambda: rows(url, STORED) == [(count, count)], what=f"{count} spans, each once")
    until(lambda: rows(url, SESSIONS) == [(count, count)], what=f"{count} sessions, each once")


@pytest.mark.timeout(180)
def test_one_that_is_killed_costs_the_other_nothing_and_catches_up(
    steady: Server, shaky: Server, tmp_path: Path
) -> None:
    up = mysql_server.url_of(steady, tmp_path)
    down = postgres_server.url_of(shaky, tmp_path)
    with serving(tmp_path / "data", "--export", up, "--export", down) as served:
        send(served, 1)
        for url in (up, down):
            has(url, REQUESTS)
        shaky.kill()
        send(served, 1 + REQUESTS)
        has(up, 2 * REQUESTS)
        until(lambda: "notes" in served.get("/readyz").json())
        assert served.get("/readyz").json()["status"] == "ready"
        shaky.start()
        has(down, 2 * REQUESTS)
        until(lambda: "notes" not in served.get("/readyz").json())
        assert "otel_llmops_export_spans_total{" in served.get("/metrics").text
        assert served.stop() == 0


@pytest.mark.timeout(180)
def test_a_lake_beside_a_server_gets_what_it_gets(tmp_path: Path) -> None:
    store = str(or_skip(lambda: postgres_server.postgres_url(tmp_path)))
    lake = tmp_path / "lake"
    where = ("--store", store, "--export", f"parquet://{lake}")
    with serving(tmp_path / "data", *where) as served:
        send(served, 1)
        has(store, REQUESTS)
        until(lambda: len(list(lake.glob("sessions/*/*"))) > 0, what="the lake has an analysis")
        assert served.stop() == 0
    assert lake_spans(lake).num_rows == REQUESTS
