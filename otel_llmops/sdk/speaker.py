"""Which agent speaks, and in which conversation, at any place of the program: for other processes.

Strategy
    Our own agents are known by our stamps. A framework's agent passes no stamp on, so once calls
    may tell anything at all, each span points to the one above it, and who speaks is looked up
    along that way when a call is made: instrumentations name their agents also after the start.
    The pointers are weak, or a chain of spans would keep each other alive for ever.
"""

import weakref
from collections.abc import Iterator, Mapping

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import get_current_span

from otel_llmops.sdk import attributes as names
from otel_llmops.sdk.caller import Caller, caller
from otel_llmops.sdk.invocation import current_invocation
from otel_llmops.sdk.span_attributes import attributes_of

_AGENTS = (names.GEN_AI_AGENT_NAME, "agent.name", "traceloop.entity.name")
_CONVERSATIONS = (names.GEN_AI_CONVERSATION_ID, "session.id", names.CONVERSATION_ID)
_ABOVE = "_otel_llmops_above"
_SPANS_UP_MAX = 256


def point_up(span: ReadableSpan, parent: ReadableSpan) -> None:
    """Let `span` know the span above it; it is no attribute, so nobody exports it."""
    setattr(span, _ABOVE, weakref.ref(parent))


def speaker(context: Context | None = None) -> Caller:
    """Who speaks in this context, as its spans say, or else its invocation, or else its caller.

    Edge: an agent whose name is not told speaks without one, not for the agent around it. Where no
          agent is at work here, the caller's still is.
    Cost: a few look-ups a span, up to the first one of this process.
    """
    stamped: str | None = None
    conversation_id: str | None = None
    agent: Mapping[str, object] | None = None
    for own in _upwards(context):
        conversation_id = conversation_id or _first(own, _CONVERSATIONS)
        stamped = stamped or _first(own, (names.AGENT_NAME,))
        if agent is None and names.is_agent(own):
            agent = own
    around = (current_invocation(context), caller(context))
    for each in around:
        if each is not None:
            stamped = stamped or each.agent_name
            conversation_id = conversation_id or each.conversation_id
    # a span may be stamped by our agent, and the agent between show itself as one only later
    return Caller(stamped if agent is None else _first(agent, _AGENTS), conversation_id)


def _upwards(context: Context | None) -> Iterator[Mapping[str, object]]:
    """Attributes of the current span, of the span above it, and so on in this process."""
    span: object = get_current_span(context)
    for _ in range(_SPANS_UP_MAX):
        if not isinstance(span, ReadableSpan):
            return
        yield attributes_of(span)
        above = getattr(span, _ABOVE, None)
        span = above() if above is not None else None


def _first(attributes: Mapping[str, object], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        if isinstance(value := attributes.get(key), str) and value:
            return value
    return None
