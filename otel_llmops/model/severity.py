"""How bad a bottleneck is, in one word."""

__all__ = ["SEVERITIES", "severity"]

SEVERITIES = {"low": 0.0, "medium": 0.15, "high": 0.3, "critical": 0.5}
"""Severity -> the least impact that has it; impact is in [0, 1] (docs/bottlenecks.md)."""


def severity(impact: float) -> str:
    """The word for an impact."""
    return next((word for word in reversed(SEVERITIES) if impact >= SEVERITIES[word]), "low")
