"""The example of two agents in two processes, run as a reader runs it."""

import ast
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from otel_llmops.engine.capture import analyze, report
from otel_llmops.otlp import Encoding, Request, decode_traces
from tests.support.serving import environment

_RUN = Path(__file__).parents[2] / "examples" / "a2a_two_processes" / "run.py"
_RUN_S_MAX = 50

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class _Ran:
    output: str
    kept: list[Path]

    def sessions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = report(analyze(self.kept))["sessions"]
        return found

    def attributes(self, span_name: str) -> list[dict[str, str]]:
        """Attributes of each span of that name."""
        requests = [Request(each.read_bytes(), Encoding.PROTOBUF) for each in self.kept]
        rows = decode_traces(requests).to_pylist()
        return [dict(row["attributes"]) for row in rows if row["name"] == span_name]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> _Ran:
    folder = tmp_path_factory.mktemp("kept")
    run = subprocess.run(
        [sys.executable, str(_RUN), str(folder)],
        env=environment(COLUMNS="100", PYTHONIOENCODING="utf-8"),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
        timeout=_RUN_S_MAX,
    )
    return _Ran(run.stdout, sorted(folder.iterdir()))


def _trimmed(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def test_the_example_prints_what_its_docstring_shows(ran: _Ran) -> None:
    documentation = ast.get_docstring(ast.parse(_RUN.read_text(encoding="utf-8"))) or ""
    shown = textwrap.dedent(documentation.partition("It prints:")[2])
    assert _trimmed(ran.output) == _trimmed(shown)


def test_two_traces_of_one_a2a_context_are_one_session_with_a_handoff_each(ran: _Ran) -> None:
    found = [
        (
            session["agents"],
            len(session["trace_ids"]),
            [_pair(each) for each in session["handoffs"]],
        )
        for session in ran.sessions()
    ]
    handoff = ("frontdesk", "billing", "delegation")
    assert found == [(["frontdesk", "billing"], 2, [handoff, handoff])]


def _pair(handoff: dict[str, Any]) -> tuple[str, str, str]:
    return handoff["from"], handoff["to"], handoff["kind"]


def test_the_session_is_called_as_the_conversation_that_both_agents_tell(ran: _Ran) -> None:
    agents = ran.attributes("invoke_agent frontdesk") + ran.attributes("invoke_agent billing")
    told = {each["gen_ai.conversation.id"] for each in agents}
    assert told == {session["session_id"] for session in ran.sessions()}


def test_the_remote_process_knows_which_agent_called(ran: _Ran) -> None:
    callers = [each.get("llmops.handoff.source.name") for each in ran.attributes("POST /")]
    assert callers == ["frontdesk", "frontdesk"]
