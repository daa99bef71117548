"""What goes wrong is told by /metrics and /readyz, and costs nothing that was acknowledged."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.support.figures import table
from tests.support.otlp import TRACE_ID, spans, trace_request
from tests.support.serving import Serving, serving, until

UNMOUNT = ["umount", "-l"]


def figures(served: Serving, port: int | None = None) -> dict[str, float]:
    """The page, by name and labels."""
    url = f"http://127.0.0.1:{port or served.api_port}/metrics"
    lines = httpx.get(url, timeout=10).text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name.removeprefix("otel_llmops_"): float(value) for name, value in pairs}


def post(served: Serving, payload: bytes) -> int:
    return served.post(payload, content_type="application/x-protobuf").status_code


def reasons(served: Serving) -> list[str]:
    found: list[str] = served.get("/readyz").json().get("reasons", [])
    return found


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB in memory."""
    folder = tmp_path / "data"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(folder)]
    if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root mounts; test_journal_full_disk.py needs no root")
    yield folder
    subprocess.run([*UNMOUNT, str(folder)], check=True)


def fill(folder: Path) -> Path:
    filler = folder / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler


@pytest.mark.slow
def test_a_full_disk_is_told_and_what_was_refused_is_stored_once_later(
    small_disk: Path, tmp_path: Path
) -> None:
    first, second = trace_request(*spans(3)), trace_request(*spans(2003)[3:])
    with serving(small_disk, "--store", f"chdb://{tmp_path}/store") as served:
        assert post(served, first) == 200
        filler = fill(small_disk)
        assert post(served, second) == 429
        until(lambda: any("no space for the journal" in why for why in reasons(served)))
        assert figures(served)["journal_failures_total"] >= 1
        filler.unlink()
        assert post(served, second) == 200
        until(lambda: served.get("/readyz").is_success)
        assert served.stop() == 0
        stored = served.stored([TRACE_ID.hex()], store=tmp_path / "store")
    assert (len(stored), set(stored.values())) == (2003, {1})


@pytest.mark.slow
def test_both_ports_show_one_page_that_adds_up(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as served:
        assert post(served, trace_request(*spans(20))) == 200
        until(lambda: figures(served).get("sessions_analysed_total"))
        until(lambda: figures(served, served.http_port)["exported_spans_total"] == 20)
        until(lambda: figures(served)['consumer_lag_bytes{consumer="store"}'] == 0)
        page = figures(served)
        both = set(page) == set(figures(served, served.http_port))
    expected = {
        'received_records_total{signal="traces"}': 20,
        "journal_records_total": 1,
        "stored_requests_total": 1,
        "exported_spans_total": 20,
        "quarantined_requests_total": 0,
        'consumer_lag_bytes{consumer="store"}': 0,
        'process_up{process="receiver"}': 1,
        'process_up{process="engine"}': 1,
        "store_up": 1,
    }
    assert (both, {name: page[name] for name in expected}) == (True, expected)


def test_the_docs_tell_every_figure(served: Serving) -> None:
    docs = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
    told = docs.partition("<!-- figures -->\n")[2].partition("\n<!-- /figures -->")[0]
    # a process that was too busy to post is not on the page until it has
    until(lambda: told == table(served.get("/metrics").text), what="the page is that of the docs")


@pytest.mark.slow
def test_an_engine_that_hangs_is_told_on_the_receivers_port(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as served:
        engine = served.children()["engine"]
        engine.suspend()
        assert post(served, trace_request(*spans(20))) == 200

        def told() -> bool:
            page = figures(served, served.http_port)
            lag = page['consumer_lag_bytes{consumer="store"}']
            return page['process_up{process="engine"}'] == 0 and lag > 0

        until(told)
        engine.resume()
        until(lambda: figures(served)['process_up{process="engine"}'] == 1)


@pytest.mark.slow
def test_a_receiver_that_hangs_is_told_by_readyz(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as served:
        receiver = served.children()["receiver"]
        receiver.suspend()
        until(lambda: reasons(served) == ["the receiver does not run"])
        receiver.resume()
        until(lambda: served.get("/readyz").is_success)
