import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from otel_llmops.errors import ConfigError
from otel_llmops.journal import Journal
from otel_llmops.receiver import Receiver
from tests.support.otlp import span, trace_request
from tests.support.receiving import DEADLINE_S, Running, SlowDisk, running


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("taken", "flag"), [("grpc_port", "--grpc-port"), ("http_port", "--http-port")]
)
def test_a_taken_port_is_named_and_the_other_is_given_back(
    tmp_path: Path, taken: str, flag: str
) -> None:
    ports = {"grpc_port": _free_port(), "http_port": _free_port()}
    with (
        Journal.open(tmp_path / "journal", required_consumers=["test"]) as journal,
        socket.create_server(("127.0.0.1", ports[taken])),
    ):
        receiver = Receiver(journal, grpc_port=ports["grpc_port"], http_port=ports["http_port"])
        with pytest.raises(ConfigError) as caught:
            receiver.start()
        receiver.stop()
        assert str(caught.value) == (
            f"port {ports[taken]} on 127.0.0.1 is taken "
            f"(stop what listens there, or choose another with {flag})"
        )
        other = next(port for name, port in ports.items() if name != taken)
        socket.create_server(("127.0.0.1", other)).close()


def test_a_start_that_failed_may_be_tried_again(tmp_path: Path) -> None:
    port = _free_port()
    with Journal.open(tmp_path / "journal", required_consumers=["test"]) as journal:
        receiver = Receiver(journal, grpc_port=port, http_port=0)
        with socket.create_server(("127.0.0.1", port)), pytest.raises(ConfigError):
            receiver.start()
        assert receiver.start().grpc_port == port
        receiver.stop(grace_s=1)


def test_a_second_receiver_cannot_share_the_first_one_s_ports(
    tmp_path: Path, receiver: Running
) -> None:
    with Journal.open(tmp_path / "second", required_consumers=["test"]) as journal:
        second = Receiver(journal, grpc_port=receiver.endpoints.grpc_port, http_port=0)
        with pytest.raises(ConfigError, match="is taken"):
            second.start()
        second.stop()


def test_an_address_that_is_not_ours_is_named(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal", required_consumers=["test"]) as journal:
        receiver = Receiver(journal, host="192.0.2.1", grpc_port=0, http_port=0)
        with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1"):
            receiver.start()
        receiver.stop()


@pytest.mark.parametrize("transport", ["grpc", "http"])
def test_stopping_answers_what_is_in_flight(tmp_path: Path, transport: str) -> None:
    disk, payload = SlowDisk(), trace_request(span("in flight"))
    with running(tmp_path, disk=disk) as receiver, ThreadPoolExecutor(1) as pool:

        def send() -> bytes:
            if transport == "grpc":
                return receiver.export(payload)
            headers = {"Content-Type": "application/x-protobuf"}
            answer = httpx.post(
                f"{receiver.http_url}/v1/traces",
                content=payload,
                headers=headers,
                timeout=DEADLINE_S,
            )
            assert answer.status_code == 200
            return answer.content

        disk.slow = True
        answer = pool.submit(send)
        assert disk.waiting.wait(DEADLINE_S)
        stopping = threading.Thread(target=receiver.receiver.stop)
        stopping.start()
        assert _refuses_connections(receiver.endpoints.http_port)
        assert not answer.done()
        disk.released.set()
        assert answer.result(DEADLINE_S) == b""
        stopping.join(DEADLINE_S)
        assert receiver.payloads() == [payload]


def _refuses_connections(port: int) -> bool:
    """Whether the port stops listening before the deadline: the stop has begun."""
    gone = threading.Event()

    def probe() -> None:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                gone.set()
                return

    threading.Thread(target=probe, daemon=True).start()
    return gone.wait(DEADLINE_S)


def test_after_stopping_both_ports_are_free(tmp_path: Path) -> None:
    with running(tmp_path) as receiver:
        receiver.receiver.stop()
        for port in (receiver.endpoints.grpc_port, receiver.endpoints.http_port):
            socket.create_server(("127.0.0.1", port)).close()


def test_stopping_twice_is_stopping_once(tmp_path: Path) -> None:
    with running(tmp_path) as receiver:
        receiver.receiver.stop()
        receiver.receiver.stop()
        with pytest.raises(httpx.ConnectError):
            httpx.get(receiver.http_url)


def test_a_journal_that_closed_is_to_be_tried_again_later(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal", required_consumers=["test"]) as journal:
        receiver = Receiver(journal, grpc_port=0, http_port=0)
        url = f"http://127.0.0.1:{receiver.start().http_port}/v1/traces"
        journal.close()
        answer = httpx.post(
            url, content=trace_request(span()), headers={"Content-Type": "application/x-protobuf"}
        )
        receiver.stop(grace_s=1)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
