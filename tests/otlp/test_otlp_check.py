from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_llmops.errors import DecodeError
from otel_llmops.otlp import Encoding, Limits, Signal, Verdict, check
from otel_llmops.otlp.wire import framed
from tests.support.otlp import (
    SPAN_ID,
    TRACE_ID,
    any_value,
    as_json,
    log_record,
    log_request,
    metric_request,
    recorded_requests,
    span,
    spans,
    trace_request,
)

_SMALL = Limits(records=4, attributes=3, events=2, links=2, request_attributes=6)


def _traces(payload: bytes, limits: Limits = Limits()) -> Verdict:  # noqa: B008 - immutable
    return check(payload, signal=Signal.TRACES, encoding=Encoding.PROTOBUF, limits=limits)


def _wrapped(*wires: bytes) -> bytes:
    return framed(1, [framed(2, [framed(2, wires)])])


def _nested(depth: int, wrap: Callable[[object], object]) -> object:
    value: object = "end"
    for _ in range(depth):
        value = wrap(value)
    return value


@pytest.mark.parametrize("path", recorded_requests(), ids=lambda path: "/".join(path.parts[-3:]))
def test_every_recorded_request_is_accepted_whole(path: Any) -> None:
    payload = path.read_bytes()
    request = ExportTraceServiceRequest.FromString(payload)
    count = sum(
        len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans
    )
    assert _traces(payload) == Verdict(count)


@pytest.mark.parametrize(
    ("payload", "encoding"),
    [
        (b"", Encoding.PROTOBUF),
        (b"", Encoding.JSON),
        (b"{}", Encoding.JSON),
        (b'{"resourceSpans":[]}', Encoding.JSON),
        (b'{"resourceSpans":null}', Encoding.JSON),
        (b'{"resourceSpans":[{"resource":{}}]}', Encoding.JSON),
    ],
)
def test_an_empty_request_is_fine(payload: bytes, encoding: Encoding) -> None:
    assert check(payload, signal=Signal.TRACES, encoding=encoding) == Verdict(0)


@pytest.mark.parametrize("payload", [b"\xff", b"\x0a\x05a", b"not otlp at all", b"\x00\x01"])
def test_what_is_not_protobuf_is_a_decode_error(payload: bytes) -> None:
    with pytest.raises(DecodeError):
        _traces(payload)


@pytest.mark.parametrize(
    "payload", [b"[]", b"{", b"\xef\xbb\xbf{}", b"null", b'{"resourceSpans":{}}', b"[" * 100_000]
)
def test_what_is_not_otlp_json_is_a_decode_error(payload: bytes) -> None:
    with pytest.raises(DecodeError):
        check(payload, signal=Signal.TRACES, encoding=Encoding.JSON)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trace_id": b""}, "trace_id must be 16 bytes, not all zero"),
        ({"trace_id": bytes(16)}, "trace_id must be 16 bytes, not all zero"),
        ({"trace_id": TRACE_ID + b"x"}, "trace_id must be 16 bytes, not all zero"),
        ({"span_id": SPAN_ID[:1]}, "span_id must be 8 bytes, not all zero"),
        ({"span_id": bytes(8)}, "span_id must be 8 bytes, not all zero"),
        ({"parent_span_id": TRACE_ID}, "parent_span_id must be empty or 8 bytes"),
        (
            {"links": [Span.Link(trace_id=b"x")]},
            "a link's ids must be empty, or 16 and 8 bytes",
        ),
    ],
)
@pytest.mark.parametrize("encoding", Encoding)
def test_a_span_with_a_bad_id_is_refused_alone(
    fields: dict[str, Any], reason: str, encoding: Encoding
) -> None:
    payload = trace_request(span(), span(**fields), span())
    body = payload if encoding == Encoding.PROTOBUF else as_json(payload)
    assert check(body, signal=Signal.TRACES, encoding=encoding) == Verdict(
        3, (1,), f"1 of 3 spans were refused: {reason} (1)."
    )


@pytest.mark.parametrize(
    "bad",
    [
        span().SerializeToString() + b"\x2a\x01\xff",  # name: not UTF-8
        span().SerializeToString() + b"\x4a\x05\x0a\x01\xff",  # attribute key: not UTF-8
        span().SerializeToString() + b"\x4a\x05a",  # an attribute past the end
        span().SerializeToString() + b"\x0f",  # wire type 7
    ],
)
def test_a_span_that_does_not_parse_is_refused_alone(bad: bytes) -> None:
    good = span().SerializeToString()
    assert _traces(_wrapped(good, bad, good)) == Verdict(
        3,
        (1,),
        "1 of 3 spans were refused: "
        "not valid protobuf: malformed, not UTF-8, or nested too deep (1).",
    )


def test_ordinals_count_over_resources_and_scopes() -> None:
    payload = trace_request(span(), span(trace_id=b"")) + trace_request(span(span_id=b""), span())
    assert _traces(payload).rejected == (1, 2)


def test_a_resource_that_does_not_parse_fails_the_request() -> None:
    payload = framed(1, [framed(1, [b"\x0a\x05a"]) + framed(2, [framed(2, [b""])])])
    with pytest.raises(DecodeError, match="an envelope is refused"):
        _traces(payload)


@pytest.mark.parametrize(
    ("wrap", "deepest"), [(lambda value: [value], 47), (lambda value: {"k": value}, 31)]
)
@pytest.mark.parametrize("beyond", [0, 1])
def test_values_nest_as_deep_as_protobuf_reads_them_back(
    wrap: Callable[[object], object], deepest: int, beyond: int
) -> None:
    deep = span()
    deep.attributes.add(key="deep").value.CopyFrom(any_value(_nested(deepest + beyond, wrap)))
    payload = trace_request(deep, span())
    assert _traces(payload).rejected == (0,) * beyond


@pytest.mark.parametrize("depth", [98, 99, 100, 101, 900])
def test_deep_json_refuses_the_span_and_keeps_the_rest(depth: int) -> None:
    value = '{"arrayValue":{"values":[' * depth + "{}" + "]}}" * depth
    ids = f'"traceId":"{TRACE_ID.hex()}","spanId":"{SPAN_ID.hex()}"'
    deep = f'{{{ids},"attributes":[{{"key":"deep","value":{value}}}]}}'
    body = f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{deep},{{{ids}}}]}}]}}]}}'
    if depth * 2 > 1000:
        with pytest.raises(DecodeError):
            check(body.encode(), signal=Signal.TRACES, encoding=Encoding.JSON)
    else:
        verdict = check(body.encode(), signal=Signal.TRACES, encoding=Encoding.JSON)
        assert (verdict.records, verdict.rejected) == (2, (0,))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"attributes": {"a": 1, "b": 2, "c": 3, "d": 4}}, "more than 3 attributes"),
        ({"events": [Span.Event()] * 3}, "more than 2 events"),
        ({"links": [Span.Link()] * 3}, "more than 2 links"),
    ],
)
def test_a_span_over_a_limit_is_refused_alone(fields: dict[str, Any], reason: str) -> None:
    verdict = _traces(trace_request(span(**fields), span()), _SMALL)
    assert verdict == Verdict(2, (0,), f"1 of 2 spans were refused: {reason} (1).")


@pytest.mark.parametrize(
    ("payload", "limits"),
    [
        (trace_request(*spans(5)), _SMALL),
        (trace_request(*spans(3, attributes={"a": 1, "b": 2, "c": 3})), _SMALL),
        (trace_request(span()), Limits(request_bytes=10)),
        (trace_request(*spans(3), resource={"k": "v" * 100}), Limits(spread_bytes=300)),
        (b"\x0a\x00" * 5, _SMALL),
    ],
    ids=["spans", "attributes in all", "bytes", "spread", "envelopes"],
)
def test_a_request_over_a_limit_is_a_decode_error(payload: bytes, limits: Limits) -> None:
    with pytest.raises(DecodeError):
        _traces(payload, limits)


def test_json_with_too_many_values_is_a_decode_error() -> None:
    with pytest.raises(DecodeError, match="too many values"):
        check(
            b'{"x":[' + b"1," * 50 + b"1]}",
            signal=Signal.TRACES,
            encoding=Encoding.JSON,
            limits=Limits(json_tokens=50),
        )


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (b"", "more than 100 fields"),
        (b"\x4a\x01\x0a", "not valid protobuf: malformed, not UTF-8, or nested too deep"),
    ],
)
def test_a_record_is_measured_before_it_is_built(tail: bytes, reason: str) -> None:
    array = framed(9, [framed(2, [framed(5, [b"\x0a\x00" * 200])])])
    payload = _wrapped(span().SerializeToString() + array + tail)
    verdict = _traces(payload, Limits(record_fields=100))
    assert verdict == Verdict(1, (0,), f"1 of 1 spans were refused: {reason} (1).")


@pytest.mark.parametrize("encoding", Encoding)
def test_logs_are_refused_by_their_ids_alone(encoding: Encoding) -> None:

    payload = log_request(log_record(trace_id=b"", span_id=b""), log_record(span_id=b"x"))
    body = payload if encoding == Encoding.PROTOBUF else as_json(payload, ExportLogsServiceRequest)
    verdict = check(body, signal=Signal.LOGS, encoding=encoding)
    assert (verdict.records, verdict.rejected) == (2, (1,))


def test_metrics_are_counted() -> None:
    verdict = check(metric_request("one", "two"), signal=Signal.METRICS, encoding=Encoding.PROTOBUF)
    assert verdict == Verdict(2)


@pytest.mark.parametrize("cut", range(0, 200, 7))
def test_a_truncated_request_never_raises_anything_but_decode_error(cut: int) -> None:
    payload = trace_request(*spans(2, attributes={"k": [1, "two", {"x": 3.0}]}))
    try:
        verdict = _traces(payload[:cut])
    except DecodeError:
        return
    assert verdict.records <= 2
