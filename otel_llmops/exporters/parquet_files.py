"""The files of a lake: written whole or not at all, and never changed once they have their name.

    agents/day=2026-01-01/00000001767225600000000000.parquet     one batch, or one analysis
    spans/day=2026-01-01/0-17..0-42+0-99..0-120.parquet          what was made of several
    code_modules/<snapshot>.parquet                              replaced whole

Strategy: a file is written beside its place, forced to the disk and renamed. One that was made of
several says which in its metadata: those that a crash left behind are known by it, and a batch that
comes again is known to be there.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from otel_llmops.journal import Disk, make_directory
from otel_llmops.storage.tables import TIME_COLUMN

__all__ = ["LAKE_FILE", "LakeFiles", "by_day", "conformed", "held", "read_rows", "stem_of"]

LAKE_FILE = "otel_llmops_lake.json"
"""What says that a folder is a lake, and which columns its files may have."""
SUFFIX = ".parquet"
_FRESH = ".fresh"
"""What ends so is not complete, and matches no pattern of a view."""
_HOLDS = b"otel_llmops.holds"
_STEM_MAX = 100
_ROW_GROUP_ROWS = 32_768
_BLOOM_FPP = 0.01
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
    if len(np.unique(days)) > _DAYS_MAX:
        months = days.astype("datetime64[D]").astype("datetime64[M]")
        days = ((months + 1).astype("datetime64[D]") - 1).astype(int)
    distinct = np.unique(days)
    for day in distinct:
        part = rows if len(distinct) == 1 else rows.filter(pa.array(days == day))
        yield str(np.datetime64(int(day), "D")), part


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


def read_rows(path: Path, schema: pa.Schema) -> pa.Table:
    """The columns `schema` of a file. Raises: OSError; ArrowInvalid, if it is damaged."""
    with pq.ParquetFile(path) as file:
        known = [name for name in schema.names if name in file.schema_arrow.names]
        return conformed(file.read(columns=known), schema)


@lru_cache(maxsize=512)
def held(path: Path) -> frozenset[str]:
    """The stems of the files whose rows this one has; files never change, so it is kept."""
    if "+" not in path.stem:
        return frozenset()
    metadata = pq.read_metadata(path).metadata or {}
    return frozenset(json.loads(metadata.get(_HOLDS, b"[]")))


class LakeFiles:
    """Writes, names and removes the files under `root`. Raises OSError and nothing else."""

    def __init__(self, root: Path, disk: Disk) -> None:
        self.root = root
        self._disk = disk

    def folder(self, table: str, day: str = "") -> Path:
        """Where a table's rows of that day are; made if it is not there."""
        made = self.root / table
        for each in (made, made / f"day={day}") if day else (made,):
            if not each.is_dir():
                make_directory(self._disk, each)
            made = each
        return made

    def folders(self, table: str) -> list[Path]:
        """The folders of a table that has one a day, in order."""
        return sorted((self.root / table).glob("day=*"))

    def files(self, folder: Path) -> list[Path]:
        """The files of a folder whose rows no other one has, in order."""
        paths = sorted(folder / n for n in self._disk.names(folder) if n.endswith(SUFFIX))
        superseded = {stem for path in paths for stem in held(path)}
        return [path for path in paths if path.stem not in superseded]

    def has(self, folder: Path, stem: str) -> bool:
        """Whether rows of that name are there, in a file of their own or with others."""
        if (folder / f"{stem}{SUFFIX}").exists():
            return True
        return any(stem in held(path) for path in self.files(folder))

    def fresh(
        self, folder: Path, stem: str, rows: pa.Table, *, key: str, holds: Collection[str] = ()
    ) -> Path:
        """Write rows that nobody sees until `publish`; the path that they will have.

        `key` is the column by which they are looked up.
        """
        path = folder / f"{stem}{SUFFIX}"
        content = _parquet(rows, key, holds)
        fresh = _fresh(path)
        try:
            fd = self._disk.open(fresh, create=True)
            try:
                self._disk.truncate(fd, 0)
                self._disk.write(fd, [content], 0)
                self._disk.fdatasync(fd)
            finally:
                self._disk.close(fd)
        except OSError:
            with suppress(OSError):
                self._disk.unlink(fresh)
            raise
        return path

    def publish(self, paths: Sequence[Path]) -> None:
        """Give what `fresh` wrote its name; returns once that is on the disk."""
        for path in paths:
            self._disk.rename(_fresh(path), path)
        for folder in {path.parent for path in paths}:
            self._disk.sync_directory(folder)

    def remove(self, paths: Sequence[Path]) -> None:
        """Remove files; those that are gone already are."""
        for path in paths:
            with suppress(FileNotFoundError):
                self._disk.unlink(path)

    def remove_folder(self, folder: Path) -> None:
        """Remove a folder and all its files."""
        self.remove([folder / name for name in self._disk.names(folder)])
        with suppress(FileNotFoundError):
            folder.rmdir()

    def recover(self, folder: Path) -> None:
        """Remove what a crash left behind: what is not complete, and what others have."""
        names = self._disk.names(folder)
        self.remove([folder / name for name in names if name.endswith(_FRESH)])
        kept = set(self.files(folder))
        paths = (folder / name for name in names if name.endswith(SUFFIX))
        self.remove([path for path in paths if path not in kept])


def _fresh(path: Path) -> Path:
    return path.with_name(f"{path.name}{_FRESH}")


def _parquet(rows: pa.Table, key: str, holds: Collection[str]) -> memoryview:
    if holds:
        metadata = {**(rows.schema.metadata or {}), _HOLDS: json.dumps(sorted(holds)).encode()}
        rows = rows.replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    distinct = max(1, min(rows.num_rows, _ROW_GROUP_ROWS))
    pq.write_table(
        rows,
        sink,
        compression="zstd",
        row_group_size=_ROW_GROUP_ROWS,
        bloom_filter_options={key: {"ndv": distinct, "fpp": _BLOOM_FPP}},
    )
    return memoryview(sink.getvalue())
