"""How spans were read, and what they leave out: what `doctor` tells.

Strategy: the same readings as every analysis makes, counted by who wrote the span (scope), in whose
words (dialect) and as what it was taken (kind). What is missing is told only where it would have
been of use: no content matters where models are called, no code location where any span is ours.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from otel_llmops.analysis.agents import activations
from otel_llmops.analysis.columns import codes, filled, whole
from otel_llmops.analysis.forest import Mask
from otel_llmops.analysis.kinds import KINDS
from otel_llmops.analysis.readings import Readings, read
from otel_llmops.analysis.sessions import sessions
from otel_llmops.semconv import CONTENT, Kind, Place

__all__ = ["Diagnosis", "Finding", "Group", "diagnose"]


@dataclass(frozen=True, slots=True)
class Group:
    """Spans of one scope that were read alike; the counts are of spans that tell something."""

    scope: str
    dialect: str
    kind: str
    spans: int
    names: list[str]
    agents: int
    models: int
    usage: int
    content: int
    code: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that answers will lack, and what to do about it."""

    what: str
    so: str
    do: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`groups` by spans (most first); `ignored` spans are those that say nothing of agents."""

    spans: int
    traces: int
    ignored: int
    groups: list[Group]
    findings: list[Finding]


_NAMES_MAX = 3
_WORK = (Kind.AGENT, Kind.LLM, Kind.TOOL)


def diagnose(spans: pa.Table) -> Diagnosis:
    """How SPANS were read.

    In:     SPANS, n rows in any order.
    Out:    Diagnosis; parents that never came are not counted among the spans.
    Raises: SchemaError, if a column of SPANS is missing or mistyped.
    Cost:   O(n) attributes.
    """
    if not spans.num_rows:
        return Diagnosis(0, 0, 0, [], [])
    readings = read(spans)
    tells = {
        "agents": filled(readings.agent_name) | filled(readings.stamped_agent),
        "models": filled(readings.concept("model")),
        "usage": readings.usage.reported,
        "content": readings.attributes.has_any(_is_content),
        "code": filled(readings.concept("function")),
    }
    came = ~readings.placeholder
    groups = _groups(readings, tells, came)
    traces = len(readings.spans.column("trace_id").unique())
    ignored = sum(group.spans for group in groups if group.kind == Kind.OTHER)
    findings = list(_findings(readings, tells, came))
    return Diagnosis(int(came.sum()), traces, ignored, groups, findings)


def _groups(readings: Readings, tells: dict[str, Mask], came: Mask) -> list[Group]:
    scope, scopes = codes(whole(readings.spans.column("scope_name")))
    dialect, dialects = codes(readings.dialect)
    name, names = codes(whole(readings.spans.column("name")))
    key = (scope * len(dialects) + dialect) * len(KINDS) + readings.kind
    found = []
    for value in np.unique(key[came]):
        rows = np.flatnonzero((key == value) & came)
        seen, counts = np.unique(name[rows], return_counts=True)
        often = seen[np.argsort(-counts, kind="stable")][:_NAMES_MAX]
        found.append(
            Group(
                scope=scopes[int(scope[rows[0]])].as_py(),
                dialect=dialects[int(dialect[rows[0]])].as_py(),
                kind=str(KINDS[readings.kind[rows[0]]]),
                spans=len(rows),
                names=names.take(pa.array(often)).to_pylist(),
                **{which: int(mask[rows].sum()) for which, mask in tells.items()},
            )
        )
    return sorted(found, key=lambda group: (-group.spans, group.scope, group.kind))


def _findings(readings: Readings, tells: dict[str, Mask], came: Mask) -> Iterable[Finding]:
    calls = readings.is_kind(Kind.LLM)
    work = readings.is_kind(*_WORK)
    if not work.any():
        yield _NOTHING
        return
    if not activations(readings, sessions(readings).session).count:
        yield _NO_AGENTS
    if calls.any() and not tells["usage"].any():
        yield _NO_USAGE
    if calls.any() and not tells["content"].any():
        yield _NO_CONTENT
    if not tells["code"].any():
        yield _NO_CODE
    conversation = filled(readings.concept("conversation"))
    if not conversation.any() and len(readings.spans.column("trace_id").unique()) > 1:
        yield _NO_CONVERSATION
    if readings.placeholder.any():
        yield _torn(int(readings.placeholder.sum()), int(came.sum()))


_NOTHING = Finding(
    "no span here is an agent, a model call or a tool",
    "there is nothing to tell",
    "instrument the framework, or open an agent with @agent",
)
_NO_AGENTS = Finding(
    "no agent was found",
    "calls are nobody's, and there are no handoffs",
    "name your agents to the framework, or open them with @agent",
)
_NO_USAGE = Finding(
    "no span reports tokens",
    "tokens and costs are 0",
    "see docs/frameworks.md for what this instrumentation leaves out",
)
_NO_CONTENT = Finding(
    "no message was captured",
    "context drift and what a handoff carried cannot be told",
    "if it may be kept: OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true, "
    "TRACELOOP_TRACE_CONTENT=true, or what your instrumentation has for it",
)
_NO_CODE = Finding(
    "no span says where in your code it was made",
    "tokens cannot be laid onto functions",
    "add AgentSpanProcessor to the tracer provider, or start under opentelemetry-instrument",
)
_NO_CONVERSATION = Finding(
    "no span has a conversation id",
    "each trace is a session of its own, unless links tie it to another",
    "set gen_ai.conversation.id (thread id, session id), or @agent(conversation_id=...)",
)


def _torn(missing: int, spans: int) -> Finding:
    return Finding(
        f"{missing:,} spans are parents of others and are not here ({spans:,} are)",
        "who called whom is told without them",
        "look for sampling, for an exporter that drops, or wait: they may be on their way",
    )


def _expression(place: Place) -> str:
    name = f"{place.event}/{place.attribute}" if place.event else place.attribute
    return re.escape(name).replace(r"\*", ".*")


_PATTERN = re.compile("|".join(map(_expression, CONTENT)))
_STEERS = re.compile(r"exception\..*|error\.message|status\.message|events|response|message")
"""Places of content that hold something else as well."""


def _is_content(key: str) -> bool:
    return bool(_PATTERN.fullmatch(key)) and not _STEERS.fullmatch(key)
