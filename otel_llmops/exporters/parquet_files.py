"""The files of a lake: written whole or not at all, and never changed once they have their name.

    agents/day=2026-01-01/00000001767225600000000000.parquet     one batch, or one analysis
    spans/day=2026-01-01/0-17..0-42+0-99..0-120.parquet          what was made of several
    code_modules/<snapshot>.parquet                              replaced whole

Strategy: a shelf (parquet_shelf.py) has them, a folder or a bucket. A file that was made of several
says which in its metadata: those that a crash left behind are known by it, and a batch that comes
again is known to be there.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from otel_llmops.exporters.parquet_shelf import Shelf
from otel_llmops.storage.tables import TIME_COLUMN

__all__ = ["LAKE_FILE", "LakeFiles", "by_day", "conformed", "stem_of"]

LAKE_FILE = "otel_llmops_lake.json"
"""What says that a folder is a lake, and which columns its files may have."""
SUFFIX = ".parquet"
_HOLDS = b"otel_llmops.holds"
_STEM_MAX = 100
_ROW_GROUP_ROWS = 32_768
_BLOOM_FPP = 0.01
_HELD_MAX = 512
_DAY_NS = 86_400 * 10**9
_DAYS = np.datetime64("2020-01-01", "D").astype(int), np.datetime64("2050-01-01", "D").astype(int)
"""Rows of any other time are in the first or the last of these: some clocks say 1970."""
_DAYS_MAX = 64
"""Files that one batch may become. Rows of more days are in the last day of their month."""


def stem_of(name: str) -> str:
    """The file name, but for its suffix, of what is called `name`. It has no + in it."""
    escaped = quote(name, safe="")
    if len(escaped) <= _STEM_MAX and not escaped.startswith("."):
        return escaped
    return blake2b(name.encode(), digest_size=20).hexdigest()


def by_day(name: str, rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The rows of a table by their day in UTC, as `2026-01-01`; the same rows in the same parts."""
    if not rows.num_rows:
        return
    times = np.asarray(rows[TIME_COLUMN[name]].cast(pa.int64()))
    days = np.clip(times // _DAY_NS, *_DAYS)
    first, last = days.min(), days.max()
    if first == last:
        yield _named(first), rows
        return
    if last - first >= _DAYS_MAX and len(np.unique(days)) > _DAYS_MAX:
        months = days.astype("datetime64[D]").astype("datetime64[M]")
        days = ((months + 1).astype("datetime64[D]") - 1).astype(int)
    for day in np.unique(days):
        yield _named(day), rows.filter(pa.array(days == day))


def _named(day: np.int64) -> str:
    return str(np.datetime64(int(day), "D"))


def conformed(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows of an earlier release as `schema`: what they lack is null, or empty, 0 or false."""
    columns = []
    for field in schema:
        if field.name in rows.column_names:
            columns.append(rows[field.name].cast(field.type))
        elif field.nullable:
            columns.append(pa.nulls(rows.num_rows, field.type))
        else:
            columns.append(pa.repeat(_empty(field.type), rows.num_rows))
    return pa.table(columns, schema=schema)


def _empty(kind: pa.DataType) -> pa.Scalar:
    if pa.types.is_map(kind):
        return pa.scalar([], kind)
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return pa.scalar("" if pa.types.is_string(kind) else b"", kind)
    return pa.scalar(0, pa.int64()).cast(kind)


class LakeFiles:
    """Writes, names, reads and removes the files of a lake. Raises OSError, unless it says more."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._held = lru_cache(maxsize=_HELD_MAX)(self._read_held)
        self._touched: set[PurePath] = set()

    @property
    def root(self) -> PurePath:
        """The folder of the lake."""
        return self._shelf.root

    def folder(self, table: str, day: str = "") -> PurePath:
        """Where a table's rows of that day are; made if it is not there."""
        made = self.root / table
        self._shelf.make(made)
        if day:
            made /= f"day={day}"
            self._shelf.make(made)
        return made

    def folders(self, table: str) -> list[PurePath]:
        """The folders of a table that has one a day, in order."""
        every = self._shelf.folders(self.root / table)
        return [folder for folder in every if folder.name.startswith("day=")]

    def files(self, folder: PurePath) -> list[PurePath]:
        """The files of a folder whose rows no other one has, in order."""
        paths = self._paths(folder)
        superseded = {stem for path in paths for stem in self.held(path)}
        return [path for path in paths if path.stem not in superseded]

    def superseded(self, folder: PurePath) -> list[PurePath]:
        """The files of a folder whose rows others have: what was interrupted left them behind."""
        kept = set(self.files(folder))
        return [path for path in self._paths(folder) if path not in kept]

    def newest(self, folder: PurePath) -> str:
        """The last stem of the files of a folder, or what a merged one ends with; "" if empty."""
        return max((path.stem.rpartition("+")[2] for path in self._paths(folder)), default="")

    def has(self, folder: PurePath, stem: str) -> bool:
        """Whether rows of that name are there, in a file of their own or with others."""
        if self.size(folder / f"{stem}{SUFFIX}") is not None:
            return True
        return any(stem in self.held(path) for path in self.files(folder))

    def held(self, path: PurePath) -> frozenset[str]:
        """The stems of the files whose rows this one has; a name never comes to hold others."""
        return self._held(path) if "+" in path.stem else frozenset()

    def _read_held(self, path: PurePath) -> frozenset[str]:
        with pq.ParquetFile(self._shelf.opened(path)) as file:
            metadata = file.metadata.metadata or {}
        return frozenset(json.loads(metadata.get(_HOLDS, b"[]")))

    def size(self, path: PurePath) -> int | None:
        """How large a file is, By; None where there is none."""
        return self._shelf.size(path)

    def read(self, path: PurePath, schema: pa.Schema) -> pa.Table:
        """The columns `schema` of a file. Raises: OSError; ArrowInvalid, if it is damaged."""
        with pq.ParquetFile(self._shelf.opened(path)) as file:
            known = [name for name in schema.names if name in file.schema_arrow.names]
            return conformed(file.read(columns=known), schema)

    def fresh(
        self,
        folder: PurePath,
        stem: str,
        rows: pa.Table,
        *,
        key: str,
        holds: Collection[str] = (),
    ) -> PurePath:
        """Write rows that nobody sees until `publish`; the path that they will have.

        `key` is the column by which they are looked up.
        """
        path = folder / f"{stem}{SUFFIX}"
        self._shelf.write(path, lambda taking: _parquet(taking, rows, key, holds))
        return path

    def publish(self, paths: Sequence[PurePath]) -> None:
        """Give what `fresh` wrote its name; returns once that is durable."""
        self._shelf.publish(paths)
        self._touched.update(path.parent for path in paths)

    def touched(self) -> set[PurePath]:
        """The folders that files came into since this was last asked."""
        taken = set(self._touched)
        self._touched -= taken
        return taken

    def remove(self, paths: Sequence[PurePath]) -> None:
        """Remove files; those that are gone already are."""
        self._shelf.remove(paths)

    def remove_folder(self, folder: PurePath) -> None:
        """Remove a folder and all its files."""
        self._shelf.remove_folder(folder)

    def recover(self, folder: PurePath) -> None:
        """Remove what a crash left behind: what is not complete, and what others have."""
        self._shelf.clear(folder)
        self.remove(self.superseded(folder))

    def _paths(self, folder: PurePath) -> list[PurePath]:
        return sorted(folder / n for n in self._shelf.names(folder) if n.endswith(SUFFIX))


def _parquet(taking: Any, rows: pa.Table, key: str, holds: Collection[str]) -> None:
    if holds:
        metadata = {**(rows.schema.metadata or {}), _HOLDS: json.dumps(sorted(holds)).encode()}
        rows = rows.replace_schema_metadata(metadata)
    distinct = max(1, min(rows.num_rows, _ROW_GROUP_ROWS))
    pq.write_table(
        rows,
        taking,
        compression="zstd",
        row_group_size=_ROW_GROUP_ROWS,
        bloom_filter_options={key: {"ndv": distinct, "fpp": _BLOOM_FPP}},
    )
