"""What every schema is made of: the types of its columns, and which of them may be null."""

import pyarrow as pa

__all__ = ["COUNT", "TEXT", "TIME", "required", "unknown_or"]

TEXT = pa.string()
COUNT = pa.int64()
TIME = pa.timestamp("ns", tz="UTC")
"""How every table holds a moment."""


def required(*fields: tuple[str, pa.DataType]) -> list[pa.Field]:
    """Columns that are never null."""
    return [pa.field(name, kind, nullable=False) for name, kind in fields]


def unknown_or(*fields: tuple[str, pa.DataType]) -> list[pa.Field]:
    """Columns that are null where nothing is known."""
    return [pa.field(name, kind, nullable=True) for name, kind in fields]
