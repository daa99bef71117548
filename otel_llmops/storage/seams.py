"""The two seams of a store: Exporter (written to) and Store (read from).

A destination implements one or both in `exporters/`; everything above speaks to these alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa
import sqlalchemy as sa

__all__ = ["Destination", "Exporter", "Row", "Store"]

Row = Mapping[str, Any]


class Exporter(Protocol):
    """One destination. Called from one thread at a time; every call blocks until durable.

    Every method raises RetryableExport or PermanentExport and nothing else. After RetryableExport
    the caller repeats the same call with the same arguments, also after a restart.
    """

    def export_spans(self, spans: pa.Table, *, batch_id: str) -> None:
        """Store SPANS rows. MUST return only when they are durable.

        The same `batch_id` comes with the same rows in the same order, however often: it MUST
        leave one copy. Another `batch_id` with rows that are stored already MUST store them again:
        what is a repetition is not the exporter's to judge.
        """

    def export_log_events(self, events: pa.Table, *, batch_id: str) -> None:
        """Store LOG_EVENTS rows, under the same contract as `export_spans`."""

    def replace_sessions(self, session_ids: Sequence[str], tables: Mapping[str, pa.Table]) -> None:
        """Make `tables` (name -> rows, schemas of DERIVED) all that is derived of these sessions.

        Rows of these sessions that are not in `tables` MUST be gone for every query afterwards, a
        table that is not in `tables` has no rows for them; other sessions MUST NOT change. A crash
        in the middle MAY leave a mixture, which the next call for the same sessions MUST mend. An
        id without rows in any table removes that session (it was merged into another).
        """

    def delete_sessions(
        self, session_ids: Sequence[str], trace_ids: Sequence[str]
    ) -> dict[str, int]:
        """Take all that is stored of these sessions and traces away; table name -> rows gone.

        Derived rows of these sessions, spans and log events of these traces, and what any of them
        adds to a sum MUST be gone for every query afterwards, and from the store's tables; others
        MUST NOT change. A `batch_id` that was stored before MUST NOT store its rows again. A crash
        in the middle MAY leave a part, which the same call MUST take away; the rows of
        session_keys go last.
        """

    def replace_snapshot(self, snapshot_id: str, tables: Mapping[str, pa.Table]) -> None:
        """Make `tables` (name -> rows, schemas of TOPOLOGY) all that is stored of this snapshot.

        Other snapshots MUST NOT change. A snapshot is there once its row of topology_snapshots is:
        that one MUST go first and come last, so that nobody is shown half of one. A crash in the
        middle MAY leave rows without it, which the next call MUST mend. MAY be called from any
        thread, while another one exports.
        """

    def session_keys(self, keys: Sequence[str]) -> pa.Table:
        """SESSION_KEYS rows whose key is one of `keys`, in any order."""

    def trace_ids(self, session_ids: Sequence[str]) -> list[str]:
        """The trace ids of these sessions, from SESSION_KEYS, in any order."""

    def wire_spans(self, trace_ids: Sequence[str]) -> pa.Table:
        """Columns span_wire, scope_wire, resource_wire of every stored span of these traces."""

    def close(self) -> None:
        """Release the destination. Safe to call twice."""


class Store(Protocol):
    """What is read from. Not found is an empty list, never an error."""

    async def fetch(self, statement: sa.Select[*tuple[Any, ...]]) -> list[Row]:
        """Rows of a SQLAlchemy Core query, as mappings by column label, in the query's order.

        Raises QueryError if the statement runs longer than the store's limit. Thread-safe, and
        never blocks the event loop.
        """


class Destination(Exporter, Store, Protocol):
    """A place that is written to and read from."""
