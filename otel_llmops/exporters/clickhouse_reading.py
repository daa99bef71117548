"""What every store whose queries ClickHouse runs is read by, whatever its tables are."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.sql import visitors

from otel_llmops.errors import QueryError, RetryableExport
from otel_llmops.exporters.clickhouse_client import Clients
from otel_llmops.exporters.clickhouse_ids import among
from otel_llmops.exporters.clickhouse_schema import DIALECT
from otel_llmops.model.schemas import SESSION_KEYS
from otel_llmops.storage.seams import Row
from otel_llmops.storage.summaries import live
from otel_llmops.storage.tables import STORED, TABLES, data_columns

__all__ = ["ClickHouseReading", "chunks"]

_READERS = 4
_IDS_MAX = 10_000
"""Ids in one statement: ClickHouse takes 50,000 elements of syntax."""
_PLANNED: Mapping[str, int] = {"optimize_use_projections": 0, "max_threads": 1}
"""For what reads a few rows by their key: to find that no projection serves would take a quarter of
the time, and a second thread a tenth."""
_WIRE = ("span_wire", "scope_wire", "resource_wire")


class ClickHouseReading:
    """A Store, and what an Exporter is asked for, over tables as TABLES has them."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="clickhouse-read")

    def session_keys(self, keys: Sequence[str]) -> pa.Table:
        """As Exporter.session_keys."""
        return self._live_keys(TABLES["session_keys"].c.key, keys)

    def trace_ids(self, session_ids: Sequence[str]) -> list[str]:
        """As Exporter.trace_ids."""
        rows = self._live_keys(TABLES["session_keys"].c.session_id, session_ids)
        traces = rows.filter(pc.equal(rows["kind"], "trace"))
        return list(dict.fromkeys(traces["key"].to_pylist()))

    def _live_keys(self, column: sa.ColumnElement[str], values: Sequence[str]) -> pa.Table:
        table = TABLES["session_keys"]
        columns = data_columns(table)
        statement = sa.select(*columns).group_by(*columns).having(live(table) > 0)
        return self.read_where(statement, column, values, SESSION_KEYS)

    def wire_spans(self, trace_ids: Sequence[str]) -> pa.Table:
        """As Exporter.wire_spans."""
        spans = TABLES["spans"]
        schema = pa.schema([STORED["spans"].field(name) for name in _WIRE])
        statement = sa.select(*(spans.c[name] for name in _WIRE))
        return self.read_where(statement, spans.c.trace_id, trace_ids, schema)

    async def fetch(self, statement: sa.Select[*tuple[Any, ...]]) -> list[Row]:
        """As Store.fetch, in a thread: chDB has no asynchronous client."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self._rows, statement
        )

    def _rows(self, statement: sa.Select[*tuple[Any, ...]]) -> list[Row]:
        table = self._clients.answer(_sql(statement))
        for place, column in enumerate(statement.selected_columns):
            if isinstance(column.type, sa.LargeBinary):
                table = table.set_column(place, column.name, table[place].cast(pa.binary()))
            elif pa.types.is_timestamp(table.schema.field(place).type):
                # Python's datetime ends at the microsecond
                whole = table[place].cast(pa.timestamp("us", tz="UTC"), safe=False)
                table = table.set_column(place, column.name, whole)
        rows: list[Row] = table.to_pylist(maps_as_pydicts="lossy")
        return rows

    def read(
        self,
        statement: sa.Select[*tuple[Any, ...]],
        settings: Mapping[str, int] = MappingProxyType({}),
    ) -> pa.Table:
        """The rows of a statement. Raises: RetryableExport, PermanentExport."""
        try:
            return self._clients.select(_sql(statement, settings))
        except QueryError as error:
            raise RetryableExport(str(error)) from error

    def read_where(
        self,
        statement: sa.Select[*tuple[Any, ...]],
        column: sa.ColumnElement[str],
        values: Sequence[str],
        schema: pa.Schema,
    ) -> pa.Table:
        """The rows of `schema` whose `column` is one of `values`, however many these are.

        Raises: RetryableExport, PermanentExport.
        """
        parts = [self.read(statement.where(among(column, ids))) for ids in chunks(values)]
        return pa.concat_tables([schema.empty_table(), *(part.cast(schema) for part in parts)])

    def close(self) -> None:
        """End the threads. Safe to call twice."""
        self._threads.shutdown(wait=True)


def _sql(
    statement: sa.Select[*tuple[Any, ...]], settings: Mapping[str, int] = MappingProxyType({})
) -> str:
    text = str(statement.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))
    given = {**(_PLANNED if _is_of_sessions(statement) else {}), **settings}
    clause = ", ".join(f"{name} = {value}" for name, value in given.items())
    return f"{text} SETTINGS {clause}" if clause else text


def _is_of_sessions(statement: sa.Select[*tuple[Any, ...]]) -> bool:
    """Whether sessions are named, by which all tables are ordered and no projection is."""
    chosen = statement.whereclause
    return chosen is not None and any(
        isinstance(each, sa.Column) and each.name == "session_id"
        for each in visitors.iterate(chosen)
    )


def chunks(ids: Sequence[str], length: int = _IDS_MAX) -> Iterable[list[str]]:
    """The distinct ids, in pieces for one statement each."""
    distinct = list(dict.fromkeys(ids))
    for start in range(0, len(distinct), length):
        yield distinct[start : start + length]
