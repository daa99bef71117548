"""ClickHouse's HTTP protocol in front of the real engine, embedded: a server where none is at hand.

    python -m tests.support.clickhouse_facade FOLDER PORT USER:PASSWORD [CERTIFICATE KEY]

Strategy: the requests of ClickHouse's clients are taken apart and given to chDB, so that SQL,
types, inserts, tokens and errors are the engine's own. Only what stands between is ours: who may,
how a body arrives, and in which headers a fault is told.
"""

import base64
import queue
import re
import ssl
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

_TRANSPORT = frozenset(
    {
        "buffer_size", "client_protocol_version", "compress", "database", "decompress",
        "default_format", "enable_http_compression", "http_headers_progress_interval_ms",
        "password", "query", "query_id", "quota_key", "role", "send_progress_in_http_headers",
        "session_check", "session_id", "session_timeout", "user", "wait_end_of_query",
    }
)  # fmt: skip
"""Parameters of a request that are no settings of the engine."""
_INSERT = re.compile(r"\s*INSERT INTO (\S+)\s*\((.*)\)\s*FORMAT (\w+)\s*", re.DOTALL)
_INSERT_IN_BODY = re.compile(rb"\s*INSERT INTO [^\n]*?FORMAT \w+[ ]*\n", re.DOTALL)
_FORMAT = re.compile(r"(.*)\sFORMAT (\w+)\s*", re.DOTALL)
_READS = ("SELECT", "WITH", "SHOW", "EXPLAIN", "DESCRIBE", "EXISTS")
_REFUSED, _BROKEN = 403, 500
_AUTHENTICATION_FAILED = 516


class _Engine:
    """Clients of the engine: as many for each database as are asked at a time."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._idle: defaultdict[str, queue.LifoQueue[Any]] = defaultdict(queue.LifoQueue)

    @contextmanager
    def client(self, database: str) -> Iterator[Any]:
        try:
            client = self._idle[database].get_nowait()
        except queue.Empty:
            client = clickhouse_connect.get_client(
                interface="chdb", path=self._folder, database=database
            )
        try:
            yield client
        finally:
            self._idle[database].put(client)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    engine: _Engine
    allowed: str

    def do_GET(self) -> None:
        if self.path.startswith("/ping"):
            self._answer(200, b"Ok.\n")
        else:
            self._run(b"")

    def do_POST(self) -> None:
        self._run(self._body())

    def log_message(self, *_: object) -> None:
        """Nothing: a test reads what fails, not what is asked."""

    def _run(self, body: bytes) -> None:
        asked = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        if self._who(asked) != self.allowed:
            self._fail(_REFUSED, _AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED")
            return
        query = asked.get("query")
        sql, data = _parted(body) if query is None else (query, body)
        settings = {name: value for name, value in asked.items() if name not in _TRANSPORT}
        try:
            with self.engine.client(asked.get("database") or "default") as client:
                found = _executed(client, sql, data, settings)
        except ClickHouseError as error:
            self._fail(_BROKEN, getattr(error, "code", None) or 1001, str(error))
        else:
            self._answer(200, found)

    def _who(self, asked: dict[str, str]) -> str:
        given = self.headers.get("Authorization", "")
        if given.startswith("Basic "):
            return base64.b64decode(given.removeprefix("Basic ")).decode()
        user = self.headers.get("X-ClickHouse-User") or asked.get("user") or "default"
        return f"{user}:{self.headers.get('X-ClickHouse-Key') or asked.get('password') or ''}"

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _fail(self, status: int, code: int, said: str) -> None:
        text = f"Code: {code}. DB::Exception: {said}\n"
        self._answer(status, text.encode(), {"X-ClickHouse-Exception-Code": str(code)})

    def _answer(self, status: int, body: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        headers = {"Content-Length": str(len(body)), "X-ClickHouse-Timezone": "UTC"}
        summary = {"X-ClickHouse-Summary": '{"read_rows":"0","written_rows":"0"}'}
        for name, value in (headers | summary | (more or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _parted(body: bytes) -> tuple[str, bytes]:
    """The statement, and the rows where some come after it."""
    insert = _INSERT_IN_BODY.match(body)
    end = insert.end() if insert else len(body)
    return body[:end].decode(), body[end:]


def _executed(client: Any, sql: str, data: bytes, settings: dict[str, str]) -> bytes:
    insert = _INSERT.fullmatch(sql)
    if insert:
        columns = [name.strip().strip("`") for name in insert[2].split(",")]
        client.raw_insert(insert[1].strip("`"), columns, data, settings=settings, fmt=insert[3])
        return b""
    if not sql.lstrip().upper().startswith(_READS):
        client.command(sql, settings=settings)
        return b""
    formatted = _FORMAT.fullmatch(sql)
    text, fmt = (formatted[1], formatted[2]) if formatted else (sql, "TabSeparated")
    found: bytes = client.raw_query(text, fmt=fmt, settings=settings)
    return found


def main(folder: str, port: str, allowed: str, *certificate: str) -> None:
    """Serve until killed."""
    _Handler.engine, _Handler.allowed = _Engine(folder), allowed
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), _Handler)
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
