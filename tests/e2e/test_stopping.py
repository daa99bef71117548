"""A clean stop loses nothing and leaves nothing behind."""

import json
import signal
from pathlib import Path

import pytest

from tests.support.otlp import TRACE_ID, spans, trace_request
from tests.support.serving import Serving, serving


def _post(served: Serving, payload: bytes) -> None:
    answer = served.post(payload, content_type="application/x-protobuf")
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name
)
def test_all_that_was_acknowledged_is_stored_at_a_clean_stop(
    tmp_path: Path, number: signal.Signals
) -> None:
    with serving(tmp_path / "data") as served:
        _post(served, trace_request(*spans(200)))
        code = served.stop(number)
        stored = served.stored([TRACE_ID.hex()])
        left = (served.data / "endpoints.json").exists()
    assert (code, len(stored), set(stored.values()), left) == (0, 200, {1}, False)


def test_a_terminal_that_is_closed_ends_all_processes_cleanly(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as served:
        _post(served, trace_request(*spans(20)))
        for child in served.children().values():
            child.send_signal(signal.SIGHUP)
        code = served.stop(signal.SIGHUP)
        stored = served.stored([TRACE_ID.hex()])
    assert (code, len(stored)) == (0, 20)


def test_the_same_request_is_stored_once_with_a_restart_between(tmp_path: Path) -> None:
    payload = trace_request(*spans(3))
    with serving(tmp_path / "data") as served:
        _post(served, payload)
        _post(served, payload)
        served.stop()
        served.start()
        _post(served, payload)
        served.stop()
        stored = served.stored([TRACE_ID.hex()])
    assert sorted(stored.values()) == [1, 1, 1]


def test_the_endpoints_file_tells_where_it_serves(served: Serving) -> None:
    assert json.loads((served.data / "endpoints.json").read_text()) == {
        "pid": served.process.pid,
        "host": "127.0.0.1",
        "grpc_port": served.grpc_port,
        "http_port": served.http_port,
        "api_port": served.api_port,
        "data": str(served.data),
        "store": f"chdb://{served.data}/store",
        "api_host": "127.0.0.1",
        "api_tls": False,
        "jaeger_storage_port": None,
        "tls": False,
        "urls": {
            "grpc": f"http://127.0.0.1:{served.grpc_port}",
            "http": f"http://127.0.0.1:{served.http_port}",
            "api": f"http://127.0.0.1:{served.api_port}",
        },
    }
