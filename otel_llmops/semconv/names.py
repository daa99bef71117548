"""Names: what stands around them, whose they are, and what they say."""

__all__ = [
    "AFFIXES",
    "CHAIN_PART",
    "CONTROL_FLOW",
    "FAILED_WORDS",
    "GENERIC_HANDOFF_TOOLS",
    "GRAPH_SCOPE",
    "HANDOFF_TOOL",
    "NAMING_SCOPE",
    "PLUMBING",
    "PLUMBING_PATTERN",
    "RATE_LIMITED",
    "RETURNING",
    "STEP_NAMES",
    "SUCCEEDED_WORDS",
    "WORKFLOW_DEFAULTS",
]


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


RETURNING = "return_to_caller"
"""The mode of a hand-over that wants control back: semantic-conventions-genai, PR 447."""

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


WORKFLOW_DEFAULTS = frozenset({"agent workflow", "workflow", "crew", "unnamed", "untitled"})
"""Lower-case names that frameworks give to workflows that nobody named: they tell no task."""


SUCCEEDED_WORDS = frozenset(
    {"true", "1", "yes", "ok", "pass", "passed", "success", "succeeded", "correct", "good",
     "resolved", "solved"}
)  # fmt: skip
"""Lower-case words by which a task, or whoever judged it, says that it went well."""


FAILED_WORDS = frozenset(
    {"false", "0", "no", "error", "fail", "failed", "failure", "incorrect", "bad", "wrong",
     "unresolved", "unsolved"}
)  # fmt: skip
"""Lower-case words by which a task, or whoever judged it, says that it did not."""


RATE_LIMITED = (
    r"(?i)rate.?limit|too many requests|\b429\b|\b529\b|throttl|quota|resource.?exhausted"
    r"|overloaded"
)
"""What a call says that failed because there were too many: error types, messages, HTTP codes."""
