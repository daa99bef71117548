"""A ClickHouse server or cluster, over HTTP or HTTPS.

Strategy: the same client, SQL and rows as embedded; only how a connection is made differs.
"""

from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from otel_llmops.errors import ConfigError
from otel_llmops.exporters.clickhouse_client import Connect
from otel_llmops.store_url import StoreUrl

__all__ = ["server_connect"]

_CONNECT_S = 10
_ANSWER_S = 600
_SERVER_SETTINGS = {
    # where the table is a cluster's: an insert returns once the shards have it
    "distributed_foreground_insert": 1,
}


def server_connect(place: StoreUrl) -> Connect:
    """Clients of that server. The database is made, if it is missing and the user may make it.

    Raises: ConfigError, if there is no such server or it lets us not in.
    """

    def connect(settings: dict[str, Any], database: str = place.database) -> Any:
        return clickhouse_connect.get_client(
            interface="https" if place.secure else "http",
            host=place.host,
            port=place.port,
            username=place.user or None,
            password=place.password,
            database=database,
            verify=place.verify,
            ca_cert=place.ca or None,
            connect_timeout=_CONNECT_S,
            send_receive_timeout=_ANSWER_S,
            # each client is used by one thread at a time; a session would forbid more all the same
            autogenerate_session_id=False,
            settings={**_SERVER_SETTINGS, **settings},
        )

    try:
        client = connect({}, "default")
        quoted = place.database.replace("\\", "\\\\").replace("`", "\\`")
        exists = client.query(
            "SELECT count() FROM system.databases WHERE name = {name:String}",
            parameters={"name": place.database},
        )
        if not exists.first_row[0]:
            client.command(f"CREATE DATABASE IF NOT EXISTS `{quoted}`")
        client.close()
    except (ClickHouseError, OSError, RuntimeError) as error:
        raise ConfigError(f"the store cannot be opened: {_reason(error, place)}") from error
    return connect


def _reason(error: BaseException, place: StoreUrl) -> str:
    """What went wrong, in the words of the system where that is below what the client says."""
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, OSError) and below.strerror:
            return f"{place.host}:{place.port}: {below.strerror}"
        below = below.__cause__ or below.__context__
    return next(iter(str(error).splitlines()), type(error).__name__)[:500]
