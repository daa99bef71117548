"""URL scheme -> exporter and store."""

from pathlib import Path

from otel_llmops.app.locks import patiently
from otel_llmops.config import store_url
from otel_llmops.errors import ConfigError
from otel_llmops.exporters.clickhouse import ClickHouse

__all__ = ["open_store"]

_PREDECESSOR_S = 0.5


def open_store(url: str) -> ClickHouse:
    """The destination at `url`, which is both Exporter and Store.

    Raises: ConfigError, if there is no such store or it cannot be opened.
    """
    place = store_url(url)
    match place.scheme:
        case "chdb":
            folder = Path(place.path)
            return patiently(
                lambda: ClickHouse.embedded(folder), ConfigError, wait_s=_PREDECESSOR_S
            )
        case scheme:
            raise AssertionError(f"config knows the store {scheme}, and app does not")
