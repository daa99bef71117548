"""The command line: parses argv and environment, calls the rest, turns errors into one line.

Strategy: this module needs nothing but the standard library, so that `otel-llmops` can say what
to install where the [server] extra is missing; each command is a module that is imported when it
is asked for, and has `run(arguments) -> exit code`.
"""

import importlib
import io
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence

from otel_llmops.app.extras import extra_required
from otel_llmops.cli.arguments import parser
from otel_llmops.cli.terminal import one_line
from otel_llmops.errors import DecodeError, LlmopsError

__all__ = ["main"]

_REFUSED = 2
_BAD_INPUT = 1
_INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0, 1 for bad input, 2 for what cannot be started."""
    arguments = parser(os.environ).parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a name that cannot be shown is no reason to fail
    try:
        return _command(arguments.command)(arguments)
    except LlmopsError as error:
        sys.stderr.write(f"otel-llmops: {one_line(str(error))}\n")
        return _BAD_INPUT if isinstance(error, DecodeError) else _REFUSED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Python's documentation of SIGPIPE: or the flush at exit fails once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BAD_INPUT


def _command(name: str) -> Callable[[Namespace], int]:
    with extra_required(name):
        run: Callable[[Namespace], int] = importlib.import_module(f"otel_llmops.cli.{name}").run
    return run
