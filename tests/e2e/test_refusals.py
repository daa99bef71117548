"""What cannot be started is said in one line, with exit code 2, and nothing is left behind."""

import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.serving import (
    Serving,
    environment,
    free_ports,
    processes_of,
    serve_command,
)


def _refused(data: Path, *flags: str) -> tuple[int, str, str]:
    ports = [str(port) for port in free_ports(3)]
    given = dict(zip(("--grpc-port", "--http-port", "--api-port"), ports, strict=True))
    given |= dict(zip(flags[::2], flags[1::2], strict=True))
    ended = subprocess.run(
        # an address that is not ours is not one that nobody guards
        serve_command(data, "--insecure-bind", *(each for pair in given.items() for each in pair)),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env=environment(),
    )
    return ended.returncode, ended.stdout, ended.stderr


def _said(line: str) -> tuple[int, str, str]:
    return 2, "", f"otel-llmops: {line}\n"


def test_a_second_serve_on_the_same_folder(served: Serving) -> None:
    assert _refused(served.data) == _said(
        f"{served.data} is used by another serve, process {served.process.pid} "
        "(stop that one, or choose another folder with --data)"
    )


@pytest.mark.parametrize("flag", ["--grpc-port", "--http-port", "--api-port"])
def test_a_port_that_is_taken(tmp_path: Path, flag: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert _refused(tmp_path / "data", flag, port) == _said(
            f"port {port} on 127.0.0.1 is taken "
            f"(stop what listens there, or choose another with {flag})"
        )
    assert processes_of(tmp_path) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    data = tmp_path / "file" / "data"
    assert _refused(data) == _said(
        f"the data folder {data} cannot be written: Not a directory "
        "(choose another folder with --data)"
    )


def test_an_address_that_is_not_ours(tmp_path: Path) -> None:
    # TEST-NET-1 of RFC 5737: no machine has it
    code, out, told = _refused(tmp_path / "data", "--host", "192.0.2.1")
    assert (code, out, told.count("\n"), "192.0.2.1" in told) == (2, "", 1, True)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nowhere", "names no store that exists; there is chdb:///absolute/folder"),
        ("postgresql://u:secret@db/x?y=1", "there is no option 'y'; there is ca, password_file"),
        ("chdb:relative", "needs an absolute folder"),
    ],
    ids=["scheme", "to-come", "relative"],
)
def test_a_bad_store_url(tmp_path: Path, url: str, reason: str) -> None:
    code, out, told = _refused(tmp_path / "data", "--store", url)
    assert (code, out, told.count("\n"), reason in told, "secret" in told) == (
        2,
        "",
        1,
        True,
        False,
    )


def test_a_store_that_is_not_there(tmp_path: Path) -> None:
    url = "clickhouse://llmops:secret@127.0.0.1:1/llmops"
    code, out, told = _refused(tmp_path / "data", "--store", url)
    said = "otel-llmops: the store cannot be opened: 127.0.0.1:1: Connection refused\n"
    assert (code, out, told) == (2, "", said)


def test_a_store_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    url = f"chdb://{tmp_path}/file/store"
    code, out, told = _refused(tmp_path / "data", "--store", url)
    assert (code, out, told.count("\n"), f"{tmp_path}/file/store" in told) == (2, "", 1, True)
