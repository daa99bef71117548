"""Jaeger's HTTP API, asked as its UI and Grafana ask."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llmops.otlp import Encoding, Request, decode_traces
from tests.api.jaeger.conftest import sent
from tests.support.jaeger_spans import JANUARY_NS

Get = Callable[..., httpx.Response]

_US = JANUARY_NS // 1000
_WINDOW = {"start": _US, "end": _US + 10**10, "service": "levels"}
_WINDOW_V3 = {
    "query.startTimeMin": "2017-01-21T00:00:00Z",
    "query.startTimeMax": "2017-01-22T12:00:00.123456789Z",
}


def _found(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["traceID"][:2] for each in answer.json()["data"]]


def test_a_trace_of_v3_is_the_otlp_that_was_sent(get: Get) -> None:
    """Read by our own decoder of OTLP/JSON, whose result is held to the wire elsewhere."""
    request = ExportTraceServiceRequest()
    for of_resource, of_scope, span in sent():
        if of_resource.schema_url:
            span.DiscardUnknownFields()  # JSON has no room for them
            holder = request.resource_spans.add(schema_url=of_resource.schema_url)
            holder.resource.CopyFrom(of_resource.resource)
            inner = holder.scope_spans.add(schema_url=of_scope.schema_url)
            inner.scope.CopyFrom(of_scope.scope)
            inner.spans.append(span)
    expected = decode_traces([Request(request.SerializeToString())])
    told = []
    for trace_id in expected["trace_id"].to_pylist():
        document = get(f"/api/v3/traces/{trace_id}").json()["result"]
        told += decode_traces([Request(orjson.dumps(document), Encoding.JSON)]).to_pylist()
    columns = [name for name in expected.column_names if not name.endswith("_wire")]
    found = [{name: row[name] for name in columns} for row in told]
    assert found == [{name: row[name] for name in columns} for row in expected.to_pylist()]


def test_a_trace_of_the_older_form_is_what_the_ui_draws(get: Get) -> None:
    (trace,) = get("/api/traces/" + "04" * 16).json()["data"]
    start = _US + 4 * 10**6
    tags = [
        {"key": "same.text", "type": "string", "value": "here"},
        {"key": "same.int", "type": "int64", "value": 404},
        {"key": "same.bool", "type": "bool", "value": True},
        {"key": "same.double", "type": "float64", "value": 72.5},
    ]
    assert trace == {
        "traceID": "04" * 16,
        "spans": [
            {
                "traceID": "04" * 16,
                "spanID": "04" * 8,
                "operationName": "op-event",
                "references": [
                    {"refType": "FOLLOWS_FROM", "traceID": "09" * 16, "spanID": "09" * 8}
                ],
                "startTime": start,
                "duration": 4_000,
                "tags": [
                    {"key": "span.kind", "type": "string", "value": "server"},
                    {"key": "otel.scope.name", "type": "string", "value": "event"},
                ],
                "logs": [
                    {
                        "timestamp": 0,
                        "fields": [{"key": "event", "type": "string", "value": "e"}, *tags],
                    }
                ],
                "processID": "p1",
                "flags": 0,
                "warnings": None,
            }
        ],
        "processes": {"p1": {"serviceName": "levels", "tags": []}},
        "warnings": None,
    }


def test_numbers_that_a_browser_cannot_hold_are_told_as_text(get: Get) -> None:
    (trace_id,) = {span.trace_id.hex() for resource, _, span in sent() if span.name == "work 3 💡"}
    (trace,) = get(f"/api/traces/{trace_id}").json()["data"]
    tags = {tag["key"]: (tag["type"], tag["value"]) for tag in trace["spans"][0]["tags"]}
    assert [tags[f"k{place}"] for place in range(10)] == [
        ("string", "text"),
        ("string", ""),
        ("int64", 7),
        ("string", "-9223372036854775808"),
        ("bool", True),
        ("bool", False),
        ("float64", 72.5),
        ("string", "Infinity"),
        ("binary", "AP8="),
        ("string", "💡\n"),
    ]
    assert tags["otel.status_description"] == ("string", "said")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, ["06", "05", "04", "03", "02", "01"]),
        ({"limit": 2}, ["06", "05"]),
        ({"operation": "op-link"}, ["05"]),
        ({"tags": '{"same.int": "404"}'}, ["05", "04", "03", "02", "01"]),
        ({"tag": "same.text:other"}, ["06"]),
        ({"minDuration": "3.5ms", "maxDuration": "5000us"}, ["05", "04"]),
        ({"traceID": ["01" * 16, "ff" * 16]}, ["01"]),
    ],
)
def test_searches_of_the_older_form(get: Get, more: dict[str, Any], expected: list[str]) -> None:
    assert _found(get("/api/traces", **_WINDOW | more)) == expected


def test_searches_of_v3_in_either_spelling(get: Get) -> None:
    tags = {"query.attributes": json.dumps({"same.bool": "true"})}
    camel = _WINDOW_V3 | {"query.serviceName": "levels", "query.searchDepth": 2} | tags
    snake = {
        "query.service_name": "levels",
        "query.num_traces": 2,
        "query.start_time_min": _WINDOW_V3["query.startTimeMin"],
        "query.start_time_max": _WINDOW_V3["query.startTimeMax"],
    } | tags
    for given in (camel, snake):
        summaries = get("/api/v3/trace-summaries", **given).json()["summaries"]
        assert [each["traceId"][:2] for each in summaries] == ["05", "04"]
        found = get("/api/v3/traces", **given).json()["result"]["resourceSpans"]
        assert [each["scopeSpans"][0]["spans"][0]["name"] for each in found] == [
            "op-link",
            "op-event",
        ]


def test_a_summary_is_a_trace_at_a_glance(get: Get) -> None:
    given = _WINDOW_V3 | {"query.serviceName": "levels", "query.operationName": "op-none"}
    start = JANUARY_NS + 6 * 10**9
    assert get("/api/v3/trace-summaries", **given).json() == {
        "summaries": [
            {
                "traceId": "06" * 16,
                "rootServiceName": "levels",
                "rootOperationName": "op-none",
                "minStartTimeUnixNano": str(start),
                "maxEndTimeUnixNano": str(start + 6 * 10**6),
                "spanCount": 2,
                "errorSpanCount": 1,
                "orphanSpanCount": 1,
                "services": [{"name": "levels", "spanCount": 2, "errorSpanCount": 1}],
            }
        ]
    }


def test_services_operations_and_dependencies(get: Get) -> None:
    services = get("/api/services").json()["data"]
    assert services == get("/api/v3/services").json()["services"]
    operations = get("/api/operations", service="levels", spanKind="server").json()["data"]
    assert {"name": "op-link", "spanKind": "server"} in operations
    shouted = get("/api/v3/operations", service="levels", spanKind="SERVER").json()
    assert shouted["operations"] == operations
    names = get("/api/services/levels/operations").json()["data"]
    assert "orphan" in names
    unspecified = get("/api/v3/operations", service="levels").json()["operations"]
    assert {"name": "orphan", "spanKind": "internal"} in unspecified
    given = {"endTs": 1_900_000_000_000, "lookback": 1_900_000_000_000}
    calls = get("/api/dependencies", **given).json()["data"]
    assert calls
    assert all(set(each) == {"parent", "child", "callCount"} for each in calls)


@pytest.mark.parametrize(
    ("path", "given", "status"),
    [
        ("/api/traces/" + "ab" * 16, {}, 404),
        ("/api/traces/nonsense!", {}, 400),
        ("/api/traces", {"start": "yesterday"}, 400),
        ("/api/traces", {"minDuration": "fast"}, 400),
        ("/api/traces", {"tags": "[]"}, 400),
        ("/api/traces", {"tag": "nothing"}, 400),
        ("/api/traces", {"limit": "-1"}, 400),
        ("/api/dependencies", {"endTs": "x"}, 400),
    ],
)
def test_what_cannot_be_answered_is_told_in_the_envelope(
    get: Get, path: str, given: dict[str, str], status: int
) -> None:
    answer = get(path, **given)
    assert (answer.status_code, answer.json()["data"]) == (status, None)
    assert answer.json()["errors"][0]["code"] == status


@pytest.mark.parametrize(
    ("path", "given", "status"),
    [
        ("/api/v3/traces/" + "ab" * 16, {}, 404),
        ("/api/v3/traces", _WINDOW_V3 | {"query.serviceName": "no-such"}, 404),
        ("/api/v3/traces", {}, 400),
        ("/api/v3/traces", {"query.startTimeMin": "x", "query.startTimeMax": "y"}, 400),
        ("/api/v3/trace-summaries", _WINDOW_V3 | {"query.durationMin": "1"}, 400),
    ],
)
def test_what_cannot_be_answered_is_told_as_v3_does(
    get: Get, path: str, given: dict[str, str], status: int
) -> None:
    answer = get(path, **given)
    assert (answer.status_code, answer.json()["error"]["httpCode"]) == (status, status)
