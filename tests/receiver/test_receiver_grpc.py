from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_llmops.otlp import Encoding, Limits, Request, Signal, decode_traces
from otel_llmops.receiver import IntakeStats
from tests.support.otlp import log_record, log_request, metric_request, span, spans, trace_request
from tests.support.receiving import Running, running


def _sdk_spans(*names: str) -> tuple[ReadableSpan, ...]:
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    for name in names:
        provider.get_tracer("test").start_span(name).end()
    return memory.get_finished_spans()


def _details(error: Any) -> Status:
    trailers = dict(error.trailing_metadata())
    status = Status.FromString(trailers["grpc-status-details-bin"])
    assert (status.code, status.message) == (error.code().value[0], error.details())
    return status


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_the_stock_exporter_s_spans_are_in_the_journal(
    receiver: Running, compression: grpc.Compression
) -> None:
    exporter = OTLPSpanExporter(receiver.grpc_target, insecure=True, compression=compression)
    assert exporter.export(_sdk_spans("one", "two")) == SpanExportResult.SUCCESS
    exporter.shutdown()
    requests = [Request(record.payload) for record in receiver.journalled()]
    assert decode_traces(requests)["name"].to_pylist() == ["one", "two"]


@pytest.mark.parametrize(
    ("signal", "payload"),
    [
        (Signal.TRACES, trace_request(span())),
        (Signal.LOGS, log_request(log_record())),
        (Signal.METRICS, metric_request("tokens")),
    ],
)
def test_every_signal_is_journalled_as_it_came(
    receiver: Running, signal: Signal, payload: bytes
) -> None:
    assert receiver.export(payload, signal=signal.name.lower()) == b""
    found = [(record.signal, record.encoding, record.payload) for record in receiver.journalled()]
    assert found == [(signal, Encoding.PROTOBUF, payload)]


def test_an_empty_request_is_answered_and_not_journalled(receiver: Running) -> None:
    assert receiver.export(b"") == b""
    assert receiver.payloads() == []


def test_a_bad_span_is_told_and_the_rest_is_kept(receiver: Running) -> None:
    payload = trace_request(span(), span(trace_id=b"short"), span())
    answer = ExportTraceServiceResponse.FromString(receiver.export(payload))
    assert answer.partial_success.rejected_spans == 1
    assert answer.partial_success.error_message == (
        "1 of 3 spans were refused: trace_id must be 16 bytes, not all zero (1)."
    )
    assert [(record.payload, record.rejected) for record in receiver.journalled()] == [
        (payload, (1,))
    ]


def test_a_request_of_bad_records_alone_is_told_and_not_journalled(receiver: Running) -> None:
    payload = log_request(log_record(span_id=b"x"))
    answer = ExportLogsServiceResponse.FromString(receiver.export(payload, signal="logs"))
    assert answer.partial_success.rejected_log_records == 1
    assert receiver.payloads() == []


def test_garbage_is_an_invalid_argument(receiver: Running) -> None:
    error = receiver.refused(b"this is not OTLP")
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    violations = BadRequest()
    assert _details(error).details[0].Unpack(violations)
    assert violations.field_violations[0].description == error.details()
    assert receiver.payloads() == []


def test_an_unknown_method_is_unimplemented(receiver: Running) -> None:
    with grpc.insecure_channel(receiver.grpc_target) as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Import")
        with pytest.raises(grpc.RpcError) as caught:
            call(b"")
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_over_the_limit_is_exhausted_without_a_word_of_retrying(
    tmp_path: Path, compression: grpc.Compression
) -> None:
    payload = trace_request(span("x" * 10_000))
    with (
        running(tmp_path, limits=Limits(request_bytes=5_000)) as receiver,
        grpc.insecure_channel(receiver.grpc_target, compression=compression) as channel,
    ):
        call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        with pytest.raises(grpc.RpcError) as caught:
            call(payload)
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert dict(caught.value.trailing_metadata()) == {}
        assert receiver.payloads() == []


def test_a_full_journal_asks_to_retry_in_both_trailers(tmp_path: Path) -> None:
    with running(tmp_path, budget_bytes=2_000) as receiver:
        assert receiver.export(trace_request(span("first"))) == b""
        error = receiver.refused(trace_request(span("x" * 3_000)))
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        retry = RetryInfo()
        assert _details(error).details[0].Unpack(retry)
        assert retry.retry_delay.seconds == 1
        trailer = dict(error.trailing_metadata())["google.rpc.retryinfo-bin"]
        assert RetryInfo.FromString(trailer) == retry
        assert receiver.payloads() == [trace_request(span("first"))]


def test_the_same_request_twice_is_stored_once(receiver: Running) -> None:
    payload = trace_request(*spans(2))
    assert [receiver.export(payload), receiver.export(payload)] == [b"", b""]
    assert receiver.payloads() == [payload]


def test_many_calls_on_one_connection_are_all_stored(receiver: Running) -> None:
    payloads = [trace_request(span(f"call {number}")) for number in range(200)]
    with (
        grpc.insecure_channel(receiver.grpc_target) as channel,
        ThreadPoolExecutor(64) as pool,
    ):
        call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        assert list(pool.map(call, payloads)) == [b""] * 200
    assert sorted(receiver.payloads()) == sorted(payloads)


def test_what_happened_is_counted(receiver: Running) -> None:
    payload = trace_request(span(), span(trace_id=b""))
    receiver.export(payload)
    receiver.export(payload)
    receiver.refused(b"garbage")
    assert receiver.receiver.stats() == IntakeStats(
        requests=Counter({Signal.TRACES: 2}),
        accepted_records=Counter({Signal.TRACES: 2}),
        rejected_records=Counter({Signal.TRACES: 2}),
        duplicates=Counter({Signal.TRACES: 1}),
        refused=Counter({(Signal.TRACES, "malformed"): 1}),
    )
