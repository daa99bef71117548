"""`analyze` over a lake finds what it finds in the requests that filled it."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from otel_llmops.cli import main
from otel_llmops.engine.capture import captured
from otel_llmops.exporters.parquet import Parquet
from tests.support.ports import free_port

SCENARIOS = sorted(path.parent for path in Path("tests/traces").rglob("request-*.binpb"))[:200:40]


def said(capsys: pytest.CaptureFixture[str], *paths: object) -> object:
    assert main(["analyze", "--json", *map(str, paths)]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("form", ["{}", "parquet://{}"], ids=["folder", "url"])
def test_a_lake_has_the_answers_of_the_requests(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "lake"
    scenarios = list(dict.fromkeys(SCENARIOS))
    with closing(Parquet(root, compacts=False)) as store:
        for number, scenario in enumerate(scenarios):
            store.export_spans(captured([scenario]), batch_id=str(number))
        assert said(capsys, form.format(root)) == said(capsys, *scenarios)


def test_what_is_no_url_of_a_lake_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["analyze", "parquet://host/lake"])
    assert "needs an absolute folder" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["127.0.0.1:{}", "ray://127.0.0.1:{}", "127.0.0.1:none"])
def test_a_cluster_that_is_not_there_is_said_at_once(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'otel-llmops[ray]'")
    with closing(Parquet(tmp_path, compacts=False)):
        pass
    given = ["--on", "ray", "--ray-address", address.format(free_port())]
    assert main(["analyze", *given, str(tmp_path)]) == 2
    assert "the Ray cluster at" in capsys.readouterr().err
