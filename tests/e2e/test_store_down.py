"""A store that goes down under load and comes back has every span once."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support import clickhouse_server, mysql_server, postgres_server
from tests.support.load import Load
from tests.support.servers import Server, or_skip
from tests.support.serving import serving, until
from tests.support.sql import rows

SHORT_S, LONG_S = 3.0, 120.0
SPANS_BESIDE = 2_000
"""What is acknowledged before, and after."""
STORED = "SELECT count(*), count(DISTINCT concat(trace_id, span_id)) FROM spans"


class Kind(NamedTuple):
    name: str
    make: Callable[[], Server]
    url: Callable[[Server, Path], str]


KINDS = (
    Kind("clickhouse", clickhouse_server.make_server, clickhouse_server.url_of),
    Kind("postgresql", postgres_server.make_server, postgres_server.url_of),
    Kind("mysql", mysql_server.make_server, mysql_server.url_of),
)


def outage(kind: Kind, folder: Path, down_s: float) -> None:
    server: Server = or_skip(kind.make)
    try:
        url = kind.url(server, folder)
        with serving(folder / "data", "--store", url) as served:
            load = Load(served)
            load.start()
            more(load, SPANS_BESIDE)
            server.kill()
            threading.Event().wait(down_s)  # what is tested is that it lasts
            assert served.get("/readyz").status_code == 503
            server.start()
            more(load, SPANS_BESIDE)
            load.stop()
            until(lambda: not served.lag_bytes(), deadline_s=60 + down_s, what="all is stored")
            until(lambda: served.get("/readyz").is_success, what="it is ready again")
            assert served.stop() == 0
        assert rows(url, STORED) == [(len(load.acknowledged), len(load.acknowledged))]
    finally:
        server.kill()


def more(load: Load, spans: int) -> None:
    goal = len(load.acknowledged) + spans
    until(lambda: len(load.acknowledged) >= goal, what=f"{spans} more spans are acknowledged")


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_store_killed_under_load_has_every_span_once_when_it_is_back(
    kind: Kind, tmp_path: Path
) -> None:
    outage(kind, tmp_path, SHORT_S)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_store_that_is_down_for_two_minutes_has_every_span_once(
    kind: Kind, tmp_path: Path
) -> None:
    outage(kind, tmp_path, LONG_S)
