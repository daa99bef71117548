"""A real object store, of moto: S3's protocol over HTTP, in a process of its own."""

import atexit
import os
import sys
import urllib.request
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from tests.support.ports import free_port
from tests.support.servers import Missing, Server, database_name, own_folder

ACCOUNT = {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "of no use elsewhere"}


def make_server() -> Server:
    """A store of its own that was started. Raises: Missing."""
    if find_spec("moto") is None:
        raise Missing("there is no moto: pip install 'moto[s3]' flask flask-cors")
    os.environ.update(ACCOUNT)  # as an operator names it, for pyarrow and for ClickHouse
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = Server(command, port, own_folder("bucket"), _ask, as_root=True)
    atexit.register(server.kill)
    server.start()
    return server


@cache
def _own() -> Server:
    return make_server()


def bucket_url(folder: Path) -> str:
    """The URL of the bucket of the shared server that stands for `folder`. Raises: Missing."""
    return url_of(_own(), folder)


def url_of(server: Server, folder: Path) -> str:
    """The URL of the bucket that stands for `folder`, which is made where it is missing."""
    name = database_name(folder)
    _ask(server.port, f"/{name}", "PUT")
    return f"s3://{name}/lake?endpoint=http://127.0.0.1:{server.port}"


def _ask(port: int, path: str = "/moto-api/", method: str = "GET") -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    with urllib.request.urlopen(request, timeout=5):  # noqa: S310 - our own
        pass
