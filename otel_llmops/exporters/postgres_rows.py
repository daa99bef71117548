"""Arrow rows as PostgreSQL's binary COPY takes them.

Strategy: what a column is in Arrow says what it is in the table (storage/tables.py): times are
integers of nanoseconds, maps JSON text that is encoded as JSONB. Nothing loops over rows here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pgpq
import pgpq.encoders
import pgpq.schema
import pyarrow as pa

from otel_llmops.exporters.json_text import json_objects, without_nul
from otel_llmops.storage.tables import REPLACEMENT

__all__ = ["as_copy"]

_ROWS_AT_ONCE = 2_048
"""While one piece is sent the next is made: the first alone is waited for."""
_WIDER: Mapping[pa.DataType, pa.DataType] = {pa.int8(): pa.int16(), pa.uint32(): pa.int64()}
"""What PostgreSQL has no type for -> the next that holds it."""


def as_copy(rows: pa.Table) -> Iterator[bytes]:
    """All rows as the body of a COPY ... (FORMAT binary), in pieces; columns in their order.

    In:   rows of a schema of STORED.
    Cost: O(bytes), when a piece is asked for: so one can be made while another is sent.
    """
    encoder = None
    for start in range(0, rows.num_rows, _ROWS_AT_ONCE):
        piece = rows.slice(start, _ROWS_AT_ONCE).combine_chunks()
        plain = pa.table(
            {field.name: _plain(piece[field.name], field.type) for field in rows.schema}
        )
        if encoder is None:
            encoder = _encoder(rows.schema, plain.schema)
            yield encoder.write_header()
        for batch in plain.combine_chunks().to_batches():
            yield encoder.write_batch(batch)
    if encoder is not None:
        yield encoder.finish()


def _plain(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray | pa.Array:
    if pa.types.is_map(kind):
        # JSONB has no NUL either, not even as an escape
        return json_objects(column, nul=REPLACEMENT)
    if pa.types.is_string(kind):
        return without_nul(column, REPLACEMENT)
    if pa.types.is_timestamp(kind):
        return column.cast(pa.int64())
    return column.cast(_WIDER[kind]) if kind in _WIDER else column


def _encoder(schema: pa.Schema, plain: pa.Schema) -> pgpq.ArrowToPostgresBinaryEncoder:
    encoders: dict[str, Any] = {}
    for field in plain:
        if pa.types.is_map(schema.field(field.name).type):
            encoders[field.name] = pgpq.encoders.StringEncoderBuilder.new_with_output(
                field, pgpq.schema.Jsonb()
            )
        else:
            encoders[field.name] = pgpq.ArrowToPostgresBinaryEncoder.infer_encoder(field)
    return pgpq.ArrowToPostgresBinaryEncoder.new_with_encoders(plain, encoders)
