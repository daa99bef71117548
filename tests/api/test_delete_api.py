"""How a session is deleted over the API, by whom it may be, and how refusals read."""

from collections.abc import Callable

import httpx
import pytest
from starlette.applications import Starlette

from otel_llmops.api.application import application
from otel_llmops.engine.deletion import Deleted, named
from otel_llmops.errors import RetryableExport
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.storage.queries import Queries

Asked = Callable[..., httpx.Response]


class AtOnce:
    """Deletes in the thread that asks: here nobody else writes."""

    def __init__(self, store: ClickHouse) -> None:
        self._store = store

    def delete(self, session_id: str) -> Deleted | None:
        sessions, traces = named(self._store, [session_id])
        rows = self._store.delete_sessions(sessions, traces)
        return Deleted(sessions, traces, rows) if any(rows.values()) else None


class Down:
    def delete(self, session_id: str) -> None:
        raise RetryableExport("the store is away")


@pytest.fixture
def app(store: ClickHouse) -> Starlette:
    return application(Queries(store), deletions=AtOnce(store))


def test_it_says_what_was_deleted_and_then_that_there_is_none(app: Starlette, asked: Asked) -> None:
    session = asked(app, "GET", "/api/sessions").json()["sessions"][0]["session_id"]
    path = f"/api/sessions/{session}"
    assert asked(app, "GET", path).status_code == 200
    deleted = asked(app, "DELETE", path)
    told = deleted.json()
    assert (deleted.status_code, set(told)) == (200, {"session_ids", "trace_ids", "rows"})
    assert (session in told["session_ids"], told["rows"]["sessions"]) == (True, 1)
    assert [asked(app, method, path).status_code for method in ("GET", "DELETE")] == [404, 404]


def test_what_the_store_refuses_may_be_asked_again(store: ClickHouse, asked: Asked) -> None:
    answer = asked(application(Queries(store), deletions=Down()), "DELETE", "/api/sessions/x")
    assert answer.status_code == 503
    assert "the store is away" in answer.json()["error"]


def test_a_misspelt_parameter_deletes_nothing(app: Starlette, asked: Asked) -> None:
    assert asked(app, "DELETE", "/api/sessions/x?dry_run=1").status_code == 400


def test_where_nothing_deletes_there_is_no_such_method(store: ClickHouse, asked: Asked) -> None:
    assert asked(application(Queries(store)), "DELETE", "/api/sessions/x").status_code == 405
