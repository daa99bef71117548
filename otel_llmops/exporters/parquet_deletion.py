"""Sessions taken out of a lake.

Strategy: each file that has rows of them is written anew without, under its own name: so a batch
that comes again is still known, also where nothing is left of it.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import PurePath

import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.exporters.derived import DELETED
from otel_llmops.exporters.parquet_compaction import lookup_key
from otel_llmops.exporters.parquet_files import LakeFiles
from otel_llmops.exporters.parquet_gate import Gate
from otel_llmops.exporters.parquet_views import REPLACED, REPLACED_SCHEMA
from otel_llmops.model.schemas import DERIVED
from otel_llmops.storage.tables import STORED

__all__ = ["delete"]

_READS = 8
"""Files that are read at once: in an object store each waits for answers most of the time."""

Live = Callable[[str, pa.Table], pa.Table]
"""(table, its rows) -> those that no later analysis supersedes."""


def delete(
    files: LakeFiles, gate: Gate, live: Live, session_ids: Sequence[str], trace_ids: Sequence[str]
) -> dict[str, int]:
    """As Exporter.delete_sessions. Nothing else may change files meanwhile.

    Cost: reads the column of ids of every file.
    """
    gone = {}
    for name in (*DELETED, REPLACED):
        ids = session_ids if name in DERIVED or name == REPLACED else trace_ids
        paths = list(_paths(files, name))
        with ThreadPoolExecutor(_READS) as pool:
            theirs = list(pool.map(partial(_has_any, files, name, ids), paths))
        gone[name] = sum(
            _without(files, gate, path, name, live, ids)
            for path in itertools.compress(paths, theirs)
        )
    del gone[REPLACED]
    return gone


def _paths(files: LakeFiles, name: str) -> Iterator[PurePath]:
    folders = [files.folder(REPLACED)] if name == REPLACED else files.folders(name)
    for folder in folders:
        yield from files.files(folder)


def _schema(name: str) -> pa.Schema:
    return REPLACED_SCHEMA if name == REPLACED else STORED[name]


def _has_any(files: LakeFiles, name: str, ids: Sequence[str], path: PurePath) -> bool:
    field = _schema(name).field(lookup_key(name))
    found = files.read(path, pa.schema([field]))[field.name]
    return bool(pc.any(pc.is_in(found, pa.array(list(ids), field.type))).as_py())


def _without(
    files: LakeFiles, gate: Gate, path: PurePath, name: str, live: Live, ids: Sequence[str]
) -> int:
    """Write a file without the rows of these; how many of them were live."""
    schema, key = _schema(name), lookup_key(name)
    rows = files.read(path, schema)
    theirs = pc.is_in(rows[key], pa.array(list(ids), schema.field(key).type))
    kept = rows.filter(pc.invert(theirs))
    made = files.fresh(path.parent, path.stem, kept, key=key, holds=files.held(path))
    counted = rows.filter(theirs)
    if name in DERIVED:
        counted = live(name, counted)
    with gate.changing():
        files.publish([made])
    return int(counted.num_rows)
