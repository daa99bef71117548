"""Who called this process, as the caller told it.

Strategy
    The caller stands under a key of our own in OpenTelemetry's context, never in its baggage:
    baggage goes to every host that is called from then on, the model's provider too.
"""

from typing import NamedTuple

from opentelemetry.context import Context, create_key, get_value, set_value

# as the analysis has them: longer names are cut there, longer ids mean nothing
_NAME_CHARS_MAX = 256
_ID_BYTES_MAX = 1024

_KEY = create_key("otel-llmops-caller")


class Caller(NamedTuple):
    """The agent that calls and the conversation it is in, as far as they are known."""

    agent_name: str | None = None
    conversation_id: str | None = None


NOBODY = Caller()


def caller(context: Context | None = None) -> Caller:
    """Who called this process, in the work that runs in this context; `NOBODY` if not told."""
    found = get_value(_KEY, context)
    return found if isinstance(found, Caller) else NOBODY


def with_caller(context: Context, told: Caller) -> Context:
    """`context`, with who called."""
    return set_value(_KEY, told, context)


def believed(told: Caller) -> Caller:
    """What is taken over of what anyone out there can send: printable text of a fair length."""
    name, conversation_id = _text(told.agent_name), _text(told.conversation_id)
    if len(name) > _NAME_CHARS_MAX:
        name = ""
    if len(conversation_id.encode()) > _ID_BYTES_MAX:
        conversation_id = ""
    return Caller(name or None, conversation_id or None)


def _text(value: str | None) -> str:
    """The value without blanks around it, '' if it has line breaks or halves of surrogate pairs."""
    trimmed = "" if value is None else value.strip()
    return trimmed if trimmed.isprintable() else ""
