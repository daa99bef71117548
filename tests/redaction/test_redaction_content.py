"""The preset `content` against the dialect table, and against what real frameworks send."""

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llmops.otlp import Encoding, Signal
from otel_llmops.redaction import Redactor, rules
from otel_llmops.semconv import CONCEPTS, CONTENT
from tests.support.otlp import scenarios

REDACTOR = Redactor(rules(["content"]))
NO_CONVERSATION = {"metadata", "langfuse.observation.usage_details", "gen_ai.agent.description"}
"""Attributes that the dialect table looks into and that hold nothing that was said."""

DESCRIBES_TOOLS = (
    "gen_ai.tool.definitions", "gen_ai.tool.description", "llm.tools.*", "tool.description",
    "tool.name", "gen_ai.tool.name", "span name", "ai.prompt.tools", "logfire.msg",
)  # fmt: skip
"""What a tool is called and is for is told to a model with the conversation, and is none."""

SAID = (
    "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.prompt", "gen_ai.completion",
    "input.value", "output.value", "traceloop.entity.input", "traceloop.entity.output",
    "langfuse.observation.input", "langfuse.observation.output", "ai.prompt.messages",
    "llm.input_messages.*.content", "llm.output_messages.*.content", "content",
)  # fmt: skip


def test_whatever_the_dialect_table_reads_out_of_a_document_is_content() -> None:
    looked_into = {
        place.attribute
        for places in CONCEPTS.values()
        for place in places
        if (place.member or place.pattern) and not place.event
    }
    globs = [place.attribute for place in CONTENT if not place.event]
    missing = [
        name
        for name in sorted(looked_into - NO_CONVERSATION)
        if not any(fnmatchcase(name, glob) for glob in globs) and "description" not in name
    ]
    assert missing == []


@pytest.mark.parametrize(
    "combination", sorted({path.parent for path in scenarios()}), ids=lambda path: path.name
)
def test_what_was_said_is_nowhere_else(combination: Path) -> None:
    left: dict[str, str] = {}
    for scenario in (path for path in scenarios() if path.parent == combination):
        requests = list(_requests(scenario))
        said = {
            text
            for payload in requests
            for name, value in _texts(payload)
            if any(fnmatchcase(name, glob) for glob in SAID)
            for text in _sentences(value)
        }
        for payload in requests:
            for name, value in _texts(_redacted(payload)):
                if any(fnmatchcase(name, glob) for glob in DESCRIBES_TOOLS):
                    continue
                left |= dict.fromkeys([name] if any(text in value for text in said) else [], value)
    assert left == {}


def _requests(scenario: Path) -> Iterator[bytes]:
    for path in sorted(scenario.glob("request-*.binpb")):
        try:
            ExportTraceServiceRequest.FromString(path.read_bytes())
        except DecodeError:
            continue
        yield path.read_bytes()


def _redacted(payload: bytes) -> bytes:
    return REDACTOR.redact(payload, signal=Signal.TRACES, encoding=Encoding.PROTOBUF).payload


def _texts(payload: bytes) -> Iterator[tuple[str, str]]:
    """Every text of the spans, under the name of its attribute."""
    for resource in ExportTraceServiceRequest.FromString(payload).resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield "span name", span.name
                yield "status.message", span.status.message
                for holder in (span, *span.events, *span.links):
                    for attribute in holder.attributes:
                        for text in _strings(attribute.value):
                            yield attribute.key, text


def _strings(value: Any) -> Iterator[str]:
    yield value.string_value
    for item in value.array_value.values:
        yield from _strings(item)
    for item in value.kvlist_value.values:
        yield from _strings(item.value)


def _sentences(text: str) -> Iterator[str]:
    """Texts of some words in the JSON document `text`, or itself."""
    try:
        waiting: list[Any] = [json.loads(text)]
    except ValueError:
        waiting = [text]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, str) and item[:1] in {"{", "["} and item != text:
            yield from _sentences(item)
        elif isinstance(item, str) and len(item) >= 24 and item.count(" ") >= 3:
            yield item
