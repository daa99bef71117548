from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from otel_llmops.errors import DecodeError
from otel_llmops.model.schemas import SPANS
from otel_llmops.otlp import Encoding, Request, Signal, check, decode_traces, encode_traces
from otel_llmops.otlp.wire import framed
from tests.support.otlp import (
    SPAN_ID,
    TRACE_ID,
    any_value,
    as_json,
    recorded_requests,
    scenarios,
    span,
    spans,
    trace_request,
)

_NS_2026 = 1_795_367_949_287_367_168


def _rows(*members: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = decode_traces([Request(trace_request(*members))]).to_pylist()
    return rows


def _attribute(value: object) -> str:
    text: str = dict(_rows(span(attributes={"key": value}))[0]["attributes"])["key"]
    return text


def _time(nanoseconds: int) -> pa.Scalar:
    return pa.scalar(nanoseconds, pa.timestamp("ns", tz="UTC")).as_py()


def test_a_span_becomes_a_row() -> None:
    event = Span.Event(time_unix_nano=_NS_2026, name="choice")
    event.attributes.append(KeyValue(key="index", value=any_value(0)))
    link = Span.Link(trace_id=TRACE_ID, span_id=SPAN_ID)
    link.attributes.append(KeyValue(key="why", value=any_value("next turn")))
    member = span(
        "chat",
        attributes={"gen_ai.request.model": "m"},
        parent_span_id=b"parent!!",
        trace_state="a=b",
        flags=257,
        kind=3,
        start_time_unix_nano=_NS_2026,
        end_time_unix_nano=_NS_2026 + 5,
        status=Status(code=Status.STATUS_CODE_ERROR, message="no"),
        events=[event],
        links=[link],
    )
    payload = trace_request(member, resource={"service.name": "shop", "n": 1})
    request = ExportTraceServiceRequest.FromString(payload)
    scope = request.resource_spans[0].scope_spans[0]
    del scope.spans[:]
    scope_wire = scope.SerializeToString()
    del request.resource_spans[0].scope_spans[:]
    assert decode_traces([Request(payload)]).to_pylist() == [
        {
            "trace_id": TRACE_ID.hex(),
            "span_id": SPAN_ID.hex(),
            "parent_span_id": b"parent!!".hex(),
            "trace_state": "a=b",
            "flags": 257,
            "name": "chat",
            "kind": 3,
            "start_time": _time(_NS_2026),
            "end_time": _time(_NS_2026 + 5),
            "duration_ns": 5,
            "status_code": 2,
            "status_message": "no",
            "service": "shop",
            "scope_name": "test",
            "scope_version": "1",
            "attributes": [("gen_ai.request.model", "m")],
            "resource_attributes": [("service.name", "shop"), ("n", "1")],
            "events": [{"time": _time(_NS_2026), "name": "choice", "attributes": [("index", "0")]}],
            "links": [
                {
                    "trace_id": TRACE_ID.hex(),
                    "span_id": SPAN_ID.hex(),
                    "attributes": [("why", "next turn")],
                }
            ],
            "span_wire": member.SerializeToString(),
            "scope_wire": scope_wire,
            "resource_wire": request.resource_spans[0].SerializeToString(),
        }
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is \n\0 é", "as it is \n\0 é"),
        ("", ""),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-(2**63), "-9223372036854775808"),
        (2**63 - 1, "9223372036854775807"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (1e16, "1e+16"),
        (1e-5, "1e-05"),
        (-0.0, "-0.0"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (b"\x00\xff", "AP8="),
        (None, ""),
        ([], "[]"),
        ({}, "{}"),
        (
            ["a", 1, 2.5, True, None, b"\xff", [{"k": "é\n"}], float("inf")],
            '["a",1,2.5,true,null,"/w==",[{"k":"é\\n"}],"Infinity"]',
        ),
    ],
)
def test_a_value_becomes_text(value: object, text: str) -> None:
    assert _attribute(value) == text


def test_a_value_of_profiles_counts_as_absent() -> None:
    member = span()
    member.attributes.append(KeyValue(key="key", value=AnyValue(string_value_strindex=3)))
    assert _rows(member)[0]["attributes"] == [("key", "")]


def test_a_key_that_occurs_twice_keeps_its_last_value() -> None:
    member = span()
    for key, value in [("a", 1), ("b", 2), ("a", 3)]:
        member.attributes.append(KeyValue(key=key, value=any_value(value)))
    assert _rows(member)[0]["attributes"] == [("a", "3"), ("b", "2")]


@pytest.mark.parametrize(
    ("start", "end", "duration"),
    [(5, 3, 0), (0, 2**64 - 1, 2**63 - 1), (2**64 - 1, 2**64 - 1, 0), (2**63, 2**63 - 1, 0)],
)
def test_times_are_clamped_and_durations_never_negative(
    start: int, end: int, duration: int
) -> None:
    member = span(start_time_unix_nano=start, end_time_unix_nano=end)
    table = decode_traces([Request(trace_request(member))])
    found = table.select(["start_time", "end_time", "duration_ns"]).cast(
        pa.schema([(name, pa.int64()) for name in ("start_time", "end_time", "duration_ns")])
    )
    last = 2**63 - 1
    assert found.to_pylist() == [
        {"start_time": min(start, last), "end_time": min(end, last), "duration_ns": duration}
    ]


def test_a_parent_id_of_zeros_is_no_parent() -> None:
    assert _rows(span(parent_span_id=bytes(8)))[0]["parent_span_id"] == ""


def test_without_a_service_name_the_service_is_empty() -> None:
    table = decode_traces([Request(trace_request(span(), resource={"other": 1}))])
    assert table["service"].to_pylist() == [""]


def test_no_requests_are_no_rows() -> None:
    assert decode_traces([]).equals(SPANS.empty_table())


def test_refused_spans_are_left_out_over_requests_scopes_and_resources() -> None:
    one = trace_request(*spans(2, name="a")) + trace_request(*spans(2, name="b"))
    table = decode_traces([Request(one, rejected=(1, 2)), Request(one, rejected=(0,))])
    assert list(zip(table["name"].to_pylist(), table["span_id"].to_pylist(), strict=True)) == [
        ("a", "0000000000000001"),
        ("b", "0000000000000002"),
        ("a", "0000000000000002"),
        ("b", "0000000000000001"),
        ("b", "0000000000000002"),
    ]


def test_a_span_that_was_refused_may_be_garbage() -> None:
    good = span().SerializeToString()
    payload = framed(1, [framed(2, [framed(2, [b"\xff", good])])])
    assert decode_traces([Request(payload, rejected=(0,))])["span_wire"].to_pylist() == [good]


def test_a_span_that_was_never_judged_is_a_decode_error() -> None:
    with pytest.raises(DecodeError):
        decode_traces([Request(framed(1, [framed(2, [framed(2, [b"\xff"])])]))])


def test_a_resource_in_two_pieces_is_merged() -> None:
    whole = ExportTraceServiceRequest.FromString(trace_request(span())).resource_spans[0]
    second = ExportTraceServiceRequest.FromString(trace_request(resource={"b": 2})).resource_spans[
        0
    ]
    del second.scope_spans[:]
    payload = framed(1, [whole.SerializeToString() + second.SerializeToString()])
    assert decode_traces([Request(payload)])["resource_attributes"].to_pylist() == [
        [("service.name", "shop"), ("b", "2")]
    ]


def test_fields_that_nobody_knows_yet_survive() -> None:
    unknown = framed(15, [b"from the future"])
    span_wire = span().SerializeToString() + unknown.replace(b"\x7a", b"\xf2\x07")
    payload = framed(1, [framed(2, [framed(2, [span_wire]) + unknown]) + unknown])
    row = decode_traces([Request(payload)]).to_pylist()[0]
    assert (row["span_wire"], row["scope_wire"], row["resource_wire"]) == (
        span_wire,
        unknown,
        unknown,
    )


@pytest.mark.parametrize("folder", scenarios(), ids=lambda folder: "/".join(folder.parts[-2:]))
def test_recorded_spans_survive_encoding_and_the_other_encoding(folder: Any) -> None:
    bodies = [path.read_bytes() for path in sorted(folder.glob("request-*.binpb"))]
    table = decode_traces([Request(body) for body in bodies])
    table.validate(full=True)
    assert decode_traces([Request(encode_traces(table))]).equals(table)
    from_json = decode_traces([Request(as_json(body), Encoding.JSON) for body in bodies])
    wires = ["span_wire", "scope_wire", "resource_wire"]
    assert from_json.drop_columns(wires).equals(table.drop_columns(wires))


def test_encoding_nests_neighbours_of_one_scope_together() -> None:
    payload = trace_request(*spans(2)) + trace_request(*spans(1), resource={"other": 1})
    assert encode_traces(decode_traces([Request(payload)])) == payload


def test_no_rows_encode_to_an_empty_request() -> None:
    assert encode_traces(SPANS.empty_table()) == b""


_PAYLOADS = [path.read_bytes() for path in recorded_requests("pydantic-ai*/single/request-*")]


@given(st.sampled_from(_PAYLOADS), st.data())
def test_what_check_accepts_decodes(payload: bytes, data: st.DataObject) -> None:
    body = bytearray(payload)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place] = data.draw(st.integers(0, 255))
    try:
        verdict = check(bytes(body), signal=Signal.TRACES, encoding=Encoding.PROTOBUF)
    except DecodeError:
        return
    table = decode_traces([Request(bytes(body), rejected=verdict.rejected)])
    assert table.num_rows == verdict.accepted
    table.validate(full=True)


def test_the_first_day_reads_as_utc() -> None:
    row = _rows(span(start_time_unix_nano=0))[0]
    assert row["start_time"] == datetime(1970, 1, 1, tzinfo=UTC)


def test_rows_that_repeat_a_large_resource_come_in_several_chunks() -> None:
    body = trace_request(*spans(10), resource={"service.name": "x" * 2**24})
    table = decode_traces([Request(body)])
    assert [batch.num_rows for batch in table.to_batches()] == [4, 4, 2]
    assert table["span_id"].to_pylist() == [f"{number:016x}" for number in range(1, 11)]


def test_what_was_let_in_is_read_whatever_the_limits_are_today() -> None:
    body = b"".join([trace_request(*spans(1))] * 100_001)
    assert decode_traces([Request(body)]).num_rows == 100_001
