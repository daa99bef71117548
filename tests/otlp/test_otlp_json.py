from typing import Any

import orjson
import pytest

from otel_llmops.otlp import Encoding, Request, Signal, Verdict, check, decode_traces
from tests.support.otlp import SPAN_ID, TRACE_ID, span, trace_request

_IDS = {"traceId": TRACE_ID.hex(), "spanId": SPAN_ID.hex()}


def _body(**fields: Any) -> bytes:
    return orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [_IDS | fields]}]}]})


def _verdict(**fields: Any) -> Verdict:
    return check(_body(**fields), signal=Signal.TRACES, encoding=Encoding.JSON)


def _row(**fields: Any) -> dict[str, Any]:
    rows: list[dict[str, Any]] = decode_traces(
        [Request(_body(**fields), Encoding.JSON)]
    ).to_pylist()
    return rows[0]


def _attribute(value: object) -> str:
    text: str = _row(attributes=[{"key": "k", "value": value}])["attributes"][0][1]
    return text


def test_ids_are_hex_in_any_case() -> None:
    row = _row(traceId="ABCDEF" * 5 + "Ab", spanId="AbCdEf0123456789", parentSpanId="FF" * 8)
    assert (row["trace_id"], row["span_id"], row["parent_span_id"]) == (
        "abcdef" * 5 + "ab",
        "abcdef0123456789",
        "ff" * 8,
    )


@pytest.mark.parametrize(
    "value", [1795367949287367168, "1795367949287367168"], ids=["number", "text"]
)
def test_a_64_bit_integer_may_be_a_number_or_text(value: object) -> None:
    expected = trace_request(span(start_time_unix_nano=1795367949287367168))
    row = decode_traces([Request(expected)]).to_pylist()[0]
    assert _row(startTimeUnixNano=value)["start_time"] == row["start_time"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"stringValue": "x"}, "x"),
        ({"stringValue": ""}, ""),
        ({"boolValue": True}, "true"),
        ({"intValue": "-9223372036854775808"}, "-9223372036854775808"),
        ({"intValue": 7}, "7"),
        ({"intValue": 7.0}, "7"),
        ({"doubleValue": 7}, "7.0"),
        ({"doubleValue": "0.5"}, "0.5"),
        ({"doubleValue": "NaN"}, "NaN"),
        ({"doubleValue": "-Infinity"}, "-Infinity"),
        ({"bytesValue": "AP8="}, "AP8="),
        ({"bytesValue": "AP8"}, "AP8="),
        ({"bytesValue": "_-8="}, "/+8="),
        ({"arrayValue": {}}, "[]"),
        ({"arrayValue": {"values": [{"intValue": "1"}, {}]}}, "[1,null]"),
        ({"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": False}}]}}, '{"a":false}'),
        ({}, ""),
        (None, ""),
        ({"stringValue": None}, ""),
        ({"string_value": "snake case is an unknown key"}, ""),
        ({"notYetKnown": [1, {"deep": "ignored"}]}, ""),
    ],
)
def test_a_json_value_becomes_text(value: object, text: str) -> None:
    assert _attribute(value) == text


def test_unknown_keys_snake_case_and_null_are_ignored() -> None:
    row = _row(name=None, start_time_unix_nano=5, future={"a": [1]}, events=None, kind=None)
    expected = decode_traces([Request(trace_request(span("", kind=0)))]).to_pylist()[0]
    names = ("name", "kind", "start_time", "events")
    assert [row[name] for name in names] == [expected[name] for name in names]


def test_an_unknown_enum_number_is_kept() -> None:
    assert _row(kind=99)["kind"] == 99


def test_the_last_of_two_equal_keys_counts() -> None:
    body = _body(name="first").replace(b'"first"', b'"first","name":"last"')
    assert decode_traces([Request(body, Encoding.JSON)])["name"].to_pylist() == ["last"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"kind": "SPAN_KIND_SERVER"}, "kind must be an integer, not a name"),
        ({"status": {"code": "STATUS_CODE_OK"}}, "code must be an integer, not a name"),
        ({"kind": True}, "kind must be an integer"),
        ({"kind": 2**31}, "kind must be an integer from -2147483648 to 2147483647"),
        ({"flags": -1}, "flags must be an integer from 0 to 4294967295"),
        ({"startTimeUnixNano": "1.5"}, "startTimeUnixNano must be an integer"),
        ({"startTimeUnixNano": 1.5}, "startTimeUnixNano must be an integer"),
        (
            {"startTimeUnixNano": "18446744073709551616"},
            "startTimeUnixNano must be an integer from 0 to 18446744073709551615",
        ),
        ({"startTimeUnixNano": "٣"}, "startTimeUnixNano must be an integer"),
        ({"name": 1}, "name must be a string"),
        ({"traceId": "zz"}, "traceId must be hex digits"),
        ({"traceId": "abc"}, "traceId must be hex digits"),
        ({"traceId": "٣" * 32}, "traceId must be hex digits"),
        ({"attributes": {}}, "attributes must be a JSON array"),
        ({"attributes": [1]}, "KeyValue must be a JSON object"),
        ({"attributes": [None]}, "KeyValue must be a JSON object"),
        (
            {"attributes": [{"key": "k", "value": {"boolValue": 1}}]},
            "boolValue must be true or false",
        ),
        (
            {"attributes": [{"key": "k", "value": {"doubleValue": "1_0"}}]},
            "doubleValue must be a number",
        ),
        (
            {"attributes": [{"key": "k", "value": {"doubleValue": "inf"}}]},
            "doubleValue must be a number",
        ),
        (
            {"attributes": [{"key": "k", "value": {"bytesValue": "!"}}]},
            "bytesValue must be base64",
        ),
    ],
)
def test_a_value_of_the_wrong_kind_refuses_its_span(fields: dict[str, Any], reason: str) -> None:
    assert _verdict(**fields) == Verdict(
        1, (0,), f"1 of 1 spans were refused: not OTLP/JSON: {reason} (1)."
    )


def test_an_id_in_base64_refuses_its_span() -> None:
    verdict = _verdict(traceId="AQIDBAUGBwgJCgsMDQ4PEA==")
    assert verdict.rejected == (0,)


def test_a_span_that_is_no_object_is_refused() -> None:
    body = b'{"resourceSpans":[{"scopeSpans":[{"spans":[7]}]}]}'
    assert check(body, signal=Signal.TRACES, encoding=Encoding.JSON).rejected == (0,)
