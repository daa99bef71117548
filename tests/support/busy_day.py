"""A seeded day of a software company's agents, as OTLP requests whose times are given, not taken.

Eight agents answer tickets: some are fast and some wait, one pair hands back and forth, one team
solves what others do not, and the functions are those of examples/support_desk.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Span, StatusCode, Tracer, set_span_in_context
from opentelemetry.util.types import AttributeValue

__all__ = ["HOSTILE", "busy_day", "hostile_sessions"]

_MS = 1_000_000
_SESSIONS_A_REQUEST = 10
_TASKS = ("refund", "outage", "how-to")
_ROLES = {
    "concierge": ("orchestrator", "reads every ticket first"),
    "triage": ("orchestrator", "chooses who works on it"),
    "researcher": ("specialist", "reads the documentation"),
    "billing": ("specialist", "knows invoices"),
    "engineer": ("specialist", "reads logs, writes patches"),
    "reviewer": ("specialist", "reads what engineers write"),
    "writer": ("specialist", "writes to the customer"),
    "critic": ("specialist", "reads before the customer does"),
}
_CODE = {
    "concierge": ("desk.agents.classify", 14),
    "triage": ("desk.agents.classify", 14),
    "researcher": ("desk.agents.read", 20),
    "billing": ("desk.tickets.Ticket.told", 15),
    "engineer": ("desk.model.chat", 8),
    "reviewer": ("desk.prompts.about", 10),
    "writer": ("desk.agents.draft", 26),
    "critic": ("desk.agents.draft", 26),
}
_MODELS = {"engineer": "claude-sonnet-4-5", "reviewer": "claude-sonnet-4-5", "researcher": "gpt-4o"}


def busy_day(
    until: datetime, *, sessions: int = 240, seed: int = 7, hours: float = 44, first: int = 1000
) -> Iterator[bytes]:
    """OTLP requests of `sessions` sessions, the last of which ends at about `until`."""
    dice = random.Random(seed)  # noqa: S311 - seeded on purpose
    end_ns = int(until.timestamp() * 1e9)
    spans = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "support-desk"}))
    provider.add_span_processor(SimpleSpanProcessor(spans))
    tracer = provider.get_tracer("support_desk")
    for number in range(sessions):
        # more work by day than by night, and more of it of late
        back = (1 - (number + dice.random()) / sessions) ** 1.3 * hours * 3600e9
        desk = _Desk(tracer, dice, f"ticket-{first + number}", at=int(end_ns - back - 40e9))
        desk.answer()
        if number % _SESSIONS_A_REQUEST == _SESSIONS_A_REQUEST - 1 or number == sessions - 1:
            yield _request(spans.get_finished_spans())
            spans.clear()


HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "x" * 10_000,
    "\u202e\u05d7\u05d9\u05d9\u05dd\u200f \u05e1\u05d5\u05db\u05df",
    "🦜🔥 agent",
    "\x1b[31mred\x1b[0m",
    "</script><script>alert(1)</script>",
)
"""Names that break pages: markup, length, direction, signs beyond 16 bits, terminal codes."""


def hostile_sessions(until: datetime) -> Iterator[bytes]:
    """A request for each hostile name: a session of that name, in which all of them work.

    Agents, their roles and types, whom they may hand to, models, tools, functions, files, services,
    tasks, prompts, answers and errors have such names. In each session the tool of its own name
    fails after so long that it is a bottleneck of high severity.
    """
    for place, session in enumerate(HOSTILE):
        spans = InMemorySpanExporter()
        provider = TracerProvider(resource=Resource.create({"service.name": session}))
        provider.add_span_processor(SimpleSpanProcessor(spans))
        at = int(until.timestamp() * 1e9) - (60 * (place + 1)) * 1000 * _MS
        _hostile_work(provider.get_tracer("hostile"), session, at)
        yield _request(spans.get_finished_spans())


def _hostile_work(tracer: Tracer, session: str, at: int) -> None:
    conversation: dict[str, AttributeValue] = {"gen_ai.conversation.id": session}
    task: dict[str, AttributeValue] = {
        "llmops.task.type": session,
        "llmops.task.success": True,
    }
    root = tracer.start_span(session, Context(), attributes=conversation | task, start_time=at)
    for name in HOSTILE:
        agent: dict[str, AttributeValue] = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": name,
            "gen_ai.agent.description": name,
            "llmops.agent.role": name,
            "llmops.agent.can_handoff_to": [name],
        }
        code: dict[str, AttributeValue] = {
            "code.function.name": f"evil.{name}",
            "code.file.path": name,
        }
        call: dict[str, AttributeValue] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": name,
            "gen_ai.usage.input_tokens": 900_000,
            "gen_ai.usage.output_tokens": 9,
            "gen_ai.input.messages": _said("user", name),
            "gen_ai.output.messages": _said("assistant", name),
        }
        tool: dict[str, AttributeValue] = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": name,
            "error.type": name,
        }
        inside = set_span_in_context(root, Context())
        works = tracer.start_span(name, inside, attributes=agent | conversation, start_time=at)
        inside = set_span_in_context(works, Context())
        for doing in (call, tool):
            span = tracer.start_span(
                name, inside, attributes=doing | code | conversation, start_time=at
            )
            if doing is tool:
                span.set_status(StatusCode.ERROR, name)
            at += (45_000 if doing is tool and name == session else 1500) * _MS
            span.end(at)
        works.end(at)
    root.end(at)


def _request(spans: tuple[ReadableSpan, ...]) -> bytes:
    made: bytes = encode_spans(spans).SerializeToString()
    return made


@dataclass
class _Desk:
    """One ticket; `at` is now, in ns."""

    tracer: Any
    dice: random.Random
    ticket: str
    at: int
    context: Context | None = field(default=None)

    def answer(self) -> None:
        task = self.dice.choices(_TASKS, (3, 2, 5))[0]
        good_team = False
        with_root = self._begin("POST /tickets", {"llmops.task.type": task})
        self._agent("concierge", tokens=500, ms=300)
        triage = self._begin_agent("triage", parent=with_root)
        self._call("triage", triage, tokens=900, ms=350)
        if task == "outage":
            good_team = self.dice.random() < 0.6
            engineer = self._begin_agent("engineer", parent=triage)
            for _ in range(self.dice.randrange(2, 5)):
                self._call("engineer", engineer, tokens=4200, ms=2300)
                self._tool("search_logs", engineer, ms=self.dice.randrange(200, 1500))
            if good_team:
                self._agent("reviewer", parent=engineer, tokens=2600, ms=1200)
            self._end(engineer)
        elif task == "refund":
            good_team = True
            self._agent("billing", parent=triage, tokens=800, ms=700, fails=0.12)
        else:
            good_team = self.dice.random() < 0.7
            reader = self._begin_agent("researcher", parent=triage)
            history = 900
            for _ in range(self.dice.randrange(2, 6)):
                self._call("researcher", reader, tokens=history, ms=900)
                history += 500
            self._end(reader)
        self._end(triage)
        writers = 2 if self.dice.random() < 0.3 else 1
        for _ in range(writers):
            self._agent("writer", tokens=700, ms=1100)
            if good_team:
                self._agent("critic", tokens=600, ms=450)
        won = self.dice.random() < (0.93 if good_team else 0.55)
        with_root.set_attribute("llmops.task.success", won)
        self._end(with_root)

    def _begin(self, name: str, attributes: dict[str, Any], parent: Span | None = None) -> Span:
        attributes |= {"gen_ai.conversation.id": self.ticket}
        context = self.context if parent is None else set_span_in_context(parent, Context())
        span: Span = self.tracer.start_span(
            name, context=context or Context(), start_time=self.at, attributes=attributes
        )
        if parent is None and self.context is None:
            self.context = set_span_in_context(span, Context())
        return span

    def _end(self, span: Span) -> None:
        span.end(self.at)

    def _begin_agent(self, name: str, parent: Span | None = None) -> Span:
        self.at += self.dice.randrange(5, 120) * _MS
        kind, role = _ROLES[name]
        return self._begin(
            f"invoke_agent {name}",
            {
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.agent.name": name,
                "gen_ai.agent.description": role,
                "llmops.agent.type": kind,
                "llmops.agent.role": role,
            },
            parent,
        )

    def _agent(
        self, name: str, *, tokens: int, ms: int, parent: Span | None = None, fails: float = 0.02
    ) -> None:
        span = self._begin_agent(name, parent)
        self._call(name, span, tokens=tokens, ms=ms, fails=fails)
        self._end(span)

    def _call(self, name: str, parent: Span, *, tokens: int, ms: int, fails: float = 0.01) -> None:
        self.at += self.dice.randrange(1, 30) * _MS
        function, line = _CODE[name]
        answered = self.dice.randrange(30, 260)
        model = _MODELS.get(name, "gpt-4o-mini")
        span = self._begin(
            f"chat {model}",
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": model,
                "gen_ai.response.model": model,
                "gen_ai.provider.name": "anthropic" if "claude" in model else "openai",
                "gen_ai.usage.input_tokens": int(tokens * self.dice.uniform(0.7, 1.3)),
                "gen_ai.usage.output_tokens": answered,
                "gen_ai.input.messages": _said("user", f"{self.ticket}: what does {name} say?"),
                "gen_ai.output.messages": _said("assistant", f"{name} has looked into it. " * 3),
                "code.function.name": function,
                "code.file.path": "/".join(function.split(".")[:2]) + ".py",
                "code.line.number": line,
            },
            parent,
        )
        self.at += int(ms * self.dice.lognormvariate(0, 0.35) * _MS)
        if self.dice.random() < fails:
            span.set_status(StatusCode.ERROR, "rate limit")
            span.set_attribute("error.type", "RateLimitError")
        self._end(span)

    def _tool(self, name: str, parent: Span, *, ms: int) -> None:
        attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name}
        span = self._begin(f"execute_tool {name}", attributes, parent)
        self.at += ms * _MS
        self._end(span)


def _said(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])
