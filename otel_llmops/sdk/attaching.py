"""The processor that nobody added by hand; see automatic.py."""

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor

from otel_llmops.sdk.processor import AgentSpanProcessor


class AutomaticProcessor(AgentSpanProcessor):
    """An AgentSpanProcessor that does nothing where the user's provider has one by hand."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: object = None
        self._aside = False

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Stamp a span that has just been started, if nobody else does; never raises."""
        processors = processors_of(getattr(span, "_span_processor", None))
        if processors is not self._seen:
            self._seen = processors
            self._aside = any(_by_hand(each) for each in processors)
        if not self._aside:
            super().on_start(span, parent_context)


def attach() -> None:
    """Add an AutomaticProcessor to the global provider, if that takes any and has none of ours."""
    provider = trace.get_tracer_provider()
    add = getattr(provider, "add_span_processor", None)
    present = processors_of(getattr(provider, "_active_span_processor", None))
    if add is not None and not any(isinstance(each, AgentSpanProcessor) for each in present):
        add(AutomaticProcessor())


def processors_of(several: object) -> tuple[SpanProcessor, ...]:
    """The processors in what the SDK makes one of several, the very same tuple while unchanged."""
    held = getattr(several, "_span_processors", ())
    return held if isinstance(held, tuple) else ()


def _by_hand(processor: SpanProcessor) -> bool:
    return isinstance(processor, AgentSpanProcessor) and not isinstance(
        processor, AutomaticProcessor
    )
