import asyncio
import functools
import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FunctionType, ModuleType

import pytest
from opentelemetry import trace
from opentelemetry.trace import Tracer

from otel_llmops import AgentSpanProcessor
from otel_llmops.sdk.code_location import CodeLocations, function_location
from tests.sdk.recorder import Recorder, record

LIBRARY = """
import asyncio

def call(tracer):
    tracer.start_span("call").end()

async def call_in_task(tracer):
    async def task():
        tracer.start_span("call").end()
    await asyncio.create_task(task())
"""


def _module(path: Path, name: str, source: str) -> ModuleType:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def library(tmp_path: Path) -> ModuleType:
    """An instrumented library, as if installed."""
    return _module(tmp_path / "site-packages" / "library.py", "library", LIBRARY)


def _line() -> int:
    return sys._getframe(1).f_lineno


class Desk:
    def ask(self, tracer: Tracer) -> int:
        tracer.start_span("call").end()
        return _line() - 1


def test_a_span_is_charged_to_the_method_that_started_it(recorded: Recorder) -> None:
    line = Desk().ask(recorded.tracer)
    assert recorded.attributes("call", "code.") == {
        "code.function.name": f"{__name__}.Desk.ask",
        "code.file.path": __file__,
        "code.line.number": line,
    }


def test_a_nested_function_keeps_where_it_was_made(recorded: Recorder) -> None:
    def inner() -> None:
        recorded.tracer.start_span("call").end()

    inner()
    name = "test_a_nested_function_keeps_where_it_was_made.<locals>.inner"
    assert recorded.attributes("call", "code.function") == {
        "code.function.name": f"{__name__}.{name}"
    }


def test_a_comprehension_is_charged_to_its_function(recorded: Recorder) -> None:
    _ = [recorded.tracer.start_span("call").end() for _ in (1,)]
    assert recorded.attributes("call", "code.function") == {
        "code.function.name": f"{__name__}.test_a_comprehension_is_charged_to_its_function"
    }


def test_frames_of_installed_packages_are_passed_over(
    recorded: Recorder, library: ModuleType
) -> None:
    library.call(recorded.tracer)
    assert recorded.attributes("call", "code.function") == {
        "code.function.name": f"{__name__}.test_frames_of_installed_packages_are_passed_over"
    }


def test_two_calls_in_one_function_have_their_own_lines(recorded: Recorder) -> None:
    recorded.tracer.start_span("one").end()
    recorded.tracer.start_span("two").end()
    lines = [recorded.attributes(name, "code.line") for name in ("one", "two")]
    first = _line() - 3
    assert lines == [{"code.line.number": first}, {"code.line.number": first + 1}]


def test_a_location_that_is_there_is_left_alone(recorded: Recorder) -> None:
    given = {"code.function": "theirs"}
    recorded.tracer.start_span("call", attributes=given).end()
    assert recorded.attributes("call", "code.") == given


def test_a_thread_without_a_user_frame_inherits_from_the_span_above(
    recorded: Recorder, library: ModuleType
) -> None:
    with recorded.tracer.start_as_current_span("above") as above:
        context = trace.set_span_in_context(above)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(recorded.tracer.start_span, "call", context).result().end()
    assert recorded.attributes("call", "code.") == recorded.attributes("above", "code.")


def test_a_thread_without_a_user_frame_or_a_span_above_has_no_location(recorded: Recorder) -> None:
    with ThreadPoolExecutor(1) as threads:
        threads.submit(recorded.tracer.start_span, "call").result().end()
    assert recorded.attributes("call", "code.") == {}


def test_a_task_of_a_library_is_charged_to_the_span_above_not_to_who_runs_the_loop(
    recorded: Recorder, library: ModuleType
) -> None:
    async def works() -> None:
        with recorded.tracer.start_as_current_span("above"):
            await library.call_in_task(recorded.tracer)

    asyncio.run(works())
    assert recorded.attributes("call", "code.") == recorded.attributes("above", "code.")


def test_a_task_of_a_library_with_nothing_above_is_charged_to_who_runs_the_loop(
    recorded: Recorder, library: ModuleType
) -> None:
    asyncio.run(library.call_in_task(recorded.tracer))
    name = "test_a_task_of_a_library_with_nothing_above_is_charged_to_who_runs_the_loop"
    assert recorded.attributes("call", "code.function") == {
        "code.function.name": f"{__name__}.{name}"
    }


def test_an_installed_project_is_the_users_when_it_is_named(tmp_path: Path) -> None:
    root = tmp_path / "site-packages" / "project"
    project = _module(root / "desk.py", "project.desk", LIBRARY)
    recorded = record(AgentSpanProcessor(project_root=str(root)))
    project.call(recorded.tracer)
    assert recorded.attributes("call", "code.function") == {
        "code.function.name": "project.desk.call"
    }


def test_what_is_installed_below_the_named_project_is_not_the_users(tmp_path: Path) -> None:
    project = _module(tmp_path / "desk.py", "desk", "def ask(call, tracer):\n    call(tracer)\n")
    library = _module(tmp_path / ".venv/lib/site-packages/library.py", "library", LIBRARY)
    recorded = record(AgentSpanProcessor(project_root=str(tmp_path)))
    project.ask(library.call, recorded.tracer)
    assert recorded.attributes("call", "code.function") == {"code.function.name": "desk.ask"}


def test_code_location_can_be_left_out() -> None:
    recorded = record(AgentSpanProcessor(code_location=False))
    recorded.tracer.start_span("call").end()
    assert recorded.attributes("call", "code.") == {}


def test_the_cache_keeps_its_bound_when_code_is_made_at_run_time(tmp_path: Path) -> None:
    locations = CodeLocations()
    path = str(tmp_path / "made.py")
    source = "def made(): return locations.nearest(sys._getframe(), {})"
    scope = {"sys": sys, "locations": locations}
    code = compile(source, path, "exec").co_consts[0]
    for number in range(20_100):
        FunctionType(code.replace(co_name=f"made_{number}"), scope)()
    assert len(locations._sites) <= 20_000


@functools.cache
def _cached() -> int:
    return _line()


def test_a_decorated_function_is_found_through_other_decorators() -> None:
    assert function_location(_cached) == {
        "code.function.name": f"{__name__}._cached",
        "code.file.path": __file__,
        "code.line.number": _cached() - 2,
    }


def test_a_callable_not_written_in_python_has_no_location() -> None:
    assert function_location(len) == {}
