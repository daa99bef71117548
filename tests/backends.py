"""One row for each backend: where it is, and what it cannot do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from otel_llmops.app.stores import open_store
from otel_llmops.storage.seams import Destination
from tests.support.bucket_server import bucket_url
from tests.support.clickhouse_server import clickhouse_url
from tests.support.mysql_server import mysql_url
from tests.support.postgres_server import postgres_url
from tests.support.servers import or_skip

__all__ = ["BACKENDS", "Backend", "Destination"]


@dataclass(frozen=True)
class Backend:
    """`place` gives the URL of the store kept in that folder; the same folder, the same data.

    `gaps`: what it cannot do -> why. Tests marked with that `trait` are expected to fail, and fail
    the build once they do not. `is_long`: the battery takes minutes on it.
    """

    name: str
    place: Callable[[Path], str]
    gaps: Mapping[str, str] = field(default_factory=dict)
    is_long: bool = False

    def url(self, folder: Path) -> str:
        """The URL, of a server that runs; the test is skipped where there is none."""
        return str(or_skip(lambda: self.place(folder)))

    def open(self, folder: Path) -> Destination:
        """The destination in that folder."""
        return open_store(self.url(folder))


BACKENDS = (
    Backend("clickhouse-embedded", lambda folder: f"chdb://{folder}"),
    Backend("clickhouse-server", clickhouse_url),
    Backend(
        "postgresql",
        postgres_url,
        gaps={"nul": "text has no NUL: U+FFFD stands in its place; span_wire has what was sent"},
    ),
    Backend(
        "mysql",
        mysql_url,
        gaps={"nan": "numbers know neither NaN nor infinity: they are unknown (null)"},
    ),
    Backend(
        "parquet",
        lambda folder: f"parquet://{folder}",
        gaps={"ddl": "files have no DDL: tests/storage/test_parquet.py has what it asks"},
    ),
    Backend(
        "bucket",
        bucket_url,
        is_long=True,
        gaps={"ddl": "files have no DDL: tests/storage/test_parquet.py has what it asks"},
    ),
)
