"""How sessions are had analysed again over the API."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from otel_llmops.analysis.tables import ANALYSIS_VERSION
from otel_llmops.api.application import application
from otel_llmops.engine.reanalysis import Reanalysis
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.storage.queries import Queries

Asked = Callable[..., httpx.Response]
PATH = "/api/reanalyze"


@pytest.fixture
def app(store: ClickHouse) -> Starlette:
    return application(Queries(store), reanalysis=Reanalysis(store))


def progress(sessions: int, *, running: bool) -> dict[str, Any]:
    version = {"version": ANALYSIS_VERSION, "running": running}
    return version | {"sessions": sessions, "done": 0, "left_out": 0}


def test_a_post_begins_it_and_a_get_tells_how_far_it_is(app: Starlette, asked: Asked) -> None:
    assert asked(app, "GET", PATH).json() == progress(0, running=False)
    assert asked(app, "POST", PATH, json={}).json() == progress(2, running=True)
    assert asked(app, "GET", PATH).json() == progress(2, running=True)
    since = {"since": "2026-11-22T10:30:00Z"}
    assert asked(app, "POST", PATH, json=since).json() == progress(1, running=True)


@pytest.mark.parametrize("since", ["1151-05-25T21:48:24-13:12", "9999-12-31T23:00:00Z"])
def test_a_time_that_no_store_holds_is_no_fault(app: Starlette, asked: Asked, since: str) -> None:
    assert asked(app, "POST", PATH, json={"since": since}).status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        {"content": b"{}", "headers": {"content-type": "text/plain"}},
        {"content": b"{", "headers": {"content-type": "application/json"}},
        {"json": []},
        {"json": {"until": "2026-11-22T10:30:00Z"}},
        {"json": {"since": "yesterday"}},
        {"json": {"since": 5}},
    ],
    ids=["a form of another site", "no JSON", "a list", "a misspelling", "no time", "a number"],
)
def test_what_is_refused(app: Starlette, asked: Asked, sent: dict[str, Any]) -> None:
    answer = asked(app, "POST", PATH, **sent)
    assert (answer.status_code, bool(answer.json()["error"])) == (400, True)
    assert asked(app, "GET", PATH).json() == progress(0, running=False)


def test_where_nothing_analyses_there_is_no_such_path(store: ClickHouse, asked: Asked) -> None:
    assert asked(application(Queries(store)), "POST", PATH, json={}).status_code == 404
