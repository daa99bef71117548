"""Jaeger's remote storage, asked as a Jaeger asks: over gRPC, by its messages."""

import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from otel_llmops.api.jaeger.messages import message
from otel_llmops.api.jaeger.remote import chunks
from otel_llmops.storage.spans import WireSpan
from tests.api.jaeger.conftest import TOKEN, Call, sent
from tests.support.jaeger_spans import JANUARY_NS

_ROOT = Path(__file__).parents[3]
_LEVELS = {"span": 1, "resource": 2, "scope": 3, "event": 4, "link": 5, "none": 6}


def _bytes(found: Iterator[Any]) -> Counter[tuple[bytes, ...]]:
    """Each span with all that is around it, in bytes, unknown fields included."""
    told: Counter[tuple[bytes, ...]] = Counter()
    for of_resource, of_scope, span in found:
        resource = (of_resource.resource.SerializeToString(deterministic=True),)
        scope = (of_scope.scope.SerializeToString(deterministic=True),)
        urls = (of_resource.schema_url.encode(), of_scope.schema_url.encode())
        told[resource + scope + urls + (span.SerializeToString(deterministic=True),)] += 1
    return told


def _spans(chunk: bytes) -> Iterator[Any]:
    for of_resource in TracesData.FromString(chunk).resource_spans:
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield of_resource, of_scope, span


def test_every_span_that_was_sent_is_read_back_as_it_was(call: Call) -> None:
    ids = list(dict.fromkeys(span.trace_id for _, _, span in sent()))
    request = message("GetTracesRequest")(query=[{"trace_id": each} for each in ids])
    told = call("TraceReader", "GetTraces", request)
    assert _bytes(each for chunk in told for each in _spans(chunk)) == _bytes(sent())


def test_a_chunk_holds_one_trace_and_is_never_empty(call: Call) -> None:
    ids = [bytes([place] * 16) for place in (1, 99, 6)]
    request = message("GetTracesRequest")(query=[{"trace_id": each} for each in ids])
    told = call("TraceReader", "GetTraces", request)
    assert [{span.trace_id for _, _, span in _spans(chunk)} for chunk in told] == [
        {ids[0]},
        {ids[2]},
    ]


def test_a_large_trace_is_cut_below_what_a_client_takes() -> None:
    wires = [WireSpan(b"", b"", bytes([18, 8, *[1] * 8]) + b"\x0a\x00" * 50_000)] * 100
    told = [len(each) for each in chunks(wires)]
    assert (sum(told) > 9_000_000, max(told) < 4 * 2**20, len(told)) == (True, True, 3)


def test_a_span_that_is_too_large_by_itself_is_alone() -> None:
    large = WireSpan(b"", b"", b"\x2a" + b"\x80\x80\xc0\x02" + b"x" * 5_242_880)
    small = WireSpan(b"", b"", b"\x2a\x01x")
    assert [len(each) > 2**20 for each in chunks([small, large, small])] == [False, True, False]


def test_services_and_operations_are_those_that_were_sent(call: Call) -> None:
    names = defaultdict(set)
    kinds = ["", "internal", "server", "client", "producer", "consumer"]
    for of_resource, _, span in sent():
        service = [a.value.string_value for a in of_resource.resource.attributes
                   if a.key == "service.name"]  # fmt: skip
        names[service[0] if service else ""].add((span.name, kinds[span.kind]))
    request = message("GetServicesRequest")()
    services = call("TraceReader", "GetServices", request, "GetServicesResponse").services
    assert list(services) == sorted(names)
    for service in services:
        request = message("GetOperationsRequest")(service=service)
        told = call("TraceReader", "GetOperations", request, "GetOperationsResponse").operations
        assert {(each.name, each.span_kind) for each in told} == names[service]


def test_operations_may_be_of_one_kind(call: Call) -> None:
    found = []
    for kind in ("server", "client", "nonsense"):
        request = message("GetOperationsRequest")(service="levels", span_kind=kind)
        told = call("TraceReader", "GetOperations", request, "GetOperationsResponse").operations
        found.append(sorted(each.name for each in told))
    server = ["op-event", "op-link", "op-none", "op-resource", "op-scope", "op-span"]
    assert found == [server, [], []]


def _ids(call: Call, **query: Any) -> list[int]:
    """The levels' traces that a search finds, by number."""
    typed = [
        {"key": key, "value": {_FIELDS[type(value)]: value}}
        for key, value in query.pop("attributes", {}).items()
    ]
    window = {
        "start_time_min": {"seconds": JANUARY_NS // 10**9},
        "start_time_max": {"seconds": JANUARY_NS // 10**9 + 3600},
    }
    asked = {"service_name": "levels", "attributes": typed, "search_depth": 20} | window | query
    request = message("FindTraceIDsRequest")(query=asked)
    told = call("TraceReader", "FindTraceIDs", request, "FindTraceIDsResponse").trace_ids
    return [each.trace_id[0] for each in told]


_FIELDS = {str: "string_value", int: "int_value", bool: "bool_value", float: "double_value"}


@pytest.mark.parametrize(
    "attributes",
    [
        {"same.text": "here"},
        {"same.int": "404"},
        {"same.int": 404},
        {"same.bool": "true"},
        {"same.bool": True},
        {"same.double": "72.5"},
        {"same.double": 72.5},
        {"same.text": "here", "same.int": "404", "same.bool": "true", "same.double": "72.5"},
    ],
)
def test_a_tag_is_found_at_every_level_whatever_its_type(
    call: Call, attributes: dict[str, Any]
) -> None:
    assert _ids(call, attributes=attributes) == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [6, 5, 4, 3, 2, 1]),
        ({"search_depth": 2}, [6, 5]),
        ({"search_depth": 0}, [6, 5, 4, 3, 2, 1]),
        ({"operation_name": "op-link"}, [5]),
        ({"operation_name": "op-link", "attributes": {"same.text": "here"}}, [5]),
        ({"operation_name": "op-none", "attributes": {"same.text": "here"}}, []),
        ({"attributes": {"same.text": "her"}}, []),
        ({"attributes": {"same.text": "other"}}, [6]),
        ({"attributes": {"scope.name": "scope"}}, [3]),
        ({"attributes": {"error": "true"}}, [6]),
        ({"attributes": {"error": "false"}}, [6, 5, 4, 3, 2, 1]),
        ({"attributes": {"error": "false"}, "operation_name": "op-none"}, []),
        ({"attributes": {"span.status": "error"}}, [6]),
        ({"attributes": {"span.kind": "server"}, "search_depth": 1}, [6]),
        ({"attributes": {"resource.same.text": "here"}}, [2]),
        ({"duration_min": {"nanos": 4_000_000}}, [6, 5, 4]),
        ({"duration_max": {"nanos": 2_000_000}}, [6, 2, 1]),
        ({"duration_min": {"nanos": 2_000_000}, "duration_max": {"nanos": 2_000_000}}, [2]),
        ({"start_time_min": {"seconds": JANUARY_NS // 10**9 + 4}}, [6, 5, 4]),
        ({"start_time_max": {"seconds": JANUARY_NS // 10**9 + 2}}, [2, 1]),
        ({"service_name": "nobody"}, []),
        ({"attributes": {"it's": "'; DROP TABLE spans; --\\"}}, []),
    ],
)
def test_all_that_is_asked_holds_of_one_span(
    call: Call, query: dict[str, Any], expected: list[int]
) -> None:
    assert _ids(call, **query) == expected


def test_found_traces_come_whole_and_summed_up(call: Call) -> None:
    query = {"service_name": "levels", "operation_name": "op-none", "search_depth": 5}
    request = message("FindTracesRequest")(query=query)
    (chunk,) = call("TraceReader", "FindTraces", request)
    request = message("FindTraceSummariesRequest")(query=query)
    (told,) = call("TraceReader", "FindTraceSummaries", request, "FindTraceSummariesResponse")
    (summary,) = told.summaries
    assert sorted(span.name for _, _, span in _spans(chunk)) == ["op-none", "orphan"]
    start = JANUARY_NS + 6 * 10**9
    assert summary == message("TraceSummary")(
        trace_id=bytes([6] * 16),
        root_service_name="levels",
        root_operation_name="op-none",
        min_start_time_unix_nano=start,
        max_end_time_unix_nano=start + 6 * 10**6,
        span_count=2,
        error_span_count=1,
        orphan_span_count=1,
        services=[{"name": "levels", "span_count": 2, "error_span_count": 1}],
    )


def test_dependencies_are_parents_and_children_by_service(call: Call) -> None:
    services = {}
    for of_resource, _, span in sent():
        name = [a.value.string_value for a in of_resource.resource.attributes
                if a.key == "service.name"]  # fmt: skip
        services[span.trace_id, span.span_id] = name[0] if name else ""
    expected: Counter[tuple[str, str]] = Counter()
    for _, _, span in sent():
        parent = services.get((span.trace_id, span.parent_span_id))
        if parent is not None:
            expected[parent, services[span.trace_id, span.span_id]] += 1
    end = int(datetime(2030, 1, 1, tzinfo=UTC).timestamp())
    request = message("GetDependenciesRequest")(end_time={"seconds": end})
    told = call("DependencyReader", "GetDependencies", request, "GetDependenciesResponse")
    found = {(each.parent, each.child): each.call_count for each in told.dependencies}
    assert found == dict(expected)


def test_capabilities_are_told(call: Call) -> None:
    request = message("GetCapabilitiesRequest")()
    told = call("Capabilities", "GetCapabilities", request, "GetCapabilitiesResponse")
    assert (told.search.without_service_name, told.search.same_span_conjunction) == (True, True)


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("bearer.token", "another"),),
        # of two nobody knows whose it is
        (("authorization", f"Bearer {TOKEN}"), ("bearer.token", TOKEN)),
    ],
)
def test_who_has_no_token_reads_nothing(call: Call, metadata: tuple[tuple[str, str], ...]) -> None:
    request = message("GetServicesRequest")()
    with pytest.raises(grpc.RpcError) as refused:
        call("TraceReader", "GetServices", request, "GetServicesResponse", metadata=metadata)
    assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED


def test_a_jaeger_may_pass_on_the_token_of_whoever_asks_it(call: Call) -> None:
    request, passed_on = message("GetServicesRequest")(), (("bearer.token", TOKEN),)
    told = call("TraceReader", "GetServices", request, "GetServicesResponse", metadata=passed_on)
    assert "levels" in told.services


def test_the_descriptor_is_that_of_the_proto_file(tmp_path: Path) -> None:
    command = [sys.executable, str(_ROOT / "proto" / "generate.py"), str(tmp_path)]
    subprocess.run(command, check=True, timeout=60)
    name = Path("otel_llmops/api/jaeger/storage.binpb")
    assert (tmp_path / name).read_bytes() == (_ROOT / name).read_bytes()
