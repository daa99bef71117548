"""A topology snapshot on its way into a store: whole, of one id, and told by bytes.

Strategy: what every store must check before it writes, once. The bytes are one Arrow IPC stream
after the other, each with its table's name in the metadata of its schema: no format of our own,
and no table is copied on the way.
"""

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.errors import DecodeError, PermanentExport
from otel_llmops.model.schemas import require
from otel_llmops.model.topology import TOPOLOGY

__all__ = [
    "SNAPSHOT_TYPE",
    "checked_snapshot",
    "snapshot_bytes",
    "snapshot_id_of",
    "snapshot_of_bytes",
]

SNAPSHOT_TYPE = "application/vnd.apache.arrow.stream"
"""No form of a web page can send this type, so no page can make a browser store a snapshot."""

_NAME = b"table"


def checked_snapshot(snapshot_id: str, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """Every table of TOPOLOGY, empty where it is not in `tables`.

    Raises: PermanentExport, if rows are of another snapshot, or the snapshot has not one row of its
    own, or there is a table that no snapshot has; SchemaError, on a wrong column.
    """
    strangers = sorted(set(tables) - set(TOPOLOGY))
    if strangers:
        raise PermanentExport(f"no such topology tables: {', '.join(strangers)}")
    found = {
        name: require(tables[name], schema) if name in tables else schema.empty_table()
        for name, schema in TOPOLOGY.items()
    }
    for name, rows in found.items():
        if not pc.all(pc.equal(rows["snapshot_id"], snapshot_id), min_count=0).as_py():
            raise PermanentExport(f"{name} has rows of another snapshot than {snapshot_id}")
    if found["topology_snapshots"].num_rows != 1:
        raise PermanentExport("a snapshot has one row in topology_snapshots")
    return found


def snapshot_id_of(tables: Mapping[str, pa.Table]) -> str:
    """The id of the one snapshot in these tables.

    Raises: PermanentExport, if there is not one.
    """
    rows = tables.get("topology_snapshots")
    if rows is None or rows.num_rows != 1 or not rows["snapshot_id"][0].as_py():
        raise PermanentExport("a snapshot has one row in topology_snapshots, with an id")
    return str(rows["snapshot_id"][0].as_py())


def snapshot_bytes(tables: Mapping[str, pa.Table]) -> bytes:
    """The tables as one body, for POST /api/topology."""
    sink = pa.BufferOutputStream()
    for name, rows in tables.items():
        schema = rows.schema.with_metadata({_NAME: name.encode()})
        with pa.ipc.new_stream(sink, schema) as writer:
            writer.write_table(rows.replace_schema_metadata(schema.metadata))
    body: bytes = sink.getvalue().to_pybytes()
    return body


def snapshot_of_bytes(body: bytes) -> dict[str, pa.Table]:
    """The tables of a body, each column checked against its schema.

    Raises: DecodeError, if it is not what `snapshot_bytes` makes.
    """
    try:
        found = dict(_streams(body))
    except (pa.ArrowException, ValueError, OSError, EOFError) as error:
        raise DecodeError(f"no snapshot in Arrow IPC: {str(error).splitlines()[0]}") from error
    return found


def _streams(body: bytes) -> Iterator[tuple[str, pa.Table]]:
    reader = pa.BufferReader(body)
    while reader.tell() < len(body):
        with pa.ipc.open_stream(reader) as stream:
            name = (stream.schema.metadata or {}).get(_NAME, b"").decode()
            rows = stream.read_all()
        rows.validate(full=True)  # offsets that lie outside the body would be read
        yield name, rows.replace_schema_metadata(None)
