"""The parent of receiver and engine: starts them, starts them again, stops them in order."""

from otel_llmops.supervisor.supervisor import Supervisor

__all__ = ["Supervisor"]
