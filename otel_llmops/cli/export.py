"""`otel-llmops export`: the agents' graph, or the code with its tokens, as a picture's data."""

import json
import sys
from argparse import Namespace
from typing import Any

from otel_llmops.cli.given import given
from otel_llmops.cli.source import Source, source
from otel_llmops.errors import ConfigError, QueryError

__all__ = ["run"]

_OF_CODE_ALONE = ("treemap", "html")
_WHOLE = "json"


def run(arguments: Namespace) -> int:
    """Print the picture, or write it to `arguments.output`.

    Raises: QueryError, if nothing has that format or there is no such session; LlmopsError, if
            there is nothing that could tell; ConfigError, if the output cannot be written.
    """
    kind = arguments.of or ("code" if arguments.format in _OF_CODE_ALONE else "agents")
    _check(arguments, kind)
    with source(arguments) as asked:
        made = _of_agents(arguments, asked) if kind == "agents" else asked.code_picture(
            arguments.format
        )  # fmt: skip
    # ASCII alone: whatever a span's text holds, nothing of it can steer a terminal
    text = made if isinstance(made, str) else json.dumps(made, allow_nan=False)
    if arguments.output is None:
        sys.stdout.write(text + "\n")
        return 0
    try:
        arguments.output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{arguments.output}: cannot be written ({error.strerror})") from error
    return 0


def _check(arguments: Namespace, kind: str) -> None:
    """Refuse what would be answered with something else."""
    if kind == "agents" and arguments.format in _OF_CODE_ALONE:
        raise QueryError(f"{arguments.format} is of code", hint="leave out --of agents")
    if kind == "code" and arguments.format == _WHOLE:
        raise QueryError(
            "json is of agents", hint="otel-llmops scan --json prints all of a scan; or choose d3"
        )
    if kind == "code" and (arguments.session or arguments.since or arguments.until):
        raise QueryError(
            "the tokens of code are those of all time",
            hint="leave out SESSION, --since and --until, or say --of agents",
        )


def _of_agents(arguments: Namespace, asked: Source) -> Any:
    picture = None if arguments.format == _WHOLE else arguments.format
    made = asked.graph(arguments.session, {"format": picture, **given(arguments, "since", "until")})
    if made is None:
        raise QueryError(
            f"there is no session {arguments.session!r}", hint="otel-llmops tokens lists them"
        )
    return made
