"""Arrow rows as MySQL takes them: as CSV for LOAD DATA, or as values of an INSERT.

Strategy: what a column is in Arrow says what it is in the table (storage/tables.py): times are
integers of nanoseconds, maps JSON text, bytes hexadecimal digits in CSV. MySQL's numbers know
neither NaN nor infinity: they are unknown there.
"""

from binascii import hexlify
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from otel_llmops.exporters.json_text import json_objects

__all__ = ["as_csv", "insert_statement", "load_statement", "values"]

_FLAG = pa.int8()


def values(rows: pa.Table) -> pa.Table:
    """Rows of a schema of STORED as integers, numbers, text and bytes alone."""
    return pa.table({field.name: _plain(rows[field.name], field.type) for field in rows.schema})


def as_csv(rows: pa.Table, path: str) -> None:
    """Write what `load_statement` reads."""
    plain = values(rows)
    digits = {
        name: _hexadecimal(plain[name]) if pa.types.is_binary(kind) else plain[name]
        for name, kind in zip(plain.column_names, plain.schema.types, strict=True)
    }
    options = pa.csv.WriteOptions(include_header=False, quoting_style="needed")
    pa.csv.write_csv(pa.table(digits), path, options)


def load_statement(name: str, schema: pa.Schema, path: str) -> str:
    """LOAD DATA of such a file. Without an escape: a backslash in a text is a backslash."""
    targets, settings = [], []
    for place, field in enumerate(schema):
        if pa.types.is_binary(field.type):
            targets.append(f"@v{place}")
            settings.append(f"`{field.name}` = UNHEX(@v{place})")
        elif field.nullable or pa.types.is_floating(field.type):
            targets.append(f"@v{place}")
            settings.append(f"`{field.name}` = NULLIF(@v{place}, '')")
        else:
            targets.append(f"`{field.name}`")
    quoted = path.replace("\\", "\\\\").replace("'", "\\'")
    return (
        f"LOAD DATA LOCAL INFILE '{quoted}' INTO TABLE {name} CHARACTER SET utf8mb4 "
        "FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' "
        f"LINES TERMINATED BY '\\n' ({', '.join(targets)})"
        + (f" SET {', '.join(settings)}" if settings else "")
    )


def insert_statement(name: str, columns: Sequence[str]) -> str:
    """INSERT of `values`, for servers that load no files."""
    named = ", ".join(f"`{column}`" for column in columns)
    return f"INSERT INTO {name} ({named}) VALUES ({', '.join(['%s'] * len(columns))})"  # noqa: S608 - names of ours


def _plain(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray | pa.Array:
    if pa.types.is_map(kind):
        return json_objects(column)
    if pa.types.is_timestamp(kind):
        return column.cast(pa.int64())
    if pa.types.is_boolean(kind):
        return column.cast(_FLAG)
    if pa.types.is_floating(kind):
        return pc.if_else(pc.is_finite(column), column, None)
    return column


def _hexadecimal(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([_digits(chunk) for chunk in column.chunks], pa.string())


def _digits(array: pa.Array) -> pa.Array:
    _, where, data = array.buffers()
    every = np.frombuffer(where, np.int32) if where is not None else np.zeros(1, np.int32)
    offsets = every[array.offset : array.offset + len(array) + 1]
    held = memoryview(data or b"")[offsets[0] : offsets[-1]]
    digits = pa.py_buffer(hexlify(held))
    lengths = pa.py_buffer((offsets - offsets[0]) * 2)
    return pa.StringArray.from_buffers(len(array), lengths, digits)
