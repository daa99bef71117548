"""Recorded traces sent to a real `serve` and asked for over GraphQL: the answers of `analyze`.

Strategy: scenarios whose ids collide (some frameworks number their conversations from the same
start in every run) would be one session in one store, so they are dealt out to batches that share
no key, and each batch has a `serve` of its own. Every second scenario goes over gRPC.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llmops.analysis.derive import Derived
from otel_llmops.analysis.sessions import linked_traces
from otel_llmops.engine.capture import analyze, report
from otel_llmops.journal import Reader
from otel_llmops.otlp import Request, decode_traces
from tests.support.answers import (
    AGENT_FIELDS,
    HANDOFF_FIELDS,
    LEDGER_FIELDS,
    QUALITY_FIELDS,
    SESSION_FIELDS,
    USE_FIELDS,
    Row,
    agents_of,
    handoffs_of,
    sessions_of,
)
from tests.support.otlp import scenarios
from tests.support.serving import Serving, serving, until

Way = Callable[[Sequence[bytes]], list[bytes]]
Plan = Mapping[Path, Way]
"""How the requests of each scenario are delivered."""

_CALL = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_SETTLED_S_MAX = 120.0
_PAGE = 100
_IDS_A_QUERY = 25

_SESSIONS = f"{{ {SESSION_FIELDS} tokens {{ {USE_FIELDS} }} ledger {{ {LEDGER_FIELDS} }} }}"
_HANDOFFS = f"{{ {HANDOFF_FIELDS} qualityParts {{ {QUALITY_FIELDS} }} }}"


def in_order(bodies: Sequence[bytes]) -> list[bytes]:
    return list(bodies)


def span_by_span(bodies: Sequence[bytes]) -> list[bytes]:
    return [single for body in bodies for single in _singles(body)]


def backwards(bodies: Sequence[bytes]) -> list[bytes]:
    """The last span first, each in a request of its own."""
    return span_by_span(bodies)[::-1]


def twice(bodies: Sequence[bytes]) -> list[bytes]:
    """Everything, and everything twice in one more: requests that are joined are a request."""
    return [*bodies, b"".join([*bodies, *bodies])]


def _singles(body: bytes) -> Iterator[bytes]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                made = ExportTraceServiceRequest()
                around = made.resource_spans.add(
                    resource=resource.resource, schema_url=resource.schema_url
                )
                around.scope_spans.add(scope=scope.scope, schema_url=scope.schema_url, spans=[span])
                yield made.SerializeToString()


ALL = scenarios()
WAYS = (in_order, backwards, twice, span_by_span)
_STRIDE = 20
SAMPLE: Plan = {
    scenario: way
    for number, way in enumerate(WAYS)
    for scenario in ALL[number * _STRIDE // len(WAYS) :: _STRIDE]
}
"""A scenario of five, each way with its share of them."""


@dataclass(frozen=True)
class Answered:
    """What a batch's `serve` said: sessions, handoffs and agents, and where each id leads."""

    sessions: list[Row]
    handoffs: list[Row]
    agents: list[Row]
    leads_to: dict[str, str]

    def of(self, scenario: Path) -> Mapping[str, object]:
        """What of it is of one scenario."""
        ids = set(analysed(scenario)["sessions"]["session_id"].to_pylist())
        return {
            "sessions": [row for row in self.sessions if row["sessionId"] in ids],
            "handoffs": [row for row in self.handoffs if row["sessionId"] in ids],
            "leads_to": {key: self.leads_to.get(key) for key in _leading(scenario)},
        }


def expected(scenario: Path) -> Mapping[str, object]:
    tables = analysed(scenario)
    return {
        "sessions": sessions_of(tables),
        "handoffs": handoffs_of(tables),
        "leads_to": _leading(scenario),
    }


@cache
def analysed(scenario: Path) -> Derived:
    return analyze([scenario])


def _leading(scenario: Path) -> dict[str, str]:
    keys = analysed(scenario)["session_keys"]
    return dict(zip(keys["key"].to_pylist(), keys["session_id"].to_pylist(), strict=True))


def _bodies(scenario: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(scenario.glob("request-*.binpb"))]


def batches(chosen: Sequence[Path]) -> list[list[Path]]:
    """The scenarios, in batches within which no id leads from one to another."""
    made: list[tuple[set[str], list[Path]]] = []  # the keys of a batch, and its scenarios
    for scenario in chosen:
        spans = decode_traces([Request(body) for body in _bodies(scenario)])
        keys = {*_leading(scenario), *linked_traces(spans).to_pylist()}
        for taken, batch in made:
            if taken.isdisjoint(keys):
                taken.update(keys)
                batch.append(scenario)
                break
        else:
            made.append((keys, [scenario]))
    return [batch for _, batch in made]


@contextmanager
def _senders(served: Serving) -> Iterator[list[Callable[[bytes], None]]]:
    """One over HTTP and one over gRPC; each returns when all it sent was taken."""
    url = f"http://127.0.0.1:{served.http_port}/v1/traces"
    headers = {"content-type": "application/x-protobuf"}
    with (
        httpx.Client(headers=headers, timeout=30) as client,
        closing(grpc.insecure_channel(f"127.0.0.1:{served.grpc_port}")) as channel,
    ):
        export = channel.unary_unary(_CALL)

        def over_http(body: bytes) -> None:
            answer = client.post(url, content=body)
            assert (answer.status_code, answer.content) == (200, b"")

        def over_grpc(body: bytes) -> None:
            assert export(body, timeout=30) == b""

        yield [over_http, over_grpc]


def _settled(served: Serving) -> bool:
    """Whether everything was stored and has had its last analysis."""
    with ExitStack() as opened:
        readers = [
            opened.enter_context(Reader.open(served.data / "journal", consumer))
            for consumer in ("store", "analysis")
        ]
        if any(reader.lag_bytes() for reader in readers):
            return False
    return all(row["final"] for row in _all(served, "sessions", "{ final }"))


def answered(data: Path, batch: Sequence[Path], plan: Plan, *flags: str) -> Answered:
    """Serve `data`, send the batch as planned, wait until it has settled, and ask for all of it."""
    with serving(data, *flags) as served:
        with _senders(served) as senders:
            for number, scenario in enumerate(batch):
                for body in plan[scenario](_bodies(scenario)):
                    senders[number % 2](body)
        until(lambda: _settled(served), deadline_s=_SETTLED_S_MAX, what="all is analysed")
        keys = [key for scenario in batch for key in _leading(scenario)]
        return Answered(
            sessions=sorted(
                _all(served, "sessions", _SESSIONS), key=lambda row: str(row["sessionId"])
            ),
            handoffs=sorted(
                _all(served, "handoffs", _HANDOFFS), key=lambda row: str(row["sessionId"])
            ),
            agents=sorted(
                _all(served, "agents", f"{{ {AGENT_FIELDS} }}"), key=lambda row: str(row["name"])
            ),
            leads_to=_leads(served, keys),
        )


def _all(served: Serving, field: str, selection: str) -> list[Row]:
    rows: list[Row] = []
    while True:
        page = served.graphql(f"{{ {field}(limit: {_PAGE}, offset: {len(rows)}) {selection} }}")
        rows += page[field]
        if len(page[field]) < _PAGE:
            return rows


def _leads(served: Serving, keys: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(keys), _IDS_A_QUERY):
        asked = dict(enumerate(keys[start : start + _IDS_A_QUERY]))
        fields = [f'k{n}: session(sessionId: "{key}") {{ sessionId }}' for n, key in asked.items()]
        page = served.graphql("{ " + " ".join(fields) + " }")
        found |= {key: page[f"k{n}"] and page[f"k{n}"]["sessionId"] for n, key in asked.items()}
    return found


Told = list[tuple[Sequence[Path], Answered]]


def all_answered(folder: Path, plan: Plan) -> Told:
    """Every batch with what its `serve` said of it."""
    return [
        (batch, answered(folder / f"batch-{number}", batch, plan))
        for number, batch in enumerate(batches(list(plan)))
    ]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return all_answered(tmp_path_factory.mktemp("corpus"), SAMPLE)


def _name(scenario: Path) -> str:
    return f"{scenario.parent.name}/{scenario.name}"


def _sample() -> list[Any]:
    return [pytest.param(path, id=f"{_name(path)}, {way.__name__}") for path, way in SAMPLE.items()]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("scenario", _sample())
def test_a_scenario_has_the_answers_of_analyze(told: Told, scenario: Path) -> None:
    [found] = [answers.of(scenario) for batch, answers in told if scenario in batch]
    assert found == expected(scenario)


@pytest.mark.timeout(180)
def test_the_agents_of_a_store_are_those_of_its_scenarios(told: Told) -> None:
    for batch, answers in told:
        assert _unordered(answers.agents) == agents_of(map(analysed, batch))


@pytest.mark.timeout(180)
def test_a_store_holds_no_session_that_was_not_sent(told: Told) -> None:
    for batch, answers in told:
        sent = [row["sessionId"] for path in batch for row in sessions_of(analysed(path))]
        assert [row["sessionId"] for row in answers.sessions] == sorted(sent)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_scenario_has_the_answers_of_analyze(tmp_path: Path, way: Way) -> None:
    told = all_answered(tmp_path, dict.fromkeys(ALL, way))
    pairs = {path: (answers.of(path), expected(path)) for batch, answers in told for path in batch}
    assert {_name(path): pair for path, pair in pairs.items() if pair[0] != pair[1]} == {}
    for batch, answers in told:
        assert _unordered(answers.agents) == agents_of(map(analysed, batch))


@pytest.mark.parametrize("scenario", ALL[::_STRIDE], ids=_name)
def test_the_document_of_analyze_says_the_same(scenario: Path) -> None:
    """`report` and the tables that serve is held to are one answer."""
    document = report(analysed(scenario))["sessions"]
    rows = {row["sessionId"]: row for row in sessions_of(analysed(scenario))}
    common = {"llm_calls": "llmCalls", "input_tokens": "inputTokens", "errors": "errors",
              "output_tokens": "outputTokens", "cost_usd": "costUsd", "trace_ids": "traceIds",
              "residual_tokens": "residualTokens", "agents": "agents"}  # fmt: skip
    told = {s["session_id"]: {new: s[old] for old, new in common.items()} for s in document}
    assert told == {key: {new: row[new] for new in common.values()} for key, row in rows.items()}


def _unordered(agents: Sequence[Row]) -> list[Row]:
    return [row | {name: sorted(row[name]) for name in ("models", "services")} for row in agents]
