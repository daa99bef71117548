"""What checking and decoding trace requests costs: the native decoder against the reference.

Strategy: both do the same work in turn, in one thread; medians of rounds, in thread CPU time, so
that the neighbours stay out of it. "batch" is many requests in one call, as the engine decodes
them; all else is one request a call. "upb" is the parse of a request into messages and nothing
else: what no decoder over those messages can beat.

    python benchmarks/bench_decode.py [--rounds 5]
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

from otel_llmops.otlp import Encoding, Request, Signal, encode_traces, native, spans
from otel_llmops.otlp.check import check as reference_check

Work = Callable[[], object]

BATCH_BYTES = 16 * 2**20  # what the engine reads at once
ENOUGH = 32_768  # spans that a measurement takes, so that the clock does not matter
PROMPT = "You are the planner of a team. Split the work, hand each part to who knows best. "


def request(count: int, text_bytes: int) -> ExportTraceServiceRequest:
    """Spans of 13 attributes; `text_bytes` of them are what was said."""
    made = ExportTraceServiceRequest()
    resource = made.resource_spans.add()
    resource.resource.attributes.append(text("service.name", "shop"))
    scope = resource.scope_spans.add()
    scope.scope.name = "bench"
    said = (PROMPT * (text_bytes // len(PROMPT) + 1))[: text_bytes // 2]
    for number in range(1, count + 1):
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


def cpu_s(work: Work, rounds: int, repeats: int) -> float:
    """Median over rounds of the CPU seconds that `work` takes."""
    found = []
    for _ in range(rounds):
        start = time.thread_time()
        for _ in range(repeats):
            work()
        found.append((time.thread_time() - start) / repeats)
    return statistics.median(found)


def works(message: ExportTraceServiceRequest) -> dict[str, tuple[Work, Work, int]]:
    """For each kind of work: by the native decoder, by the reference, and on how many requests."""
    protobuf, json = message.SerializeToString(), as_json(message)
    in_json = [Request(json, Encoding.JSON)]
    batch = [Request(protobuf)] * (BATCH_BYTES // len(protobuf))
    assert native.decode_traces(batch).equals(spans.decode_traces(batch))
    assert native.decode_traces(in_json).equals(spans.decode_traces(in_json))
    one = batch[:1]
    return {
        "check": (
            lambda: native.check(protobuf),
            lambda: reference_check(protobuf, signal=Signal.TRACES, encoding=Encoding.PROTOBUF),
            1,
        ),
        "decode": (lambda: native.decode_traces(one), lambda: spans.decode_traces(one), 1),
        "decode, batch": (
            lambda: native.decode_traces(batch),
            lambda: spans.decode_traces(batch),
            len(batch),
        ),
        "check, JSON": (
            lambda: native.check_json(json),
            lambda: reference_check(json, signal=Signal.TRACES, encoding=Encoding.JSON),
            1,
        ),
        "decode, JSON": (
            lambda: native.decode_traces(in_json),
            lambda: spans.decode_traces(in_json),
            1,
        ),
    }


def others(message: ExportTraceServiceRequest) -> dict[str, Work]:
    protobuf = message.SerializeToString()
    table = native.decode_traces([Request(protobuf)])
    return {
        "upb": lambda: ExportTraceServiceRequest.FromString(protobuf),
        "encode": lambda: encode_traces(table),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print(
        f"Python {platform.python_version()}, protobuf {protobuf_version}, "
        f"pyarrow {pa.__version__}, orjson {orjson.__version__}"
    )
    for count in (32, 512):
        for text_bytes in (64, 2048):
            message = request(count, text_bytes)
            print(f"\n{count} spans a request, {message.ByteSize() / count:,.0f} bytes a span\n")
            print("| spans/s | native | reference | ratio |\n| --- | ---: | ---: | ---: |")
            for name, (fast, slow, requests) in works(message).items():
                compare(name, fast, slow, count * requests, arguments.rounds)
            for name, work in others(message).items():
                seconds = cpu_s(work, arguments.rounds, ENOUGH // count) / count
                print(f"| {name} | {1 / seconds:,.0f} | | |")


def compare(name: str, fast: Work, slow: Work, spans: int, rounds: int) -> None:
    """Measure the two in turn."""
    found: list[tuple[float, float]] = []
    for _ in range(rounds):
        native_s = cpu_s(fast, 1, max(2, ENOUGH // spans)) / spans
        found.append((native_s, cpu_s(slow, 1, max(1, ENOUGH // 16 // spans)) / spans))
    native_s, reference_s = (statistics.median(column) for column in zip(*found, strict=True))
    ratio = statistics.median(slow_s / fast_s for fast_s, slow_s in found)
    print(f"| {name} | {1 / native_s:,.0f} | {1 / reference_s:,.0f} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
