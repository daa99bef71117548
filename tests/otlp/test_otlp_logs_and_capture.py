from typing import Any

import pyarrow as pa
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from otel_llmops.errors import DecodeError
from otel_llmops.model.schemas import LOG_EVENTS
from otel_llmops.otlp import Encoding, Request, Signal, decode_logs, decode_traces, requests_of
from tests.support.otlp import (
    SPAN_ID,
    TRACE_ID,
    any_value,
    as_json,
    key_values,
    log_record,
    log_request,
    recorded_requests,
    span,
    trace_request,
)


def test_a_gen_ai_event_becomes_a_row() -> None:
    record = log_record(
        time_unix_nano=7,
        observed_time_unix_nano=9,
        severity_number=9,
        body=any_value({"content": "hi"}),
        attributes=key_values({"gen_ai.provider.name": "openai"}),
    )
    rows = decode_logs([Request(log_request(record))])
    assert rows.to_pylist() == [
        {
            "trace_id": TRACE_ID.hex(),
            "span_id": SPAN_ID.hex(),
            "time": pa.scalar(7, LOG_EVENTS.field("time").type).as_py(),
            "event_name": "gen_ai.choice",
            "severity": 9,
            "service": "shop",
            "body": '{"content":"hi"}',
            "attributes": [("gen_ai.provider.name", "openai")],
        }
    ]


def test_older_senders_name_the_event_in_an_attribute() -> None:
    record = log_record("", attributes=key_values({"event.name": "gen_ai.user.message"}))
    assert decode_logs([Request(log_request(record))])["event_name"].to_pylist() == [
        "gen_ai.user.message"
    ]


def test_an_event_without_a_time_has_the_observed_one() -> None:
    table = decode_logs([Request(log_request(log_record(observed_time_unix_nano=9)))])
    assert table["time"].cast("int64").to_pylist() == [9]


@pytest.mark.parametrize(
    "fields",
    [
        {"event_name": "device.crash"},
        {"event_name": ""},
        {"trace_id": b""},
        {"span_id": b""},
        {"span_id": bytes(8)},
    ],
)
def test_a_log_that_is_no_gen_ai_event_of_a_span_is_no_row(fields: dict[str, Any]) -> None:
    body = log_request(log_record(**fields))
    assert decode_logs([Request(body)]).equals(LOG_EVENTS.empty_table())


def test_refused_log_records_are_left_out() -> None:
    body = log_request(log_record(span_id=b"x"), log_record("gen_ai.b"))
    table = decode_logs([Request(body, rejected=(0,))])
    assert table["event_name"].to_pylist() == ["gen_ai.b"]


def test_recorded_logs_read_the_same_from_json() -> None:
    bodies = [path.read_bytes() for path in recorded_requests("*/*/logs-*.binpb")]
    table = decode_logs([Request(body) for body in bodies])
    from_json = decode_logs(
        [Request(as_json(body, ExportLogsServiceRequest), Encoding.JSON) for body in bodies]
    )
    assert table.num_rows == 16
    assert from_json.equals(table)


_DOCUMENT = as_json(trace_request(span("one")))


def test_a_binpb_file_is_one_request() -> None:
    body = trace_request(span(), span(trace_id=b""))
    assert requests_of(body, "a.binpb") == [Request(body, Encoding.PROTOBUF, (1,))]


def test_a_file_of_lines_is_a_request_a_line() -> None:
    data = _DOCUMENT + b"\n\r\n" + _DOCUMENT + b"\n"
    assert requests_of(data, "a.jsonl") == [Request(_DOCUMENT, Encoding.JSON)] * 2


def test_one_document_may_go_over_many_lines() -> None:
    data = _DOCUMENT.replace(b",", b",\n")
    assert requests_of(data, "a.json") == [Request(data, Encoding.JSON)]


def test_the_file_exporter_s_logs_hold_no_spans() -> None:
    line = as_json(log_request(log_record()), ExportLogsServiceRequest)
    found = requests_of(line + b"\n" + _DOCUMENT, "a.json")
    assert decode_traces(found)["name"].to_pylist() == ["one"]
    assert decode_logs(requests_of(line, "a.json", signal=Signal.LOGS)).num_rows == 1


@pytest.mark.parametrize(
    ("data", "name", "place"),
    [
        (_DOCUMENT + b"\n{oops\n", "a.jsonl", "a.jsonl, line 2: "),
        (b"{oops", "a.json", "a.json, line 1: "),
        (b"\xff", "a.binpb", "a.binpb: "),
        (b"", "a.txt", "a.txt is no capture"),
    ],
)
def test_what_cannot_be_read_is_named(data: bytes, name: str, place: str) -> None:
    with pytest.raises(DecodeError, match=place):
        requests_of(data, name)


def test_an_empty_file_has_no_requests() -> None:
    assert requests_of(b"", "a.jsonl") == []
