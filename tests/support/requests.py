"""Drawn spans (support/tree.py) as OTLP requests."""

from collections.abc import Iterable
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.support.otlp import key_values
from tests.support.tree import BASE_NS, MS, Node


def request(nodes: Iterable[Node]) -> bytes:
    """One request, each span in an envelope of its own."""
    made = ExportTraceServiceRequest()
    for node in nodes:
        resource = made.resource_spans.add()
        resource.resource.attributes.extend(key_values({"service.name": node.service}))
        scope = resource.scope_spans.add()
        scope.scope.name, scope.scope.version = node.scope, "1"
        scope.spans.append(_span(node))
    body: bytes = made.SerializeToString()
    return body


def _span(node: Node) -> Any:
    end = BASE_NS + node.end * MS
    return Span(
        trace_id=node.trace.to_bytes(16, "big"),
        span_id=node.id.to_bytes(8, "big"),
        parent_span_id=node.parent.to_bytes(8, "big") if node.parent else b"",
        name=node.title,
        kind=Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=BASE_NS + node.start * MS,
        end_time_unix_nano=end,
        attributes=key_values(node.attributes),
        events=[
            Span.Event(time_unix_nano=end, name=name, attributes=key_values(said))
            for name, said in node.events
        ],
        links=[
            Span.Link(trace_id=target.to_bytes(16, "big"), span_id=(1).to_bytes(8, "big"))
            for target in node.links
        ],
        status=Status(
            code=Status.STATUS_CODE_ERROR if node.failed else Status.STATUS_CODE_UNSET,
            message=node.message,
        ),
    )
