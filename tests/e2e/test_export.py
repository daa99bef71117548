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


def owed(served: Serving) -> int:
    """How many sessions exports have still to delete."""
    figures = served.get("/metrics").text.splitlines()
    name = "otel_llmops_export_deletions_owed{"
    return sum(int(line.split()[-1]) for line in figures if line.startswith(name))


@pytest.mark.timeout(180)
def test_a_deleted_session_leaves_an_export_too_also_one_that_was_away(
    shaky: Server, tmp_path: Path
) -> None:
    url = postgres_server.url_of(shaky, tmp_path)
    one, two = (f"{number:032x}" for number in (1, 2))
    with serving(tmp_path / "data", "--export", url) as served:
        send(served, 1)
        has(url, REQUESTS)
        until(lambda: served.get(f"/api/sessions/{two}").is_success, what="the store has it")
        until(lambda: served.delete(f"/api/sessions/{one}").is_success, what="it is deleted")
        has(url, REQUESTS - 1)
        shaky.kill()
        served.delete(f"/api/sessions/{two}").raise_for_status()
        send(served, 1 + REQUESTS)
        until(lambda: owed(served) == 1, what="it is owed")
        shaky.start()
        has(url, 2 * REQUESTS - 2)
        until(lambda: owed(served) == 0, what="it is owed no more")
        assert rows(url, f"SELECT count(*) FROM spans WHERE trace_id IN ('{one}', '{two}')") == [
            (0,)
        ]
        assert served.stop() == 0
