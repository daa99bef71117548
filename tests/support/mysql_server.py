"""A real MySQL or MariaDB: LLMOPS_TEST_MYSQL_URL, else a server of our own."""

import atexit
import os
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pymysql

from otel_llmops.store_url import store_url
from tests.support.ports import free_port
from tests.support.servers import Missing, Server, database_name, own_folder, program, run

_VARIABLE = "LLMOPS_TEST_MYSQL_URL"
_USER = "llmops"
_SBIN = ("/usr/sbin", "/usr/local/sbin")
# a test that loses the machine's power proves nothing: what is asked is whether answers are right
_FAST = (
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-file-per-table=0",
    "--innodb-stats-persistent=0",
    "--performance-schema=0",
)


def make_server(*settings: str) -> Server:
    """A server of its own that was started, with a user who may do all. Raises: Missing."""
    install, server = program("mariadb-install-db"), program("mariadbd", *_SBIN)
    folder = own_folder("mysql")
    data, port = folder / "data", free_port()
    rights = folder / "rights.sql"
    rights.write_text(
        f"CREATE USER {_USER}@'%';\nGRANT ALL ON *.* TO {_USER}@'%' WITH GRANT OPTION;\n"
    )
    rights.chmod(0o644)
    # without the test database there is no anonymous user either, whom the server would prefer
    how = ["--auth-root-authentication-method=normal", "--skip-test-db"]
    run([install, "--no-defaults", f"--datadir={data}", *how])
    command = [
        server, "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1",
        f"--socket={folder}/socket", f"--pid-file={folder}/pid", "--skip-log-bin",
    ]  # fmt: skip
    made = Server([*command, *settings], port, folder, lambda port: _ask(_url(port), "SELECT 1"))
    atexit.register(made.kill)
    first = Server([*made.command, f"--init-file={rights}"], port, folder, made.answers)
    first.start()
    first.kill()
    made.start()
    return made


def url_of(server: Server, folder: Path) -> str:
    """The URL of the database that stands for `folder`, which is made where it is missing."""
    return _database(_url(server.port), folder)


def _url(port: int) -> str:
    return f"mysql://{_USER}@127.0.0.1:{port}/mysql"


@cache
def _given() -> str:
    """The URL of a server, as somebody who may create databases."""
    return os.environ.get(_VARIABLE) or _url(_own().port)


@cache
def _own() -> Server:
    try:
        return make_server(*_FAST)
    except Missing as reason:
        raise Missing(f"{reason}, and {_VARIABLE} is not set") from reason


def mysql_url(folder: Path) -> str:
    """The URL of the database of the shared server that stands for `folder`. Raises: Missing."""
    return _database(_given(), folder)


def _database(url: str, folder: Path) -> str:
    name = database_name(folder)
    _ask(url, f"CREATE DATABASE IF NOT EXISTS {name}")
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _ask(url: str, sql: str) -> None:
    place = store_url(url)
    connection = pymysql.connect(
        host=place.host, port=place.port, user=place.user, password=place.password
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(sql)
