"""What runs in the user's process: it never raises into user code, blocks it, or reads the network.

Strategy
    `AgentSpanProcessor` stamps spans that others start; `agent`, `monitor_llm`, `handoff` and
    `record_usage` start spans of their own. Every entry from user code is guarded (guard.py): a
    failure of ours is counted, logged once, and swallowed; an exception of the user's passes
    through unchanged.
"""

from otel_llmops.sdk.decorators import agent, monitor_llm
from otel_llmops.sdk.guard import failures
from otel_llmops.sdk.handoffs import handoff
from otel_llmops.sdk.processor import AgentSpanProcessor
from otel_llmops.sdk.recording import record_usage
from otel_llmops.sdk.revision import RevisionDetector

__all__ = [
    "AgentSpanProcessor",
    "RevisionDetector",
    "agent",
    "failures",
    "handoff",
    "monitor_llm",
    "record_usage",
]
