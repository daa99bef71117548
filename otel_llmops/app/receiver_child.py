"""The receiver process: OTLP in, journal, acknowledgement."""

import resource
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from otel_llmops.app.bulletin import Bulletin, News
from otel_llmops.app.lags import Lags, lag_metrics
from otel_llmops.app.lifeline import Lifeline
from otel_llmops.app.locks import patiently
from otel_llmops.app.places import CONSUMERS, Places, export_consumers, forward_consumer
from otel_llmops.app.telemetry import Telemetry
from otel_llmops.config import ServeConfig
from otel_llmops.errors import ConfigError
from otel_llmops.journal import Journal, JournalSettings
from otel_llmops.metrics import exposition
from otel_llmops.otlp import LIMITS
from otel_llmops.receiver import Receiver, ReceiverSettings
from otel_llmops.receiver.guard import GuardSettings
from otel_llmops.receiver.tls import Tls
from otel_llmops.redaction import Redactor, rules
from otel_llmops.tokens import read_tokens

__all__ = ["redactor_of", "run"]

_LOCK_WAIT_S = 10.0
_PORT_WAIT_S = 0.3


def run(config: ServeConfig, lifeline: Lifeline) -> int:
    """Serve OTLP until `lifeline` says stop; what is in flight is finished.

    Raises: LlmopsError, if it cannot start.
    """
    _allow_connections()
    settings = JournalSettings(
        budget_bytes=config.journal_bytes_max,
        durability=config.durability,
        lock_wait_s=_LOCK_WAIT_S,
    )
    places = Places(config.data)
    forwards = {forward_consumer(url): config.forward_quota_bytes for url in config.forward}
    exports = {
        consumer: config.export_quota_bytes
        for url in config.export
        for consumer in export_consumers(url)
    }
    with Journal.open(
        places.journal,
        settings,
        required_consumers=CONSUMERS,
        optional_consumers=forwards | exports,
    ) as journal:
        receiver = Receiver(
            journal,
            host=config.host,
            grpc_port=config.grpc_port,
            http_port=config.http_port,
            settings=_settings(config),
            page=lambda: bulletin.page(),  # noqa: PLW0108 - made below, of the receiver
        )
        bulletin = _bulletin(places, journal, receiver)
        endpoints = patiently(receiver.start, ConfigError, wait_s=_PORT_WAIT_S)
        try:
            ports = {"grpc_port": endpoints.grpc_port, "http_port": endpoints.http_port}
            bulletin.post()
            bulletin.start()
            if config.telemetry_url:
                Telemetry(config.telemetry_url, bulletin.page).start()
            lifeline.say({"ready": ports})
            lifeline.stopping.wait()
        finally:
            receiver.stop()
    return 0


def _allow_connections() -> None:
    """As many open files as the system lets us have: each connection is one, on both transports.

    The soft limit is low for the sake of programs that use select(2), which we do not; Go's
    programs raise it as well.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS says "no limit" and takes less
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _bulletin(places: Places, journal: Journal, receiver: Receiver) -> Bulletin:
    lags = Lags(places.journal)

    def news() -> News:
        trouble = journal.stats().trouble
        metrics = receiver.metrics() + exposition(lag_metrics(lags.look()))
        return News(metrics, [f"the journal refuses: {trouble}"] if trouble else [])

    return Bulletin(places.bulletin, "receiver", news)


def _settings(config: ServeConfig) -> ReceiverSettings:
    """Raises: ConfigError, if the tokens or the rules cannot be read."""
    tls = Tls(
        Path(config.tls_certificate),
        Path(config.tls_key),
        Path(config.tls_client_ca) if config.tls_client_ca else None,
    )
    return ReceiverSettings(
        limits=replace(LIMITS, request_bytes=config.request_bytes_max),
        memory_bytes_max=config.memory_bytes_max,
        guard=GuardSettings(connections_max=config.connections_max),
        tokens=read_tokens(Path(config.token_file)) if config.token_file else (),
        tls=tls if config.tls_certificate else None,
        origins=tuple(each.strip() for each in config.cors_origins.split(",") if each.strip()),
        redactor=redactor_of(config),
        journal_budget_bytes=config.journal_bytes_max,
    )


def redactor_of(config: ServeConfig) -> Redactor | None:
    """What takes out of requests what the operator does not want kept; None, if he said nothing.

    Raises: ConfigError, if the file cannot be read or a rule cannot be.
    """
    document = ""
    if config.redact_file:
        try:
            document = Path(config.redact_file).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{config.redact_file} cannot be read: {error}") from error
    presets = [name.strip() for name in config.redact.split(",") if name.strip()]
    found = rules(presets, document, source=config.redact_file or "redact")
    return Redactor(found) if found else None
