"""The spans of a lake, read from its files alone: beside a `serve` that writes them, or without."""

from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from otel_llmops.engine.recent import wire_pieces
from otel_llmops.errors import ConfigError
from otel_llmops.exporters.parquet_files import LAKE_FILE, LakeFiles
from otel_llmops.exporters.parquet_shelf import Folder, Shelf
from otel_llmops.model.schemas import SPANS
from otel_llmops.otlp import Request, decode_traces, encode_traces
from otel_llmops.store_url import StoreUrl

__all__ = [
    "Place",
    "file_spans",
    "is_lake",
    "lake_spans",
    "named",
    "settled",
    "shelf_at",
    "span_files",
]

Place = Path | StoreUrl
"""Where a lake is: a folder, or a bucket and its prefix."""

_WIRE = ["span_wire", "scope_wire", "resource_wire"]
_ATTEMPTS = 5
"""How often files may be merged while they are read."""
_Answer = TypeVar("_Answer")


def is_lake(folder: Path) -> bool:
    """Whether a store keeps its Parquet files in that folder."""
    return (folder / LAKE_FILE).is_file()


def shelf_at(place: Place) -> Shelf:
    """The files of the lake there. Raises: ConfigError."""
    if isinstance(place, Path):
        return Folder(place)
    if place.is_local:
        return Folder(Path(place.path))
    from otel_llmops.exporters.parquet_bucket import Bucket  # noqa: PLC0415 - 50 ms, and a thread

    return Bucket(place)


def lake_spans(root: Place, progress: Callable[[int, int], None] | None = None) -> pa.Table:
    """SPANS, every span of the lake at `root`. `progress` hears (files done, files).

    Raises: ConfigError, if the files cannot be read.
    """
    return settled(named(root), lambda: _spans(root, progress))


def named(place: Place) -> str:
    """The lake, as an error names it."""
    return str(place) if isinstance(place, Path) else place.path


def settled(lakes: str, read: Callable[[], _Answer]) -> _Answer:
    """What `read` gives, which begins again where files were merged while it read.

    Raises: ConfigError, which names the `lakes`, if the files cannot be read.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return read()
        except FileNotFoundError as error:  # merged with others since it was listed
            if attempt == _ATTEMPTS - 1:
                raise ConfigError(
                    f"the lake in {lakes} changes while it is read: {error}"
                ) from error
        except (OSError, pa.ArrowException) as error:
            raise ConfigError(f"the lake in {lakes} cannot be read: {error}") from error
    raise AssertionError("the last attempt returns or raises")


def span_files(root: Place) -> list[PurePath]:
    """The files of a lake that hold spans, in order. Raises: OSError; ArrowException."""
    shelf = shelf_at(root)
    files = LakeFiles(shelf)
    if shelf.content(shelf.root / LAKE_FILE) is None:
        raise ConfigError(f"there is no lake at {named(root)}")
    return [path for folder in files.folders("spans") for path in files.files(folder)]


def file_spans(
    root: Place, path: PurePath, trace_ids: pa.Array | None = None
) -> Iterator[pa.Table]:
    """SPANS of a file of a lake, some at a time: all, or those of some traces.

    Raises: OSError; ArrowException, if the file is damaged.
    """
    with pq.ParquetFile(shelf_at(root).opened(path)) as file:
        for group in range(file.num_row_groups):
            chosen = None
            if trace_ids is not None:
                traces = file.read_row_group(group, columns=["trace_id"])["trace_id"]
                chosen = pc.is_in(traces, value_set=trace_ids)
                if not pc.any(chosen).as_py():
                    continue
            wire = file.read_row_group(group, columns=_WIRE)
            if chosen is not None:
                wire = wire.filter(chosen)
            for part in wire_pieces(wire.combine_chunks()):
                yield decode_traces([Request(encode_traces(part))])


def _spans(root: Place, progress: Callable[[int, int], None] | None) -> pa.Table:
    paths = span_files(root)
    found = [SPANS.empty_table()]
    for done, path in enumerate(paths, start=1):
        found += file_spans(root, path)
        if progress is not None:
            progress(done, len(paths))
    return pa.concat_tables(found)
