import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Generator, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind, StatusCode

from otel_llmops import agent, monitor_llm
from otel_llmops.sdk import failures
from tests.sdk.recorder import Recorder

ANSWER = {"model": "m-1", "usage": {"prompt_tokens": 10, "completion_tokens": 5}}
TOKENS = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5}


def test_an_agent_is_an_invoke_agent_span_with_its_traits(recorded: Recorder) -> None:
    @agent(
        "planner",
        role="plans",
        type="specialist",
        description="makes plans",
        can_handoff_to=["writer", "critic"],
        conversation_id="c-1",
        tracer_provider=recorded.provider,
    )
    def plan() -> None: ...

    plan()
    span = recorded.span("invoke_agent planner")
    assert (span.kind, recorded.attributes(span.name, "gen_ai.", "llmops.")) == (
        SpanKind.INTERNAL,
        {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "planner",
            "gen_ai.conversation.id": "c-1",
            "llmops.agent.name": "planner",
            "llmops.agent.role": "plans",
            "llmops.agent.type": "specialist",
            "llmops.agent.description": "makes plans",
            "llmops.agent.can_handoff_to": ("writer", "critic"),
            "llmops.conversation.id": "c-1",
        },
    )


def test_an_agents_span_is_located_at_its_function(recorded: Recorder) -> None:
    @agent(tracer_provider=recorded.provider)
    def plan() -> None: ...

    plan()
    name = "test_an_agents_span_is_located_at_its_function.<locals>.plan"
    assert recorded.attributes("invoke_agent plan", "code.") == {
        "code.function.name": f"{__name__}.{name}",
        "code.file.path": __file__,
        "code.line.number": inspect.unwrap(plan).__code__.co_firstlineno,
    }


def test_a_bare_decorator_names_the_agent_after_the_function() -> None:
    @agent
    def planner(goal: str) -> str:
        """Make a plan."""
        return goal.upper()

    assert (planner("go"), planner.__name__, planner.__doc__) == ("GO", "planner", "Make a plan.")


def _plain() -> str:
    return "done"


async def _coroutine() -> str:
    return "done"


def _generator() -> Iterator[str]:
    yield "done"


async def _async_generator() -> AsyncIterator[str]:
    yield "done"


@pytest.mark.parametrize("function", [_plain, _coroutine, _generator, _async_generator])
def test_a_decorated_function_is_still_of_its_kind(function: object) -> None:
    assert callable(function)
    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    wrapped = agent("a")(function)
    assert [kind(wrapped) for kind in kinds] == [kind(function) for kind in kinds]


def test_a_coroutine_is_observed_until_it_is_done(recorded: Recorder) -> None:
    @agent("planner", tracer_provider=recorded.provider)
    async def plan() -> str:
        await asyncio.sleep(0)
        with recorded.tracer.start_as_current_span("call"):
            return "done"

    assert asyncio.run(plan()) == "done"
    assert recorded.tree() == {"call": "invoke_agent planner", "invoke_agent planner": None}


def test_agents_at_work_at_once_keep_their_own_spans(recorded: Recorder) -> None:
    async def work(name: str) -> None:
        async with agent(name, tracer_provider=recorded.provider):
            await asyncio.sleep(0)
            recorded.tracer.start_span(f"call of {name}").end()
            await asyncio.sleep(0)

    async def both() -> None:
        await asyncio.gather(work("a"), work("b"))

    asyncio.run(both())
    assert recorded.tree() == {
        "call of a": "invoke_agent a",
        "call of b": "invoke_agent b",
        "invoke_agent a": None,
        "invoke_agent b": None,
    }


def test_one_block_object_open_in_two_tasks_closes_the_span_of_the_task(
    recorded: Recorder,
) -> None:
    shared = agent("shared", tracer_provider=recorded.provider)

    async def first(left: asyncio.Event, entered: asyncio.Event) -> bool:
        async with shared as span:
            await entered.wait()
        left.set()
        return span.is_recording()

    async def second(left: asyncio.Event, entered: asyncio.Event) -> bool:
        async with shared as span:
            entered.set()
            await left.wait()
            return span.is_recording()

    async def both() -> tuple[bool, bool]:
        left, entered = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(first(left, entered), second(left, entered))

    assert list(asyncio.run(both())) == [False, True]


def test_a_generators_span_lasts_until_it_is_exhausted(recorded: Recorder) -> None:
    @agent("writer", tracer_provider=recorded.provider)
    def write() -> Iterator[int]:
        yield 1
        recorded.tracer.start_span("call").end()
        yield 2

    words = write()
    during = [next(words), recorded.names(), next(words), list(words), recorded.names()]
    assert during == [1, [], 2, [], ["call", "invoke_agent writer"]]
    assert recorded.tree()["call"] == "invoke_agent writer"


def test_nothing_of_a_generator_leaks_to_its_consumer(recorded: Recorder) -> None:
    @agent("writer", tracer_provider=recorded.provider)
    def write() -> Iterator[int]:
        with agent("inner", tracer_provider=recorded.provider):
            yield 1
            recorded.tracer.start_span("call of inner").end()

    words = write()
    next(words)
    recorded.tracer.start_span("call of consumer").end()
    assert list(words) == []
    assert recorded.tree() == {
        "call of consumer": None,
        "call of inner": "invoke_agent inner",
        "invoke_agent inner": "invoke_agent writer",
        "invoke_agent writer": None,
    }


def test_a_generator_takes_what_is_sent_and_thrown_and_returns(recorded: Recorder) -> None:
    heard: list[object] = []

    @agent("writer", tracer_provider=recorded.provider)
    def write() -> Generator[str, object, str]:
        heard.append((yield "first"))
        try:
            yield "second"
        except KeyError as error:
            heard.append(error.args)
        return "end"

    words = write()
    said = [next(words), words.send("hello")]
    with pytest.raises(StopIteration) as stopped:
        words.throw(KeyError("oh"))
    assert (said, heard, stopped.value.value) == (["first", "second"], ["hello", ("oh",)], "end")


def test_a_generator_closed_early_ends_well(recorded: Recorder) -> None:
    @agent("writer", tracer_provider=recorded.provider)
    def write() -> Iterator[int]:
        try:
            yield 1
        finally:
            recorded.tracer.start_span("cleaning up").end()

    words = write()
    next(words)
    assert inspect.isgenerator(words)
    words.close()
    status = recorded.span("invoke_agent writer").status.status_code
    assert (recorded.tree()["cleaning up"], status) == ("invoke_agent writer", StatusCode.UNSET)


def test_an_async_generator_is_observed_and_leaks_nothing(recorded: Recorder) -> None:
    @agent("writer", tracer_provider=recorded.provider)
    async def write() -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(0)
        recorded.tracer.start_span("call").end()
        yield 2

    async def consume() -> list[int]:
        heard = []
        async for word in write():
            heard.append(word)
            recorded.tracer.start_span(f"consumer {word}").end()
        return heard

    assert asyncio.run(consume()) == [1, 2]
    assert recorded.tree() == {
        "consumer 1": None,
        "call": "invoke_agent writer",
        "consumer 2": None,
        "invoke_agent writer": None,
    }


def test_an_async_generator_closed_early_ends_well(recorded: Recorder) -> None:
    @agent("writer", tracer_provider=recorded.provider)
    async def write() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            recorded.tracer.start_span("cleaning up").end()

    async def consume() -> None:
        words = write()
        await anext(words)
        assert inspect.isasyncgen(words)
        await words.aclose()

    asyncio.run(consume())
    status = recorded.span("invoke_agent writer").status.status_code
    assert (recorded.tree()["cleaning up"], status) == ("invoke_agent writer", StatusCode.UNSET)


def test_a_users_exception_is_recorded_and_is_the_very_same(recorded: Recorder) -> None:
    fault = KeyError("lost")

    @agent("planner", tracer_provider=recorded.provider)
    def plan() -> None:
        raise fault

    with pytest.raises(KeyError) as raised:
        plan()
    span = recorded.span("invoke_agent planner")
    assert raised.value is fault
    assert (
        span.status.status_code,
        (span.attributes or {})["error.type"],
        [event.name for event in span.events],
    ) == (StatusCode.ERROR, "KeyError", ["exception"])


def test_an_exception_that_cannot_be_printed_passes_through() -> None:
    class Odd(Exception):  # noqa: N818 - a user's name
        def __str__(self) -> str:
            raise RuntimeError("no words")

    @agent("planner", tracer_provider=TracerProvider(shutdown_on_exit=False))
    def plan() -> None:
        raise Odd

    with pytest.raises(Odd):
        plan()


def test_a_cancelled_agent_did_not_complete(recorded: Recorder) -> None:
    @agent("planner", tracer_provider=recorded.provider)
    async def plan() -> None:
        await asyncio.Event().wait()

    async def cancel() -> None:
        task = asyncio.create_task(plan())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(cancel())
    attributes = recorded.attributes("invoke_agent planner", "error.")
    assert attributes == {"error.type": "asyncio.exceptions.CancelledError"}


def test_methods_of_every_kind_can_be_agents(recorded: Recorder) -> None:
    class Team:
        @agent("one", tracer_provider=recorded.provider)
        def one(self) -> str:
            return type(self).__name__

        @agent("two", tracer_provider=recorded.provider)
        @staticmethod
        def two() -> str:
            return "static"

        @agent
        @classmethod
        def four(cls) -> str:
            return cls.__name__

        @agent("three", tracer_provider=recorded.provider)
        @functools.cache  # noqa: B019 - any other decorator
        def three(self) -> str:
            return "cached"

    team = Team()
    assert (team.one(), team.two(), team.three(), team.four(), recorded.names()) == (
        "Team",
        "static",
        "cached",
        "Team",
        ["invoke_agent one", "invoke_agent two", "invoke_agent three"],
    )


def test_a_class_stays_a_class() -> None:
    class Team:
        pass

    assert agent("team")(Team) is Team


def test_monitor_llm_for_an_agent_not_at_work_makes_both_spans(recorded: Recorder) -> None:
    @monitor_llm(
        operation_name="classify_query",
        agent_name="classifier",
        agent_role="sorts",
        agent_type="specialist",
        can_handoff_to=["support"],
        tracer_provider=recorded.provider,
    )
    def classify() -> object:
        return ANSWER

    classify()
    assert recorded.tree() == {
        "classify_query": "invoke_agent classifier",
        "invoke_agent classifier": None,
    }
    traits = {
        "gen_ai.agent.name": "classifier",
        "llmops.agent.name": "classifier",
        "llmops.agent.role": "sorts",
        "llmops.agent.type": "specialist",
        "llmops.agent.can_handoff_to": ("support",),
    }
    both = [
        recorded.attributes(name, "gen_ai.", "llmops.")
        for name in ("invoke_agent classifier", "classify_query")
    ]
    chat = {"gen_ai.operation.name": "chat", "gen_ai.response.model": "m-1"}
    assert both == [
        {"gen_ai.operation.name": "invoke_agent", **traits},
        {**chat, **traits, **TOKENS},
    ]


def test_monitor_llm_for_the_agent_at_work_makes_the_chat_alone(recorded: Recorder) -> None:
    @monitor_llm(agent_name="classifier", tracer_provider=recorded.provider)
    def classify() -> None: ...

    with agent("classifier", tracer_provider=recorded.provider):
        classify()
    assert recorded.tree() == {
        "classify": "invoke_agent classifier",
        "invoke_agent classifier": None,
    }


def test_monitor_llm_knows_a_frameworks_agent_at_work(recorded: Recorder) -> None:
    @monitor_llm(agent_name="classifier", tracer_provider=recorded.provider)
    def classify() -> None: ...

    theirs = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "classifier"}
    with recorded.tracer.start_as_current_span("their agent", attributes=theirs):
        classify()
    assert recorded.tree() == {"classify": "their agent", "their agent": None}


def test_the_conversation_reaches_the_calls_below(recorded: Recorder) -> None:
    @monitor_llm(tracer_provider=recorded.provider)
    def classify() -> None: ...

    with agent("planner", conversation_id="c-1", tracer_provider=recorded.provider):
        classify()
    assert recorded.attributes("classify", "gen_ai.conversation") == {
        "gen_ai.conversation.id": "c-1"
    }


def test_a_failure_of_a_call_is_a_failure_of_the_agent_it_opened(recorded: Recorder) -> None:
    @monitor_llm(agent_name="classifier", tracer_provider=recorded.provider)
    def classify() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        classify()
    kinds = [recorded.attributes(name, "error.") for name in recorded.names()]
    assert kinds == [{"error.type": "TimeoutError"}, {"error.type": "TimeoutError"}]


def test_usage_is_read_from_the_chunks_of_a_stream(recorded: Recorder) -> None:
    @monitor_llm(tracer_provider=recorded.provider)
    async def stream() -> AsyncIterator[object]:
        yield "text"
        yield {"choices": [], **ANSWER}

    async def consume() -> int:
        return len([chunk async for chunk in stream()])

    assert asyncio.run(consume()) == 2
    assert recorded.attributes("stream", "gen_ai.usage") == TOKENS


def test_an_agent_takes_no_usage_from_what_it_returns(recorded: Recorder) -> None:
    @agent("planner", tracer_provider=recorded.provider)
    def plan() -> object:
        return ANSWER

    plan()
    assert recorded.attributes("invoke_agent planner", "gen_ai.usage") == {}


class _Hostile:
    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)


def test_an_answer_that_raises_when_looked_at_is_returned_untouched() -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    answer = _Hostile()
    before = failures().get("token usage", 0)
    returned = monitor_llm(tracer_provider=provider)(lambda: answer)()
    assert (returned is answer, failures()["token usage"]) == (True, before + 1)


class _BrokenProvider(TracerProvider):
    def get_tracer(self, *args: object, **kwargs: object) -> trace.Tracer:
        raise RuntimeError("no tracer today")


@pytest.mark.parametrize("kind", [_plain, _coroutine, _generator, _async_generator])
def test_user_code_runs_where_no_tracer_can_be_had(kind: object) -> None:
    assert callable(kind)
    function = agent("a", tracer_provider=_BrokenProvider(shutdown_on_exit=False))(kind)

    async def run() -> object:
        result = function()
        if inspect.isasyncgen(result):
            return [item async for item in result]
        if inspect.isgenerator(result):
            return list(result)
        return await result if inspect.isawaitable(result) else result

    assert asyncio.run(run()) in ("done", ["done"])


def test_a_block_runs_where_no_tracer_can_be_had() -> None:
    ran = []
    with agent("a", tracer_provider=_BrokenProvider(shutdown_on_exit=False)):
        ran.append(True)
    assert ran == [True]


def test_traits_of_the_wrong_kind_do_not_harm(recorded: Recorder) -> None:
    role: Any = SimpleNamespace()

    @agent("planner \ud800", role=role, tracer_provider=recorded.provider)
    def plan() -> None: ...

    plan()
    assert recorded.attributes("invoke_agent planner ?", "llmops.") == {
        "llmops.agent.name": "planner ?",
        "llmops.agent.role": "namespace()",
    }


def test_without_any_provider_functions_just_run() -> None:
    assert monitor_llm(agent_name="a")(_plain)() == "done"
