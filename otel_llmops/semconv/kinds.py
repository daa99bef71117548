"""What says what a span is: marks, and what wins over them."""

from collections.abc import Mapping
from enum import StrEnum

__all__ = ["KIND_AFFIXES", "KIND_MARKS", "NAME_MARKS", "OUTRANKING_MARKS", "Dialect", "Kind"]


class Kind(StrEnum):
    """What a span is, in one vocabulary."""

    AGENT = "agent"
    LLM = "llm"
    TOOL = "tool"
    WORKFLOW = "workflow"
    STEP = "step"
    CREATION = "creation"
    HANDOFF = "handoff"
    EMBEDDINGS = "embeddings"
    RETRIEVAL = "retrieval"
    USAGE = "usage"
    SPENDING = "spending"
    MESSAGE = "message"
    OTHER = "other"


class Dialect(StrEnum):
    """Whose convention said what a span is."""

    OTEL = "otel-genai"
    OPENINFERENCE = "openinference"
    TRACELOOP = "traceloop"
    LANGFUSE = "langfuse"
    VERCEL = "vercel-ai"
    LOGFIRE = "logfire"
    NAME = "span-name"
    NONE = ""


KIND_MARKS: tuple[tuple[str, Dialect, Mapping[str, Kind]], ...] = (
    (
        "gen_ai.operation.name",
        Dialect.OTEL,
        {
            "chat": Kind.LLM,
            "generate_content": Kind.LLM,
            "text_completion": Kind.LLM,
            "embeddings": Kind.EMBEDDINGS,
            "retrieval": Kind.RETRIEVAL,
            "execute_tool": Kind.TOOL,
            "invoke_agent": Kind.AGENT,
            "create_agent": Kind.CREATION,
            "invoke_workflow": Kind.WORKFLOW,
            "invoke_swarm": Kind.WORKFLOW,
            "invoke_graph": Kind.WORKFLOW,
            "handoff": Kind.HANDOFF,
            "agent_handoff": Kind.HANDOFF,
            "goto": Kind.HANDOFF,
            "execute_task": Kind.STEP,
            "agent_step": Kind.STEP,
            "execute_event_loop_cycle": Kind.STEP,
            "plan": Kind.STEP,
            "chain": Kind.STEP,
            "unknown": Kind.STEP,
            "invoke_node": Kind.STEP,
        },
    ),
    (
        "openinference.span.kind",
        Dialect.OPENINFERENCE,
        {
            "LLM": Kind.LLM,
            "EMBEDDING": Kind.EMBEDDINGS,
            "CHAIN": Kind.STEP,
            "RETRIEVER": Kind.RETRIEVAL,
            "RERANKER": Kind.RETRIEVAL,
            "TOOL": Kind.TOOL,
            "AGENT": Kind.AGENT,
            "PROMPT": Kind.STEP,
            "GUARDRAIL": Kind.STEP,
            "EVALUATOR": Kind.STEP,
        },
    ),
    (
        "traceloop.span.kind",
        Dialect.TRACELOOP,
        {
            "workflow": Kind.WORKFLOW,
            "task": Kind.STEP,
            "agent": Kind.AGENT,
            "tool": Kind.TOOL,
            "handoff": Kind.HANDOFF,
        },
    ),
    (
        "langfuse.observation.type",
        Dialect.LANGFUSE,
        {
            "generation": Kind.LLM,
            "embedding": Kind.EMBEDDINGS,
            "retriever": Kind.RETRIEVAL,
            "agent": Kind.AGENT,
            "tool": Kind.TOOL,
            "chain": Kind.STEP,
            "span": Kind.STEP,
        },
    ),
    (
        "llm.request.type",
        Dialect.TRACELOOP,
        {"chat": Kind.LLM, "completion": Kind.LLM, "embedding": Kind.EMBEDDINGS},
    ),
    (
        "ai.operationId",
        Dialect.VERCEL,
        {
            "ai.generateText": Kind.AGENT,
            "ai.streamText": Kind.AGENT,
            "ai.generateObject": Kind.AGENT,
            "ai.streamObject": Kind.AGENT,
            "ai.generateText.doGenerate": Kind.LLM,
            "ai.streamText.doStream": Kind.LLM,
            "ai.generateObject.doGenerate": Kind.LLM,
            "ai.streamObject.doStream": Kind.LLM,
            "ai.toolCall": Kind.TOOL,
            "ai.embed.doEmbed": Kind.EMBEDDINGS,
        },
    ),
    ("ag2.span.type", Dialect.OTEL, {"usage": Kind.USAGE}),
    (
        "logfire.msg_template",
        Dialect.LOGFIRE,
        {
            "Agent run: {name!r}": Kind.AGENT,
            "Handoff: {from_agent} → {to_agent}": Kind.HANDOFF,
            "Function: {name}": Kind.TOOL,
            "MCP tools from {server}": Kind.STEP,
            "Responses API with {gen_ai.request.model!r}": Kind.LLM,
            "Chat completion with {gen_ai.request.model!r}": Kind.LLM,
            "Guardrail {name!r} {triggered=}": Kind.STEP,
            "OpenAI Agents trace: {name}": Kind.WORKFLOW,
        },
    ),
)
"""Marks that say what a span is: attribute, whose it is, value -> kind; first match wins."""


OUTRANKING_MARKS: tuple[tuple[str, str, Kind, str], ...] = (
    # A workflow or task of Traceloop's that also carries invoke_agent is a workflow or task.
    ("traceloop.span.kind", "workflow", Kind.WORKFLOW, ""),
    ("traceloop.span.kind", "task", Kind.STEP, ""),
    # Where OpenInference rewrites a native agent span into its LLM span, the call is what it holds.
    ("openinference.span.kind", "LLM", Kind.LLM, ""),
    ("ag2.span.type", "usage", Kind.USAGE, ""),
    # What a delegate or a framework spent on its own account, whether or not its calls are shown.
    ("ag2.usage.kind", "subtask", Kind.SPENDING, ""),
    ("ag2.usage.kind", "compaction", Kind.SPENDING, ""),
    ("ag2.usage.kind", "aggregation", Kind.SPENDING, ""),
    # LangSmith's exporter gives operations of models to what only prepares and reads them.
    ("langsmith.span.kind", "prompt", Kind.STEP, ""),
    ("langsmith.span.kind", "parser", Kind.STEP, ""),
    ("langsmith.span.kind", "retriever", Kind.RETRIEVAL, ""),
    # A team is a workflow whoever runs it.
    ("openinference.span.kind", "CHAIN", Kind.WORKFLOW, "participant_names"),
    # A tool that its instrumentation takes for an agent still names the tool.
    ("openinference.span.kind", "AGENT", Kind.TOOL, "tool.name"),
)
"""Marks that win over the order of KIND_MARKS, some only beside another attribute ('': always)."""


KIND_AFFIXES: Mapping[str, Kind] = {".workflow": Kind.WORKFLOW, ".task": Kind.STEP}
"""Endings of names that win over `invoke_agent` on a span that names no agent."""


NAME_MARKS: tuple[tuple[str, str, Kind], ...] = (
    ("openinference.instrumentation.haystack", "Agent.run", Kind.AGENT),
    ("openinference.instrumentation.haystack", "Pipeline.run", Kind.WORKFLOW),
)
"""Spans of which only scope and name say what they are; wins over everything else."""
