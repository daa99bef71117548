"""What the SDK keeps in OpenTelemetry's context, so that whatever carries that carries us too."""

from typing import TYPE_CHECKING

from opentelemetry.context import Context, create_key, get_value

if TYPE_CHECKING:
    from otel_llmops.sdk.invocation import Invocation

INVOCATION_KEY = create_key("otel-llmops-invocation")


def current_invocation(context: Context | None = None) -> "Invocation | None":
    """The invocation of `agent` or `monitor_llm` that runs in this context, if any."""
    return get_value(INVOCATION_KEY, context)  # type: ignore[return-value]  # only invocation.py writes this key
