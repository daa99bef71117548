"""OTLP servers: bytes, check, journal, acknowledge."""

from otel_llmops.receiver.intake import IntakeStats
from otel_llmops.receiver.server import Endpoints, Receiver, ReceiverSettings

__all__ = ["Endpoints", "IntakeStats", "Receiver", "ReceiverSettings"]
