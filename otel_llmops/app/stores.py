"""URL scheme -> exporter and store."""

import ssl
from dataclasses import replace
from pathlib import Path

from otel_llmops.app.extras import extra_required
from otel_llmops.app.lakes import shelf_at
from otel_llmops.app.locks import patiently
from otel_llmops.errors import ConfigError
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.exporters.clickhouse_database import ClickHouseSchema, cluster_statements
from otel_llmops.exporters.clickhouse_server import server_connect
from otel_llmops.exporters.mysql_schema import MysqlSchema
from otel_llmops.exporters.parquet import Parquet
from otel_llmops.exporters.parquet_views import view_statements
from otel_llmops.exporters.postgres_schema import PostgresSchema
from otel_llmops.storage.seams import Destination
from otel_llmops.store_url import StoreUrl, store_url

__all__ = ["open_store", "schema_statements"]

_PREDECESSOR_S = 0.5


def open_store(url: str, *, migrates: bool = False) -> Destination:
    """The destination at `url`, which is both Exporter and Store.

    An older schema is brought up to date with `migrates`; where the store is embedded, always.

    Raises: ConfigError, if there is no such store or it cannot be opened.
    """
    place = _with_password(store_url(url))
    _check_authority(place)
    match place.scheme:
        case "chdb":
            folder = Path(place.path)
            return patiently(
                lambda: ClickHouse.embedded(folder, retention_days=place.retention_days),
                ConfigError,
                wait_s=_PREDECESSOR_S,
            )
        case "parquet" | "s3" | "gs":
            return patiently(
                lambda: Parquet(shelf_at(place), retention_days=place.retention_days),
                ConfigError,
                wait_s=_PREDECESSOR_S,
            )
        case "clickhouse":
            return ClickHouse(
                server_connect(place), retention_days=place.retention_days, migrates=migrates
            )
        case "postgresql":
            with extra_required("a PostgreSQL store", extra="postgres"):
                from otel_llmops.exporters.postgres import Postgres  # noqa: PLC0415 - an extra
            return Postgres(place, migrates=migrates)
        case "mysql":
            with extra_required("a MySQL store", extra="mysql"):
                from otel_llmops.exporters.mysql import Mysql  # noqa: PLC0415 - an extra
            return Mysql(place, migrates=migrates)
        case scheme:
            raise AssertionError(f"config knows the store {scheme}, and app does not")


def schema_statements(url: str, *, cluster: str = "") -> list[str]:
    """The DDL of a fresh store at `url`, which is not asked.

    Raises: ConfigError, if there is no such kind of store, or it has no clusters.
    """
    place = store_url(url)
    if cluster and place.scheme != "clickhouse":
        raise ConfigError(
            f"cluster: a {place.scheme} store has none", hint="only clickhouse:// has"
        )
    match place.scheme:
        case "chdb" | "clickhouse":
            return (
                cluster_statements(cluster) if cluster else ClickHouseSchema().create_statements()
            )
        case "parquet" | "s3" | "gs":
            return list(view_statements(shelf_at(place)))
        case "postgresql":
            return PostgresSchema().create_statements()
        case "mysql":
            return MysqlSchema(is_mariadb=url.startswith("mariadb")).create_statements()
        case scheme:
            raise AssertionError(f"config knows the store {scheme}, and app does not")


def _check_authority(place: StoreUrl) -> None:
    """Drivers do not say which file they could not read."""
    if not place.ca:
        return
    try:
        ssl.create_default_context(cafile=place.ca)
    except OSError as error:  # what is no certificate is one, too
        raise ConfigError(f"ca: {place.ca} cannot be read: {error}") from error


def _with_password(place: StoreUrl) -> StoreUrl:
    if not place.password_file:
        return place
    try:
        password = Path(place.password_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"password_file: {place.password_file} cannot be read: {error}"
        ) from error
    return replace(place, password=password)
