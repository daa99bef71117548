"""Sessions taken out of ClickHouse: hidden at once, and then written out of every part.

Strategy: a mutation writes each part anew that has rows of a session, with its projections, and
passes all others too: a minute in a large store. So a light delete comes first: it writes a patch
of so many rows, and no query finds them any more. As long as a table has patches ClickHouse takes
its sums from rows in place of projections. The mutation goes on in the background, and after a
restart; then the patches leave. Where a ClickHouse has no patches, the mutation is waited for.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import sqlalchemy as sa

from otel_llmops.exporters.clickhouse_client import Clients
from otel_llmops.exporters.clickhouse_ids import among
from otel_llmops.exporters.clickhouse_reading import ClickHouseReading, chunks
from otel_llmops.exporters.clickhouse_schema import DIALECT
from otel_llmops.exporters.derived import DELETED
from otel_llmops.model.schemas import DERIVED
from otel_llmops.storage.summaries import live
from otel_llmops.storage.tables import TABLES, belongs_to

__all__ = ["Deletion"]

_HIDDEN = {"apply_patch_parts": 0, "apply_deleted_mask": 0}
"""Settings by which a query finds what is hidden, too."""


class Deletion:
    """Deletes from the tables that `clients` reach. `hides`: they have the settings of HIDING."""

    def __init__(self, clients: Clients, reading: ClickHouseReading, *, hides: bool) -> None:
        self._clients = clients
        self._reading = reading
        self._hides = hides

    def delete(
        self, pool: ThreadPoolExecutor, session_ids: Sequence[str], trace_ids: Sequence[str]
    ) -> dict[str, int]:
        """As Exporter.delete_sessions."""
        *most, last = DELETED
        ids = {name: session_ids if name in DERIVED else trace_ids for name in most}
        # of all tables, before the first error is told
        deleting = {name: pool.submit(partial(self._rows, name, ids[name])) for name in most}
        failed = [error for each in deleting.values() if (error := each.exception())]
        if failed:
            raise failed[0]
        gone = {name: each.result() for name, each in deleting.items()}
        return gone | {last: self._rows(last, session_ids)}

    def _rows(self, name: str, ids: Sequence[str]) -> int:
        """Delete the rows of these; how many of them were live."""
        return sum(self._part(name, part) for part in chunks(ids))

    def _part(self, name: str, ids: Sequence[str]) -> int:
        table = TABLES[name]
        ours = among(table.c[belongs_to(table)], ids)
        where = str(ours.compile(dialect=DIALECT, compile_kwargs={"include_table": False}))
        count = sa.func.count().label("rows")
        counted = live(table) if name in DERIVED else count
        counts = sa.select(counted.label("live"), count).select_from(table).where(ours)
        found = self._reading.read(counts).to_pylist()[0]
        if not self._hides:
            # 2: returns when it is done, on every replica
            if found["rows"]:
                self._clients.alter(_mutation(name, where, sync=2))
        elif found["rows"]:
            mode = "lightweight_delete_mode = 'lightweight_update_force'"
            self._clients.alter(f"DELETE FROM {name} WHERE {where} SETTINGS {mode}")  # noqa: S608 - escaped
            self._clients.alter(_mutation(name, where, sync=0))
        elif self._reading.read(counts, _HIDDEN).to_pylist()[0]["rows"]:
            # hidden by a call that was cut short, or still being written out
            self._clients.alter(_mutation(name, where, sync=0))
        return int(found["live"] or 0)


def _mutation(name: str, where: str, *, sync: int) -> str:
    return f"ALTER TABLE {name} DELETE WHERE {where} SETTINGS mutations_sync = {sync}"
