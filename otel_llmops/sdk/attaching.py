"""The processor that nobody added by hand; see automatic.py."""

from collections.abc import Mapping

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor

from otel_llmops.sdk.processor import AgentSpanProcessor
from otel_llmops.sdk.span_attributes import Stamp


class AutomaticProcessor(AgentSpanProcessor):
    """An AgentSpanProcessor that steps aside once the user's provider has one by hand.

    It looks at the first span of each trace, so that the others cost no more than by hand. What
    depends on options it then leaves to the other; the rest both write alike.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: object = None

    def _begin(
        self, stamp: Stamp, own: Mapping[str, object], span: Span, context: Context | None
    ) -> None:
        processors = processors_of(getattr(span, "_span_processor", None))
        if processors is not self._seen:
            self._seen = processors
            if any(_by_hand(each) for each in processors):
                self._locations = None
                self._revision, self._revision_read = None, True
        super()._begin(stamp, own, span, context)


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
