from otel_llmops import agent, handoff, monitor_llm, record_usage
from otel_llmops.sdk import failures
from tests.sdk.recorder import Recorder, record


def test_usage_told_in_a_call_stands_on_it(recorded: Recorder) -> None:
    with monitor_llm(operation_name="ask", tracer_provider=recorded.provider):
        record_usage(
            input_tokens=10,
            output_tokens=5,
            cache_read_tokens=4,
            cache_write_tokens=3,
            reasoning_tokens=2,
            model="m-1",
            provider="openai",
        )
    assert recorded.attributes("ask", "gen_ai.usage", "gen_ai.response", "gen_ai.provider") == {
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.cache_write.input_tokens": 3,
        "gen_ai.usage.reasoning.output_tokens": 2,
        "gen_ai.response.model": "m-1",
        "gen_ai.provider.name": "openai",
    }


def test_usage_told_twice_in_a_call_adds_up(recorded: Recorder) -> None:
    with monitor_llm(operation_name="ask", tracer_provider=recorded.provider):
        record_usage(input_tokens=10, output_tokens=5)
        record_usage(input_tokens=1, model="m-2")
    assert recorded.attributes("ask", "gen_ai.usage", "gen_ai.response") == {
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.response.model": "m-2",
    }


def test_usage_told_by_hand_is_not_read_again_from_the_answer(recorded: Recorder) -> None:
    answer = {"usage": {"prompt_tokens": 10, "completion_tokens": 5}}

    @monitor_llm(tracer_provider=recorded.provider)
    def ask() -> object:
        record_usage(response=answer)
        return answer

    ask()
    assert recorded.attributes("ask", "gen_ai.usage") == {
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
    }


def test_what_is_told_by_name_is_put_before_the_answer(recorded: Recorder) -> None:
    answer = {"model": "m-1", "usage": {"prompt_tokens": 10, "completion_tokens": 5}}
    with monitor_llm(operation_name="ask", tracer_provider=recorded.provider):
        record_usage(response=answer, input_tokens=7)
    assert recorded.attributes("ask", "gen_ai.usage", "gen_ai.response") == {
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.response.model": "m-1",
    }


def test_usage_told_in_an_agent_becomes_a_call_of_its_own(recorded: Recorder) -> None:
    with agent("planner", tracer_provider=recorded.provider):
        record_usage(input_tokens=10, model="m-1")
    assert recorded.tree() == {"chat m-1": "invoke_agent planner", "invoke_agent planner": None}
    assert recorded.attributes("chat m-1", "gen_ai.", "llmops.", "code.function") == {
        "gen_ai.operation.name": "chat",
        "gen_ai.response.model": "m-1",
        "gen_ai.usage.input_tokens": 10,
        "llmops.agent.name": "planner",
        "code.function.name": f"{__name__}.test_usage_told_in_an_agent_becomes_a_call_of_its_own",
    }


def test_usage_told_outside_of_any_span_becomes_a_call(recorded: Recorder) -> None:
    record_usage(output_tokens=5, tracer_provider=recorded.provider)
    assert recorded.tree() == {"chat": None}


def test_usage_told_in_anothers_call_is_written_there(recorded: Recorder) -> None:
    theirs = {"openinference.span.kind": "LLM"}
    with recorded.tracer.start_as_current_span("their call", attributes=theirs):
        record_usage(input_tokens=10)
    assert recorded.attributes("their call", "gen_ai.") == {"gen_ai.usage.input_tokens": 10}


def test_counts_that_are_none_are_left_out(recorded: Recorder) -> None:
    with monitor_llm(operation_name="ask", tracer_provider=recorded.provider):
        record_usage(input_tokens=-1, output_tokens=2**63, reasoning_tokens="x")  # type: ignore[arg-type]  # a user's slip
    assert recorded.attributes("ask", "gen_ai.usage") == {}


def test_a_handoff_is_a_tool_span_that_names_both_agents(recorded: Recorder) -> None:
    with agent("planner", tracer_provider=recorded.provider):
        handoff(to="writer", reason="plan is made")
    assert recorded.tree()["execute_tool handoff writer"] == "invoke_agent planner"
    assert recorded.attributes("execute_tool handoff writer", "gen_ai.", "llmops.") == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "handoff",
        "gen_ai.agent.name": "planner",
        "gen_ai.transfer.mode": "pass_control",
        "gen_ai.transfer.target.name": "writer",
        "gen_ai.agent.handoff.source.name": "planner",
        "gen_ai.agent.handoff.target.name": "writer",
        "llmops.agent.name": "planner",
        "llmops.handoff.reason": "plan is made",
    }


def test_a_delegation_returns_to_the_caller(recorded: Recorder) -> None:
    handoff("b", "a", kind="delegation", tracer_provider=recorded.provider)
    assert recorded.attributes("execute_tool handoff b", "gen_ai.transfer.mode") == {
        "gen_ai.transfer.mode": "return_to_caller"
    }


def test_a_handoff_from_a_frameworks_agent_names_it(recorded: Recorder) -> None:
    theirs = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "theirs"}
    with recorded.tracer.start_as_current_span("their agent", attributes=theirs):
        handoff("b", tracer_provider=recorded.provider)
    assert recorded.attributes("execute_tool handoff b", "gen_ai.agent.handoff.source") == {
        "gen_ai.agent.handoff.source.name": "theirs"
    }


def test_a_handoff_of_an_unknown_kind_is_sent_without_a_mode(recorded: Recorder) -> None:
    handoff("b", "a", kind="shove", tracer_provider=recorded.provider)  # type: ignore[arg-type]  # a user's slip
    assert recorded.attributes("execute_tool handoff b", "gen_ai.transfer") == {
        "gen_ai.transfer.target.name": "b"
    }


class _Hostile:
    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)


def test_what_is_told_by_name_counts_where_the_answer_cannot_be_read() -> None:
    recorded = record()
    before = failures().get("record_usage", 0)
    record_usage(input_tokens=3, response=_Hostile(), tracer_provider=recorded.provider)
    assert failures()["record_usage"] == before + 1
    assert recorded.attributes("chat", "gen_ai.usage") == {"gen_ai.usage.input_tokens": 3}
