"""The page of every option, made of the parser and the configuration: called by generate.py."""

import argparse
import inspect
from collections.abc import Iterator

from markdown_tables import MADE, code, prose, table

from otel_llmops.cli.arguments import ENVIRONMENT, parser
from otel_llmops.config import NUMBERS_MIN, ServeConfig
from otel_llmops.sdk.automatic import VARIABLES
from otel_llmops.sdk.processor import AgentSpanProcessor
from otel_llmops.store_url import STORE_OPTIONS, schemes_with

__all__ = ["configuration"]

_PAGE = """# Configuration

{made}

`otel-llmops serve` is configured by options, each of which is an environment variable as well; an
option on the command line wins, and an empty variable is as if it were not set. There is no
configuration file. Every value is checked at the start: all that is wrong is said at once, with
exit code 2, before anything is opened. There is nothing to reload: restart it, which loses nothing.

    OTEL_LLMOPS_API_PORT=8081 otel-llmops serve
    otel-llmops serve --api-port 8081

{serve}
{store}

## The other commands

Commands that answer find a running `serve` by `--data`. What they read beside their
[options](cli.md):

{commands}

## In your application

What [AgentSpanProcessor and `opentelemetry-instrument`](../README.md#2-send-it-spans) read; where
spans go is OpenTelemetry's to say (`OTEL_EXPORTER_OTLP_ENDPOINT` and so on).

{sdk}

{processor}
"""

_SECTIONS = {
    "Where data is, and where it listens": (
        "data", "store", "host", "grpc_port", "http_port", "api_port", "jaeger_storage_port",
    ),
    "What an acknowledgement means, and limits": (
        "durability", "journal_bytes_max", "request_bytes_max", "memory_bytes_max",
        "connections_max", "ready_lag_s_max",
    ),
    "Who may send": (
        "insecure_bind", "token_file", "tls_certificate", "tls_key", "tls_client_ca",
        "cors_origins",
    ),
    "Who may read and change": ("api_token_file", "api_admin_token_file", "api_hosts", "api_tls"),
    "What is not kept": ("redact", "redact_file"),
    "Where else it goes": (
        "forward", "forward_quota_bytes", "export", "export_quota_bytes", "telemetry_url",
        "jaeger_url",
    ),
}  # fmt: skip

_KINDS = {
    "PORT": "port; 0: any that is free",
    "FILE": "path",
    "DIR": "path",
    "ORIGINS": "with commas between",
    "NAMES": "with commas between",
    "PRESETS": "with commas between",
}
"""What an option takes, as --help names it -> in words."""
_BINARY = (("GiB", 1 << 30), ("MiB", 1 << 20))


def configuration() -> str:
    """The whole page.

    Raises: ValueError, if a setting stands in no section, or in two.
    """
    placed = [name for names in _SECTIONS.values() for name in names]
    if sorted(placed) != sorted(ServeConfig.__dataclass_fields__):
        apart = set(ServeConfig.__dataclass_fields__).symmetric_difference(placed)
        raise ValueError(f"docs/configuration_page.py: settings in no section, or in two: {apart}")
    actions = _actions()
    serve = [
        line
        for title, names in _SECTIONS.items()
        for line in ("", f"## {title}", "", *_table([actions[name] for name in names]))
    ]
    return _PAGE.format(
        made=MADE,
        serve="\n".join(serve).strip(),
        store="\n".join(_store()),
        commands="\n".join(_variables(ENVIRONMENT)),
        sdk="\n".join(_variables(VARIABLES)),
        processor="\n".join(_processor()),
    )


def _actions() -> dict[str, argparse.Action]:
    root = parser({"XDG_DATA_HOME": "~/.local/share"})
    [commands] = [
        each.choices
        for each in root._actions  # noqa: SLF001 - argparse has no other list of them
        if isinstance(each.choices, dict)
    ]
    return {each.dest: each for each in commands["serve"]._actions}  # noqa: SLF001


def _table(options: list[argparse.Action]) -> Iterator[str]:
    head = ("option", "variable", "default", "unit", "meaning")
    yield from table(head, [_row(each) for each in options])


def _row(action: argparse.Action) -> tuple[str, ...]:
    name = action.dest
    about = (action.help or "").partition(" (default:")[0]
    minimum = NUMBERS_MIN.get(name)
    bound = f"; {_number(name, minimum)} or more" if minimum else ""
    if action.choices:
        about += f" ({', '.join(map(str, action.choices))})"
    return (
        code(action.option_strings[0]),
        code(f"OTEL_LLMOPS_{name.upper()}"),
        _default(action),
        _unit(action),
        prose(about.replace("%%", "%")) + bound,
    )


def _default(action: argparse.Action) -> str:
    if action.dest == "store":
        return "below `--data`"
    if action.default is False:
        return "off"
    return "none" if action.default is None else _number(action.dest, action.default)


def _number(name: str, value: object) -> str:
    if "bytes" in name and isinstance(value, int):
        for word, size in _BINARY:
            if value >= size and value % size == 0:
                return f"{code(value)} ({value // size} {word})"
    return code(value)


def _unit(action: argparse.Action) -> str:
    """UCUM's word for what is counted, or what kind of text it is."""
    name = action.dest
    if action.nargs == 0:
        return "on or off; the variable `true` or `1`"
    if "bytes" in name:
        return "By"
    if name.endswith("_s_max"):
        return "s"
    if name == "connections_max":
        return "{connection}"
    return _KINDS.get(str(action.metavar), str(action.metavar or "text"))


def _store() -> Iterator[str]:
    yield from ("", "## Options of a store's URL", "")
    yield "Behind a `?`, with `&` between: `postgresql://host/llmops?retention_days=30&secure=1`."
    yield ""
    rows = [
        (code(name), default, meaning, ", ".join(code(each) for each in schemes_with(name)))
        for name, (default, meaning) in STORE_OPTIONS.items()
    ]
    yield from table(("option", "default", "meaning", "stores"), rows)


def _variables(meanings: dict[str, str]) -> Iterator[str]:
    rows = [(code(name), prose(meaning)) for name, meaning in meanings.items()]
    yield from table(("variable", "meaning"), rows)


def _processor() -> Iterator[str]:
    """The arguments of AgentSpanProcessor, from its signature and its docstring."""
    said = inspect.getdoc(AgentSpanProcessor) or ""
    told = {}
    for line in said.partition("Args:\n")[2].splitlines():
        name, colon, text = line.strip().partition(": ")
        if colon and line.startswith("    ") and not line.startswith("     "):
            told[name] = text
        elif told:
            told[next(reversed(told))] += f" {line.strip()}"
    rows = [
        (code(each.name), code(each.default), told[each.name].strip())
        for each in inspect.signature(AgentSpanProcessor).parameters.values()
    ]
    yield from table(("argument of `AgentSpanProcessor`", "default", "meaning"), rows)
