"""Sessions taken out of a lake.

Strategy: each file that has rows of them is written anew without, under its own name: so a batch
that comes again is still known, also where nothing is left of it.
"""

from collections.abc import Callable, Iterator, Sequence
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
        gone[name] = sum(
            _without(files, gate, path, name, live, ids) for path in _paths(files, name)
        )
    del gone[REPLACED]
    return gone


def _paths(files: LakeFiles, name: str) -> Iterator[PurePath]:
    folders = [files.folder(REPLACED)] if name == REPLACED else files.folders(name)
    for folder in folders:
        yield from files.files(folder)


def _without(
    files: LakeFiles, gate: Gate, path: PurePath, name: str, live: Live, ids: Sequence[str]
) -> int:
    """Write a file without the rows of these; how many of them were live."""
    schema = REPLACED_SCHEMA if name == REPLACED else STORED[name]
    key = lookup_key(name)
    wanted = pa.array(list(ids), schema.field(key).type)
    found = files.read(path, pa.schema([schema.field(key)]))
    if not pc.any(pc.is_in(found[key], wanted)).as_py():
        return 0
    rows = files.read(path, schema)
    theirs = pc.is_in(rows[key], wanted)
    kept = rows.filter(pc.invert(theirs))
    made = files.fresh(path.parent, path.stem, kept, key=key, holds=files.held(path))
    counted = rows.filter(theirs)
    if name in DERIVED:
        counted = live(name, counted)
    with gate.changing():
        files.publish([made])
    return int(counted.num_rows)
