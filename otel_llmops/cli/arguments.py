"""The arguments of every command."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NoReturn

from otel_llmops import __version__
from otel_llmops.cli.answer_arguments import add_answer_commands
from otel_llmops.cli.store_arguments import add_store_commands
from otel_llmops.config import DURABILITIES, STORE_SCHEMES, store_url
from otel_llmops.errors import ConfigError
from otel_llmops.store_url import StoreUrl

__all__ = ["ENVIRONMENT", "data_folder", "parser"]

_PREFIX = "OTEL_LLMOPS_"
ENVIRONMENT: Mapping[str, str] = {
    f"{_PREFIX}DATA": "the default of --data",
    f"{_PREFIX}STORE": "the default of --store",
    f"{_PREFIX}API_TOKEN": "the bearer token to ask the API with, where it asks for one; there is "
    "no option for it: a command line is for everybody to read",
    "XDG_DATA_HOME": "where the default of --data is (default: ~/.local/share)",
    "XDG_CACHE_HOME": "where scan keeps what it parsed (default: ~/.cache)",
    "COLUMNS": "how wide tables may be",
}
"""Variables that commands beside `serve` read -> what each means."""


class _Parser(ArgumentParser):
    """A parser that refuses in one line, as everything else here does."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message} (see {self.prog} --help)\n")
        sys.exit(2)


def data_folder(environ: Mapping[str, str]) -> Path:
    """Where a user's programs keep data: XDG Base Directory Specification, `XDG_DATA_HOME`."""
    home = environ.get("XDG_DATA_HOME") or str(Path("~/.local/share").expanduser())
    return Path(home) / "otel-llmops"


def parser(environ: Mapping[str, str]) -> ArgumentParser:
    """The parser; `environ` gives the defaults (OTEL_LLMOPS_DATA for --data, and so on)."""
    root = _Parser(
        prog="otel-llmops",
        description="Who handed over to whom, was it any good, and where did the tokens go.",
    )
    root.add_argument("--version", action="version", version=_version())
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _serve(commands, environ)
    _demo(commands)
    _analyze(commands, environ)
    _tokens(commands, environ)
    _doctor(commands, environ)
    _mcp(commands, environ)
    _reanalyze(commands, environ)
    _delete(commands, environ)
    add_store_commands(commands, environ, _PREFIX)
    _scan(commands, environ)
    _diff(commands, environ)
    add_answer_commands(commands, partial(_where_answers_come_from, environ=environ), _SOURCES)
    return root


def _version() -> str:
    """Ours, and whose prices costs come from: they change without us."""
    with suppress(PackageNotFoundError):
        return f"otel-llmops {__version__} (prices of genai-prices {version('genai-prices')})"
    return f"otel-llmops {__version__}"


_PORTS = (
    ("grpc-port", "OTLP/gRPC", 4317),
    ("http-port", "OTLP/HTTP", 4318),
    ("api-port", "GraphQL and REST", 8080),
    ("jaeger-storage-port", "Jaeger's remote storage over gRPC, as 17271", None),
)
"""Options of `serve` that are ports: name, what is served there, and where if nothing is said."""

_LIMITS = (
    ("journal-bytes-max", "what may wait for the store on the disk", 4 << 30),
    ("request-bytes-max", "of one request, decompressed", 64 << 20),
    ("memory-bytes-max", "of all requests that are in memory", 1 << 30),
    ("connections-max", "open at one time over HTTP", 1024),
    ("forward-quota-bytes", "what the journal keeps for each --forward that lags", 1 << 30),
    ("export-quota-bytes", "what the journal keeps for each --export that lags", 1 << 30),
    ("ready-lag-s-max", "seconds that spans may wait before /readyz says so", 60),
)
"""Options of `serve` that are numbers: name, what it bounds, and by how much."""

_WITHOUT = (
    ("token-file", "FILE", "bearer tokens, one a line; senders must know one"),
    ("tls-certificate", "FILE", "PEM chain; OTLP is then served over TLS"),
    ("tls-key", "FILE", "its PEM key"),
    ("tls-client-ca", "FILE", "PEM; senders must have a certificate of this authority"),
    (
        "cors-origins",
        "ORIGINS",
        "web pages that may send: https://shop.example,https://other.example, or *",
    ),
    (
        "telemetry-url",
        "URL",
        "OTLP/HTTP endpoint that gets our own figures once a minute, as http://host:4318",
    ),
    ("jaeger-url", "URL", "Jaeger's UI, which links of traces lead to: http://localhost:16686"),
    ("api-token-file", "FILE", "bearer tokens, one a line; who reads the API must know one"),
    ("api-admin-token-file", "FILE", "bearer tokens of those who may also change what is kept"),
    ("api-hosts", "NAMES", "names of this machine that the API is asked by, beside localhost"),
    ("redact", "PRESETS", "what is masked or dropped before it is kept: secrets,pii,content"),
    (
        "redact-file",
        "FILE",
        "TOML; rules of your own for what is masked or dropped (docs/redaction.md)",
    ),
)
"""Options of `serve` that are off unless given: name, what it takes, and what it does."""

_SWITCHES = (
    (
        "insecure-bind",
        "listen on all addresses named, though senders and readers are asked for no token",
    ),
    (
        "api-tls",
        "serve the API over TLS as well, with --tls-certificate and --tls-key",
    ),
)
"""Options of `serve` that are on or off: name, and what they do."""


def _serve(commands: Any, environ: Mapping[str, str]) -> None:
    command: ArgumentParser = commands.add_parser(
        "serve",
        help="run the collector: OTLP in, GraphQL and REST out",
        description="Run the collector: OTLP in, GraphQL and REST out.",
        epilog=f"Each option can also be given by an environment variable, --api-port as "
        f"{_PREFIX}API_PORT. Port 0 takes any free port.",
    )

    def option(
        name: str, about: str, default: object, *, without: str = "below --data", **more: Any
    ) -> None:
        variable = _PREFIX + name.upper().replace("-", "_")
        command.add_argument(
            f"--{name}",
            default=environ.get(variable) or default,  # empty is unset, as OpenTelemetry has it
            help=f"{about} (default: {'%(default)s' if default is not None else without})",
            **more,
        )

    option("data", "folder of the journal and the store", str(data_folder(environ)), metavar="DIR")
    schemes = ", ".join(STORE_SCHEMES.values())
    option("store", f"where spans and answers are kept: {schemes}", None, metavar="URL")
    option("host", "address to listen on", "127.0.0.1")
    for name, about, port in _PORTS:
        option(name, about, port, without="none", type=int, metavar="PORT")
    option(
        "durability",
        "what an acknowledgement means: on disk, with the operating system, in memory",
        "fsync",
        choices=DURABILITIES,
    )
    for name, about, most in _LIMITS:
        option(name, about, most, type=int, metavar="N")
    command.add_argument(
        "--forward",
        action="append",
        metavar="URL",
        default=_several(environ.get(f"{_PREFIX}FORWARD", "")),
        help="pass requests on as they came, to otlp://host:port or otlps://host:port; may be "
        "given more than once (the variable: with commas between)",
    )
    command.add_argument(
        "--export",
        action="append",
        metavar="URL",
        default=_several(environ.get(f"{_PREFIX}EXPORT", "")),
        help="a further store that is written to and not queried; may be given more than once",
    )
    for name, metavar, about in _WITHOUT:
        option(name, about, None, without="none", metavar=metavar)
    _switches(command, environ)


def _switches(command: ArgumentParser, environ: Mapping[str, str]) -> None:
    for name, about in _SWITCHES:
        variable = _PREFIX + name.upper().replace("-", "_")
        given = environ.get(variable, "").lower() in {"1", "true"}
        command.add_argument(f"--{name}", action="store_true", default=given, help=about)


def _several(text: str) -> list[str] | None:
    return [each.strip() for each in text.split(",") if each.strip()] or None


def _demo(commands: Any) -> None:
    command: ArgumentParser = commands.add_parser(
        "demo",
        help="see it work: a support desk of four agents, analysed on this machine",
        description="Start the collector on free ports with a temporary folder, run a support "
        "desk of four agents against it, and print what it saw. No network, no model.",
    )
    command.add_argument(
        "--keep", action="store_true", help="leave the collector running until Ctrl-C"
    )


def _analyze(commands: Any, environ: Mapping[str, str]) -> None:
    command: ArgumentParser = commands.add_parser(
        "analyze",
        help="analyse captured OTLP, or a lake of Parquet files, without a server",
        description="Analyse captured OTLP, or a lake of Parquet files, without a server.",
        formatter_class=RawDescriptionHelpFormatter,
        epilog="  .binpb          an ExportTraceServiceRequest, as it was sent\n"
        "  .json, .jsonl   as the OpenTelemetry Collector's file exporter writes them\n"
        "  parquet:///DIR  what `serve --store parquet:///DIR` fills, or DIR itself\n"
        "  s3://, gs://    a lake in an object store, likewise",
    )
    command.add_argument("paths", nargs="+", metavar="PATH", type=_capture, help="file or folder")
    command.add_argument("--json", action="store_true", help="print one JSON document")
    about = "spread the analysis of lakes over the processes of Ray (default: in this process)"
    command.add_argument("--on", choices=["ray"], help=about)
    address = environ.get("RAY_ADDRESS", "")  # Ray's own name for it
    about = "cluster, as ray.init takes it (default: RAY_ADDRESS, or processes of this machine)"
    command.add_argument("--ray-address", default=address, help=about, metavar="ADDRESS")


def _capture(text: str) -> Path | StoreUrl:
    """A path; a lake may be given as the URL of the store."""
    if not text.startswith(("parquet:", "s3:", "gs:")):
        return Path(text)
    try:
        place = store_url(text)
    except ConfigError as error:
        raise ArgumentTypeError(str(error)) from error
    return Path(place.path) if place.is_local else place


def _tokens(commands: Any, environ: Mapping[str, str]) -> None:
    command: ArgumentParser = commands.add_parser(
        "tokens",
        help="which agent and model spent a session's tokens, what they cost, and why so many",
        description="Which agent and model spent a session's tokens, what they cost, and with "
        "--why each number's reason. Without SESSION: the newest sessions.",
        epilog=_SOURCES,
    )
    command.add_argument(
        "--why", action="store_true", help="each span that reports usage, and what counts of it"
    )
    _asks(command, environ)


def _doctor(commands: Any, environ: Mapping[str, str]) -> None:
    command: ArgumentParser = commands.add_parser(
        "doctor",
        help="how spans were read, and what they leave out",
        description="How the spans of a session were read: in which dialect, as what, and what "
        "they leave out that answers would need. Without SESSION: of the newest sessions.",
        epilog=_SOURCES,
    )
    _asks(command, environ)


def _mcp(commands: Any, environ: Mapping[str, str]) -> None:
    command: ArgumentParser = commands.add_parser(
        "mcp",
        help="the answers as tools for coding agents, over stdin and stdout",
        description="Serve the answers of a running serve as tools of the Model Context Protocol, "
        "over stdin and stdout: name this command to your coding agent.",
        epilog=f"Where the API asks for a token, {_PREFIX}API_TOKEN gives it.",
    )
    data = environ.get(f"{_PREFIX}DATA") or str(data_folder(environ))
    about = "folder of the serve that runs (default: %(default)s)"
    command.add_argument("--data", default=data, help=about, metavar="DIR")
    command.add_argument("--url", help="API of a running serve", metavar="URL")
    command.set_defaults(api_token=environ.get(f"{_PREFIX}API_TOKEN", ""))


_SOURCES = (
    "The answers come from the serve that runs on --data, from its store while none runs, from the "
    "API at --url, or from the captured OTLP in --file. Where the API asks for a token, "
    f"{_PREFIX}API_TOKEN gives it."
)


def _asks(command: ArgumentParser, environ: Mapping[str, str]) -> None:
    """What every command takes that asks about sessions."""
    command.add_argument(
        "session", nargs="?", metavar="SESSION", help="a conversation id or a trace id"
    )
    command.add_argument("--json", action="store_true", help="print one JSON document")
    _where_answers_come_from(command, environ)


def _where_answers_come_from(command: ArgumentParser, environ: Mapping[str, str]) -> None:
    _where_it_is_kept(command, environ)
    about = "captured OTLP, as for analyze; may be given more than once"
    command.add_argument("--file", action="append", type=Path, help=about, metavar="PATH")


def _where_it_is_kept(command: ArgumentParser, environ: Mapping[str, str]) -> None:
    data = environ.get(f"{_PREFIX}DATA") or str(data_folder(environ))
    about = "folder of the journal and the store (default: %(default)s)"
    command.add_argument("--data", default=data, help=about, metavar="DIR")
    store = environ.get(f"{_PREFIX}STORE") or None
    about = "store that no serve has open (default: the one in --data)"
    command.add_argument("--store", default=store, help=about, metavar="URL")
    command.add_argument("--url", help="API of a running serve", metavar="URL")
    # not an option: what is on the command line is for everybody to read
    command.set_defaults(api_token=environ.get(f"{_PREFIX}API_TOKEN", ""))


def _reanalyze(commands: Any, environ: Mapping[str, str]) -> None:
    command: ArgumentParser = commands.add_parser(
        "reanalyze",
        help="after an upgrade: have what is stored analysed by this version",
        description="Have stored sessions that an earlier version analysed analysed again: by the "
        "serve that runs on --data or at --url, or here while none runs. It may be stopped; given "
        "again it goes on.",
    )
    about = "sessions that began then or later, as 2026-11-22T19:30:00Z (default: all)"
    command.add_argument("--since", help=about, metavar="TIME")
    _where_it_is_kept(command, environ)


def _delete(commands: Any, environ: Mapping[str, str]) -> None:
    command: ArgumentParser = commands.add_parser(
        "delete",
        help="delete all that is stored of a session",
        description="Delete all that is stored of a session, and say what that was: by the serve "
        "that runs on --data or at --url, or here while none runs. What arrives of it afterwards "
        "is kept again.",
        epilog=f"Where the API asks for an admin's token, {_PREFIX}API_TOKEN gives it.",
    )
    command.add_argument("session", metavar="SESSION", help="a conversation id or a trace id")
    command.add_argument("--yes", action="store_true", help="do not ask first")
    command.add_argument("--json", action="store_true", help="print one JSON document")
    _where_it_is_kept(command, environ)


def _diff(commands: Any, environ: Mapping[str, str]) -> None:
    command: ArgumentParser = commands.add_parser(
        "diff",
        help="what moved between two commits, in structure and in tokens a call",
        description="What moved between two commits: modules, functions, circular imports, "
        "complexity and coupling, as far as both were scanned; and tokens a call by function, as "
        "far as spans name their commit, each with its number of calls and a 95 %% interval.",
        epilog="A commit is a hash or the beginning of one. The answers come from where those of "
        "otel-llmops tokens come from.",
    )
    command.add_argument("before", metavar="COMMIT", help="the earlier commit")
    command.add_argument("after", metavar="COMMIT", help="the later commit")
    command.add_argument("--json", action="store_true", help="print one JSON document")
    command.set_defaults(file=None)
    _where_it_is_kept(command, environ)


def _scan(commands: Any, environ: Mapping[str, str]) -> None:
    command: ArgumentParser = commands.add_parser(
        "scan",
        help="read a repository's structure: modules, imports, calls, circles, complexity",
        description="Read the structure of the Python code at or below PATH: modules, imports, "
        "calls, circular imports, complexity. The code is parsed, never imported or run.",
        epilog="A second scan reads again only what has changed. Left out are hidden folders, "
        "virtual environments, node_modules, and build and dist beside a project file. What was "
        "found is kept by the serve that runs on --data, or in its store while none runs.",
    )
    command.add_argument("path", metavar="PATH", type=Path, help="folder, or one .py file")
    command.add_argument("--json", action="store_true", help="print one JSON document")
    command.add_argument(
        "--export",
        choices=("d3", "cytoscape", "sankey", "treemap", "html", "pycg"),
        help="print a picture as data, or the call graph as {caller: [callees]} (pycg)",
    )
    about = "write to FILE, not to stdout (with --json or --export)"
    command.add_argument("--output", type=Path, metavar="FILE", help=about)
    about = "processes that parse (default: one a core; 0: none but this one)"
    command.add_argument("--workers", type=int, metavar="N", help=about)
    about = "keep nothing for the next scan, use nothing of the last"
    command.add_argument("--no-cache", action="store_true", help=about)
    about = "print what was found, and keep it nowhere"
    command.add_argument("--no-store", action="store_true", help=about)
    _where_it_is_kept(command, environ)
