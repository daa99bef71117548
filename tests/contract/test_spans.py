"""Spans as they came, asked of every backend: by trace, by search, by who calls whom."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from otel_llmops.otlp import Request, decode_traces
from otel_llmops.storage.queries import Queries
from otel_llmops.storage.search import SpanSearch
from otel_llmops.storage.spans import ServiceSpans, SpanQueries, TraceSummary
from tests.backends import BACKENDS, Backend
from tests.support.jaeger_spans import JANUARY_NS, every_level, generated
from tests.support.otlp import span, trace_request

JANUARY = datetime(2017, 1, 21, 12, tzinfo=UTC)


def called(number: int, above: int) -> Any:
    """A span of one trace, below another."""
    return span(
        span_id=bytes([number] * 8),
        parent_span_id=bytes([above] * 8) if above else b"",
        start_time_unix_nano=JANUARY_NS,
        end_time_unix_nano=JANUARY_NS,
    )


REQUESTS = [
    every_level().SerializeToString(),
    *(generated(number).SerializeToString() for number in range(5)),
]
REQUESTS += [
    trace_request(*members, resource={"service.name": service})
    for service, members in {
        "front": [called(1, 0)],
        "back": [called(2, 1), called(3, 1), called(4, 3), called(5, 9)],
    }.items()
]
TAGS = {"same.text": "here", "same.int": "404", "same.bool": "true", "same.double": "72.5"}


@pytest.fixture(scope="module", params=BACKENDS, ids=lambda backend: backend.name)
def spans(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SpanQueries]:
    backend: Backend = request.param
    folder: Path = tmp_path_factory.mktemp("spans") / "store"
    with closing(backend.open(folder)) as store:
        store.export_spans(decode_traces([Request(body) for body in REQUESTS]), batch_id="all")
        yield Queries(store).spans


def answer(question: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(question)


def found(spans: SpanQueries, limit: int = 10, **search: Any) -> list[int]:
    """The levels' traces that are found, by number."""
    told = answer(spans.find(SpanSearch(service="levels", **search), limit=limit))
    return [int(each.trace_id[:2], 16) for each in told]


def test_services_and_operations(spans: SpanQueries) -> None:
    assert answer(spans.services()) == [
        "back",
        "front",
        "levels",
        *(f"made-{number}" for number in range(5)),
    ]
    assert answer(spans.operations("made-3")) == [("work 3 💡", "client")]
    assert answer(spans.operations("levels", "server")) == [
        (f"op-{level}", "server")
        for level in ("event", "link", "none", "resource", "scope", "span")
    ]


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ({}, [6, 5, 4, 3, 2, 1]),
        ({"operation": "op-link"}, [5]),
        ({"attributes": TAGS}, [5, 4, 3, 2, 1]),
        ({"attributes": {"same.text": "other"}}, [6]),
        ({"attributes": {"resource.same.text": "here"}}, [2]),
        ({"attributes": {"error": "true", "span.kind": "server"}}, [6]),
        ({"attributes": {"same.text": "a text that's \"nowhere\" \\ 💡"}}, []),
        ({"duration_ns_min": 4 * 10**6, "duration_ns_max": 5 * 10**6}, [5, 4]),
        ({"since": JANUARY + timedelta(seconds=3), "until": JANUARY + timedelta(seconds=5)},
         [5, 4, 3]),
    ],
)  # fmt: skip
def test_searches(spans: SpanQueries, search: dict[str, Any], expected: list[int]) -> None:
    assert int(JANUARY.timestamp()) * 10**9 == JANUARY_NS
    assert found(spans, **search) == expected


def test_a_search_ends_at_its_limit(spans: SpanQueries) -> None:
    assert found(spans, limit=2) == [6, 5]
    assert found(spans, limit=2, attributes=TAGS) == [5, 4]


def test_a_trace_at_a_glance(spans: SpanQueries) -> None:
    start = JANUARY_NS + 6 * 10**9
    assert answer(spans.summaries(["06" * 16, "ff" * 16])) == [
        TraceSummary(
            trace_id="06" * 16,
            root_service="levels",
            root_operation="op-none",
            start_ns=start,
            end_ns=start + 6 * 10**6,
            orphans=1,
            services=[ServiceSpans("levels", 2, 1)],
        )
    ]


def test_a_trace_is_the_bytes_that_came(spans: SpanQueries) -> None:
    sent = decode_traces([Request(REQUESTS[1])]).to_pylist()[0]
    (told,) = answer(spans.trace(sent["trace_id"]))
    assert told == (sent["resource_wire"], sent["scope_wire"], sent["span_wire"])


def test_who_calls_whom(spans: SpanQueries) -> None:
    day = timedelta(days=1)
    assert answer(spans.dependencies(JANUARY, JANUARY + day)) == [
        ("back", "back", 1),
        ("front", "back", 2),
    ]
    assert answer(spans.dependencies(JANUARY - day, JANUARY)) == []
