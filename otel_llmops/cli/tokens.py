"""`otel-llmops tokens`: who spent a session's tokens, what they cost, and why so many."""

import json
import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from otel_llmops.cli.source import source
from otel_llmops.cli.spent import print_reasons, print_sessions, print_tokens
from otel_llmops.cli.terminal import width
from otel_llmops.errors import QueryError

__all__ = ["run"]

_SESSIONS_MAX = 20


def run(arguments: Namespace) -> int:
    """Print the tokens of `arguments.session`; without one, what there is to choose from.

    Raises: LlmopsError, if there is no such session, or nothing that could tell.
    """
    with source(arguments) as asked:
        if arguments.session is None:
            _show_sessions({"sessions": list(asked.sessions(_SESSIONS_MAX))}, arguments)
            return 0
        session = asked.session(arguments.session)
    if session is None:
        raise QueryError(
            f"there is no session {arguments.session!r}", hint="otel-llmops tokens lists them"
        )
    _show(session, arguments)
    return 0


def _show(session: Mapping[str, Any], arguments: Namespace) -> None:
    if arguments.json:
        reasons = set() if arguments.why else {"ledger"}
        _print_json({name: held for name, held in session.items() if name not in reasons})
        return
    console = _console()
    print_tokens(session, console)
    if arguments.why:
        console.print()
        print_reasons(session, console)


def _show_sessions(document: Mapping[str, Any], arguments: Namespace) -> None:
    if arguments.json:
        _print_json(document)
        return
    console = _console()
    if not document["sessions"]:
        console.print(Text("There is no session yet.", style="dim"))
        return
    print_sessions(document["sessions"], console)
    console.print(Text("\notel-llmops tokens SESSION shows who spent them, --why each reason"))


def _print_json(document: Mapping[str, Any]) -> None:
    # ASCII alone: whatever a span's text holds, nothing of it can steer a terminal
    sys.stdout.write(json.dumps(document, allow_nan=False, indent=2) + "\n")


def _console() -> Console:
    return Console(highlight=False, width=width())
