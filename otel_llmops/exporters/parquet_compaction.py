"""Many small files of a lake become a few large ones, beside all else.

Strategy: files of a folder are merged with those of about their size, once there are eight of
them: so a row is written again once for each eightfold. Rows of superseded analyses are left out.
Merged rows are sorted by what they are looked up by.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.errors import LlmopsError
from otel_llmops.exporters.parquet_files import LakeFiles
from otel_llmops.exporters.parquet_gate import Gate
from otel_llmops.exporters.parquet_views import REPLACED, REPLACED_SCHEMA
from otel_llmops.model.schemas import DERIVED
from otel_llmops.storage.tables import STORED, TABLES, TIME_COLUMN, belongs_to

__all__ = ["Compaction", "lookup_key"]

_log = logging.getLogger(__name__)

_MERGED_AT = 8
_TIER_BITS = 3  # files of one tier differ in size by less than eightfold
_MERGED_BYTES_MAX = 32 * 2**20
"""A file is large enough from here on; the rows of a merge are in memory."""
_PAUSE_S = 2.0
_STOP_S = 30.0

Newest = Callable[[Sequence[str]], pa.Table]
"""Session ids -> REPLACED_SCHEMA, their newest analyses."""


def lookup_key(name: str) -> str:
    """The column by which rows of that table are looked up."""
    return "session_id" if name == REPLACED else belongs_to(TABLES[name])


@dataclass(frozen=True, slots=True)
class _Merge:
    table: str
    folder: PurePath
    paths: Sequence[PurePath]


class Compaction:
    """Merges files when it is asked to, or in a thread of its own from `start` on."""

    def __init__(self, files: LakeFiles, gate: Gate, newest: Newest) -> None:
        self._files = files
        self._gate = gate
        self._newest = newest
        self._stop = threading.Event()
        self._working = threading.Lock()
        self._thread: threading.Thread | None = None
        self._seen: set[PurePath] = set()  # nothing came into these since
        self.committed = 0
        """The newest analysis that is complete: later ones may lack their session's row."""

    def start(self) -> None:
        """Look for small files from time to time."""
        self._thread = threading.Thread(target=self._run, name="lake-compaction", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Merge no more. Safe to call twice."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)

    def run(self) -> int:
        """Merge what there is to merge; how many files are fewer now.

        Raises: OSError; LlmopsError; ArrowException, if a file is damaged.
        """
        try:
            return self._run_once()
        except BaseException:
            self._seen.clear()  # a merge may have left what it merged
            raise

    def _run_once(self) -> int:
        fewer = 0
        while merges := list(self._merges()):
            for merge in merges:
                if self._stop.is_set():
                    return fewer
                with self._working:
                    fewer += self._merge(merge)
        return fewer

    def alone(self) -> threading.Lock:
        """Held, nothing is merged."""
        return self._working

    def _run(self) -> None:
        while not self._stop.wait(_PAUSE_S):
            try:
                self.run()
            except (LlmopsError, OSError, pa.ArrowException) as error:
                _log.warning("small files of the lake stay as they are: %s", error)

    def _merges(self) -> Iterator[_Merge]:
        self._seen -= self._files.touched()
        for name in (*TIME_COLUMN, REPLACED):
            folders = [self._files.folder(name)] if name == REPLACED else self._files.folders(name)
            for folder in folders:
                if folder in self._seen:
                    continue
                self._sweep(folder)
                every = self._files.files(folder)
                paths = [path for path in every if self._is_over(name, path)]
                if len(paths) == len(every):
                    self._seen.add(folder)
                for group in _alike([(path, self._files.size(path) or 0) for path in paths]):
                    yield _Merge(name, folder, group)

    def _sweep(self, folder: PurePath) -> None:
        """Remove what a merge left that was interrupted, by a store that was away for a moment."""
        if left := self._files.superseded(folder):
            with self._gate.changing():
                self._files.remove(left)

    def _is_over(self, name: str, path: PurePath) -> bool:
        is_signed = name in DERIVED or name == REPLACED
        return not is_signed or int(path.stem.rpartition("+")[2]) <= self.committed

    def _merge(self, merge: _Merge) -> int:
        if any(self._files.size(path) is None for path in merge.paths):
            return 0  # retention was faster
        schema = REPLACED_SCHEMA if merge.table == REPLACED else STORED[merge.table]
        rows = pa.concat_tables([self._files.read(path, schema) for path in merge.paths])
        rows = self.live(merge.table, rows)
        order = [(lookup_key(merge.table), "ascending")]
        if merge.table in TIME_COLUMN:
            order.append((TIME_COLUMN[merge.table], "ascending"))
        first, last = merge.paths[0].stem, merge.paths[-1].stem
        holds = {path.stem for path in merge.paths}
        if merge.table not in DERIVED and merge.table != REPLACED:
            holds.update(*map(self._files.held, merge.paths))  # each batch that came may come again
        made = self._files.fresh(
            merge.folder,
            f"{first.partition('+')[0]}+{last.rpartition('+')[2]}",
            rows.sort_by(order),
            key=lookup_key(merge.table),
            holds=holds,
        )
        with self._gate.changing():
            self._files.publish([made])
            self._files.remove(merge.paths)
        return len(merge.paths) - 1

    def live(self, name: str, rows: pa.Table) -> pa.Table:
        """The rows of a table that no later analysis supersedes."""
        if name == REPLACED:
            newest = rows.group_by("session_id").aggregate([("generation", "max")])
            return newest.rename_columns(REPLACED_SCHEMA.names).cast(REPLACED_SCHEMA)
        if name not in DERIVED:
            return rows
        newest = self._newest(pc.unique(rows["session_id"]).to_pylist())
        places = pc.index_in(rows["session_id"], newest["session_id"].combine_chunks())
        latest = newest["generation"].combine_chunks().take(places.combine_chunks())
        return rows.filter(pc.fill_null(pc.equal(rows["generation"], latest), fill_value=False))


def _alike(paths: Sequence[tuple[PurePath, int]]) -> Iterator[Sequence[PurePath]]:
    """Of files and their sizes the groups that are worth a merge: small, and much alike."""
    tiers: dict[int, list[tuple[PurePath, int]]] = defaultdict(list)
    for path, size in paths:
        if size < _MERGED_BYTES_MAX:
            tiers[size.bit_length() // _TIER_BITS].append((path, size))
    for tier in tiers.values():
        if len(tier) < _MERGED_AT:
            continue
        group: list[PurePath] = []
        total = 0
        for path, size in tier:
            if total + size > _MERGED_BYTES_MAX and len(group) > 1:
                yield group
                group, total = [], 0
            group.append(path)
            total += size
        if len(group) > 1:
            yield group
