"""`otel-llmops serve`: the collector in the foreground, until a signal."""

import os
import signal
import sys
from argparse import Namespace
from contextlib import suppress

from otel_llmops import __version__
from otel_llmops.app.endpoints import Endpoints
from otel_llmops.cli.terminal import one_line
from otel_llmops.config import ServeConfig, serve_config
from otel_llmops.supervisor import Supervisor

__all__ = ["SETTINGS", "run", "say"]

_STDERR = 2
SETTINGS = tuple(ServeConfig.__dataclass_fields__)
"""Every setting is an option of `serve`."""


def run(arguments: Namespace) -> int:
    """Serve until SIGINT, SIGTERM or SIGHUP; 0 after a clean stop.

    SIGHUP is what a terminal says when it is closed; under nohup, which ignores it, it stays so.

    Raises: LlmopsError, if it cannot start.
    """
    config = serve_config({name: getattr(arguments, name) for name in SETTINGS})
    supervisor = Supervisor(config, say=say)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: _stop(supervisor))
    supervisor.run(lambda endpoints: _greet(config, endpoints))
    say("stopped; all that was acknowledged is kept")
    return 0


def _stop(supervisor: Supervisor) -> None:
    # not sys.stderr: a signal may come while that is writing, and it cannot be entered twice
    with suppress(OSError):
        os.write(_STDERR, b"otel-llmops: stopping (a second time stops at once)\n")
    supervisor.stop()


def say(line: str) -> None:
    """One line for the operator, on stderr."""
    sys.stderr.write(f"otel-llmops: {one_line(line)}\n")
    sys.stderr.flush()


def _greet(config: ServeConfig, endpoints: Endpoints) -> None:
    lines = [
        f"otel-llmops {__version__} is ready",
        f"  OTLP/gRPC   {endpoints.grpc}",
        f"  OTLP/HTTP   {endpoints.http}",
        f"  web page    {endpoints.api}/",
        f"  GraphQL     {endpoints.api}/graphql",
        f"  REST        {endpoints.api}/api/agents",
        f"  data        {config.data}",
        f"  store       {config.store_shown}",
        f"Send spans:   OTEL_EXPORTER_OTLP_ENDPOINT={endpoints.grpc} python your_app.py",
        f"              ({endpoints.http} where its exporter speaks HTTP)",
        "Stop:         Ctrl-C; nothing that was acknowledged is lost",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
