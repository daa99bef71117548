"""What a real Jaeger asked our storage, asked again: tests/golden/jaeger/README.md."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from otel_llmops.api.jaeger.messages import message
from tests.api.jaeger.conftest import TOKEN, Call

_GOLDEN = Path(__file__).parents[2] / "golden" / "jaeger" / "asked.json"
ASKED: list[dict[str, Any]] = json.loads(_GOLDEN.read_text())


def told(method: str, answer: Any) -> Any:
    """The gist of an answer, as the file has it."""
    if method == "GetServices":
        return list(answer.services)
    if method == "GetOperations":
        return [[each.name, each.span_kind] for each in answer.operations]
    if method == "GetDependencies":
        return [[each.parent, each.child, each.call_count] for each in answer.dependencies]
    if method == "FindTraceSummaries":
        summaries = [each for chunk in answer for each in chunk.summaries]
        return {
            each.trace_id.hex(): [each.span_count, each.error_span_count, each.orphan_span_count]
            for each in summaries
        }
    return Counter(
        span.trace_id.hex()
        for chunk in answer
        for of_resource in TracesData.FromString(chunk).resource_spans
        for of_scope in of_resource.scope_spans
        for span in of_scope.spans
    )


@pytest.mark.parametrize(
    "asked", ASKED, ids=[f"{n} {each['asked'][:60]}" for n, each in enumerate(ASKED)]
)
def test_it_is_answered_as_it_was(call: Call, asked: dict[str, Any]) -> None:
    service, method = asked["method"].removeprefix("/jaeger.storage.v2.").split("/")
    request = message(f"{method}Request").FromString(bytes.fromhex(asked["request"]))
    assert request.SerializeToString().hex() == asked["request"], "our .proto knows all of it"
    answer = "" if method in {"GetTraces", "FindTraces"} else f"{method}Response"
    metadata = [*map(tuple, asked["metadata"]), ("authorization", f"Bearer {TOKEN}")]
    assert told(method, call(service, method, request, answer, metadata=metadata)) == asked["told"]
