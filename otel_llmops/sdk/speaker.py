"""Which agent speaks, and in which conversation, at any place of the program: for other processes.

Strategy
    Our own agents are known by our stamps. A framework's agent passes no stamp on, so once calls
    may tell anything at all, each span remembers from its start who spoke above it. The memory is
    a pair of names, not the span above: a chain of spans would keep each other alive for ever.
"""

from collections.abc import Mapping

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import get_current_span

from otel_llmops.sdk import attributes as names
from otel_llmops.sdk.caller import NOBODY, Caller, caller
from otel_llmops.sdk.invocation import current_invocation
from otel_llmops.sdk.span_attributes import attributes_of

_AGENTS = (names.GEN_AI_AGENT_NAME, "agent.name", "traceloop.entity.name")
_CONVERSATIONS = (names.GEN_AI_CONVERSATION_ID, "session.id", names.CONVERSATION_ID)
_MEMORY = "_otel_llmops_speaker"


def speaker(context: Context | None = None) -> Caller:
    """Who speaks in this context, as its current span says, or else its invocation.

    Edge: where no agent is at work here, the caller's still is.
    """
    span = get_current_span(context)
    found = speaker_of(span) if isinstance(span, ReadableSpan) else caller(context)
    invocation = current_invocation(context)
    if invocation is None or hasattr(span, _MEMORY):
        return found
    return Caller(
        found.agent_name or invocation.agent_name,
        found.conversation_id or invocation.conversation_id,
    )


def speaker_of(span: ReadableSpan) -> Caller:
    """Who speaks in a span: as its attributes say, else as it remembers."""
    own = attributes_of(span)
    remembered: Caller = getattr(span, _MEMORY, NOBODY)
    conversation_id = _first(own, _CONVERSATIONS) or remembered.conversation_id
    if names.is_agent(own):
        name = _first(own, _AGENTS)  # an agent without a name is not the one around it
    else:
        name = _first(own, (names.AGENT_NAME,)) or remembered.agent_name
    if name == remembered.agent_name and conversation_id == remembered.conversation_id:
        return remembered
    return Caller(name, conversation_id)


def remember(span: ReadableSpan, told: Caller) -> None:
    """Keep with a span who speaks above it; it is no attribute, so nobody exports it."""
    setattr(span, _MEMORY, told)


def _first(attributes: Mapping[str, object], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        if isinstance(value := attributes.get(key), str) and value:
            return value
    return None
