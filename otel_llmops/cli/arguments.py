"""The arguments of every command."""

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from otel_llmops import __version__
from otel_llmops.config import DURABILITIES, STORE_SCHEMES

__all__ = ["data_folder", "parser"]

_PREFIX = "OTEL_LLMOPS_"


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
    root.add_argument("--version", action="version", version=f"otel-llmops {__version__}")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _serve(commands, environ)
    _demo(commands)
    _analyze(commands)
    return root


def _serve(commands: Any, environ: Mapping[str, str]) -> None:
    command: ArgumentParser = commands.add_parser(
        "serve",
        help="run the collector: OTLP in, GraphQL and REST out",
        description="Run the collector: OTLP in, GraphQL and REST out.",
        epilog=f"Each option can also be given by an environment variable, --api-port as "
        f"{_PREFIX}API_PORT. Port 0 takes any free port.",
    )

    def option(name: str, about: str, default: object, **more: Any) -> None:
        variable = _PREFIX + name.upper().replace("-", "_")
        command.add_argument(
            f"--{name}",
            default=environ.get(variable) or default,  # empty is unset, as OpenTelemetry has it
            help=f"{about} (default: {'%(default)s' if default is not None else 'below --data'})",
            **more,
        )

    option("data", "folder of the journal and the store", str(data_folder(environ)), metavar="DIR")
    schemes = ", ".join(STORE_SCHEMES.values())
    option("store", f"where spans and answers are kept: {schemes}", None, metavar="URL")
    option("host", "address to listen on", "127.0.0.1")
    option("grpc-port", "OTLP/gRPC", 4317, type=int, metavar="PORT")
    option("http-port", "OTLP/HTTP", 4318, type=int, metavar="PORT")
    option("api-port", "GraphQL and REST", 8080, type=int, metavar="PORT")
    option(
        "durability",
        "what an acknowledgement means: on disk, with the operating system, in memory",
        "fsync",
        choices=DURABILITIES,
    )


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


def _analyze(commands: Any) -> None:
    command: ArgumentParser = commands.add_parser(
        "analyze",
        help="analyse captured OTLP without a server",
        description="Analyse captured OTLP without a server.",
        formatter_class=RawDescriptionHelpFormatter,
        epilog="  .binpb          an ExportTraceServiceRequest, as it was sent\n"
        "  .json, .jsonl   as the OpenTelemetry Collector's file exporter writes them",
    )
    command.add_argument("paths", nargs="+", metavar="PATH", type=Path, help="file or folder")
    command.add_argument("--json", action="store_true", help="print one JSON document")
