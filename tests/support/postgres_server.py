"""A real PostgreSQL: LLMOPS_TEST_POSTGRES_URL, else a cluster of our own."""

import asyncio
import atexit
import os
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tests.support.ports import free_port
from tests.support.servers import Missing, Server, database_name, own_folder, program, run

_VARIABLE = "LLMOPS_TEST_POSTGRES_URL"
_USER = "llmops"
# a test that loses the machine's power proves nothing: what is asked is whether answers are right
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def make_server(*settings: str) -> Server:
    """A cluster of its own that was started. Raises: Missing."""
    folders = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    initdb, postgres = program("initdb", *folders), program("postgres", *folders)
    folder = own_folder("postgres")
    data, port = folder / "data", free_port()
    run([initdb, "-D", str(data), "-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync"])
    options = [part for each in settings for part in ("-c", each)]
    at = ["-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(folder)]
    server = Server(
        [postgres, *at, *options],
        port,
        folder,
        lambda port: asyncio.run(_ask(_url(port), "SELECT 1")),
    )
    atexit.register(server.kill)
    server.start()
    return server


def url_of(server: Server, folder: Path) -> str:
    """The URL of the database that stands for `folder`, which is made where it is missing."""
    return _database(_url(server.port), folder)


def _url(port: int) -> str:
    return f"postgresql://{_USER}@127.0.0.1:{port}/postgres"


@cache
def _given() -> str:
    """The URL of a server, as a superuser or one who may create databases."""
    return os.environ.get(_VARIABLE) or _url(_own().port)


@cache
def _own() -> Server:
    try:
        return make_server(*_FAST)
    except Missing as reason:
        raise Missing(f"{reason}, and {_VARIABLE} is not set") from reason


def postgres_url(folder: Path) -> str:
    """The URL of the database of the shared server that stands for `folder`. Raises: Missing."""
    return _database(_given(), folder)


def _database(url: str, folder: Path) -> str:
    name = database_name(folder)
    if not asyncio.run(_ask(url, "SELECT 1 FROM pg_database WHERE datname = $1", name)):
        asyncio.run(_ask(url, f"CREATE DATABASE {name}"))
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


async def _ask(url: str, sql: str, *values: str) -> object:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        return await connection.fetch(sql, *values)
    finally:
        await connection.close()
