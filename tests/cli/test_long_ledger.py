"""A command reads the whole ledger of a session, which the API gives in pages."""

import threading
from collections.abc import Iterator

import pytest
import uvicorn

from otel_llmops.api.application import application
from otel_llmops.cli.reader import Reader
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.storage.queries import Queries
from tests.support.serving import free_ports, until
from tests.support.tables import derived

_ENTRIES = {"none": 0, "a page": 1_000, "more": 2_001}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = ClickHouse.embedded(tmp_path_factory.mktemp("ledger") / "store")
    store.replace_sessions(
        list(_ENTRIES),
        derived(
            sessions=[{"session_id": each, "operations": 1} for each in _ENTRIES],
            token_ledger=[
                {"session_id": each, "span_id": f"{number:04}"}
                for each, count in _ENTRIES.items()
                for number in range(count)
            ],
        ),
    )
    [port] = free_ports(1)
    api = application(Queries(store))
    server = uvicorn.Server(uvicorn.Config(api, port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started, what="the API listens")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
        store.close()


@pytest.mark.parametrize("session", _ENTRIES)
def test_a_ledger_is_read_to_its_end(url: str, session: str) -> None:
    found = Reader(url).session(session)
    assert found is not None
    spans = [each["span_id"] for each in found["ledger"]]
    assert spans == [f"{number:04}" for number in range(_ENTRIES[session])]


def test_a_session_that_is_not_there_has_none(url: str) -> None:
    assert Reader(url).session("nobody") is None
