"""ClickHouse's tables, generated from the Arrow schemas and the summaries.

Strategy: plain MergeTree everywhere, partitioned by the row's own time, so that retention drops
whole parts: spans and log events by day and ordered by trace, derived rows by month and ordered by
session, with an aggregate projection for each Summary; the tables of a topology snapshot by
snapshot, so that one is dropped whole. Every insert is on the disk before it returns (fsync_*): the
journal's cursor passes what was inserted.
"""

from collections.abc import Iterable, Mapping

import pyarrow as pa
import sqlalchemy as sa
from clickhouse_connect.cc_sqlalchemy.dialect import ClickHouseDialect
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ColumnElement

from otel_llmops.model.topology import TOPOLOGY
from otel_llmops.storage.summaries import SUMMARIES, Summary
from otel_llmops.storage.tables import STORED

__all__ = [
    "BY_TIME",
    "DIALECT",
    "HIDING",
    "INDEXED",
    "create_statements",
    "drop_snapshot_statement",
    "index",
    "projection",
    "projection_by_time",
    "structure",
    "time_held",
    "widening_statements",
]

DIALECT = ClickHouseDialect()

_DEDUPLICATION_WINDOW = 10_000
"""Blocks whose insert tokens are remembered. One insert makes a block for each day it touches."""

_ARRIVING_MERGES: Mapping[str, int] = {
    "merge_selector_base": 12,
    "min_parts_to_merge_at_once": 24,
    "max_bytes_to_merge_at_max_space_in_pool": 4 * 2**30,
}
"""What arrives is written again about twice, not five times: ClickHouse merges two parts as soon as
a partition has 50, unless it is told to wait for more; and a part of 4 GiB is large enough."""
_DERIVED_MERGES: Mapping[str, int] = {"min_parts_to_merge_at_once": 10}
"""Fewer, since every part that there is makes a query longer."""

_TYPES: Mapping[pa.DataType, str] = {
    pa.string(): "String",
    pa.binary(): "String",
    pa.bool_(): "Bool",
    pa.int8(): "Int8",
    pa.int16(): "Int16",
    pa.int32(): "Int32",
    pa.uint32(): "UInt32",
    pa.int64(): "Int64",
    pa.float64(): "Float64",
    pa.timestamp("ns", tz="UTC"): "DateTime64(9, 'UTC')",
    pa.map_(pa.string(), pa.string()): "Map(LowCardinality(String), String)",
}

HIDING: Mapping[str, str] = {
    "enable_block_number_column": "1",
    "enable_block_offset_column": "1",
    "lightweight_mutation_projection_mode": "'rebuild'",
}
"""What a table needs so that rows of a session can be hidden before they are written out of it."""

_BOUNDED = {
    "spans": {"service", "scope_name", "scope_version"},
    "log_events": {"service", "event_name"},
    "agent_operations": {"kind", "operation", "dialect", "provider", "service", "error_type"},
    "agent_handoffs": {"kind"},
    "agents": {"type"},
    "session_keys": {"kind"},
    "token_ledger": {"kind", "rule"},
    "context_drift": {"method"},
    "bottlenecks": {"kind", "cause", "severity"},
    "code_functions": {"kind"},
    "function_calls": {"found_by"},
    "module_dependencies": {"import_type", "scope"},
}
"""Text columns whose values come from a short list: a vocabulary of ours, or names of deployments.
Agents, functions and models are not here: a program can make them up at run time."""

_ORDER = {
    "spans": ("trace_id", "start_time"),
    "log_events": ("trace_id", "time"),
    "agent_operations": ("session_id", "trace_id", "started_at"),
    "agent_handoffs": ("session_id", "started_at"),
    "token_ledger": ("session_id", "started_at"),
}
"""Sorting keys; every other table is ordered by (session_id, started_at)."""

_SNAPSHOT_ORDER = {
    "topology_snapshots": "snapshot_id",
    "code_modules": "module_id",
    "code_classes": "module_id",
    "code_functions": "module_id",
    "function_calls": "caller_function_id",
    "module_dependencies": "from_module_id",
}
"""Sorting keys of the tables of a snapshot, each of which is a partition."""

_DAY = {"spans": "start_time", "log_events": "time"}

_YEARS = 2020, 2050
"""Rows of any other time are in the first or the last partition: clocks that are not set say 1970
or 2262, and an insert takes 40 ms for each partition that it touches."""

INDEXED = {"spans": "trace_id", "log_events": "trace_id"}
"""Tables of a partition a day, whose parts are asked for an id that most have not: a Bloom filter
tells. With 10 million spans in 115 parts a trace by id takes half the work (benchmarks/)."""

_LOOKUPS = {"session_keys": "key"}
"""Tables that are also looked up by another column: a normal projection in that order."""

BY_TIME = ("agent_operations",)
"""Tables of which there are so many rows that a window of time is read in the order of time: a
normal projection of what the summaries are made of. An hour of a month is then 2 granules of 1,200
to read; an insert costs a tenth more."""

_FINE = "index_granularity = 1024, min_compress_block_size = 8192"
"""For rows that are read whole and a few at a time, from all over a table: a page of 100 handoffs
takes half the work. Tables with many rows pay more for it when they are written and merged."""
_READ_WHOLE = {"sessions", "agent_handoffs"}


def create_statements() -> list[str]:
    """One CREATE TABLE IF NOT EXISTS for each stored table, in the order of STORED."""
    return [_create(name, schema) for name, schema in STORED.items()]


def widening_statements(has: Iterable[tuple[str, str]]) -> list[str]:
    """One ALTER TABLE for each table that lacks columns, given the (table, column) there are."""
    known = set(has)
    statements = []
    for name, schema in STORED.items():
        lacking = [field for field in schema if (name, field.name) not in known]
        added = (
            f"ADD COLUMN {_column(field, bounded=field.name in _BOUNDED.get(name, ()))}"
            for field in lacking
        )
        if lacking:
            statements.append(f"ALTER TABLE {name} {', '.join(added)}")
    return statements


def _create(name: str, schema: pa.Schema) -> str:
    lines = [_column(field, bounded=field.name in _BOUNDED.get(name, ())) for field in schema]
    lines += [projection(summary) for summary in SUMMARIES.values() if summary.table == name]
    if name in BY_TIME:
        lines.append(projection_by_time(name))
    if name in INDEXED:
        lines.append(index(name))
    if name in _LOOKUPS:
        lines.append(f"PROJECTION by_{_LOOKUPS[name]} (SELECT * ORDER BY {_LOOKUPS[name]})")
    body = ",\n".join(f"    {line}" for line in lines)
    order = _SNAPSHOT_ORDER.get(name) or ", ".join(_ORDER.get(name, ("session_id", "started_at")))
    settings = ["fsync_after_insert = 1", "fsync_part_directory = 1"]
    if name in _DAY:
        settings.append(f"non_replicated_deduplication_window = {_DEDUPLICATION_WINDOW}")
    merges = _ARRIVING_MERGES if name in _DAY else _DERIVED_MERGES
    hiding = {} if name in TOPOLOGY else HIDING
    settings += [f"{setting} = {value}" for setting, value in {**merges, **hiding}.items()]
    settings += [_FINE] if name in _READ_WHOLE else []
    return (
        f"CREATE TABLE IF NOT EXISTS {name} (\n{body}\n)\n"
        f"ENGINE = MergeTree\n"
        f"PARTITION BY {_partition(name)}\n"
        f"ORDER BY ({order})\n"
        f"SETTINGS {', '.join(settings)}"
    )


def drop_snapshot_statement(name: str, snapshot_id: str) -> str:
    """ALTER TABLE that takes all rows of a snapshot away, at one moment."""
    literal = sa.literal(snapshot_id).compile(
        dialect=DIALECT, compile_kwargs={"literal_binds": True}
    )
    return f"ALTER TABLE {name} DROP PARTITION {literal}"


def time_held(name: str) -> str:
    """When a row is of, within the years that have partitions."""
    column = _DAY.get(name, "started_at")
    first, last = (f"toDateTime64('{year}-01-01', 9, 'UTC')" for year in _YEARS)
    return f"least(greatest({column}, {first}), {last})"


def _partition(name: str) -> str:
    if name in TOPOLOGY:
        return "snapshot_id"
    held = time_held(name)
    # derived rows by month: with one partition a day a session's rows took 30 parts to look for
    return f"toYYYYMMDD({held})" if name in _DAY else f"toYYYYMM({held})"


def _column(field: pa.Field, *, bounded: bool) -> str:
    kind = _TYPES[field.type]
    if bounded:
        kind = f"LowCardinality({kind})"
    return f"`{field.name}` {_nullable(field, kind)} CODEC({_codec(field)})"


def _nullable(field: pa.Field, kind: str) -> str:
    return f"Nullable({kind})" if field.nullable else kind


def structure(schema: pa.Schema) -> str:
    """Names and types of columns, as table functions that read files take them."""
    return ", ".join(f"`{field.name}` {_nullable(field, _TYPES[field.type])}" for field in schema)


def _codec(field: pa.Field) -> str:
    if pa.types.is_timestamp(field.type):
        return "Delta, ZSTD(1)"
    return "ZSTD(3)" if pa.types.is_binary(field.type) else "ZSTD(1)"


def index(name: str) -> str:
    """The skip index of a table of INDEXED."""
    return f"INDEX by_{INDEXED[name]} {INDEXED[name]} TYPE bloom_filter(0.01) GRANULARITY 1"


def projection(summary: Summary) -> str:
    """The aggregate projection that keeps a summary ready."""
    keys = ", ".join(_bare(key) for key in summary.keys)
    chosen = ", ".join(_bare(column) for column in (*summary.keys, *summary.sums))
    return f"PROJECTION {summary.name} (SELECT {chosen} GROUP BY {keys})"


def projection_by_time(name: str) -> str:
    """The projection of a table of BY_TIME: all columns that its summaries are made of."""
    made_of = {
        element.name
        for summary in SUMMARIES.values()
        if summary.table == name
        for column in (*summary.keys, *summary.sums)
        for element in visitors.iterate(column)
        if isinstance(element, sa.Column)
    }
    columns = ", ".join(field.name for field in STORED[name] if field.name in made_of)
    return f"PROJECTION by_time (SELECT {columns} ORDER BY started_at)"


def _bare(column: ColumnElement[object]) -> str:
    element = getattr(column, "element", column)
    return str(
        element.compile(
            dialect=DIALECT, compile_kwargs={"literal_binds": True, "include_table": False}
        )
    )
