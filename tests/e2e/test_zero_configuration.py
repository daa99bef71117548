"""A program that only `opentelemetry-instrument` sets up, with a real exporter and receiver."""

import subprocess
import sys
from pathlib import Path

import pytest

from otel_llmops.otlp import Encoding, Request, decode_traces
from tests.support.receiving import running
from tests.support.serving import environment

_STARTER = Path(sys.executable).parent / "opentelemetry-instrument"
_PROGRAM_S_MAX = 30
_PROGRAM = """
from opentelemetry import trace

def work():
    with trace.get_tracer("a framework").start_as_current_span("call"):
        pass
"""
_OF_OURS = ("code.", "llmops.", "vcs.")

pytestmark = pytest.mark.slow


def _call(tmp_path: Path, rest: str, **variables: str) -> dict[str, str]:
    """Attributes of ours on the span that the program sends to a collector."""
    (tmp_path / "cwd").mkdir()
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM + rest, encoding="utf-8")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ab" * 20)
    with running(tmp_path / "journal") as receiver:
        ran = subprocess.run(
            [str(_STARTER), sys.executable, str(program)],
            cwd=tmp_path / "cwd",
            env=environment(
                OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{receiver.grpc_target}",
                OTEL_METRICS_EXPORTER="none",
                OTEL_LOGS_EXPORTER="none",
                **variables,
            ),
            capture_output=True,
            text=True,
            check=False,
            timeout=_PROGRAM_S_MAX,
        )
        sent = receiver.payloads()
    assert (ran.returncode, ran.stderr) == (0, "")
    rows = decode_traces([Request(each, Encoding.PROTOBUF) for each in sent]).to_pylist()
    [call] = [dict(row["attributes"]) for row in rows if row["name"] == "call"]
    return {key: value for key, value in call.items() if key.startswith(_OF_OURS)}


def test_a_program_under_opentelemetry_instrument_needs_no_line_of_set_up(tmp_path: Path) -> None:
    assert _call(tmp_path, "\nwork()\n") == {
        "code.function.name": "__main__.work",
        "code.file.path": str(tmp_path / "program.py"),
        "code.line.number": "5",
        "vcs.ref.head.revision": "ab" * 20,
    }


def test_one_environment_variable_turns_it_off(tmp_path: Path) -> None:
    assert _call(tmp_path, "\nwork()\n", OTEL_LLMOPS_SDK_DISABLED="true") == {}


def test_a_processor_that_the_program_adds_by_hand_is_the_only_one(tmp_path: Path) -> None:
    by_hand = """
import otel_llmops
trace.get_tracer_provider().add_span_processor(
    otel_llmops.AgentSpanProcessor(code_location=False)
)
work()
"""
    # the automatic one would have written the location
    assert _call(tmp_path, by_hand) == {"vcs.ref.head.revision": "ab" * 20}
