"""Names of the attributes that the SDK writes, and the cleaning of what goes into them.

Source: OpenTelemetry GenAI, code and vcs conventions (2026-09); `gen_ai.transfer.*` and
`gen_ai.agent.handoff.*` as proposed in semantic-conventions-genai PR 447 and PR 98.
"""

from collections.abc import Mapping

OPERATION = "gen_ai.operation.name"
INVOKE_AGENT = "invoke_agent"
CHAT = "chat"
EXECUTE_TOOL = "execute_tool"
# operations that are one call of a model, by the conventions
INFERENCE = frozenset({CHAT, "generate_content", "text_completion", "embeddings"})

GEN_AI_AGENT_NAME = "gen_ai.agent.name"
GEN_AI_CONVERSATION_ID = "gen_ai.conversation.id"
PROVIDER = "gen_ai.provider.name"
RESPONSE_MODEL = "gen_ai.response.model"
FINISH_REASONS = "gen_ai.response.finish_reasons"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS = "gen_ai.usage.cache_write.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
TOOL_NAME = "gen_ai.tool.name"
TRANSFER_MODE = "gen_ai.transfer.mode"
TRANSFER_TARGET = "gen_ai.transfer.target.name"
HANDOFF_SOURCE = "gen_ai.agent.handoff.source.name"
HANDOFF_TARGET = "gen_ai.agent.handoff.target.name"

ERROR_TYPE = "error.type"
EXCEPTION = "exception"
EXCEPTION_TYPE = "exception.type"
EXCEPTION_MESSAGE = "exception.message"
EXCEPTION_STACKTRACE = "exception.stacktrace"
FUNCTION = "code.function.name"
FILE_PATH = "code.file.path"
LINE = "code.line.number"
REVISION = "vcs.ref.head.revision"

AGENT_NAME = "llmops.agent.name"
AGENT_ROLE = "llmops.agent.role"
AGENT_TYPE = "llmops.agent.type"
AGENT_DESCRIPTION = "llmops.agent.description"
CAN_HANDOFF_TO = "llmops.agent.can_handoff_to"
CONVERSATION_ID = "llmops.conversation.id"
HANDOFF_REASON = "llmops.handoff.reason"
# the agent of another process that called this one; on the first spans of the work in this one
CALLER_NAME = "llmops.handoff.source.name"


def is_agent(attributes: Mapping[str, object]) -> bool:
    """Whether a span with these attributes is an agent's, in any dialect known here."""
    return (
        attributes.get(OPERATION) == INVOKE_AGENT
        or attributes.get("openinference.span.kind") == "AGENT"
        or attributes.get("traceloop.span.kind") == "agent"
    )


def text(value: object) -> str:
    """`value` as text for protobuf: a lone surrogate would cost the sender a whole batch."""
    written = value if type(value) is str else str(value)
    return written if written.isascii() else written.encode("utf-8", "replace").decode("utf-8")
