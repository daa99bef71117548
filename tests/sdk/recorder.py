"""A private provider with our processor, and what it recorded."""

from dataclasses import dataclass

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer

from otel_llmops import AgentSpanProcessor


@dataclass(frozen=True)
class Recorder:
    provider: TracerProvider
    exporter: InMemorySpanExporter

    @property
    def tracer(self) -> Tracer:
        return self.provider.get_tracer("a framework")

    def names(self) -> list[str]:
        """Names of the finished spans, in the order of their ends."""
        return [span.name for span in self.exporter.get_finished_spans()]

    def span(self, name: str) -> ReadableSpan:
        (found,) = [span for span in self.exporter.get_finished_spans() if span.name == name]
        return found

    def attributes(self, name: str, *prefixes: str) -> dict[str, object]:
        """Attributes of a finished span, those with one of the prefixes."""
        attributes = self.span(name).attributes or {}
        return {key: value for key, value in attributes.items() if key.startswith(prefixes)}

    def tree(self) -> dict[str, str | None]:
        """Name of each finished span -> name of its parent."""
        finished = self.exporter.get_finished_spans()
        by_id = {span.context.span_id: span.name for span in finished if span.context}
        return {s.name: by_id.get(s.parent.span_id) if s.parent else None for s in finished}


def record(*processors: SpanProcessor, resource: Resource | None = None) -> Recorder:
    """A recorder behind the given processors, by default behind ours alone."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=resource or Resource({}), shutdown_on_exit=False)
    for processor in processors or (AgentSpanProcessor(),):
        provider.add_span_processor(processor)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Recorder(provider, exporter)
