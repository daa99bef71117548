"""Which side of a conversation each place of content is: what came in, what went out, what rules.

Strategy: a finer reading of `content.py` for those who compare what was said. Places stand in
tiers: the first tier that a span fills is read and the others are left alone, because
instrumentations write one message under several names. `*` ends a name and stands for a number and
a rest (`gen_ai.prompt.0.content`): the number is the message's, and a rest that ends in `role` says
who spoke.

Sources: as of the whole package.
"""

from collections.abc import Mapping
from enum import StrEnum

from otel_llmops.semconv.places import Place, event, places

__all__ = [
    "HIDDEN",
    "MESSAGES",
    "NOT_SAID",
    "OFFERED_TOOLS",
    "ROLES",
    "SPOKEN_TEXT",
    "Side",
    "Speaker",
]


class Side(StrEnum):
    """Which side of a call a text is on."""

    RECEIVED = "received"
    ANSWERED = "answered"
    RULES = "rules"


class Speaker(StrEnum):
    """Who said a text; `UNKNOWN` where nobody tells."""

    USER = "user"
    AGENT = "agent"
    TOOL = "tool"
    RULES = "rules"
    UNKNOWN = ""


MESSAGES: Mapping[Side, tuple[tuple[Place, ...], ...]] = {
    Side.RULES: (places("gen_ai.system_instructions"),),
    Side.RECEIVED: (
        places("gen_ai.input.messages"),
        places("llm.input_messages.*"),
        places("gen_ai.prompt.*"),
        places("gen_ai.prompt"),
        (
            event("gen_ai.system.message", "content"),
            event("gen_ai.user.message", "content"),
            event("gen_ai.assistant.message", "content"),
            event("gen_ai.tool.message", "content"),
        ),
        (event("gen_ai.client.inference.operation.details", "gen_ai.input.messages"),),
        (event("gen_ai.content.prompt", "gen_ai.prompt"),),
        places("ai.prompt.messages"),
        places("ai.prompt"),
        places("langfuse.observation.input"),
        places("gcp.vertex.agent.llm_request"),
        places("raw_input"),
        places("events"),
        places("traceloop.entity.input"),
        places("gen_ai.task.input"),
        places("gen_ai.agent.input"),
        places("gen_ai.workflow.input"),
        places("gen_ai.tool.call.arguments"),
        places("ai.toolCall.args"),
        places("gcp.vertex.agent.tool_call_args"),
        places("tool_arguments"),
        places("mcp.request.argument"),
        places("smolagents.task"),
        places("crewai.task.description"),
        places("input.value"),
        places("request_data"),
        places("message"),
    ),
    Side.ANSWERED: (
        places("gen_ai.output.messages"),
        places("llm.output_messages.*"),
        places("gen_ai.completion.*"),
        places("gen_ai.completion"),
        (
            event("gen_ai.choice", "message"),
            event("gen_ai.choice", "content"),
            event("gen_ai.choice", "tool.result"),
        ),
        (event("gen_ai.client.inference.operation.details", "gen_ai.output.messages"),),
        (event("gen_ai.content.completion", "gen_ai.completion"),),
        places("ai.response.text", "ai.response.object", "ai.response.toolCalls"),
        places("langfuse.observation.output"),
        places("gcp.vertex.agent.llm_response"),
        places("response"),
        places("final_result"),
        places("traceloop.entity.output"),
        places("gen_ai.task.output"),
        places("gen_ai.agent.output"),
        places("gen_ai.workflow.output"),
        places("gen_ai.tool.call.result"),
        places("ai.toolCall.result"),
        places("gcp.vertex.agent.tool_response"),
        places("tool_response"),
        places("mcp.response.value"),
        places("crewai.crew.result"),
        places("output.value"),
        places("response_data"),
    ),
}
"""Side -> tiers of places; the first tier that a span fills counts."""


OFFERED_TOOLS: tuple[Place, ...] = places(
    "gen_ai.tool.definitions", "llm.tools.*", "ai.prompt.tools"
)
"""Where a model call says which tools it was offered, each with its `name`."""


ROLES: Mapping[str, Speaker] = {
    "user": Speaker.USER,
    "human": Speaker.USER,
    "humanmessage": Speaker.USER,
    "assistant": Speaker.AGENT,
    "ai": Speaker.AGENT,
    "aimessage": Speaker.AGENT,
    "model": Speaker.AGENT,
    "choice": Speaker.AGENT,
    "tool": Speaker.TOOL,
    "toolmessage": Speaker.TOOL,
    "function": Speaker.TOOL,
    "tool-response": Speaker.TOOL,
    "tool_call_response": Speaker.TOOL,
    "tool_result": Speaker.TOOL,
    "function_call_output": Speaker.TOOL,
    "system": Speaker.RULES,
    "systemmessage": Speaker.RULES,
    "developer": Speaker.RULES,
}
"""What the roles of messages are called, in lower case -> who spoke."""


SPOKEN_TEXT = r"(?:^|\.)(?:content|text|arguments|function_call_arguments_json)$"
"""The rest of an indexed name that holds text and not what is known about it."""


HIDDEN = frozenset({"__redacted__", "[redacted]", "<redacted>", "redacted", "***"})
"""Texts, in lower case, that stand where instrumentations were told to leave content out."""


NOT_SAID = frozenset(
    {
        "additional_kwargs", "annotations", "cache_control", "call_id", "created", "created_at",
        "event.name", "finish_reason", "graph", "id", "index", "invalid_tool_calls", "lc",
        "logprobs", "metadata", "mimetype", "mime_type", "model", "model_name", "model_version",
        "models_usage", "name", "object", "refusal", "response_id", "response_metadata", "role",
        "run_id", "service_tier", "signature", "status", "system_fingerprint", "tags", "timestamp",
        "thought_signature", "token_usage", "toolCallId", "toolName", "toolUseId", "tool_call_id",
        "tool_name", "type", "usage", "usage_metadata", "uuid",
    }
)  # fmt: skip
"""Members of a message's JSON that are about it and no part of it; inside arguments and results of
tools every member counts."""
