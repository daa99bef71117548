"""The face for an instrumented application, resolved lazily: importing it costs almost nothing."""

from importlib import import_module

TYPE_CHECKING = False  # type checkers know the name; importing typing costs more than this module

if TYPE_CHECKING:
    from otel_llmops.sdk.decorators import agent, monitor_llm
    from otel_llmops.sdk.handoffs import handoff
    from otel_llmops.sdk.processor import AgentSpanProcessor
    from otel_llmops.sdk.propagation import outgoing_headers, propagate
    from otel_llmops.sdk.recording import record_usage

__version__ = "0.1.0"

__all__ = [
    "AgentSpanProcessor",
    "__version__",
    "agent",
    "handoff",
    "monitor_llm",
    "outgoing_headers",
    "propagate",
    "record_usage",
]

_HOMES = {
    "AgentSpanProcessor": "otel_llmops.sdk.processor",
    "agent": "otel_llmops.sdk.decorators",
    "handoff": "otel_llmops.sdk.handoffs",
    "monitor_llm": "otel_llmops.sdk.decorators",
    "outgoing_headers": "otel_llmops.sdk.propagation",
    "propagate": "otel_llmops.sdk.propagation",
    "record_usage": "otel_llmops.sdk.recording",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value  # found without this function from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
