"""The tables of a lake as ClickHouse sees them: views over its files, of the same names.

Strategy: a row of a derived table counts where it is of its session's newest analysis, which a
small table of its own (`replaced`) says. An analysis is there once its row of that table is, so
replacing is one rename; nothing is ever rewritten, and no query knows of it.
"""

from collections.abc import Sequence

import pyarrow as pa

from otel_llmops.exporters.clickhouse_schema import structure
from otel_llmops.exporters.parquet_shelf import Shelf
from otel_llmops.model.schemas import DERIVED
from otel_llmops.storage.tables import STORED, TIME_COLUMN

__all__ = ["REPLACED", "REPLACED_SCHEMA", "view_statements"]

REPLACED = "replaced"
REPLACED_SCHEMA = pa.schema(
    [
        pa.field("session_id", pa.string(), nullable=False),
        pa.field("generation", pa.int64(), nullable=False),
    ]
)


def view_statements(shelf: Shelf) -> Sequence[str]:
    """One CREATE VIEW for each table, over the files on `shelf`.

    Raises: ConfigError, if the lake's name has a character that ClickHouse reads as a pattern.
    """
    files = _files(shelf, REPLACED, REPLACED_SCHEMA)
    replaced = f"CREATE OR REPLACE VIEW {REPLACED} ({structure(REPLACED_SCHEMA)}) AS\n"
    return [f"{replaced}SELECT * FROM {files}", *(_view(shelf, name) for name in STORED)]  # noqa: S608


def _view(shelf: Shelf, name: str) -> str:
    schema = STORED[name]
    select = f"SELECT * FROM {_files(shelf, name, schema)}"  # noqa: S608 - names of ours
    newest = f"SELECT session_id, max(generation) FROM {REPLACED} GROUP BY session_id"  # noqa: S608
    counts = f"\nWHERE (session_id, generation) IN (\n    {newest}\n)" if name in DERIVED else ""
    return f"CREATE OR REPLACE VIEW {name} ({structure(schema)}) AS\n{select}{counts}"


def _files(shelf: Shelf, name: str, schema: pa.Schema) -> str:
    pattern = "day=*/*.parquet" if name in TIME_COLUMN else "*.parquet"
    return shelf.source(f"{name}/{pattern}", structure(schema))
