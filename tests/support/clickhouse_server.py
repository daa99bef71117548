"""A ClickHouse server: LLMOPS_TEST_CLICKHOUSE_URL, else the engine behind its HTTP protocol."""

import atexit
import os
import sys
import urllib.request
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.support.ports import free_port
from tests.support.servers import Server, database_name, own_folder

_VARIABLE = "LLMOPS_TEST_CLICKHOUSE_URL"
_ACCOUNT = "llmops:s@cret"
_ACCOUNT_IN_URL = "llmops:s%40cret"


def make_server() -> Server:
    """The engine in a process of its own, which was started."""
    folder, port = own_folder("clickhouse"), free_port()
    module = "tests.support.clickhouse_facade"
    command = [sys.executable, "-m", module, str(folder / "data"), str(port), _ACCOUNT]
    server = Server(command, port, folder, _ping, as_root=True)
    atexit.register(server.kill)
    server.start()
    return server


def url_of(server: Server, folder: Path) -> str:
    """The URL of the database that stands for `folder`."""
    return _database(_url(server.port), folder)


@cache
def _given() -> str:
    """The URL of a server, as somebody who may create databases."""
    return os.environ.get(_VARIABLE) or _url(make_server().port)


def clickhouse_url(folder: Path) -> str:
    """The URL of the database of the shared server that stands for `folder`; we make it."""
    return _database(_given(), folder)


def _url(port: int) -> str:
    return f"clickhouse://{_ACCOUNT_IN_URL}@127.0.0.1:{port}/default"


def _database(url: str, folder: Path) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database_name(folder)}"))


def _ping(port: int) -> None:
    urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5).close()
