"""What the examples beside this file share: spans kept in memory, and asked as a collector is.

A program of yours sends its spans to `otel-llmops serve` by OTLP, and asks GraphQL, REST or the
command line; nothing else in it changes. Here both ends are in one process, so that an example
needs no server: the same bytes, the same analysis, the same store, the same queries.
"""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_llmops import AgentSpanProcessor
from otel_llmops.analysis.derive import analyse
from otel_llmops.app.stores import open_store
from otel_llmops.otlp import Encoding, Request, decode_traces
from otel_llmops.storage.queries import Queries


def instrumented(service: str) -> InMemorySpanExporter:
    """Set OpenTelemetry up as any program does; give the exporter that keeps its spans."""
    spans = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(AgentSpanProcessor())
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    return spans


@contextmanager
def collected(spans: InMemorySpanExporter) -> Iterator[Queries]:
    """The answers over these spans, as long as the block runs."""
    body = encode_spans(spans.get_finished_spans()).SerializeToString()
    tables = analyse(decode_traces([Request(body, Encoding.PROTOBUF)]))
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(open_store(f"chdb://{folder}/store")) as store,
    ):
        store.replace_sessions(tables["sessions"]["session_id"].to_pylist(), tables)
        yield Queries(store)
