"""What checking and decoding a trace request costs, by the reference decoder.

Strategy: one request, checked, decoded and encoded again, in turn, in one thread; medians of
rounds, in thread CPU time, so that the neighbours stay out of it. "upb" is the parse of the whole
request into messages and nothing else: what no decoder over those messages can beat.

    python benchmarks/bench_decode.py [--spans 512] [--rounds 5]
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import orjson
import pyarrow as pa
from google.protobuf import __version__ as protobuf_version
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from otel_llmops.otlp import Encoding, Request, Signal, check, decode_traces, encode_traces

PROMPT = "You are the planner of a team. Split the work, hand each part to who knows best. "


def request(spans: int, text_bytes: int) -> ExportTraceServiceRequest:
    """Spans of 13 attributes; `text_bytes` of them are what was said."""
    made = ExportTraceServiceRequest()
    resource = made.resource_spans.add()
    resource.resource.attributes.append(text("service.name", "shop"))
    scope = resource.scope_spans.add()
    scope.scope.name = "bench"
    said = (PROMPT * (text_bytes // len(PROMPT) + 1))[: text_bytes // 2]
    for number in range(1, spans + 1):
        span = scope.spans.add(
            trace_id=(number // 8 + 1).to_bytes(16, "big"),
            span_id=number.to_bytes(8, "big"),
            parent_span_id=(number // 8 + 1).to_bytes(8, "big"),
            name="chat gpt-4o",
            kind=3,
            start_time_unix_nano=1_795_367_949_287_367_168 + number,
            end_time_unix_nano=1_795_367_949_387_367_168 + number,
        )
        span.attributes.extend(
            text(key, value)
            for key, value in {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o",
                "gen_ai.response.model": "gpt-4o-2024-08-06",
                "gen_ai.response.id": f"chatcmpl-{number}",
                "gen_ai.agent.name": "planner",
                "gen_ai.conversation.id": f"conversation-{number // 8}",
                "gen_ai.input.messages": said,
                "gen_ai.output.messages": said,
                "server.address": "api.openai.com",
                "code.function.name": "shop.planner.plan",
            }.items()
        )
        for key in ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"):
            span.attributes.add(key=key).value.int_value = number
    return made


def text(key: str, value: str) -> KeyValue:
    pair = KeyValue(key=key)
    pair.value.string_value = value
    return pair


def as_json(message: ExportTraceServiceRequest) -> bytes:
    document = MessageToDict(message, use_integers_for_enums=True)
    for resource, found in zip(message.resource_spans, document["resourceSpans"], strict=True):
        for scope, inner in zip(resource.scope_spans, found["scopeSpans"], strict=True):
            for span, value in zip(scope.spans, inner["spans"], strict=True):
                value["traceId"] = span.trace_id.hex()
                value["spanId"] = span.span_id.hex()
                value["parentSpanId"] = span.parent_span_id.hex()
    return orjson.dumps(document)


def cpu_s(work: Callable[[], object], rounds: int, repeats: int) -> float:
    """Median over rounds of the CPU seconds that `work` takes."""
    found = []
    for _ in range(rounds):
        start = time.thread_time()
        for _ in range(repeats):
            work()
        found.append((time.thread_time() - start) / repeats)
    return statistics.median(found)


def works(message: ExportTraceServiceRequest) -> dict[str, Callable[[], object]]:
    protobuf, json = message.SerializeToString(), as_json(message)
    table = decode_traces([Request(protobuf)])
    from_json = decode_traces([Request(json, Encoding.JSON)])
    names = [name for name in table.column_names if not name.endswith("_wire")]
    assert from_json.select(names).equals(table.select(names))
    return {
        "upb": lambda: ExportTraceServiceRequest.FromString(protobuf),
        "check": lambda: check(protobuf, signal=Signal.TRACES, encoding=Encoding.PROTOBUF),
        "decode": lambda: decode_traces([Request(protobuf)]),
        "encode": lambda: encode_traces(table),
        "check, JSON": lambda: check(json, signal=Signal.TRACES, encoding=Encoding.JSON),
        "decode, JSON": lambda: decode_traces([Request(json, Encoding.JSON)]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spans", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=8)
    arguments = parser.parse_args()
    print(
        f"Python {platform.python_version()}, protobuf {protobuf_version}, "
        f"pyarrow {pa.__version__}, orjson {orjson.__version__}, {arguments.spans} spans a request"
    )
    for text_bytes in (64, 2048):
        message = request(arguments.spans, text_bytes)
        print(f"\n{message.ByteSize() / arguments.spans:,.0f} bytes a span")
        print("| what | spans/s | µs a span |\n| --- | ---: | ---: |")
        for name, work in works(message).items():
            seconds = cpu_s(work, arguments.rounds, arguments.repeats) / arguments.spans
            print(f"| {name} | {1 / seconds:,.0f} | {seconds * 1e6:.2f} |")


if __name__ == "__main__":
    main()
