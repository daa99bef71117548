"""Our own figures over OTLP, for whoever collects and does not scrape.

Strategy: the page that Prometheus reads, read by ourselves once a minute and sent by the exporter
of OpenTelemetry: one list of figures, two ways to get it. Where it goes to ourselves by another
name, it is one request a minute and nothing grows: no figure is made of it.
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_llmops import __version__

__all__ = ["Telemetry", "metrics_data"]

_log = logging.getLogger(__name__)

_INTERVAL_S = 60.0
"""As OTEL_METRIC_EXPORT_INTERVAL has it, where it is not set."""
_SAMPLE = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')


class Telemetry:
    """Sends the figures of `page` to an OTLP/HTTP endpoint, every `interval_s` seconds."""

    def __init__(
        self, url: str, page: Callable[[], str], *, interval_s: float = _INTERVAL_S
    ) -> None:
        """`url` is that of the endpoint without /v1/metrics, as OTEL_EXPORTER_OTLP_ENDPOINT."""
        self._exporter = OTLPMetricExporter(endpoint=f"{url.rstrip('/')}/v1/metrics")
        self._page = page
        self._interval_s = interval_s
        self._stop = threading.Event()
        self._began_at_ns = time.time_ns()

    def start(self) -> None:
        """Send until the process ends or `stop`."""
        threading.Thread(target=self._run, name="telemetry", daemon=True).start()

    def stop(self) -> None:
        """Send no more."""
        self._stop.set()
        self._exporter.shutdown()

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            try:
                data = metrics_data(self._page(), since_ns=self._began_at_ns)
                if self._exporter.export(data) is not MetricExportResult.SUCCESS:
                    _log.warning("our own figures could not be sent")
            except Exception:  # noqa: BLE001 - a boundary: figures must not end with one that failed
                _log.exception("our own figures could not be sent")


def metrics_data(page: str, *, since_ns: int) -> MetricsData:
    """The figures of a page in Prometheus' text format as OpenTelemetry's; ns since 1970."""
    scope = ScopeMetrics(
        InstrumentationScope("otel_llmops", __version__), list(_metrics(page, since_ns)), ""
    )
    resource = Resource({"service.name": "otel-llmops", "service.version": __version__})
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _metrics(page: str, since_ns: int) -> Iterator[Metric]:
    about, kind, name = "", "", ""
    points: list[NumberDataPoint] = []
    for line in [*page.splitlines(), "# HELP"]:
        if line.startswith("# HELP"):
            if points:
                yield _metric(name, about, kind, points)
            name, about = [*line.split(" ", 3), "", ""][2:4]
            points = []
        elif line.startswith("# TYPE"):
            kind = line.split(" ")[3]
        elif sample := _SAMPLE.fullmatch(line):
            points.append(_point(sample, since_ns))


def _point(sample: re.Match[str], since_ns: int) -> NumberDataPoint:
    labels = dict(_LABEL.findall(sample["labels"] or ""))
    return NumberDataPoint(labels, since_ns, time.time_ns(), float(sample["value"]))


def _metric(name: str, about: str, kind: str, points: Iterable[NumberDataPoint]) -> Metric:
    data = (
        Sum(list(points), AggregationTemporality.CUMULATIVE, is_monotonic=True)
        if kind == "counter"
        else Gauge(list(points))
    )
    unit = "By" if "bytes" in name.split("_") else "s" if "seconds" in name.split("_") else "1"
    return Metric(name, about, unit, data)
