"""`handoff`: an agent hands over by hand, in the attributes that OTel is about to settle on."""

from typing import Literal

from opentelemetry.trace import TracerProvider

from otel_llmops.sdk import attributes as names
from otel_llmops.sdk.guard import Guard
from otel_llmops.sdk.invocation import Attributes, agent_at_work, current_invocation, tracer_of

_HANDOFF = Guard("handoff")
_MODES = {"transfer": "pass_control", "delegation": "return_to_caller"}


def handoff(
    to: str,
    from_agent: str | None = None,
    *,
    kind: Literal["transfer", "delegation"] = "transfer",
    reason: str | None = None,
    tracer_provider: TracerProvider | None = None,
) -> None:
    """Say that control passes to the agent `to`: one `execute_tool handoff {to}` span of no length.

    In:     `from_agent`, by default the agent at work here. `kind`: a transfer need not come back,
            a delegation does.
    Raises: nothing, ever. An unknown kind is sent without a mode.
    Source: semantic-conventions-genai PR 447 (gen_ai.transfer.*), PR 98 (gen_ai.agent.handoff.*).
    """
    with _HANDOFF:
        invocation = current_invocation()
        target = names.text(to)
        source = names.text(from_agent) if from_agent else agent_at_work()
        attributes: Attributes = {
            names.OPERATION: names.EXECUTE_TOOL,
            names.TOOL_NAME: "handoff",
            names.TRANSFER_TARGET: target,
            names.HANDOFF_TARGET: target,
        }
        if source:
            attributes[names.HANDOFF_SOURCE] = source
            attributes[names.GEN_AI_AGENT_NAME] = source
        if kind in _MODES:
            attributes[names.TRANSFER_MODE] = _MODES[kind]
        if reason:
            attributes[names.HANDOFF_REASON] = names.text(reason)
        own = invocation.tracer if invocation is not None and tracer_provider is None else None
        tracer = own or tracer_of(tracer_provider)
        tracer.start_span(f"{names.EXECUTE_TOOL} handoff {target}", attributes=attributes).end()
