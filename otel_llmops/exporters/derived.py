"""What replacing a session's rows asks of every store: rows of these sessions alone, stamped."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.errors import PermanentExport
from otel_llmops.model.schemas import DERIVED, require
from otel_llmops.storage.tables import SIGNED, STORED

__all__ = ["DELETED", "checked", "stamped"]

DELETED = (
    "spans",
    "log_events",
    *(name for name in DERIVED if name != "session_keys"),
    "session_keys",
)
"""Tables in the order in which a session is taken out of them: whoever has to do it again still
finds its traces."""


def checked(sessions: Sequence[str], tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The rows of every derived table; none where `tables` has no such.

    Raises: PermanentExport, if a table is not known, or has rows of other sessions; SchemaError.
    """
    strangers = sorted(set(tables) - set(DERIVED))
    if strangers:
        raise PermanentExport(f"no such derived tables: {', '.join(strangers)}")
    found = {
        name: require(tables[name], schema) if name in tables else schema.empty_table()
        for name, schema in DERIVED.items()
    }
    named = pa.array(sessions, pa.string())
    for name, rows in found.items():
        if not pc.all(pc.is_in(rows["session_id"], named), min_count=0).as_py():
            raise PermanentExport(f"{name} has rows of sessions that are not to be replaced")
    return found


def stamped(name: str, rows: pa.Table, generation: int) -> pa.Table:
    """DERIVED[name] as STORED[name], each row with sign +1."""
    for field, value in zip(SIGNED, (generation, 1), strict=True):
        constant = pa.repeat(pa.scalar(value, field.type), rows.num_rows)
        rows = rows.append_column(field, constant)
    return rows.cast(STORED[name])
