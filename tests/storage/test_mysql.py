"""What is MySQL's own: servers that load no files, and what its errors mean."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pymysql
import pytest

from otel_llmops.errors import ConfigError, PermanentExport, QueryError, RetryableExport
from otel_llmops.exporters.mysql import Mysql
from otel_llmops.exporters.mysql_connection import translated
from otel_llmops.store_url import store_url
from tests.support.mysql_server import mysql_url
from tests.support.servers import or_skip
from tests.support.sql import execute
from tests.support.tables import derived, spans

ODD = "🦜 \0 \\ ' \" NULL \\N \r\n"


@pytest.fixture
def without_files(tmp_path: Path) -> Iterator[str]:
    """The URL of a server that loads no files of its clients."""
    url: str = or_skip(lambda: mysql_url(tmp_path))
    execute(url, "SET GLOBAL local_infile = 0")
    yield url
    execute(url, "SET GLOBAL local_infile = 1")


def test_a_server_that_loads_no_files_gets_the_same_rows(without_files: str) -> None:
    wire = {"span_wire": bytes(range(256)), "scope_wire": b"", "resource_wire": b"\xff\\'"}
    sent = spans({"trace_id": "t", "name": ODD, "attributes": [(ODD, ODD)], **wire})
    keys = derived(session_keys=[{"session_id": ODD, "key": ODD, "started_at": 2**63 - 1}])
    with closing(Mysql(store_url(without_files))) as store:
        for _ in range(2):
            store.export_spans(sent, batch_id="1")
            store.replace_sessions([ODD], keys)
        assert store.wire_spans(["t"]).to_pylist() == [wire]
        assert store.session_keys([ODD]).equals(keys["session_keys"])


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (pymysql.err.DataError(1406, "Data too long"), PermanentExport),
        (pymysql.err.OperationalError(1153, "packet bigger"), PermanentExport),
        (pymysql.err.OperationalError(2006, "gone away"), RetryableExport),
        (pymysql.err.OperationalError(1213, "Deadlock found"), RetryableExport),
        (pymysql.err.InterfaceError(0, ""), RetryableExport),
        (ConnectionRefusedError(111, "refused"), RetryableExport),
        (pymysql.err.OperationalError(1969, "max_statement_time exceeded"), QueryError),
    ],
    ids=str,
)
def test_failures_are_permanent_where_the_rows_are_at_fault(
    error: Exception, kind: type[Exception]
) -> None:
    with pytest.raises(kind), translated(query_s_max=30):
        raise error


def test_a_store_that_cannot_be_reached_is_refused() -> None:
    with pytest.raises(ConfigError, match="the store cannot be opened"):
        Mysql(store_url("mysql://u@127.0.0.1:1/x"))
