import gzip
import socket
import zlib
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import ParseDict
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from otel_llmops.otlp import Encoding, Limits, Request, Signal, decode_traces
from tests.support.otlp import as_json, log_record, log_request, metric_request, span, trace_request
from tests.support.receiving import DEADLINE_S, Running, running

_PROTOBUF = "application/x-protobuf"
_JSON = "application/json"
_ENCODINGS = pytest.mark.parametrize("content_type", [_PROTOBUF, _JSON])


@pytest.fixture(scope="module")
def client(shared: Running) -> Iterator[httpx.Client]:
    """For tests that look at the answer alone."""
    with httpx.Client(base_url=shared.http_url, timeout=DEADLINE_S) as found:
        yield found


@pytest.fixture
def own_client(receiver: Running) -> Iterator[httpx.Client]:
    """For tests that look into the journal too."""
    with httpx.Client(base_url=receiver.http_url, timeout=DEADLINE_S) as found:
        yield found


def _post(
    client: httpx.Client, content: Any, content_type: str = _PROTOBUF, **headers: str
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(
        "/v1/traces", content=content, headers={"Content-Type": content_type} | named
    )


def _status(answer: httpx.Response) -> Status:
    if answer.headers["content-type"] == _JSON:
        return ParseDict(answer.json(), Status())
    assert answer.headers["content-type"] == _PROTOBUF
    return Status.FromString(answer.content)


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_the_stock_exporter_s_spans_are_in_the_journal(
    receiver: Running, compression: Compression
) -> None:
    exporter = OTLPSpanExporter(f"{receiver.http_url}/v1/traces", compression=compression)
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("test").start_span("one").end()
    provider.shutdown()
    requests = [Request(payload) for payload in receiver.payloads()]
    assert decode_traces(requests)["name"].to_pylist() == ["one"]


@pytest.mark.parametrize(
    ("path", "signal", "payload"),
    [
        ("/v1/traces", Signal.TRACES, trace_request(span())),
        ("/v1/logs", Signal.LOGS, log_request(log_record())),
        ("/v1/metrics", Signal.METRICS, metric_request("tokens")),
    ],
)
def test_every_signal_has_its_path(
    receiver: Running, own_client: httpx.Client, path: str, signal: Signal, payload: bytes
) -> None:
    answer = own_client.post(path, content=payload, headers={"Content-Type": _PROTOBUF})
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (
        200,
        _PROTOBUF,
        b"",
    )
    assert [(record.signal, record.payload) for record in receiver.journalled()] == [
        (signal, payload)
    ]


@pytest.mark.parametrize("content_type", [_JSON, "Application/JSON; charset=utf-8"])
def test_json_is_journalled_as_it_came(
    receiver: Running, own_client: httpx.Client, content_type: str
) -> None:
    payload = as_json(trace_request(span("by hand")))
    answer = _post(own_client, payload, content_type)
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (
        200,
        _JSON,
        b"{}",
    )
    record = receiver.journalled()[0]
    assert (record.encoding, record.payload) == (Encoding.JSON, payload)


@pytest.mark.parametrize(
    ("content", "content_type"), [(b"", _PROTOBUF), (b"", _JSON), (b"{}", _JSON)]
)
def test_an_empty_request_is_answered_and_not_journalled(
    receiver: Running, own_client: httpx.Client, content: bytes, content_type: str
) -> None:
    assert _post(own_client, content, content_type).status_code == 200
    assert receiver.payloads() == []


def test_a_bad_span_is_told_in_protobuf(client: httpx.Client) -> None:
    answer = _post(client, trace_request(span(), span(trace_id=b"")))
    found = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, found.rejected_spans, found.error_message) == (
        200,
        1,
        "1 of 2 spans were refused: trace_id must be 16 bytes, not all zero (1).",
    )


def test_a_bad_span_is_told_in_json_with_the_count_as_text(client: httpx.Client) -> None:
    answer = _post(client, as_json(trace_request(span(), span(trace_id=b""))), _JSON)
    assert answer.json() == {
        "partialSuccess": {
            "rejectedSpans": "1",
            "errorMessage": (
                "1 of 2 spans were refused: trace_id must be 16 bytes, not all zero (1)."
            ),
        }
    }


@_ENCODINGS
def test_what_is_not_otlp_is_a_bad_request(
    receiver: Running, own_client: httpx.Client, content_type: str
) -> None:
    answer = _post(own_client, b"\xff\xff", content_type)
    status = _status(answer)
    violations = BadRequest()
    assert status.details[0].Unpack(violations)
    assert (answer.status_code, status.code) == (400, 3)
    assert violations.field_violations[0].description == status.message != ""
    assert receiver.payloads() == []


@_ENCODINGS
@pytest.mark.parametrize("path", ["/", "/v1/traces/", "/v1/profiles"])
def test_another_path_is_not_found_and_names_the_right_one(
    client: httpx.Client, content_type: str, path: str
) -> None:
    answer = client.post(path, content=b"", headers={"Content-Type": content_type})
    assert answer.status_code == 404
    assert "/v1/traces" in _status(answer).message
    assert answer.headers["content-type"] == content_type


@_ENCODINGS
def test_another_method_is_not_allowed(client: httpx.Client, content_type: str) -> None:
    answer = client.get("/v1/traces", headers={"Content-Type": content_type})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert _status(answer).message == "GET is not allowed, POST is"


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/x-protobuf2"])
def test_another_content_type_is_unsupported(client: httpx.Client, content_type: str) -> None:
    answer = _post(client, b"x", content_type)
    assert answer.status_code == 415
    assert _status(answer).message.startswith("Content-Type must be")


@_ENCODINGS
@pytest.mark.parametrize("compression", ["snappy", "zstd", "gzip, gzip"])
def test_another_compression_is_unsupported(
    client: httpx.Client, content_type: str, compression: str
) -> None:
    answer = _post(client, b"x", content_type, Content_Encoding=compression)
    assert answer.status_code == 415
    assert _status(answer).message == "Content-Encoding must be gzip, deflate or none"


def test_deflate_is_read_as_gzip_is(receiver: Running, own_client: httpx.Client) -> None:
    payload = trace_request(span("x" * 200_000))
    body = zlib.compress(payload)
    assert _post(own_client, body, Content_Encoding="deflate").status_code == 200
    assert receiver.payloads() == [payload]
    refused = _post(own_client, body[:-1], Content_Encoding="deflate")
    assert (refused.status_code, _status(refused).message) == (
        400,
        "the deflate body ends too early",
    )


def test_gzip_may_come_in_several_members(receiver: Running, own_client: httpx.Client) -> None:
    payload = trace_request(span("x" * 200_000))
    body = gzip.compress(payload[:70_000]) + gzip.compress(payload[70_000:])
    assert _post(own_client, body, Content_Encoding="gzip").status_code == 200
    assert receiver.payloads() == [payload]


_GZIPPED = gzip.compress(trace_request(span()))


@pytest.mark.parametrize(
    "body",
    [
        b"not gzip",
        _GZIPPED[:-4],
        _GZIPPED + b"garbage",
        b"\x00" + _GZIPPED,
        gzip.compress(b"") * 1001,
    ],
    ids=["plain", "truncated", "trailing", "leading", "members"],
)
@_ENCODINGS
def test_broken_gzip_is_a_bad_request(client: httpx.Client, body: bytes, content_type: str) -> None:
    answer = _post(client, body, content_type, Content_Encoding="gzip")
    assert answer.status_code == 400
    assert "gzip" in _status(answer).message


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        ([b"x" * 5_001], {}),
        ([b"x" * 2_500, b"x" * 2_501], {}),
        ([gzip.compress(b"x" * 50_000)], {"Content_Encoding": "gzip"}),
    ],
    ids=["by its length", "in chunks", "inflated"],
)
@_ENCODINGS
def test_over_the_limit_is_too_large(
    tmp_path: Path, content: list[bytes], headers: dict[str, str], content_type: str
) -> None:
    with (
        running(tmp_path, limits=Limits(request_bytes=5_000)) as receiver,
        httpx.Client(base_url=receiver.http_url, timeout=DEADLINE_S) as client,
    ):
        body = content[0] if len(content) == 1 else iter(content)
        answer = _post(client, body, content_type, **headers)
        assert answer.status_code == 413
        assert _status(answer).message == (
            "the request is larger than 5000 bytes (send smaller batches)"
        )
        assert "retry-after" not in answer.headers


@_ENCODINGS
def test_a_full_journal_asks_to_retry(tmp_path: Path, content_type: str) -> None:
    payload = trace_request(span("x" * 3_000))
    body = as_json(payload) if content_type == _JSON else payload
    with (
        running(tmp_path, budget_bytes=2_000) as receiver,
        httpx.Client(base_url=receiver.http_url, timeout=DEADLINE_S) as client,
    ):
        answer = _post(client, body, content_type)
        status = _status(answer)
        retry = RetryInfo()
        assert status.details[0].Unpack(retry)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert (status.code, retry.retry_delay.seconds) == (8, 1)
        assert receiver.payloads() == []


def test_many_requests_share_a_connection(receiver: Running) -> None:
    connection = HTTPConnection("127.0.0.1", receiver.endpoints.http_port, timeout=DEADLINE_S)
    connection.connect()
    local = connection.sock.getsockname()
    for number in range(20):
        payload = trace_request(span(f"request {number}"))
        connection.request("POST", "/v1/traces", payload, {"Content-Type": _PROTOBUF})
        answer: HTTPResponse = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
        assert connection.sock.getsockname() == local
    connection.close()
    assert len(receiver.payloads()) == 20


def _raw(receiver: Running, data: bytes) -> bytes:
    with socket.create_connection(
        ("127.0.0.1", receiver.endpoints.http_port), DEADLINE_S
    ) as connection:
        connection.sendall(data)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
        return answer


def test_a_request_hidden_behind_two_lengths_is_not_executed(receiver: Running) -> None:
    head = b"POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\n"
    payload = trace_request(span("smuggled"))
    hidden = head + b"Content-Length: %d\r\n\r\n" % len(payload) + payload
    body = b"0\r\n\r\n" + hidden
    lengths = b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(body)
    answer = _raw(receiver, head + lengths + body)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert receiver.payloads() == []


def test_a_request_cut_off_in_its_body_leaves_nothing(receiver: Running) -> None:
    payload = trace_request(span("cut"))
    head = b"POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\n"
    length = b"Content-Length: %d\r\n\r\n" % (len(payload) + 10)
    with socket.create_connection(("127.0.0.1", receiver.endpoints.http_port)) as connection:
        connection.sendall(head + length + payload)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65_536) == b""
    assert receiver.payloads() == []


def test_refusals_are_counted_by_reason(receiver: Running, own_client: httpx.Client) -> None:
    own_client.get("/v1/logs")
    _post(own_client, b"\xff")
    _post(own_client, b"x", "text/plain")
    assert receiver.receiver.stats().refused == {
        (Signal.LOGS, "method"): 1,
        (Signal.TRACES, "malformed"): 1,
        (Signal.TRACES, "content_type"): 1,
    }
