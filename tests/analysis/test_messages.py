"""What was said is found where each dialect keeps it, and nothing else is taken for it."""

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from otel_llmops import semconv
from otel_llmops.analysis.derive import analyse
from otel_llmops.analysis.messages import ASKED, BITS, messages_of
from otel_llmops.analysis.readings import read
from otel_llmops.engine.capture import analyze
from otel_llmops.semconv import CONTENT, MESSAGES, Side, Speaker
from tests.support.otlp import scenarios
from tests.support.tree import Node, table

SILENT = {"google-adk--native"}
"""Combinations that captured no content: without it being asked for, the ADK says nothing."""
USER, AGENT, TOOL, RULES, UNKNOWN = (
    BITS[speaker]
    for speaker in (Speaker.USER, Speaker.AGENT, Speaker.TOOL, Speaker.RULES, Speaker.UNKNOWN)
)


def _said(node: Node) -> list[tuple[Side, int, str]]:
    messages = messages_of(read(table([node])).attributes)
    texts = messages.read({side: messages.rows(side) for side in Side})
    return [(text.side, text.said, text.text) for text in texts]


def _span(said: dict[str, str], *events: tuple[str, dict[str, str]]) -> Node:
    return Node("llm", "gpt", 0, 10, 1, said=said, events=events)


_PARTS: list[dict[str, Any]] = [
    {"role": "system", "parts": [{"type": "text", "content": "Be kind."}]},
    {"role": "user", "parts": [{"type": "text", "content": "Old one"}]},
    {"role": "assistant", "parts": [{"type": "tool_call", "id": "call_1", "name": "find",
                                     "arguments": {"id": 17, "name": "Ann"}}]},
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1", "response": "Two"}]},
    {"role": "user", "parts": [{"type": "text", "content": "And now?"}]},
]  # fmt: skip
_READ = [
    (Side.RECEIVED, RULES, "Be kind."),
    (Side.RECEIVED, USER, "Old one"),
    (Side.RECEIVED, AGENT, "17"),
    (Side.RECEIVED, AGENT, "Ann"),
    (Side.RECEIVED, TOOL, "Two"),
    (Side.RECEIVED, USER | ASKED, "And now?"),
]


def test_messages_of_opentelemetry_are_read_with_who_spoke() -> None:
    assert _said(_span({"gen_ai.input.messages": json.dumps(_PARTS)})) == _READ


def test_numbered_messages_of_openinference_are_read_in_their_order() -> None:
    said = {
        "llm.input_messages.10.message.role": "user",
        "llm.input_messages.10.message.contents.0.message_content.text": "And now?",
        "llm.input_messages.10.message.contents.0.message_content.type": "text",
        "llm.input_messages.2.message.role": "system",
        "llm.input_messages.2.message.content": "Be kind.",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"id": 17}',
        "llm.output_messages.0.message.tool_calls.0.tool_call.id": "call_1",
    }
    assert _said(_span(said)) == [
        (Side.RECEIVED, RULES, "Be kind."),
        (Side.RECEIVED, USER | ASKED, "And now?"),
        (Side.ANSWERED, AGENT, "17"),
    ]


def test_messages_of_events_are_read_in_the_order_of_the_events() -> None:
    events = (
        ("gen_ai.system.message", {"content": "Be kind."}),
        ("gen_ai.user.message", {"content": '[{"text": "Hello"}]', "role": "user"}),
        ("gen_ai.choice", {"message": "Hi", "finish_reason": "stop"}),
    )
    assert _said(_span({}, *events)) == [
        (Side.RECEIVED, RULES, "Be kind."),
        (Side.RECEIVED, USER | ASKED, "Hello"),
        (Side.ANSWERED, AGENT, "Hi"),
    ]


def test_of_one_message_under_two_names_the_better_one_is_read() -> None:
    said = {"input.value": "Hello", "llm.input_messages.0.message.content": "Hello there"}
    assert _said(_span(said)) == [(Side.RECEIVED, UNKNOWN | ASKED, "Hello there")]


@pytest.mark.parametrize("text", ['[{"role": "user", "content": "cut o', "{'a': 'b'}", "[", "{}x"])
def test_what_is_no_json_is_taken_as_it_stands(text: str) -> None:
    assert _said(_span({"input.value": text})) == [(Side.RECEIVED, UNKNOWN | ASKED, text)]


def test_json_that_nests_without_end_is_read_to_some_depth() -> None:
    assert _said(_span({"input.value": "[" * 900 + '"deep"' + "]" * 900})) == []


def test_messages_of_langchain_are_read_without_what_is_about_them() -> None:
    message = {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "HumanMessage"],
        "kwargs": {"content": "Hello", "type": "human", "additional_kwargs": {"a": "b"}},
    }
    said = {"traceloop.entity.input": json.dumps({"inputs": {"messages": [message]}})}  # fmt: skip
    assert _said(_span(said)) == [(Side.RECEIVED, USER | ASKED, "Hello")]


@pytest.mark.parametrize(
    "place",
    [place for tiers in MESSAGES.values() for tier in tiers for place in tier],
    ids=lambda place: f"{place.event}/{place.attribute}",
)
def test_each_place_of_a_message_is_one_of_content(place: semconv.Place) -> None:
    # what is compared may also be taken out: redaction goes by CONTENT
    name = place.attribute.removesuffix("*")
    known = [
        one.attribute
        for one in CONTENT
        if not one.event or (place.event and fnmatchcase(place.event, one.event))
    ]
    assert [one for one in known if fnmatchcase(name, one)] != []


@pytest.mark.slow
def test_every_combination_that_captured_content_is_read() -> None:
    combinations: dict[str, list[Path]] = {}
    for path in scenarios():
        combinations.setdefault(path.parent.name, []).append(path)
    silent = set()
    for name, paths in combinations.items():
        methods = set(analyze(paths)["context_drift"]["method"].to_pylist())
        if methods == {"no content captured"}:
            silent.add(name)
    assert silent == SILENT


def test_what_is_known_of_a_message_is_no_message() -> None:
    said = {f"llm.input_messages.{n}.message.id": "x" for n in range(1000)}
    assert analyse(table([_span(said)]))["context_drift"].num_rows == 0
    assert _said(_span(said)) == []
