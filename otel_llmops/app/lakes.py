"""The spans of a lake, read from its files alone: beside a `serve` that writes them, or without."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from otel_llmops.engine.recent import wire_pieces
from otel_llmops.errors import ConfigError
from otel_llmops.exporters.parquet_files import LAKE_FILE, LakeFiles, read_rows
from otel_llmops.journal import Disk
from otel_llmops.model.schemas import SPANS
from otel_llmops.otlp import Request, decode_traces, encode_traces
from otel_llmops.storage.tables import STORED

__all__ = ["is_lake", "lake_spans"]

_WIRE = pa.schema([STORED["spans"].field(n) for n in ("span_wire", "scope_wire", "resource_wire")])
_ATTEMPTS = 5
"""How often files may be merged while they are read."""


def is_lake(folder: Path) -> bool:
    """Whether a store keeps its Parquet files in that folder."""
    return (folder / LAKE_FILE).is_file()


def lake_spans(root: Path, progress: Callable[[int, int], None] | None = None) -> pa.Table:
    """SPANS, every span of the lake in `root`. `progress` hears (files done, files).

    Raises: ConfigError, if the files cannot be read.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return _spans(root, progress)
        except FileNotFoundError as error:  # merged with others since it was listed
            if attempt == _ATTEMPTS - 1:
                raise ConfigError(
                    f"the lake in {root} changes while it is read: {error}"
                ) from error
        except (OSError, pa.ArrowException) as error:
            raise ConfigError(f"the lake in {root} cannot be read: {error}") from error
    raise AssertionError("the last attempt returns or raises")


def _spans(root: Path, progress: Callable[[int, int], None] | None) -> pa.Table:
    files = LakeFiles(root, Disk())
    paths = [path for folder in files.folders("spans") for path in files.files(folder)]
    decoded = [SPANS.empty_table()]
    for done, path in enumerate(paths, start=1):
        wire = read_rows(path, _WIRE)
        decoded += [decode_traces([Request(encode_traces(part))]) for part in wire_pieces(wire)]
        if progress is not None:
            progress(done, len(paths))
    return pa.concat_tables(decoded)
