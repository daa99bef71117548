"""OTLP 1.11's demands on a server that no other file here has a test for, over real sockets.

Where each line of the checklist is tested (grpc, http, guard, memory, access: test_receiver_*.py):

| demand | test |
| --- | --- |
| gRPC Export, HTTP paths of each signal | grpc, http: every_signal |
| paths that are not served: 404 with a Status | http: another_path |
| no compression and gzip, both transports | grpc, http: stock_exporter |
| deflate: read; others: 415 | http: deflate_is_read, another_compression |
| protobuf and JSON on one port, parameters of the type tolerated | http: json_is_journalled |
| the answer's type is the request's, errors too | http: all by _ENCODINGS; guard: own_encoding |
| method: 405, type: 415 | http: another_method, another_content_type |
| keep-alive, pipelining | http: many_requests; guard: pipelined |
| connections and calls at once | grpc: many_calls; here: at_once |
| success: 200, partial_success unset, `{}` | http: every_signal, json_is_journalled |
| empty requests succeed | grpc, http: an_empty_request; here: envelopes |
| partial success: count, message, int64 as text | grpc, http: a_bad_span |
| what is not rejected is durable | grpc: a_bad_span; here: only_the_good |
| 400 / INVALID_ARGUMENT with BadRequest | grpc: garbage; http: what_is_not_otlp |
| each 4xx and 5xx has a Status | http, guard, access; here: every_refusal |
| a failing disk: 503 / UNAVAILABLE, never 500 | server: journal_that_closed; here: failing_disk |
| RESOURCE_EXHAUSTED with RetryInfo in both trailers | grpc: a_full_journal; memory: no_room |
| 429 with Retry-After | http: a_full_journal; memory: no_room |
| limits on the wire and inflated; no RetryInfo, 413 | grpc, http: over_the_limit; here: bombs |
| exporters come back after Retry-After and RetryInfo | here: an_exporter_comes_back |
| the answer is short, whatever was wrong | here: answers_are_short |
| ids are hex, enums numbers, unknown fields ignored, 64-bit | here: json |
| the same bytes twice are stored once | grpc: twice |
| invalid ids reject the span alone; every kind of value | grpc: a_bad_span; here: every_kind |
| nesting, groups, wrong wire types: 400 and no crash | here: hostile |
| CORS is opt-in | access: pages |
"""

import gzip
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import httpx
import orjson
import pytest
from google.protobuf.json_format import ParseDict
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_llmops.journal import Reader
from otel_llmops.journal._disk import Disk
from otel_llmops.otlp import Encoding, Limits, Request, decode_traces
from tests.support.otlp import SPAN_ID, TRACE_ID, span, trace_request
from tests.support.receiving import DEADLINE_S, Running, running
from tests.support.wire import request, wire

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_TYPES = {Encoding.PROTOBUF: "application/x-protobuf", Encoding.JSON: "application/json"}


@pytest.fixture(scope="module")
def client(shared: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=shared.http_url, timeout=DEADLINE_S) as found:
        yield found


def _post(
    client: httpx.Client,
    content: bytes,
    encoding: Encoding = Encoding.PROTOBUF,
    *,
    compression: str = "identity",
) -> httpx.Response:
    headers = {"Content-Type": _TYPES[encoding], "Content-Encoding": compression}
    return client.post("/v1/traces", content=content, headers=headers)


def _json(**fields: object) -> bytes:
    ids = {"traceId": TRACE_ID.hex(), "spanId": SPAN_ID.hex(), "name": "work"}
    scopes = [{"spans": [ids | fields]}]
    return orjson.dumps({"resourceSpans": [{"scopeSpans": scopes}]})


def _sdk_spans() -> tuple[ReadableSpan, ...]:
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    provider.get_tracer("test").start_span("one").end()
    return memory.get_finished_spans()


# transport


def test_many_connections_are_answered_at_once(receiver: Running) -> None:
    payloads = [trace_request(span(f"request {number}")) for number in range(64)]

    def post(payload: bytes) -> list[int]:
        with wire(receiver.endpoints.http_port) as opened:
            opened.say(request(payload))
            return opened.hear(1).statuses

    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(post, payloads)) == [[200]] * 64
    assert sorted(receiver.payloads()) == sorted(payloads)


def test_both_transports_of_many_exporters_at_once(receiver: Running) -> None:
    def export(number: int) -> SpanExportResult:
        exporter = (
            GrpcExporter(receiver.grpc_target, insecure=True)
            if number % 2
            else HttpExporter(f"{receiver.http_url}/v1/traces")
        )
        found = exporter.export(_sdk_spans())
        exporter.shutdown()
        return found

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(export, range(16))) == [SpanExportResult.SUCCESS] * 16
    assert len(receiver.payloads()) == 16


# success


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"\x0a\x00", Encoding.PROTOBUF),
        (b'{"resourceSpans":[]}', Encoding.JSON),
        (b'{"resourceSpans":[{"scopeSpans":[{}]}]}', Encoding.JSON),
    ],
)
def test_envelopes_without_spans_succeed(
    client: httpx.Client, content: bytes, encoding: Encoding
) -> None:
    answer = _post(client, content, encoding)
    assert (answer.status_code, answer.content) == (
        200,
        b"{}" if encoding == Encoding.JSON else b"",
    )


@pytest.mark.parametrize("encoding", list(Encoding))
def test_a_success_has_the_length_and_the_type_of_its_request(
    client: httpx.Client, encoding: Encoding
) -> None:
    answer = _post(client, b"", encoding)
    assert (answer.headers["content-type"], answer.headers["content-length"]) == (
        _TYPES[encoding],
        str(len(answer.content)),
    )


def test_only_the_good_spans_of_a_request_are_ever_read(receiver: Running) -> None:
    receiver.export(trace_request(span("good"), span("bad", span_id=b""), span("good too")))
    requests = [Request(each.payload, rejected=each.rejected) for each in receiver.journalled()]
    assert decode_traces(requests)["name"].to_pylist() == ["good", "good too"]


def test_answers_are_short_however_much_was_wrong(client: httpx.Client) -> None:
    answer = _post(client, trace_request(*[span("x" * 1000, trace_id=b"") for _ in range(2000)]))
    found = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (found.rejected_spans, len(answer.content) < 1000) == (2000, True)


# failure


@pytest.mark.parametrize("encoding", list(Encoding))
@pytest.mark.parametrize(
    ("method", "path", "headers", "code"),
    [
        ("POST", "/v1/traces", {"Content-Encoding": "zstd"}, 3),
        ("POST", "/v1/traces", {"Content-Encoding": "gzip"}, 3),
        ("POST", "/v1/traces", {}, 3),
        ("PUT", "/v1/traces", {}, 12),
        ("POST", "/v1development/profiles", {}, 5),
        ("POST", "/metrics", {}, 5),
        ("POST", "/v1/traces", {"Content-Length": str(2**27)}, 8),
    ],
    ids=["zstd", "no gzip", "no OTLP", "PUT", "profiles", "metrics", "too large"],
)
def test_every_refusal_has_a_status_in_the_request_s_encoding(
    shared: Running, encoding: Encoding, method: str, path: str, headers: dict[str, str], code: int
) -> None:
    lines = {"Host": "a", "Content-Type": _TYPES[encoding], "Content-Length": "3"} | headers
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    with wire(shared.endpoints.http_port) as opened:
        opened.say(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + b"\xff\xff\xff")
        raw = opened.hear(1).raw
    answer, _, body = raw.partition(b"\r\n\r\n")
    assert f"content-type: {_TYPES[encoding]}".encode() in answer.lower()
    status = (
        ParseDict(orjson.loads(body), Status())
        if encoding == Encoding.JSON
        else Status.FromString(body)
    )
    assert (status.code, bool(status.message)) == (code, True)


class _FailingDisk(Disk):
    """A disk whose fdatasync fails, once it is told to."""

    def __init__(self) -> None:
        self.failing = False

    def fdatasync(self, fd: int) -> None:
        if self.failing:
            raise OSError(5, "Input/output error")
        super().fdatasync(fd)


def test_a_failing_disk_is_to_be_tried_again_later(tmp_path: Path) -> None:
    disk = _FailingDisk()
    with running(tmp_path / "journal", disk=disk) as receiver:
        disk.failing = True
        with httpx.Client(base_url=receiver.http_url) as client:
            answer = _post(client, trace_request(span("over HTTP")))
        error = receiver.refused(trace_request(span("over gRPC")))
        disk.failing = False
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert "google.rpc.retryinfo-bin" in dict(error.trailing_metadata())


@pytest.mark.parametrize("transport", ["grpc", "http"])
def test_an_exporter_comes_back_when_it_was_told_to(tmp_path: Path, transport: str) -> None:
    with running(tmp_path / "journal", budget_bytes=700) as receiver:
        receiver.export(trace_request(span("x" * 500)))
        exporter = (
            GrpcExporter(receiver.grpc_target, insecure=True)
            if transport == "grpc"
            else HttpExporter(f"{receiver.http_url}/v1/traces")
        )

        def read_when_refused() -> None:
            while not receiver.receiver.stats().refused:
                stop.wait(0.01)
            with Reader.open(tmp_path / "journal", "test") as reader:
                reader.commit(reader.read(2**20)[-1].next)

        stop = threading.Event()
        reading = threading.Thread(target=read_when_refused)
        reading.start()
        assert exporter.export(_sdk_spans()) == SpanExportResult.SUCCESS
        reading.join(DEADLINE_S)
        exporter.shutdown()


@pytest.mark.parametrize("transport", ["grpc", "http"])
def test_bombs_are_refused_before_they_go_off(shared: Running, transport: str) -> None:
    flat = b"\0" * (128 << 20)
    if transport == "grpc":
        with (
            grpc.insecure_channel(shared.grpc_target, compression=grpc.Compression.Gzip) as channel,
            pytest.raises(grpc.RpcError) as caught,
        ):
            channel.unary_unary(EXPORT)(flat, timeout=DEADLINE_S)
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "google.rpc.retryinfo-bin" not in dict(caught.value.trailing_metadata())
    else:
        with httpx.Client(base_url=shared.http_url, timeout=DEADLINE_S) as client:
            answer = _post(client, gzip.compress(flat, 1), compression="gzip")
        assert answer.status_code == 413


def test_a_bomb_of_empty_spans_is_refused(client: httpx.Client) -> None:
    spans = b"\x12\x00" * 1_000_000
    scope = b"\x12" + _varint(len(spans)) + spans
    answer = _post(client, b"\x0a" + _varint(len(scope)) + scope)
    assert answer.status_code == 400
    assert "more than 100000" in Status.FromString(answer.content).message


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _nested(depth: int) -> bytes:
    """A request of one span whose attribute is a list in a list in a list, `depth` times."""
    value = b"\x18\x01"
    for _ in range(depth):
        value = _field(5, _field(1, value))
    made: bytes = span("deep").SerializeToString() + _field(9, _field(1, b"k") + _field(2, value))
    return _field(1, _field(2, _field(2, made)))


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"\x0b" * 500, Encoding.PROTOBUF),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", Encoding.PROTOBUF),
        (b"\x00\x00", Encoding.PROTOBUF),
        (b"\x08\x01\x0a", Encoding.PROTOBUF),
        (b"[" * 100_000, Encoding.JSON),
        (b"[]", Encoding.JSON),
        (b"\xef\xbb\xbf{}", Encoding.JSON),
        ('{"resourceSpans":[]}'.encode("utf-16"), Encoding.JSON),
        (b'{"resourceSpans":{}}', Encoding.JSON),
        (b'{"resourceSpans":[{"scopeSpans":[{"spans":[NaN]}]}]}', Encoding.JSON),
        (b'{"resourceSpans":["\\ud800"]}', Encoding.JSON),
    ],
)
def test_hostile_bodies_are_bad_requests_and_the_receiver_lives(
    client: httpx.Client, content: bytes, encoding: Encoding
) -> None:
    assert _post(client, content, encoding).status_code == 400
    assert _post(client, b"", encoding).status_code == 200


@pytest.mark.parametrize(("depth", "rejected"), [(40, 0), (60, 1), (10_000, 1)])
def test_a_value_nested_too_deep_costs_its_span(shared: Running, depth: int, rejected: int) -> None:
    answer = ExportTraceServiceResponse.FromString(shared.export(_nested(depth)))
    assert answer.partial_success.rejected_spans == rejected


# what is said


def test_every_kind_of_value_comes_through(receiver: Running) -> None:
    values = {"s": "é\U0001f600", "b": True, "i": -(2**63), "d": 0.5, "bytes": b"\0\xff",
              "none": None, "list": ["a", 1, None, [2.5]], "map": {"k": {"v": True}}}  # fmt: skip
    payload = trace_request(span(attributes=values, flags=0x301, trace_state="a=b"))
    assert receiver.export(payload) == b""
    assert receiver.payloads() == [payload]


def test_an_end_before_the_start_is_no_reason_to_refuse(receiver: Running) -> None:
    payload = trace_request(span(start_time_unix_nano=2, end_time_unix_nano=1, kind=99))
    assert receiver.export(payload) == b""


@pytest.mark.parametrize(
    "fields",
    [
        {"traceId": TRACE_ID.hex().upper()},
        {"kind": 3},
        {"startTimeUnixNano": "1790000000000000000"},
        {"startTimeUnixNano": 1790000000000000000},
        {"colour": {"unknown": [1]}},
        {"trace_state": "snake case is another field"},
        {"attributes": [{"key": "a", "value": {"doubleValue": "NaN"}}]},
        {"attributes": [{"key": "a", "value": {"bytesValue": "AAE="}}]},
        {"attributes": [{"key": "a"}]},
    ],
    ids=str,
)
def test_json_that_otlp_allows_is_taken(client: httpx.Client, fields: dict[str, object]) -> None:
    answer = _post(client, _json(**fields), Encoding.JSON)
    assert (answer.status_code, answer.content) == (200, b"{}")


@pytest.mark.parametrize(
    "fields",
    [
        {"traceId": "AQIDBAUGBwgJCgsMDQ4PEA=="},
        {"traceId": TRACE_ID.hex()[:-1]},
        {"traceId": "0" * 32},
        {"spanId": ""},
        {"kind": "SPAN_KIND_SERVER"},
        {"startTimeUnixNano": -1},
        {"startTimeUnixNano": str(2**64)},
        {"name": 7},
    ],
    ids=str,
)
def test_json_that_otlp_does_not_allow_costs_its_span(
    client: httpx.Client, fields: dict[str, object]
) -> None:
    found = _post(client, _json(**fields), Encoding.JSON).json()["partialSuccess"]
    assert (found["rejectedSpans"], bool(found["errorMessage"])) == ("1", True)


# its own figures


def test_the_figures_are_those_of_what_happened(tmp_path: Path) -> None:
    with running(tmp_path / "journal", limits=Limits(request_bytes=10_000)) as receiver:
        receiver.export(trace_request(span(), span(span_id=b"")))
        receiver.export(trace_request(span(), span(span_id=b"")))
        receiver.refused(b"garbage")
        with wire(receiver.endpoints.http_port) as opened:
            opened.say(b"garbage\r\n\r\n")
            opened.hear_all()
        answer = httpx.get(f"{receiver.http_url}/metrics")
        stored = len(receiver.payloads()[0])
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
               for line in answer.text.splitlines() if not line.startswith("#")}  # fmt: skip
    expected = {
        'otel_llmops_received_requests_total{signal="traces"}': 2,
        'otel_llmops_received_records_total{signal="traces"}': 2,
        'otel_llmops_rejected_records_total{signal="traces"}': 2,
        'otel_llmops_duplicate_requests_total{signal="traces"}': 1,
        'otel_llmops_refused_requests_total{signal="traces",reason="malformed"}': 1,
        'otel_llmops_refused_requests_total{signal="none",reason="http"}': 1,
        "otel_llmops_inflight_requests": 0,
        "otel_llmops_inflight_bytes": 0,
        "otel_llmops_inflight_bytes_max": 1 << 30,
        "otel_llmops_http_connections": 1,
        "otel_llmops_journal_records_total": 1,
        "otel_llmops_journal_refused_total": 0,
    }
    assert {name: samples[name] for name in expected} == expected
    assert samples["otel_llmops_journal_backlog_bytes"] > stored


def test_the_figures_are_as_prometheus_wants_them(receiver: Running) -> None:
    lines = httpx.get(f"{receiver.http_url}/metrics").text.splitlines()
    kinds = dict(line.split()[2:] for line in lines if line.startswith("# TYPE"))
    assert {kind for name, kind in kinds.items() if name.endswith("_total")} == {"counter"}
    assert {kind for name, kind in kinds.items() if not name.endswith("_total")} == {"gauge"}
    samples = {line.partition("{")[0].split()[0] for line in lines if not line.startswith("#")}
    assert samples <= set(kinds)
