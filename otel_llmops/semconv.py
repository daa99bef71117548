"""Attribute names and the dialect table: canonical concept -> where each dialect keeps it.

Strategy: everything that is known of a convention, an instrumentation library or a framework is
data here, and rules elsewhere read it. A new framework is a new row. The order inside a concept
is the order of priority: first present, not empty wins.

A place is an attribute name, or `member("input.value", "coworker")` for a member of a JSON
document in an attribute, or `pattern("input.value", "...(?P<value>...)")` for the group `value` of
a regular expression (RE2), or `event("gen_ai.tool.message", "content")` for an attribute of a span
event.

Sources: OpenTelemetry GenAI conventions (semantic-conventions <= 1.41 and semantic-conventions-
genai), OpenInference, OpenLLMetry's semconv_ai, and the wire as real frameworks write it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "AFFIXES",
    "CHAIN_PART",
    "CONCEPTS",
    "CONTROL_FLOW",
    "EXCLUSIVE_CACHE",
    "GENERIC_HANDOFF_TOOLS",
    "GRAPH_SCOPE",
    "HANDOFF_TOOL",
    "KIND_AFFIXES",
    "KIND_MARKS",
    "NAME_MARKS",
    "NAMING_SCOPE",
    "NO_ID",
    "OUTRANKING_MARKS",
    "PLUMBING",
    "PLUMBING_PATTERN",
    "QUOTED_PREFIX",
    "STEP_NAMES",
    "Dialect",
    "Kind",
    "Place",
    "event",
    "member",
    "pattern",
]


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


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is kept; see the module's docstring."""

    attribute: str
    member: str = ""
    pattern: str = ""
    event: str = ""


def member(attribute: str, name: str) -> Place:
    """A scalar member of the JSON document in `attribute`, at whatever depth, first one."""
    return Place(attribute, member=name)


def pattern(attribute: str, expression: str) -> Place:
    """The group `value` of `expression` (RE2) in `attribute`."""
    return Place(attribute, pattern=expression)


def event(name: str, attribute: str, json_member: str = "") -> Place:
    """`attribute` of the span event `name` (the last such event), or a member of its JSON."""
    return Place(attribute, event=name, member=json_member)


def _places(*items: str | Place) -> tuple[Place, ...]:
    return tuple(Place(item) if isinstance(item, str) else item for item in items)


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

NAME_MARKS: tuple[tuple[str, str, Kind], ...] = (
    ("openinference.instrumentation.haystack", "Agent.run", Kind.AGENT),
    ("openinference.instrumentation.haystack", "Pipeline.run", Kind.WORKFLOW),
)
"""Spans of which only scope and name say what they are; wins over everything else."""

_HANDED_OVER = r"(?i)(?:transferred|handed over|handed off) to (?P<value>[^,.;:!\"'\\\n]+)"
"""To whom a tool says in its result that it handed over; a name of no agent says nothing."""

KIND_AFFIXES: Mapping[str, Kind] = {".workflow": Kind.WORKFLOW, ".task": Kind.STEP}
"""Endings of names that win over `invoke_agent` on a span that names no agent."""

_ASKS_TO_HAND_OVER = r'"name"\s*:\s*"(?P<value>[^"]*(?:transfer|handoff|hand_off|handover)[^"]*)"'
"""The name of a handoff tool among the tool calls in a model's answer."""

CONCEPTS: Mapping[str, tuple[Place, ...]] = {
    "operation": _places("gen_ai.operation.name"),
    "agent": _places(
        "gen_ai.agent.name",
        "agent.name",
        "traceloop.entity.name",
        "ai.telemetry.functionId",
        "graph.node.name",
        "graph.node.id",
        "agent_name",
        "name",
        "gen_ai.agent.id",
    ),
    "stamped_agent": _places("llmops.agent.name"),
    "graph_agent": _places(
        member("metadata", "lc_agent_name"),
        "langfuse.observation.metadata.lc_agent_name",
        "langsmith.metadata.lc_agent_name",
    ),
    "graph_node": _places(
        member("metadata", "langgraph_node"),
        "metadata.langgraph_node",
        "langfuse.observation.metadata.langgraph_node",
        "langsmith.metadata.langgraph_node",
        "traceloop.association.properties.langgraph_node",
    ),
    "entity": _places("traceloop.entity.name"),
    "members": _places(pattern("gen_ai.agent.description", "^Agent with nodes: (?P<value>.+)$")),
    "component": _places(pattern("output.value", r'^\{"(?P<value>[^"]+)": \{"messages": \[')),
    "tool_counts": _places(pattern("output.value", r'"tool_call_counts": \{(?P<value>[^{}]+)\}')),
    "role": _places("llmops.agent.role"),
    "type": _places("llmops.agent.type"),
    "description": _places("gen_ai.agent.description", "llmops.agent.description"),
    "can_handoff_to": _places("llmops.agent.can_handoff_to", "openai.agent.handoffs"),
    "conversation": _places(
        "gen_ai.conversation.id",
        "session.id",
        "traceloop.association.properties.session_id",
        "traceloop.association.properties.thread_id",
        "traceloop.association.properties.chat_id",
        "langfuse.session.id",
        "gcp.vertex.agent.session_id",
        "langsmith.metadata.thread_id",
        "langfuse.observation.metadata.thread_id",
        "langfuse.trace.metadata.thread_id",
        "llmops.conversation.id",
        "group_id",
        "ag2.network.channel_id",
        "ai.settings.context.conversationId",
        "ai.settings.context.sessionId",
        "ai.settings.context.threadId",
        "ai.settings.context.chatId",
        "ai.telemetry.metadata.sessionId",
    ),
    "run": _places("ag2.network.channel_id"),
    "provider": _places(
        "gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider"
    ),
    "model": _places(
        "gen_ai.response.model",
        "llm.response.model_name",
        "llm.model_name",
        "gen_ai.request.model",
        "llm.request.model_name",
        "embedding.model_name",
        "langfuse.observation.model.name",
        "ai.model.id",
    ),
    "requested_model": _places(
        "gen_ai.request.model", "llm.request.model_name", "llm.model_name", "ai.model.id"
    ),
    "called": _places(
        "gen_ai.tool.name",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name",
        pattern("gen_ai.output.messages", _ASKS_TO_HAND_OVER),
    ),
    "tool": _places("gen_ai.tool.name", "tool.name", "mcp.tool.name", "ai.toolCall.name", "name"),
    "input_tokens": _places(
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
        "llm.usage.prompt_tokens",
        "ai.usage.inputTokens",
        "ai.usage.promptTokens",
        member("langfuse.observation.usage_details", "input"),
    ),
    "output_tokens": _places(
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "llm.usage.completion_tokens",
        "ai.usage.outputTokens",
        "ai.usage.completionTokens",
        member("langfuse.observation.usage_details", "output"),
    ),
    "summed_input_tokens": _places(
        pattern("output.value", r'"token_usage": \{[^{}]*"prompt_tokens": (?P<value>[0-9]+)')
    ),
    "summed_output_tokens": _places(
        pattern("output.value", r'"token_usage": \{[^{}]*"completion_tokens": (?P<value>[0-9]+)')
    ),
    "cache_read_tokens": _places(
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.usage.input_tokens.cached",
        "llm.token_count.prompt_details.cache_read",
        "llm.token_count.prompt_details.cache_input",
        "ai.usage.cachedInputTokens",
        member("langfuse.observation.usage_details", "input_cache_read"),
    ),
    "cache_write_tokens": _places(
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
        "llm.token_count.prompt_details.cache_write",
        member("langfuse.observation.usage_details", "input_cache_creation"),
    ),
    "reasoning_tokens": _places(
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "llm.usage.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens",
        "gen_ai.usage.output_tokens.reasoning",
        "llm.token_count.completion_details.reasoning",
        "ai.usage.reasoningTokens",
    ),
    "handoff_source": _places("llmops.handoff.source.name", "gen_ai.agent.handoff.source.name"),
    "handoff_target": _places(
        "gen_ai.transfer.target.name",
        "gen_ai.agent.handoff.target.name",
        "gen_ai.handoff.to_agent",
        "to_agent",
        "langgraph.command.goto_node",
        "metadata.langgraph.goto",
    ),
    "goto": _places(
        *(
            member(attribute, "goto")
            for attribute in (
                "gen_ai.completion",
                "output.value",
                "langfuse.observation.output",
                "traceloop.entity.output",
            )
        ),
    ),
    "instructions": _places("gen_ai.system_instructions"),
    "handoff_argument": _places(
        *(
            member(attribute, name)
            for attribute in (
                "gen_ai.tool.call.arguments",
                "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments",
                "traceloop.entity.input",
                "input.value",
                "ai.toolCall.args",
            )
            for name in ("agent_name", "to_agent", "coworker", "member_id", "target_agent", "agent")
        ),
        event("gen_ai.tool.message", "content", "agent_name"),
    ),
    "handoff_result": _places(
        *(
            pattern(attribute, _HANDED_OVER)
            for attribute in ("gen_ai.tool.call.result", "output.value", "traceloop.entity.output")
        ),
        member("gen_ai.tool.call.result", "target"),
        pattern("gen_ai.tool.description", r"^Handoff to (?P<value>[^.]+)\.$"),
    ),
    "acting_agent": _places(
        pattern("input.value", "current_agent_name='(?P<value>[^']+)'"),
        pattern("input.value", r"""current_agent_name=\\?"(?P<value>[^"\\]+)"""),
    ),
    "error_type": _places("error.type", event("exception", "exception.type")),
    "error_message": _places(event("exception", "exception.message")),
    "function": _places("code.function.name", "code.function"),
    "namespace": _places("code.namespace"),
    "file": _places("code.file.path", "code.filepath"),
    "line": _places("code.line.number", "code.lineno"),
    "revision": _places("vcs.ref.head.revision"),
}
"""Canonical concept -> places in order of priority."""

QUOTED_PREFIX = "langfuse."
"""Attributes that are JSON even where they hold plain text: a string comes in quotes."""

NO_ID = frozenset({"null", "none", "nil", "undefined", "unknown", "n/a", "-"})
"""Lower-case texts that programs write where they have no id: they tie nothing together."""

EXCLUSIVE_CACHE = ("langfuse.observation.usage_details",)
"""Attributes whose `input` leaves cached tokens out: they are added to give the input."""

AFFIXES: tuple[tuple[str, str], ...] = (
    ("invoke_agent ", ""),
    ("create_agent ", ""),
    ("invoke_workflow ", ""),
    ("execute_task ", ""),
    ("execute_tool ", ""),
    ("agent_run [", "]"),
    ("executor.process ", ""),
    ("", "._execute_core"),
    ("", ".on_messages_stream"),
    ("", ".run_stream"),
    ("", ".agent"),
    ("", ".workflow"),
    ("", ".task"),
    ("", ".tool"),
    ("", ".arun"),
    ("", ".run"),
)
"""What instrumentations put around a name in a span's name: (before, after)."""

PLUMBING = frozenset(
    {
        "", "ai.generatetext", "ai.streamtext", "ai.generateobject", "ai.streamobject",
        "model", "agent", "tools", "tool", "call_model", "call_agent", "default",
        "langgraph", "runnablesequence", "runnablelambda", "runnableparallel",
        "runnablepassthrough", "prompt", "chatprompttemplate", "stroutputparser",
        "should_continue", "route_to_active_agent", "__start__", "__end__", "unknown",
        "generate_structured_response", "pre_model_hook", "post_model_hook",
    }
)  # fmt: skip
"""Lower-case names that a framework gives to its own nodes: no agent of the user's has them."""

PLUMBING_PATTERN = r"^runnable[a-z]*(<.*>)?$"
"""Lower-case names of a framework's own nodes that hold the names of others."""

CHAIN_PART = r"(?i)^(runnable[a-z]*(<.*>)?|[a-z]*prompttemplate|[a-z]*outputparser)$"
"""Classes that a chain, not an agent, is made of."""

STEP_NAMES = frozenset({"model", "agent", "tools", "tool", "default", "prompt"})
"""Lower-case names of PLUMBING that a user may well give to an agent. They are a framework's own
only where it tells the nodes of a graph."""

GRAPH_SCOPE = r"(?i)langgraph|langchain|langsmith"
"""Scopes of instrumentations that tell the nodes of a graph."""

NAMING_SCOPE = r"openai_agents"
"""Scopes in which every agent's span names its agent: one that does not is the whole run."""

HANDOFF_TOOL = (
    r"(?i)(?:^|[-.])(?:transfer|handoff|hand_off|handover|delegate)(?:_back)?[_ ]to[_ ](?P<to>.+)$"
)
"""A tool whose name says to whom it hands over."""

GENERIC_HANDOFF_TOOLS = frozenset(
    {
        "transfer_to_agent", "handoff_to_agent", "handoff", "delegate_task_to_member",
        "delegate work to coworker", "ask question to coworker", "delegate_task",
        "transfer_task_to_member",
    }
)  # fmt: skip
"""Lower-case tools whose argument says to whom they hand over."""

CONTROL_FLOW = r"ParentCommand|GraphInterrupt|GraphBubbleUp|NodeInterrupt|GeneratorExit"
"""Exceptions by which a framework steers, not fails."""
