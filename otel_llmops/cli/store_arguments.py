"""The arguments of the commands that are about a store's schema."""

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from otel_llmops.store_url import STORE_SCHEMES

__all__ = ["add_store_commands"]


def add_store_commands(commands: Any, environ: Mapping[str, str], prefix: str) -> None:
    """`schema` and `migrate`."""
    about = "print the tables of a store as SQL"
    schema: ArgumentParser = commands.add_parser(
        "schema", help=about, description=f"{about.capitalize()}. Nothing is asked or changed."
    )
    _store(schema, environ, prefix)
    schema.add_argument(
        "--cluster",
        metavar="NAME",
        help="of a ClickHouse cluster of that name: replicated and distributed tables",
    )
    about = "bring a store's tables up to date"
    migrate: ArgumentParser = commands.add_parser(
        "migrate",
        help=about,
        description=f"{about.capitalize()}. All rows are kept. Stop what writes to it before.",
    )
    _store(migrate, environ, prefix)


def _store(command: ArgumentParser, environ: Mapping[str, str], prefix: str) -> None:
    given = environ.get(f"{prefix}STORE") or None
    schemes = ", ".join(STORE_SCHEMES.values())
    command.add_argument(
        "--store",
        default=given,
        required=given is None,
        metavar="URL",
        help=f"{schemes} (default: {prefix}STORE)",
    )
