"""Commands that print one answer tell the same of a running serve and of its store."""

import json
from pathlib import Path

import pytest

from otel_llmops.cli import main
from tests.support.otlp import TRACES
from tests.support.requests import request
from tests.support.serving import serving, until
from tests.support.tree import tree

_SCENARIO = TRACES / "strands-agents--native" / "swarm_ping_pong"
_WINDOW = ("--since", "2020-01-01T00:00:00Z", "--until", "2030-01-01T00:00:00Z")
_ASKED = (
    ("agents", "--json", "--type", "specialist", *_WINDOW),
    ("handoffs", "--json", "--agent", "critic", "--min-quality", "0.9"),
    ("bottlenecks", "--json", "--min-severity", "low", *_WINDOW),
    ("hotspots", "--json"),
    ("usage", "--json", *_WINDOW),
    ("export", "sankey"),
    ("export", "json", *_WINDOW),
    ("export", "html"),
)
_HOSTILE = """
    workflow crew 0-400 conversation=order-17
      agent "plan\u001b[31mner" 1-40
        llm gpt-4o 2-39 in=2000000 out=5 code.function.name=desk.ask\u001b[2J code.file.path=d.py
      agent a_writer_whose_name_is_much_longer_than_any_terminal_can_show_beside_its_figures 41-399
        llm gpt-4o 42-398 in=7 out=1
"""


def test_a_running_serve_and_its_store_tell_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*argv: str) -> str:
        assert main(list(argv)) == 0
        return capsys.readouterr().out

    where = ("--data", str(tmp_path / "data"))
    with serving(tmp_path / "data") as running:
        for body in sorted(_SCENARIO.glob("request-*.binpb")):
            sent = running.post(body.read_bytes(), content_type="application/x-protobuf")
            assert sent.status_code == 200

        def settled() -> bool:
            sessions = json.loads(run("tokens", "--json", *where))["sessions"]
            return len(sessions) == 1 and sessions[0]["final"]

        until(settled, what="the session is final")
        served = [run(*argv, *where) for argv in _ASKED]
        running.stop()
    for argv, told in zip(_ASKED, served, strict=True):
        assert (argv, told) == (argv, run(*argv, *where))
    assert [each["name"] for each in json.loads(served[0])["agents"]] == ["planner", "critic"]
    assert len(json.loads(served[1])["handoffs"]) == 2


@pytest.fixture
def hostile(tmp_path: Path) -> str:
    made = tmp_path / "capture.binpb"
    made.write_bytes(request(tree(_HOSTILE)))
    return str(made)


@pytest.mark.parametrize(
    "argv", [("agents",), ("handoffs",), ("hotspots",), ("usage", *_WINDOW)], ids=lambda a: a[0]
)
def test_a_table_fits_and_cannot_steer_the_terminal(
    argv: tuple[str, ...],
    hostile: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*argv, "--file", hostile]) == 0
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert len(told.splitlines()) > 2
    assert max(map(len, told.splitlines())) <= 80


def test_an_export_is_ascii_whatever_names_hold(
    hostile: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "graph.json"
    assert main(["export", "d3", "order-17", "--file", hostile, "--output", str(file)]) == 0
    assert capsys.readouterr().out == ""
    assert file.read_text(encoding="utf-8").isascii()
    assert len(json.loads(file.read_text())["nodes"]) == 2


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("export", "treemap", "--of", "agents"), "treemap is of code"),
        (("export", "json", "--of", "code"), "json is of agents"),
        (("export", "html", "order-17"), "the tokens of code are those of all time"),
        (("export", "d3", "nobody"), "there is no session 'nobody'"),
        (("agents", "--since", "yesterday"), "'yesterday' is not a time"),
        (("handoffs", "--min-quality", "7"), "min_quality is 7.0"),
        (("hotspots", "--limit", "0"), "limit is 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_what_cannot_be_answered_is_refused_in_one_line(
    argv: tuple[str, ...], told: str, hostile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*argv, "--file", hostile]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith(f"otel-llmops: {told}")
