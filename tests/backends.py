"""One row for each backend: how to open it, and what it cannot do."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.storage.seams import Exporter, Store


class Destination(Exporter, Store, Protocol):
    """What the battery drives: written to and read from."""


@dataclass(frozen=True)
class Backend:
    """`open` gives the destination kept in that folder; the same folder again, the same data."""

    name: str
    open: Callable[[Path], Destination]


BACKENDS = (Backend("clickhouse-embedded", ClickHouse.embedded),)
