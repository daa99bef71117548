"""REST against its own document: every request that schemathesis thinks of, over the corpus."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette

from otel_llmops.analysis.derive import analyse
from otel_llmops.api.application import OPENAPI, application
from otel_llmops.engine.reanalysis import Reanalysis
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.otlp import Request, decode_traces
from otel_llmops.storage.queries import Queries
from tests.support.otlp import TRACES
from tests.support.serving import free_ports, until
from tests.support.snapshot import snapshot

_RUN_S_MAX = 15
_LATE_S = 60
"""For what is under way when the time is up, on a machine that is busy."""

# these two need what a schema cannot say: commits that are known, until after since
_SETTINGS = """
warnings = false

[[operations]]
include-path = ["/api/topology/diff", "/api/usage"]
checks.positive_data_acceptance.enabled = false
"""


def _left_out() -> list[str]:
    # what never ends, and a body that is not text
    return ["--exclude-path", "/api/live", "--exclude-operation-id", "post_topology"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """A recorded trace of every framework and instrumentation, and a scan."""
    opened = ClickHouse.embedded(tmp_path_factory.mktemp("openapi") / "store")
    recorded = [sorted(each.glob("*/request-*.binpb"))[:1] for each in sorted(TRACES.iterdir())]
    spans = decode_traces([Request(each.read_bytes()) for found in recorded for each in found])
    opened.export_spans(spans, batch_id="all")
    tables = analyse(spans)
    opened.replace_sessions(tables["sessions"]["session_id"].to_pylist(), tables)
    opened.replace_snapshot(
        "scan",
        snapshot(
            """
            module shop.desk src/shop/desk.py 1-60
              function serve 22-28
            module shop.model src/shop/model.py 1-30
              function chat 2-9
            """,
            calls=[("shop.desk.serve", "shop.model.chat")],
            imports=[("shop.desk", "shop.model")],
            snapshot_id="scan",
            repository="/home/me/shop",
            commit="a" * 40,
        ),
    )
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def api(store: ClickHouse) -> Starlette:
    return application(
        Queries(store),
        reanalysis=Reanalysis(store),
        replace_snapshot=store.replace_snapshot,
    )


@pytest.fixture
def url(api: Starlette) -> Iterator[str]:
    """Where it is served."""
    [port] = free_ports(1)
    server = uvicorn.Server(uvicorn.Config(api, port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started, what="the API listens")
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.mark.slow
@pytest.mark.timeout(_RUN_S_MAX + 2 * _LATE_S)
def test_schemathesis_finds_nothing(url: str, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(_SETTINGS, encoding="utf-8")
    asked = ["--phases", "coverage,fuzzing", "--max-time", str(_RUN_S_MAX)]
    same = ["--generation-deterministic", "--continue-on-failure", "--no-color"]
    command = [sys.executable, "-m", "schemathesis.cli", "run", url + OPENAPI]
    ran = subprocess.run(
        [*command, *asked, *_left_out(), *same],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=_RUN_S_MAX + _LATE_S,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
