"""Canonical concepts, and where each dialect keeps them."""

from collections.abc import Mapping

from otel_llmops.semconv.places import Place, event, member, pattern, places

__all__ = ["CONCEPTS", "EXCLUSIVE_CACHE", "NO_ID", "QUOTED_PREFIX"]


_HANDED_OVER = (
    r"(?i)(?:^|[\"'])(?:successfully )?(?:transferred|handed over|handed off) to "
    r"(?P<value>[^,.;:!\"'\\\n]+)"
)
"""To whom a tool says in its result that it handed over. With these words its text begins: money
may be transferred to billing, too. A name of no agent says nothing."""


_ASKS_TO_HAND_OVER = r'"name"\s*:\s*"(?P<value>[^"]*(?:transfer|handoff|hand_off|handover)[^"]*)"'
"""The name of a handoff tool among the tool calls in a model's answer."""


_SUM = r'"step_count": [0-9]+, "token_usage": \{'
"""Where Haystack's agent sums up what its own calls spent."""

CONCEPTS: Mapping[str, tuple[Place, ...]] = {
    "operation": places("gen_ai.operation.name"),
    "agent": places(
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
    "stamped_agent": places("llmops.agent.name"),
    "graph_agent": places(
        member("metadata", "lc_agent_name"),
        "langfuse.observation.metadata.lc_agent_name",
        "langsmith.metadata.lc_agent_name",
    ),
    "graph_node": places(
        member("metadata", "langgraph_node"),
        "metadata.langgraph_node",
        "langfuse.observation.metadata.langgraph_node",
        "langsmith.metadata.langgraph_node",
        "traceloop.association.properties.langgraph_node",
    ),
    "entity": places("traceloop.entity.name"),
    "members": places(pattern("gen_ai.agent.description", "^Agent with nodes: (?P<value>.+)$")),
    "component": places(pattern("output.value", r'^\{"(?P<value>[^"]+)": \{"messages": \[')),
    "tool_counts": places(pattern("output.value", r'"tool_call_counts": \{(?P<value>[^{}]+)\}')),
    "role": places("llmops.agent.role"),
    "type": places("llmops.agent.type"),
    "description": places("gen_ai.agent.description", "llmops.agent.description"),
    "can_handoff_to": places("llmops.agent.can_handoff_to", "openai.agent.handoffs"),
    "conversation": places(
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
    "run": places("ag2.network.channel_id"),
    "task_type": places(
        "llmops.task.type",
        "gen_ai.task.type",
        "task.type",
        "task_type",
        "traceloop.association.properties.task_type",
        "langsmith.metadata.task_type",
        "langfuse.trace.metadata.task_type",
        "langfuse.observation.metadata.task_type",
        "ai.telemetry.metadata.taskType",
        member("metadata", "task_type"),
    ),
    "task_success": places(
        "llmops.task.success",
        "gen_ai.evaluation.score.label",
        event("gen_ai.evaluation.result", "gen_ai.evaluation.score.label"),
        "gen_ai.evaluation.score.value",
        event("gen_ai.evaluation.result", "gen_ai.evaluation.score.value"),
    ),
    "workflow": places("gen_ai.workflow.name", "traceloop.workflow.name"),
    "provider": places(
        "gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider"
    ),
    "model": places(
        "gen_ai.response.model",
        "llm.response.model_name",
        "llm.model_name",
        "gen_ai.request.model",
        "llm.request.model_name",
        "embedding.model_name",
        "langfuse.observation.model.name",
        "ai.model.id",
    ),
    "requested_model": places(
        "gen_ai.request.model", "llm.request.model_name", "llm.model_name", "ai.model.id"
    ),
    "called": places(
        "gen_ai.tool.name",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name",
        pattern("gen_ai.output.messages", _ASKS_TO_HAND_OVER),
    ),
    "tool": places("gen_ai.tool.name", "tool.name", "mcp.tool.name", "ai.toolCall.name", "name"),
    "input_tokens": places(
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
        "llm.usage.prompt_tokens",
        "ai.usage.inputTokens",
        "ai.usage.promptTokens",
        member("langfuse.observation.usage_details", "input"),
        pattern("message", r'"models_usage":\{"prompt_tokens":(?P<value>[0-9]+)'),
    ),
    "output_tokens": places(
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "llm.usage.completion_tokens",
        "ai.usage.outputTokens",
        "ai.usage.completionTokens",
        member("langfuse.observation.usage_details", "output"),
        pattern("message", r'"models_usage":\{[^{}]*"completion_tokens":(?P<value>[0-9]+)'),
    ),
    "summed_input_tokens": places(
        pattern("output.value", _SUM + r'[^{}]*"prompt_tokens": (?P<value>[0-9]+)')
    ),
    "summed_output_tokens": places(
        pattern("output.value", _SUM + r'[^{}]*"completion_tokens": (?P<value>[0-9]+)')
    ),
    "message_id": places(
        pattern("message", r'"id":"(?P<value>[^"]+)","source":"[^"]*","models_usage":\{')
    ),
    "message_source": places(pattern("message", r'"source":"(?P<value>[^"]*)","models_usage":\{')),
    "cache_read_tokens": places(
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.usage.input_tokens.cached",
        "llm.token_count.prompt_details.cache_read",
        "llm.token_count.prompt_details.cache_input",
        "ai.usage.cachedInputTokens",
        member("langfuse.observation.usage_details", "input_cache_read"),
    ),
    "cache_write_tokens": places(
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
        "llm.token_count.prompt_details.cache_write",
        member("langfuse.observation.usage_details", "input_cache_creation"),
    ),
    "reasoning_tokens": places(
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "llm.usage.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens",
        "gen_ai.usage.output_tokens.reasoning",
        "llm.token_count.completion_details.reasoning",
        "ai.usage.reasoningTokens",
    ),
    "handoff_mode": places("gen_ai.transfer.mode"),
    "handoff_source": places("llmops.handoff.source.name", "gen_ai.agent.handoff.source.name"),
    "handoff_target": places(
        "gen_ai.transfer.target.name",
        "gen_ai.agent.handoff.target.name",
        "gen_ai.handoff.to_agent",
        "to_agent",
        "langgraph.command.goto_node",
        "metadata.langgraph.goto",
    ),
    "goto": places(
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
    "instructions": places("gen_ai.system_instructions"),
    "handoff_argument": places(
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
    "handoff_result": places(
        *(
            pattern(attribute, _HANDED_OVER)
            for attribute in ("gen_ai.tool.call.result", "output.value", "traceloop.entity.output")
        ),
        pattern("gen_ai.tool.call.result", r'^\{"target":\s*"(?P<value>[^"]+)"'),
        pattern("gen_ai.tool.description", r"^Handoff to (?P<value>[^.]+)\.$"),
    ),
    "acting_agent": places(
        pattern("input.value", "current_agent_name='(?P<value>[^']+)'"),
        pattern("input.value", r"""current_agent_name=\\?"(?P<value>[^"\\]+)"""),
    ),
    "error_type": places("error.type", event("exception", "exception.type")),
    "error_message": places(event("exception", "exception.message")),
    "call_input": places(
        "gen_ai.tool.call.arguments",
        "gen_ai.input.messages",
        "input.value",
        "traceloop.entity.input",
        "ai.toolCall.args",
        "ai.prompt.messages",
        "langfuse.observation.input",
        "tool_arguments",
        "gcp.vertex.agent.tool_call_args",
        "mcp.request.argument",
        "gen_ai.prompt",
        "gen_ai.retrieval.query.text",
    ),
    "call_output": places(
        "gen_ai.tool.call.result",
        "gen_ai.output.messages",
        "output.value",
        "traceloop.entity.output",
        "ai.toolCall.result",
        "ai.response.text",
        "langfuse.observation.output",
        "tool_response",
        "gcp.vertex.agent.tool_response",
        "mcp.response.value",
        "gen_ai.completion",
        "gen_ai.retrieval.documents",
    ),
    "http_status": places("http.response.status_code", "http.status_code"),
    "function": places("code.function.name", "code.function"),
    "namespace": places("code.namespace"),
    "file": places("code.file.path", "code.filepath"),
    "line": places("code.line.number", "code.lineno"),
    "revision": places("vcs.ref.head.revision"),
}
"""Canonical concept -> places in order of priority."""


QUOTED_PREFIX = "langfuse."
"""Attributes that are JSON even where they hold plain text: a string comes in quotes."""


NO_ID = frozenset({"null", "none", "nil", "undefined", "unknown", "n/a", "-"})
"""Lower-case texts that programs write where they have no id: they tie nothing together."""


EXCLUSIVE_CACHE = ("langfuse.observation.usage_details",)
"""Attributes whose `input` leaves cached tokens out: they are added to give the input."""
