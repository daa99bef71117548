"""One row for each backend: how to open it, and what it cannot do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.exporters.clickhouse_server import server_connect
from otel_llmops.exporters.mysql import Mysql
from otel_llmops.exporters.postgres import Postgres
from otel_llmops.storage.seams import Destination
from otel_llmops.store_url import store_url
from tests.support.clickhouse_server import clickhouse_url
from tests.support.mysql_server import mysql_url
from tests.support.postgres_server import postgres_url
from tests.support.servers import or_skip

__all__ = ["BACKENDS", "Backend", "Destination"]


@dataclass(frozen=True)
class Backend:
    """`open` gives the destination kept in that folder; the same folder again, the same data.

    `gaps`: what it cannot do -> why. Tests marked with that `trait` are expected to fail, and fail
    the build once they do not.
    """

    name: str
    open: Callable[[Path], Destination]
    gaps: Mapping[str, str] = field(default_factory=dict)


def _postgres(folder: Path) -> Destination:
    return Postgres(store_url(or_skip(lambda: postgres_url(folder))))


def _mysql(folder: Path) -> Destination:
    return Mysql(store_url(or_skip(lambda: mysql_url(folder))))


def _clickhouse(folder: Path) -> Destination:
    return ClickHouse(server_connect(store_url(clickhouse_url(folder))))


BACKENDS = (
    Backend("clickhouse-embedded", ClickHouse.embedded),
    Backend("clickhouse-server", _clickhouse),
    Backend(
        "postgresql",
        _postgres,
        gaps={"nul": "text has no NUL: U+FFFD stands in its place; span_wire has what was sent"},
    ),
    Backend(
        "mysql",
        _mysql,
        gaps={"nan": "numbers know neither NaN nor infinity: they are unknown (null)"},
    ),
)
