"""`serve` with a guard at its door, and without one where there should be."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest

from tests.support.otlp import span, trace_request
from tests.support.serving import Serving, serve_command

TOKEN = "a-token-of-the-shop-0123456789"  # noqa: S105 - of this test alone
_PROTOBUF = "application/x-protobuf"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("doors")
    (folder / "tokens").write_text(f"{TOKEN}\n")
    served = Serving(folder / "data")
    served._flags += ["--token-file", str(folder / "tokens"), "--request-bytes-max", "100000"]
    served.start()
    yield served
    served.stop()


def _post(served: Serving, content: bytes, **headers: str) -> httpx.Response:
    url = f"http://127.0.0.1:{served.http_port}/v1/traces"
    return httpx.post(url, content=content, headers={"Content-Type": _PROTOBUF} | headers)


def test_serve_asks_senders_for_their_token(guarded: Serving) -> None:
    payload = trace_request(span())
    known = _post(guarded, payload, Authorization=f"Bearer {TOKEN}")
    assert (_post(guarded, payload).status_code, known.status_code) == (401, 200)


def test_serve_holds_requests_to_the_limit_it_was_told(guarded: Serving) -> None:
    payload = trace_request(span("x" * 100_000))
    assert _post(guarded, payload, Authorization=f"Bearer {TOKEN}").status_code == 413


def test_the_api_is_behind_the_guard_too(guarded: Serving) -> None:
    url = f"http://127.0.0.1:{guarded.api_port}/healthz"
    assert httpx.get(url, headers={"X": "y" * 70_000}).status_code == 431


@pytest.mark.skipif(sys.platform != "linux", reason="psutil knows the limits of Linux alone")
def test_the_receiver_may_have_as_many_connections_as_the_system_allows(guarded: Serving) -> None:
    soft, hard = guarded.children()["receiver"].rlimit(psutil.RLIMIT_NOFILE)
    assert soft == hard


def test_no_child_shows_its_configuration_to_other_users(guarded: Serving) -> None:
    shown = [word for child in guarded.children().values() for word in child.cmdline()]
    assert (len(guarded.children()), [word for word in shown if "{" in word]) == (2, [])
    parent = " ".join(psutil.Process(guarded.process.pid).cmdline())
    assert TOKEN not in parent + " ".join(shown)


def test_a_door_to_the_outside_without_a_guard_is_refused_in_one_line(tmp_path: Path) -> None:
    ended = subprocess.run(
        serve_command(tmp_path / "data", "--host", "192.0.2.1"),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert "everybody who reaches 192.0.2.1 could send" in ended.stderr
    assert "--insecure-bind" in ended.stderr


def test_tokens_that_cannot_be_read_are_refused_in_one_line(tmp_path: Path) -> None:
    ended = subprocess.run(
        serve_command(
            tmp_path / "data",
            *("--grpc-port", "0", "--http-port", "0", "--api-port", "0"),
            *("--token-file", str(tmp_path / "none")),
        ),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "none cannot be read" in ended.stderr


def test_a_child_without_a_parent_ends() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "otel_llmops.app", "receiver", "/nowhere"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (ended.returncode, ended.stdout) == (3, b"")
