"""Our own figures, as an OTLP endpoint gets them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from otel_llmops.app.telemetry import Telemetry
from otel_llmops.metrics import Metric, exposition, labels, one

PAGE = exposition(
    [
        one("exported_spans_total", "counter", "Spans that the store took.", 20),
        Metric(
            "consumer_lag_seconds",
            "gauge",
            "How long.",
            {labels(consumer="analysis"): 1.5, labels(consumer="store"): 0},
        ),
        Metric("refused_requests_total", "counter", "None yet.", {}),
    ]
)


@contextmanager
def endpoint() -> Iterator[tuple[str, "Queue[tuple[str, bytes]]"]]:
    """Where to send, and what was sent: paths and bodies."""
    got: Queue[tuple[str, bytes]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.put((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", got
        finally:
            server.shutdown()
            thread.join()


def test_the_figures_of_the_page_arrive_as_opentelemetry_s() -> None:
    with endpoint() as (url, got):
        telemetry = Telemetry(url, lambda: PAGE, interval_s=0.01)
        telemetry.start()
        path, body = got.get(timeout=20)
        telemetry.stop()
    (resource,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
    found = {metric.name: metric for metric in resource.scope_metrics[0].metrics}
    spans, lag = (
        found["otel_llmops_exported_spans_total"],
        found["otel_llmops_consumer_lag_seconds"],
    )
    assert (path, set(found)) == ("/v1/metrics", {spans.name, lag.name})
    assert (spans.sum.is_monotonic, spans.sum.data_points[0].as_double) == (True, 20.0)
    seconds = {p.attributes[0].value.string_value: p.as_double for p in lag.gauge.data_points}
    assert (lag.unit, lag.description, seconds) == (
        "s",
        "How long.",
        {"analysis": 1.5, "store": 0.0},
    )
