"""Where each dialect keeps what was said: prompts, answers, arguments and results of tools.

Strategy: it stands beside the dialect table (`concepts.py`) and is written in its words; `*` stands
for any run of characters. Two places are no attributes: `status.message` is a span's status, and
`body` the body of a log record. A test holds it against the table and against recorded traces of
real frameworks: what is said in one of these places must be found in no other.

Sources: as of the whole package; names without a prefix are what frameworks write themselves.
"""

from otel_llmops.semconv.places import Place, event

__all__ = ["CONTENT"]

CONTENT: tuple[Place, ...] = (
    *map(
        Place,
        (
            # OpenTelemetry GenAI, as it is and as it was
            "gen_ai.input.messages*", "gen_ai.output.messages*", "gen_ai.system_instructions",
            "gen_ai.prompt", "gen_ai.prompt.*", "gen_ai.completion", "gen_ai.completion.*",
            "gen_ai.content.*", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result",
            "gen_ai.tool.input", "gen_ai.tool.output", "gen_ai.tool.message*",
            "gen_ai.task.input", "gen_ai.task.output", "gen_ai.workflow.input",
            "gen_ai.workflow.output", "gen_ai.agent.input", "gen_ai.agent.output",
            "gen_ai.retrieval.documents", "gen_ai.retrieval.query*", "gen_ai.retriever.*",
            # OpenInference
            "input.value", "output.value", "llm.input_messages*", "llm.output_messages*",
            "llm.prompts*", "llm.choices*", "llm.prompt_template.*", "llm.function_call",
            "llm.invocation_parameters", "tool.parameters", "message.content*",
            "retrieval.documents*", "reranker.*documents*", "reranker.query",
            "embedding.text", "embedding.embeddings.*", "tool_call.function.arguments",
            # Traceloop, OpenLIT
            "traceloop.entity.input", "traceloop.entity.output", "traceloop.prompt.*",
            "llm.completions*", "mcp.request.argument", "mcp.response.value",
            # Langfuse, LangSmith
            "langfuse.observation.input", "langfuse.observation.output",
            "langfuse.trace.input", "langfuse.trace.output", "langfuse.observation.status_message",
            # Vercel
            "ai.prompt", "ai.prompt.messages", "ai.response.text", "ai.response.object",
            "ai.response.toolCalls", "ai.response.reasoning", "ai.result.*", "ai.toolCall.args",
            "ai.toolCall.result", "ai.value", "ai.values", "ai.embedding*",
            # Logfire and Pydantic AI
            "pydantic_ai.all_messages", "all_messages_events", "events", "raw_input", "response",
            "request_data", "response_data", "tool_arguments", "tool_response", "final_result",
            # frameworks; `message` is AutoGen's
            "message", "crew_tasks", "crewai.crew.tasks*", "crewai.crew.result",
            "crewai.task.description",
            "crewai.task.expected_output", "crewai.agent.backstory", "crewai.agent.goal",
            "crew_agents", "crewai.crew.agents", "crew_inputs", "formatted_description",
            "formatted_expected_output", "smolagents.task", "gcp.vertex.agent.llm_*",
            "gcp.vertex.agent.tool_*", "gcp.vertex.agent.data", "haystack.*.input",
            "haystack.*.output", "haystack.component.*put*",
            # what went wrong quotes what was said
            "exception.message", "exception.stacktrace", "error.message", "status.message",
        ),
    ),
    *(
        event("gen_ai.*", name)
        for name in ("content", "message", "tool*", "body", "input", "output")
    ),
)  # fmt: skip
"""Places of content; `event(...)` is an attribute of events, or of log records, of that name."""
