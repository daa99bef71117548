"""The receiver process: OTLP in, journal, acknowledgement."""

from otel_llmops.app.lifeline import Lifeline
from otel_llmops.app.locks import patiently
from otel_llmops.app.places import CONSUMERS, Places
from otel_llmops.config import ServeConfig
from otel_llmops.errors import ConfigError
from otel_llmops.journal import Journal, JournalSettings
from otel_llmops.receiver.server import Receiver

__all__ = ["run"]

_LOCK_WAIT_S = 10.0
_PORT_WAIT_S = 0.3


def run(config: ServeConfig, lifeline: Lifeline) -> int:
    """Serve OTLP until `lifeline` says stop; what is in flight is finished.

    Raises: LlmopsError, if it cannot start.
    """
    settings = JournalSettings(
        budget_bytes=config.journal_bytes_max,
        durability=config.durability,
        lock_wait_s=_LOCK_WAIT_S,
    )
    places = Places(config.data)
    with Journal.open(places.journal, settings, required_consumers=CONSUMERS) as journal:
        receiver = Receiver(
            journal, host=config.host, grpc_port=config.grpc_port, http_port=config.http_port
        )
        endpoints = patiently(receiver.start, ConfigError, wait_s=_PORT_WAIT_S)
        try:
            ports = {"grpc_port": endpoints.grpc_port, "http_port": endpoints.http_port}
            lifeline.say({"ready": ports})
            lifeline.stopping.wait()
        finally:
            receiver.stop()
    return 0
