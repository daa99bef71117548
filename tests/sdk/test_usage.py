"""Shapes as the providers' own libraries and documentation give them, as objects and as dicts."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.sdk.usage import StreamUsage, Usage, read_usage

CHAT_COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "message": {"role": "assistant"}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 8},
    },
}
RESPONSE = {
    "object": "response",
    "status": "completed",
    "model": "gpt-5",
    "usage": {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 64},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 8},
        "total_tokens": 120,
    },
}
MESSAGE = {
    "type": "message",
    "model": "claude-sonnet-4-5",
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 6,
        "cache_creation_input_tokens": 30,
        "cache_read_input_tokens": 64,
        "output_tokens": 20,
    },
}
GENERATED = {
    "model_version": "gemini-2.5-pro",
    "candidates": [{"finish_reason": SimpleNamespace(value="STOP")}],
    "usage_metadata": {
        "prompt_token_count": 90,
        "tool_use_prompt_token_count": 10,
        "candidates_token_count": 12,
        "thoughts_token_count": 8,
        "cached_content_token_count": 64,
        "total_token_count": 120,
    },
}
GENERATED_REST = {
    "modelVersion": "gemini-2.5-pro",
    "candidates": [{"finishReason": "STOP"}],
    "usageMetadata": {
        "promptTokenCount": 100,
        "candidatesTokenCount": 12,
        "thoughtsTokenCount": 8,
        "cachedContentTokenCount": 64,
        "totalTokenCount": 120,
    },
}
LITELLM_ANTHROPIC = {
    "model": "claude-sonnet-4-5",
    "choices": [{"finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 64},
        "cache_creation_input_tokens": 30,
        "cache_read_input_tokens": 64,
    },
}
AI_MESSAGE = {
    "type": "ai",
    "content": "Hi",
    "response_metadata": {"model_name": "gpt-4o", "finish_reason": "stop"},
    "usage_metadata": {
        "input_tokens": 100,
        "output_tokens": 20,
        "total_tokens": 120,
        "input_token_details": {"cache_read": 64, "cache_creation": 30},
        "output_token_details": {"reasoning": 8},
    },
}
OLD_AI_MESSAGE = {
    "usage_metadata": None,
    "response_metadata": {
        "model_name": "gpt-4o",
        "finish_reason": "length",
        "token_usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    },
}

SHAPES = [
    (CHAT_COMPLETION, Usage(100, 20, 64, None, 8, "gpt-4o-2024-08-06", "stop")),
    (RESPONSE, Usage(100, 20, 64, None, 8, "gpt-5", None)),
    (MESSAGE, Usage(100, 20, 64, 30, None, "claude-sonnet-4-5", "end_turn")),
    (GENERATED, Usage(100, 20, 64, None, 8, "gemini-2.5-pro", "stop")),
    (GENERATED_REST, Usage(100, 20, 64, None, 8, "gemini-2.5-pro", "stop")),
    (LITELLM_ANTHROPIC, Usage(100, 20, 64, 30, None, "claude-sonnet-4-5", "stop")),
    (AI_MESSAGE, Usage(100, 20, 64, 30, 8, "gpt-4o", "stop")),
    (OLD_AI_MESSAGE, Usage(100, 20, None, None, None, "gpt-4o", "length")),
]
IDS = [
    "openai-chat",
    "openai-responses",
    "anthropic",
    "google",
    "google-rest",
    "litellm",
    "langchain",
    "langchain-old",
]


def as_object(value: object) -> object:
    if isinstance(value, dict):
        return SimpleNamespace(**{key: as_object(each) for key, each in value.items()})
    return [as_object(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("answer", "usage"), SHAPES, ids=IDS)
def test_usage_is_read_from_a_dict(answer: dict[str, Any], usage: Usage) -> None:
    assert read_usage(answer) == usage


@pytest.mark.parametrize(("answer", "usage"), SHAPES, ids=IDS)
def test_usage_is_read_from_an_object(answer: dict[str, Any], usage: Usage) -> None:
    assert read_usage(as_object(answer)) == usage


def test_the_last_answer_of_a_conversation_counts() -> None:
    state = {"messages": [MESSAGE, {"type": "human", "content": "?"}, AI_MESSAGE, "text"]}
    assert read_usage(state) == read_usage(AI_MESSAGE)


def test_an_answer_is_found_beside_other_results() -> None:
    assert read_usage(("text", CHAT_COMPLETION)) == read_usage(CHAT_COMPLETION)


def test_a_bare_usage_object_is_read() -> None:
    assert read_usage(as_object(MESSAGE["usage"])) == Usage(100, 20, 64, 30)


@pytest.mark.parametrize(
    "answer",
    [None, "text", 7, {}, [], Ellipsis, {"usage": None}, {"usage": {"prompt_tokens": "many"}}, [1]],
    ids=repr,
)
def test_what_carries_no_usage_gives_none(answer: object) -> None:
    assert read_usage(answer) is None


def test_only_the_end_of_a_long_list_is_looked_at() -> None:
    assert read_usage(range(10**12)) is None


@pytest.mark.parametrize("count", [-1, 2**63, True, 1.5, "9"])
def test_a_count_that_is_no_count_is_unknown(count: object) -> None:
    answer = {"usage": {"prompt_tokens": count, "completion_tokens": 5}}
    assert read_usage(answer) == Usage(output_tokens=5)


def _streamed(*chunks: object) -> Usage | None:
    stream = StreamUsage()
    for chunk in chunks:
        stream.saw(chunk)
    return stream.total


def test_a_stream_of_openai_carries_usage_in_its_last_chunk() -> None:
    last = {"model": "m", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}
    assert _streamed({"model": "m", "usage": None}, last) == Usage(9, 2, model="m")


def test_a_stream_of_openai_responses_carries_usage_in_its_last_event() -> None:
    event = {"type": "response.completed", "response": RESPONSE}
    assert _streamed({"type": "response.created", "response": {}}, event) == read_usage(RESPONSE)


def test_a_stream_of_anthropic_tells_input_first_and_output_last() -> None:
    start = {"type": "message_start", "message": {**MESSAGE, "stop_reason": None}}
    delta = {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn"},
        "usage": {"output_tokens": 50},
    }
    assert _streamed(start, {"type": "ping"}, delta) == Usage(
        100, 50, 64, 30, None, "claude-sonnet-4-5", "end_turn"
    )


def test_a_stream_of_google_counts_up() -> None:
    first = {"usage_metadata": {"prompt_token_count": 9, "candidates_token_count": 2}}
    last = {"usage_metadata": {"prompt_token_count": 9, "candidates_token_count": 7}}
    assert _streamed(first, last) == Usage(9, 7)


def test_chunks_of_langchain_add_up() -> None:
    first = {"usage_metadata": {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11}}
    last = {"usage_metadata": {"input_tokens": 0, "output_tokens": 5, "total_tokens": 5}}
    assert _streamed(first, last) == Usage(9, 7)


COUNTS = st.none() | st.integers(0, 2**40)
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)


@given(st.lists(USAGES, max_size=6))
def test_calls_add_up_field_by_field(calls: list[Usage]) -> None:
    total = Usage()
    for call in calls:
        total = total.plus(call)
    known = [call.output_tokens for call in calls if call.output_tokens is not None]
    assert total.output_tokens == (sum(known) if known else None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["usage", "message", "messages", "input_tokens", "prompt_tokens"]),
            inner,
        )
    ),
)


@given(JSON)
def test_any_plain_data_is_read_without_an_error(answer: object) -> None:
    usage = read_usage(answer)
    assert usage is None or usage.counted
