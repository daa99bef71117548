"""A program with nothing but the stock SDK, pointed at serve, is answered within 3 s."""

import base64
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping

import pytest

from tests.support.serving import Serving, environment, until

_ANSWERED_S_MAX = 3.0

PROGRAM = """
import sys, time
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
if sys.argv[1] == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
else:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
tracer = provider.get_tracer("app")

def invoke(agent):
    names = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": agent,
             "gen_ai.conversation.id": sys.argv[2]}
    return tracer.start_as_current_span(f"invoke_agent {agent}", attributes=names)

def chat():
    usage = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o",
             "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 3}
    with tracer.start_as_current_span("chat gpt-4o", attributes=usage):
        pass

with invoke("planner"):
    chat()
    with invoke("writer"):
        chat()
ended = time.time()
provider.shutdown()
print(ended)
"""

ANSWER = {
    "session": {"sessionId": "", "llmCalls": 2, "inputTokens": 14, "outputTokens": 6},
    "handoffs": [
        {
            "fromAgent": "planner",
            "toAgent": "writer",
            "kind": "DELEGATION",
            "evidence": ["parent_child"],
        }
    ],
}


def _question(session_id: str) -> str:
    return f"""{{
        session(sessionId: "{session_id}") {{ sessionId llmCalls inputTokens outputTokens }}
        handoffs(sessionId: "{session_id}") {{ fromAgent toAgent kind evidence }} }}"""


def _expected(session_id: str) -> object:
    return ANSWER | {"session": ANSWER["session"] | {"sessionId": session_id}}  # type: ignore[operator]


def _answered_after_s(served: Serving, session_id: str, ended: float) -> float:
    until(
        lambda: served.graphql(_question(session_id)) == _expected(session_id),
        deadline_s=10,
        what=f"{served.graphql(_question(session_id))}",
    )
    return time.time() - ended


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_the_stock_exporter_is_answered_within_3_s(served: Serving, protocol: str) -> None:
    session_id = f"stock-{protocol}-{uuid.uuid4()}"
    port = served.grpc_port if protocol == "grpc" else served.http_port
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, protocol, session_id],
        env=environment(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}"),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=30,
    )
    assert _answered_after_s(served, session_id, float(ran.stdout)) <= _ANSWERED_S_MAX


def test_a_plain_post_of_json_is_answered_within_3_s(served: Serving) -> None:
    session_id = f"json-{uuid.uuid4()}"
    ended = time.time()
    document = json.dumps(_document(session_id, ended)).encode()
    answer = served.post(document, content_type="application/json")
    assert (answer.status_code, answer.json()) == (200, {})
    assert _answered_after_s(served, session_id, ended) <= _ANSWERED_S_MAX


def _document(session_id: str, ended: float) -> object:
    """The same two agents as an OTLP/JSON request: ids are hex, 64-bit numbers texts."""
    end_ns = int(ended * 1e9)
    trace_id = uuid.uuid4().hex
    planner, writer = "00000000000000a1", "00000000000000a2"
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": session_id}
    chat = {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 3,
    }

    def span(span_id: str, parent: str, start: int, attributes: Mapping[str, object]) -> object:
        return {
            "traceId": trace_id,
            "spanId": span_id,
            "parentSpanId": parent,
            "name": str(attributes["gen_ai.operation.name"]),
            "kind": 1,
            "startTimeUnixNano": str(end_ns - 10_000_000 + start),
            "endTimeUnixNano": str(end_ns - 1_000_000 - start),
            "attributes": [
                {
                    "key": key,
                    "value": {"intValue": str(value)}
                    if isinstance(value, int)
                    else {"stringValue": value},
                }
                for key, value in attributes.items()
            ],
        }

    return {
        "resourceSpans": [
            {
                "scopeSpans": [
                    {
                        "spans": [
                            span(planner, "", 0, agent | {"gen_ai.agent.name": "planner"}),
                            span("00000000000000b1", planner, 1000, chat),
                            span(writer, planner, 2000, agent | {"gen_ai.agent.name": "writer"}),
                            span("00000000000000b2", writer, 3000, chat),
                        ]
                    }
                ]
            }
        ]
    }


def test_base64_ids_are_refused(served: Serving) -> None:
    """protobuf's own JSON mapping would take them; OTLP's does not (OTLP 1.5, JSON encoding)."""
    document = json.dumps(_document("refused", time.time())).replace(
        "00000000000000a1", base64.b64encode(b"12345678").decode()
    )
    told = served.post(document.encode(), content_type="application/json").json()
    assert int(told["partialSuccess"]["rejectedSpans"]) >= 1
