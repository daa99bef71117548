"""What `opentelemetry-instrument` calls, by entry point as it does, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SET_UP = """
import json
from importlib.metadata import entry_points

def instrument():
    for group in ("opentelemetry_pre_instrument", "opentelemetry_post_instrument"):
        for each in entry_points(group=group, name="otel_llmops"):
            each.load()()
"""
PROVIDER = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
provider = TracerProvider(shutdown_on_exit=False)
trace.set_tracer_provider(provider)

def ours():
    return [type(each).__name__ for each in provider._active_span_processor._span_processors]

def stamps():
    span = provider.get_tracer("x").start_span("s")
    return sorted(key for key in span.attributes if key.startswith("code."))
"""


def _printed(program: str, tmp_path: Path, **variables: str) -> object:
    file = tmp_path / "program.py"
    file.write_text(SET_UP + program, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-W", "error", str(file)],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    return json.loads(run.stdout)


def test_the_processor_is_added_once_however_often_it_is_asked_for(tmp_path: Path) -> None:
    program = f"{PROVIDER}\ninstrument(); instrument(); print(json.dumps([ours(), stamps()]))"
    code = ["code.file.path", "code.function.name", "code.line.number"]
    assert _printed(program, tmp_path) == [["AutomaticProcessor"], code]


def test_a_processor_that_is_there_already_is_not_doubled(tmp_path: Path) -> None:
    program = f"""{PROVIDER}
import otel_llmops
provider.add_span_processor(otel_llmops.AgentSpanProcessor())
instrument(); print(json.dumps(ours()))"""
    assert _printed(program, tmp_path) == ["AgentSpanProcessor"]


def test_the_automatic_processor_steps_aside_for_one_that_is_added_later(tmp_path: Path) -> None:
    program = f"""{PROVIDER}
import otel_llmops
instrument(); before = len(stamps())
provider.add_span_processor(otel_llmops.AgentSpanProcessor(code_location=False))
print(json.dumps([before, len(stamps())]))"""
    assert _printed(program, tmp_path) == [3, 0]


@pytest.mark.parametrize("value", ["true", "TRUE", " 1 "])
def test_disabled_means_no_processor_and_no_propagator(tmp_path: Path, value: str) -> None:
    program = f"""{PROVIDER}
from opentelemetry import propagate
instrument(); print(json.dumps([ours(), type(propagate.get_global_textmap()).__name__]))"""
    printed = _printed(
        program,
        tmp_path,
        OTEL_LLMOPS_SDK_DISABLED=value,
        OTEL_LLMOPS_PROPAGATE_TO="agents.internal",
    )
    assert printed == [[], "CompositePropagator"]


@pytest.mark.parametrize("value", ["", "false", "no"])
def test_any_other_value_leaves_it_on(tmp_path: Path, value: str) -> None:
    program = f"{PROVIDER}\ninstrument(); print(json.dumps(ours()))"
    printed = _printed(program, tmp_path, OTEL_LLMOPS_SDK_DISABLED=value)
    assert printed == ["AutomaticProcessor"]


def test_the_hosts_that_may_be_told_come_from_the_environment(tmp_path: Path) -> None:
    program = """
import otel_llmops
instrument()
with otel_llmops.agent("a"):
    pass
from opentelemetry.sdk.trace import TracerProvider
with otel_llmops.agent("a", tracer_provider=TracerProvider(shutdown_on_exit=False)):
    urls = ("http://a.internal", "http://x.b.internal:81", "http://b.internal:81", "http://c")
    headers = [otel_llmops.outgoing_headers(url) for url in urls]
print(json.dumps([each.get("baggage") for each in headers]))"""
    printed = _printed(program, tmp_path, OTEL_LLMOPS_PROPAGATE_TO=" a.internal, *.b.internal:81,,")
    assert printed == ["llmops.agent.name=a", "llmops.agent.name=a", None, None]


def test_a_provider_that_takes_no_processors_is_left_alone(tmp_path: Path) -> None:
    program = """
from opentelemetry import trace
from otel_llmops.sdk import failures
instrument()
with trace.get_tracer("x").start_as_current_span("s"):
    pass
print(json.dumps([type(trace.get_tracer_provider()).__name__, failures()]))"""
    assert _printed(program, tmp_path) == ["ProxyTracerProvider", {}]


@pytest.mark.parametrize("missing", ["otel_llmops.sdk.attaching", "otel_llmops.sdk.processor"])
def test_a_module_of_ours_that_cannot_be_imported_does_not_reach_the_program(
    tmp_path: Path, missing: str
) -> None:
    program = f"""
import logging, sys
logging.getLogger("otel_llmops").addHandler(logging.NullHandler())
sys.modules["{missing}"] = None  # as Python remembers a module that is not to be found
instrument()
from otel_llmops.sdk.guard import failures
print(json.dumps(failures()))"""
    assert _printed(program, tmp_path) == {"automatic set-up": 2}


def test_a_propagator_that_is_misspelt_does_not_reach_the_program(tmp_path: Path) -> None:
    program = """
import logging
logging.getLogger("otel_llmops").addHandler(logging.NullHandler())
instrument()
import otel_llmops
from otel_llmops.sdk.guard import failures
print(json.dumps([otel_llmops.outgoing_headers("http://a"), failures()]))"""
    printed = _printed(program, tmp_path, OTEL_PROPAGATORS="tracecontxt")
    assert printed == [{}, {"propagation": 2, "baggage of a call": 1}]
