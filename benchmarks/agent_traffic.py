"""Traces of agent systems as a fleet of applications would send them, encoded beforehand.

Strategy: one *round* of sessions (10 to 200 spans: agents that call models and tools and hand over,
in the words of one of several dialects) is laid out in time, ordered by when each span ends, which
is when an SDK gives it away, and cut into requests. Every id has four bytes of its own to be
overwritten, so the round may be sent any number of times, each time as other sessions.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

__all__ = ["Round", "Totals", "made_round"]

SERVICES = ("support-desk", "research-crew", "billing", "travel-planner")
AGENTS = ("planner", "researcher", "writer", "critic", "editor", "triage", "refunds", "booking")
TOOLS = ("search", "lookup_order", "refund", "calendar", "read_page")
MODELS = ("gpt-4o", "claude-sonnet-4", "gemini-2.5-pro", "gpt-4o-mini")
SPANS_MIN, SPANS_MAX = 10, 200
HERE = b"\xee\xff\xee\xfe"
"""Not UTF-8, so it is in no text: the place in an id that is overwritten."""
HERE_TEXT = b"@@round@"
TIME = 0xEEFF_EEFE
"""High half of every time: its low half is ms since the round began."""
MS = 1_000_000

Words = Mapping[str, Any]


@dataclass(frozen=True)
class Totals:
    """What the answers over one round must come to, by agent: (invocations, llm calls, tokens)."""

    spans: int
    sessions: int
    by_agent: Mapping[str, tuple[int, int, int, int]]


@dataclass(frozen=True)
class _Request:
    body: bytes
    ids: npt.NDArray[np.int64]
    texts: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]
    ms: npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Round:
    """Requests of a round, to be sent in order."""

    requests: list[_Request]
    totals: Totals

    def request(self, place: int, *, number: int, began_ns: int) -> bytes:
        """Request `place` of the `number`th sending, whose sessions begin at `began_ns`."""
        found = self.requests[place]
        body = np.frombuffer(found.body, np.uint8).copy()
        _write(body, found.ids, np.frombuffer(number.to_bytes(4, "big"), np.uint8))
        _write(body, found.texts, np.frombuffer(f"{number:08x}".encode(), np.uint8))
        times = (found.ms * np.uint64(MS) + np.uint64(began_ns)).astype("<u8")
        body[found.times[:, None] + np.arange(8)] = times.view(np.uint8).reshape(-1, 8)
        return body.tobytes()


def _write(body: npt.NDArray[np.uint8], places: npt.NDArray[np.int64], new: Any) -> None:
    body[places[:, None] + np.arange(len(new))] = new


@dataclass
class _Laid:
    """Spans under construction: (end in ms, service, span)."""

    dice: random.Random
    content_bytes: int
    spans: list[tuple[int, str, Span]] = field(default_factory=list)
    agents: dict[str, Counter[str]] = field(default_factory=dict)
    ids: int = 0

    def add(
        self,
        trace: bytes,
        parent: bytes,
        name: str,
        ms: tuple[int, int],
        service: str,
        words: Words,
    ) -> bytes:
        self.ids += 1
        span = Span(
            trace_id=trace,
            span_id=HERE + self.ids.to_bytes(4, "big"),
            parent_span_id=parent,
            name=name,
            kind=Span.SPAN_KIND_INTERNAL,
            flags=257,
            start_time_unix_nano=TIME << 32 | ms[0],
            end_time_unix_nano=TIME << 32 | ms[1],
        )
        for key, value in {**words, "thread.name": "MainThread", "thread.id": 1}.items():
            said = span.attributes.add(key=key).value
            if isinstance(value, int):
                said.int_value = value
            else:
                said.string_value = value
        self.spans.append((ms[1], service, span))
        return span.span_id

    def text(self) -> str:
        """Something said: words, so that it compresses as text does."""
        pool = ("order", "the", "refund", "of", "customer", "please", "was", "delayed", "flight")
        length = max(1, round(self.dice.expovariate(1 / max(self.content_bytes, 1)) / 6))
        return " ".join(self.dice.choices(pool, k=length)) + f" {self.dice.getrandbits(40):x}"

    def count(self, agent: str, **amounts: int) -> None:
        self.agents.setdefault(agent, Counter()).update(amounts)


@dataclass(frozen=True)
class _Dialect:
    """How one instrumentation says what happened."""

    scope: str
    agent: Callable[[str, str], Words]
    model: Callable[[str, str, tuple[int, int], tuple[str, str]], Words]
    tool: Callable[[str, str, str], Words]


def _messages(role: str, text: str) -> str:
    return f'[{{"role": "{role}", "parts": [{{"type": "text", "content": "{text}"}}]}}]'


_OTEL = _Dialect(
    "opentelemetry.instrumentation.openai_agents",
    lambda name, session: {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": name,
        "gen_ai.conversation.id": session,
        "gen_ai.provider.name": "openai",
    },
    lambda model, session, tokens, said: {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.conversation.id": session,
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
        "gen_ai.usage.input_tokens": tokens[0],
        "gen_ai.usage.output_tokens": tokens[1],
        "gen_ai.input.messages": _messages("user", said[0]),
        "gen_ai.output.messages": _messages("assistant", said[1]),
        "server.address": "api.openai.com",
        "server.port": 443,
    },
    lambda name, session, said: {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": name,
        "gen_ai.tool.type": "function",
        "gen_ai.conversation.id": session,
        "gen_ai.tool.call.arguments": f'{{"query": "{said}"}}',
    },
)
_OPENINFERENCE = _Dialect(
    "openinference.instrumentation.agno",
    lambda name, session: {
        "openinference.span.kind": "AGENT",
        "agent.name": name,
        "session.id": session,
    },
    lambda model, session, tokens, said: {
        "openinference.span.kind": "LLM",
        "session.id": session,
        "llm.model_name": model,
        "llm.provider": "anthropic",
        "llm.token_count.prompt": tokens[0],
        "llm.token_count.completion": tokens[1],
        "llm.token_count.total": sum(tokens),
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": said[0],
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": said[1],
    },
    lambda name, session, said: {
        "openinference.span.kind": "TOOL",
        "tool.name": name,
        "session.id": session,
        "input.value": f'{{"query": "{said}"}}',
        "input.mime_type": "application/json",
    },
)
_TRACELOOP = _Dialect(
    "opentelemetry.instrumentation.crewai",
    lambda name, session: {
        "traceloop.span.kind": "agent",
        "traceloop.entity.name": name,
        "gen_ai.agent.name": name,
        "traceloop.association.properties.session_id": session,
    },
    lambda model, session, tokens, said: {
        "llm.request.type": "chat",
        "gen_ai.system": "openai",
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
        "gen_ai.usage.prompt_tokens": tokens[0],
        "gen_ai.usage.completion_tokens": tokens[1],
        "llm.usage.total_tokens": sum(tokens),
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": said[0],
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": said[1],
        "traceloop.association.properties.session_id": session,
    },
    lambda name, session, said: {
        "traceloop.span.kind": "tool",
        "traceloop.entity.name": name,
        "traceloop.entity.input": f'{{"query": "{said}"}}',
        "traceloop.association.properties.session_id": session,
    },
)
DIALECTS = (_OTEL, _OTEL, _OPENINFERENCE, _TRACELOOP)


def made_round(
    spans: int, *, a_request: int, lasts_ms: int, session_ms: int, content_bytes: int, seed: int = 1
) -> Round:
    """About `spans` spans of sessions that begin at any time of `lasts_ms`.

    A session takes `session_ms` on average; a text that was said, `content_bytes`.
    """
    laid = _Laid(random.Random(seed), content_bytes)
    scopes: dict[str, list[tuple[int, str, Span]]] = {}
    count, sessions = 0, 0
    while count < spans:
        dialect = laid.dice.choice(DIALECTS)
        laid.spans = scopes.setdefault(dialect.scope, [])
        before = len(laid.spans)
        _session(laid, dialect, sessions, lasts_ms, session_ms)
        count += len(laid.spans) - before
        sessions += 1
    every = sorted(
        ((*laid_out, scope) for scope, found in scopes.items() for laid_out in found),
        key=lambda each: (each[0], each[2].span_id),
    )
    cuts = [every[start : start + a_request] for start in range(0, len(every), a_request)]
    names = ("invocations", "llm_calls", "input_tokens", "output_tokens")
    totals = Totals(
        count,
        sessions,
        {agent: tuple(found[n] for n in names) for agent, found in laid.agents.items()},  # type: ignore[misc]  # four of them
    )
    return Round([_encoded(cut) for cut in cuts], totals)


def _session(laid: _Laid, dialect: _Dialect, number: int, lasts_ms: int, session_ms: int) -> None:
    """A few agents in turn under one root; each works, and the last thing it does is hand over."""
    dice = laid.dice
    size = min(SPANS_MAX, SPANS_MIN + round(dice.expovariate(1 / 45)))
    session = f"conversation-{HERE_TEXT.decode()}-{number:x}"
    service = dice.choice(SERVICES)
    trace = HERE + dice.randbytes(8) + number.to_bytes(4, "big")
    start = dice.randrange(lasts_ms)
    step = max(1, round(dice.uniform(0.5, 1.5) * session_ms / size))
    root_words = {"http.request.method": "POST", "http.route": "/ask", "session.id": session}
    root = laid.add(
        trace, b"", "POST /ask", (start, start + (size + 1) * step), service, root_words
    )
    at, left, agent = start + step, size - 1, dice.choice(AGENTS)
    while left > 1:
        work = min(left - 1, dice.randrange(3, 20))
        follower = dice.choice([name for name in AGENTS if name != agent])
        until = at + work * step
        words = dialect.agent(agent, session)
        head = laid.add(trace, root, f"invoke_agent {agent}", (at, until), service, words)
        laid.count(agent, invocations=1)
        for turn in range(work):
            ms = (at + turn * step, at + (turn + 1) * step)
            if turn == work - 1 and left - work > 2:
                _tool(
                    laid, dialect, (trace, head), ms, (service, session), f"transfer_to_{follower}"
                )
            elif turn % 3 == 2:
                _tool(laid, dialect, (trace, head), ms, (service, session), dice.choice(TOOLS))
            else:
                _call(laid, dialect, (trace, head), ms, (service, session), agent)
        left, at, agent = left - work - 1, until + 1, follower


def _tool(
    laid: _Laid,
    dialect: _Dialect,
    place: tuple[bytes, bytes],
    ms: tuple[int, int],
    of: tuple[str, str],
    name: str,
) -> None:
    words = dialect.tool(name, of[1], laid.text()[:200])
    laid.add(*place, f"execute_tool {name}", ms, of[0], words)


def _call(
    laid: _Laid,
    dialect: _Dialect,
    place: tuple[bytes, bytes],
    ms: tuple[int, int],
    of: tuple[str, str],
    agent: str,
) -> None:
    model, tokens = laid.dice.choice(MODELS), (laid.dice.randrange(4000), laid.dice.randrange(600))
    words = dialect.model(model, of[1], tokens, (laid.text(), laid.text()))
    laid.add(*place, f"chat {model}", ms, of[0], words)
    laid.count(agent, llm_calls=1, input_tokens=tokens[0], output_tokens=tokens[1])


def _encoded(spans: list[tuple[int, str, Span, str]]) -> _Request:
    request = ExportTraceServiceRequest()
    scopes: dict[tuple[str, str], Any] = {}
    resources: dict[str, Any] = {}
    for _, service, span, scope in spans:
        if (service, scope) not in scopes:
            if service not in resources:
                resources[service] = envelope = request.resource_spans.add()
                for key, value in (
                    ("service.name", service),
                    ("service.version", "2.4.1"),
                    ("telemetry.sdk.name", "opentelemetry"),
                    ("deployment.environment.name", "prod"),
                ):
                    envelope.resource.attributes.add(key=key).value.string_value = value
            scopes[service, scope] = made = resources[service].scope_spans.add()
            made.scope.name, made.scope.version = scope, "0.52.1"
        scopes[service, scope].spans.append(span)
    body = request.SerializeToString()
    high = TIME.to_bytes(4, "little")
    times = _places(body, high) - 4
    data = np.frombuffer(body, np.uint8)
    low = data[times[:, None] + np.arange(4)].copy().view("<u4").reshape(-1)
    ids = _places(body, HERE)
    return _Request(body, ids, _places(body, HERE_TEXT), times, low.astype(np.uint64))


def _places(body: bytes, pattern: bytes) -> npt.NDArray[np.int64]:
    found, at = [], body.find(pattern)
    while at >= 0:
        found.append(at)
        at = body.find(pattern, at + len(pattern))
    return np.array(found, dtype=np.int64)
