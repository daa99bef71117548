"""What runs in the user's process: it never raises into user code, blocks it, or reads the network.

Strategy
    `AgentSpanProcessor` stamps spans that others start; `agent`, `monitor_llm`, `handoff` and
    `record_usage` start spans of their own; `propagate` lets other processes know who calls.
    `opentelemetry-instrument` sets all of it up (automatic.py). Every entry from user code is
    guarded (guard.py): a failure of ours is counted, logged once, and swallowed; an exception of
    the user's passes through unchanged.

    Names are resolved when they are asked for: so also a failed import of ours is a fault that
    automatic.py can swallow.
"""

from importlib import import_module

TYPE_CHECKING = False  # as in the face, otel_llmops/__init__.py

if TYPE_CHECKING:
    from otel_llmops.sdk.decorators import agent, monitor_llm
    from otel_llmops.sdk.guard import failures
    from otel_llmops.sdk.handoffs import handoff
    from otel_llmops.sdk.processor import AgentSpanProcessor
    from otel_llmops.sdk.propagation import outgoing_headers, propagate
    from otel_llmops.sdk.recording import record_usage
    from otel_llmops.sdk.revision import RevisionDetector

__all__ = [
    "AgentSpanProcessor",
    "RevisionDetector",
    "agent",
    "failures",
    "handoff",
    "monitor_llm",
    "outgoing_headers",
    "propagate",
    "record_usage",
]

_HOMES = {
    "AgentSpanProcessor": "processor",
    "RevisionDetector": "revision",
    "agent": "decorators",
    "failures": "guard",
    "handoff": "handoffs",
    "monitor_llm": "decorators",
    "outgoing_headers": "propagation",
    "propagate": "propagation",
    "record_usage": "recording",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value  # found without this function from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
