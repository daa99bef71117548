"""Figures as Prometheus reads them.

Names: otel_llmops_<what>_<unit>, counters end in _total (Prometheus, "Metric and label naming").
Labels have few values, all of them written in this project.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

__all__ = ["METRICS_TYPE", "Metric", "exposition", "labels", "one"]

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The media type of `exposition`."""


class Metric(NamedTuple):
    """One figure, or one for each set of labels: labels as they are written -> value."""

    name: str
    kind: Literal["counter", "gauge"]
    about: str
    values: Mapping[str, float]


def one(name: str, kind: Literal["counter", "gauge"], about: str, value: float) -> Metric:
    """A figure without labels."""
    return Metric(name, kind, about, {"": value})


def labels(**named: str) -> str:
    """Labels as they are written."""
    return "{" + ",".join(f'{name}="{value}"' for name, value in named.items()) + "}"


def exposition(metrics: Iterable[Metric]) -> str:
    """The text exposition format, version 0.0.4."""
    lines: list[str] = []
    for metric in metrics:
        name = f"otel_llmops_{metric.name}"
        lines += [f"# HELP {name} {metric.about}", f"# TYPE {name} {metric.kind}"]
        lines += [f"{name}{each} {value}" for each, value in sorted(metric.values.items())]
    return "".join(f"{line}\n" for line in lines)
