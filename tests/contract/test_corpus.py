"""All recorded traces in every store, and then every query: the answers of embedded ClickHouse.

Embedded ClickHouse is held to plain Python by tests/e2e/test_corpus_through_serve.py. Scenarios
whose ids collide would be one session in one store: they are dealt out to batches that share none.
"""

import asyncio
import inspect
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from otel_llmops.engine.capture import analyze
from otel_llmops.otlp import Request, decode_traces
from otel_llmops.storage.queries import Queries
from tests.backends import BACKENDS, Backend, Destination
from tests.support.otlp import scenarios

EMBEDDED = BACKENDS[0]
SESSIONS_MAX = 25
PAGE = 100


def bodies(scenario: Path) -> list[Request]:
    return [Request(path.read_bytes()) for path in sorted(scenario.glob("request-*.binpb"))]


@cache
def batches() -> list[list[Path]]:
    """All scenarios, in batches within which no id leads from one to another; largest first."""
    made: list[tuple[set[str], list[Path]]] = []
    for scenario in scenarios():
        keys = set(analyze([scenario])["session_keys"]["key"].to_pylist())
        for taken, batch in made:
            if taken.isdisjoint(keys):
                taken.update(keys)
                batch.append(scenario)
                break
        else:
            made.append((keys, [scenario]))
    return sorted((batch for _, batch in made), key=len, reverse=True)


@cache
def spans_of(number: int) -> pa.Table:
    return decode_traces([body for scenario in batches()[number] for body in bodies(scenario)])


@cache
def answers_of_embedded(number: int, folder: Path) -> dict[str, Any]:
    with closing(filled(EMBEDDED, number, folder)) as store:
        return everything(store)


def filled(backend: Backend, number: int, folder: Path) -> Destination:
    """A store of one batch, spans and all that is derived, each written twice."""
    store = backend.open(folder)
    tables = analyze(batches()[number])
    for _ in range(2):
        store.export_spans(spans_of(number), batch_id="corpus")
        store.replace_sessions(tables["sessions"]["session_id"].to_pylist(), tables)
    return store


def everything(store: Destination) -> dict[str, Any]:
    """What each query answers, by its name."""
    return asyncio.run(_everything(Queries(store)))


async def _everything(queries: Queries) -> dict[str, Any]:
    sessions = [each.session_id async for each in _pages(queries.sessions)][:SESSIONS_MAX]
    agents = [each.name for each in await queries.agents()]
    known: dict[str, Sequence[Any]] = {
        "session_id": sessions,
        "session_ids": [sessions],
        "name": agents,
    }
    said: dict[str, Any] = {}
    for name, method in inspect.getmembers(queries, inspect.iscoroutinefunction):
        parameters = inspect.signature(method).parameters
        needed = [each.name for each in parameters.values() if each.default is each.empty]
        if name.startswith("_"):
            continue
        if not needed:
            paged = "offset" in parameters
            said[name] = [each async for each in _pages(method)] if paged else await method()
        else:
            assert set(needed[:1]) & set(known), f"how is {name} to be asked?"
            said[name] = [await method(value) for value in known[needed[0]]]
    return said


async def _pages(method: Any) -> AsyncIterator[Any]:
    offset = 0
    while page := await method(limit=PAGE, offset=offset):
        for each in page:
            yield each
        offset += PAGE


@pytest.fixture(scope="module", params=BACKENDS, ids=lambda backend: backend.name)
def store(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    expected: dict[str, Any],
) -> Iterator[Destination]:
    with closing(filled(request.param, 0, tmp_path_factory.mktemp("corpus") / "store")) as opened:
        yield opened


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return answers_of_embedded(0, tmp_path_factory.mktemp("expected") / "store")


@pytest.mark.timeout(180)
def test_every_query_has_the_answers_of_the_embedded_store(
    store: Destination, expected: dict[str, Any]
) -> None:
    found = everything(store)
    assert {name: found[name] == said for name, said in expected.items()} == dict.fromkeys(
        expected, True
    )
    assert found == expected
    assert found["agents"], "a corpus without agents shows nothing"


@pytest.mark.timeout(180)
def test_every_span_is_there_once_with_its_bytes(store: Destination) -> None:
    sent = spans_of(0)
    traces = sent["trace_id"].unique().to_pylist()
    found = store.wire_spans(traces)
    assert Counter(found["span_wire"].to_pylist()) == Counter(sent["span_wire"].to_pylist())
