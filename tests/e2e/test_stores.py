"""`serve --store URL`: from OTLP to the answers, whatever keeps them, and no password anywhere."""

import subprocess
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest

from otel_llmops.app.endpoints import read_endpoints
from tests.backends import BACKENDS, Backend
from tests.e2e.test_corpus_through_serve import ALL, answered, batches, expected, in_order
from tests.support.serving import DEADLINE_S, environment, serve_command, until

SERVERS = [
    pytest.param(backend, id=backend.name, marks=[pytest.mark.long] if backend.is_long else [])
    for backend in BACKENDS
    if backend.name != "clickhouse-embedded"
]
SAMPLE = batches(ALL[::40])[0]
"""Some scenarios that share no id."""


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("backend", SERVERS)
def test_what_is_sent_has_the_answers_of_analyze(backend: Backend, tmp_path: Path) -> None:
    store = backend.url(tmp_path / "store")
    plan = dict.fromkeys(SAMPLE, in_order)
    answers = answered(tmp_path / "data", SAMPLE, plan, "--store", store)
    assert {path: answers.of(path) for path in SAMPLE} == {path: expected(path) for path in SAMPLE}


@pytest.mark.slow
def test_a_password_is_shown_nowhere(tmp_path: Path) -> None:
    backend = next(each for each in BACKENDS if each.name == "clickhouse-server")
    url = backend.url(tmp_path / "store")
    password = url.partition("@")[0].rpartition(":")[2]
    ports = [part for name in ("grpc", "http", "api") for part in (f"--{name}-port", "0")]
    served = subprocess.Popen(
        serve_command(tmp_path / "data", *ports),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(OTEL_LLMOPS_STORE=url),
        text=True,
    )
    endpoints = until(lambda: read_endpoints(tmp_path / "data"), what="serve is ready")
    family = [psutil.Process(served.pid), *psutil.Process(served.pid).children()]
    shown = [" ".join(process.cmdline()) for process in family]
    served.terminate()
    said, _ = served.communicate(timeout=DEADLINE_S)
    shown += [endpoints.store, said]
    assert ([each for each in shown if password in each], "***" in endpoints.store) == ([], True)
    assert f"store       {endpoints.store}" in said
