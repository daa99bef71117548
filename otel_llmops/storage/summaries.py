"""Sums over derived rows that a store may keep ready: ClickHouse makes a projection of each.

Strategy: the queries select from a Summary and the store's schema is generated from the very same
expressions, so the two cannot drift apart. Money is summed as whole nano-dollars: floats that are
added and taken back leave a residue, integers do not.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from otel_llmops.storage.tables import TABLES

__all__ = [
    "DAY_NS",
    "HOUR_NS",
    "MICRO",
    "NANO_USD",
    "SUMMARIES",
    "Summary",
    "is_priced",
    "live",
    "nano_usd",
    "time_slot",
]

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
NANO_USD = 1e9
"""Nano-dollars in a dollar."""
MICRO = 1e6
"""Millionths, in which shares are summed."""


class time_slot(GenericFunction[int]):  # noqa: N801 - functions of SQLAlchemy are lower case
    """time_slot(column, length_ns): whole slots of that length since 1970, an integer."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(time_slot)
def _slot_of_integers(element: time_slot, compiler: SQLCompiler, **kw: Any) -> str:
    column, length = _column_and_length(element, compiler, kw)
    return f"({column} / {length})"


@compiles(time_slot, "mysql")
def _mysql_slot(element: time_slot, compiler: SQLCompiler, **kw: Any) -> str:
    column, length = _column_and_length(element, compiler, kw)
    return f"({column} DIV {length})"


def _column_and_length(
    element: time_slot, compiler: SQLCompiler, kw: dict[str, Any]
) -> tuple[str, str]:
    # a literal: with a parameter, what is selected would be another expression than what is grouped
    kw = {**kw, "literal_binds": True}
    column, length = (compiler.process(clause, **kw) for clause in element.clauses)
    return column, length


@compiles(time_slot, "clickhousedb")
def _clickhouse_slot(element: time_slot, compiler: SQLCompiler, **kw: Any) -> str:
    column, length = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"intDiv(toUnixTimestamp64Nano({column}), {length})"


class finite(GenericFunction[float]):  # noqa: N801 - functions of SQLAlchemy are lower case
    """finite(column): the number, 0 where it is none (NaN) or infinite: it will be an integer."""

    type = sa.Double()
    inherit_cache = True


@compiles(finite)
def _as_it_is(element: finite, compiler: SQLCompiler, **kw: Any) -> str:
    """Of a store whose numbers are all finite: any other is stored as unknown."""
    return f"coalesce({compiler.process(next(iter(element.clauses)), **kw)}, 0)"


@compiles(finite, "clickhousedb")
def _clickhouse_finite(element: finite, compiler: SQLCompiler, **kw: Any) -> str:
    return f"ifNotFinite({compiler.process(next(iter(element.clauses)), **kw)}, 0.)"


@compiles(finite, "postgresql")
def _postgresql_finite(element: finite, compiler: SQLCompiler, **kw: Any) -> str:
    number = compiler.process(next(iter(element.clauses)), **kw)
    # to PostgreSQL NaN is greater than any number
    return f"CASE WHEN {number} > '-Infinity' AND {number} < 'Infinity' THEN {number} ELSE 0 END"


@dataclass(frozen=True, slots=True)
class Summary:
    """Sums of one table by `keys`; `sums` are labelled, over x * sign.

    `slot_ns` is how long the slots of the key `slot` are, made of `started_at`; 0 without one.
    """

    table: str
    name: str
    keys: tuple[sa.ColumnElement[Any], ...]
    sums: tuple[sa.Label[Any], ...]
    slot_ns: int = 0

    def select(self, *keys: str, sums: Collection[str] | None = None) -> sa.Select[Any]:
        """Sums (all, or those that are named) by those of the keys that are named."""
        chosen = [key for key in self.keys if key.name in keys]
        added = [label for label in self.sums if sums is None or label.name in sums]
        return sa.select(*chosen, *added).group_by(*chosen)

    def key(self, name: str) -> sa.ColumnElement[Any]:
        """The key of that name, to filter by."""
        return next(key for key in self.keys if key.name == name)


def live(table: sa.Table) -> sa.ColumnElement[int]:
    """How many rows of a group are live."""
    return sa.func.sum(table.c.sign, type_=sa.BigInteger())


def _total(table: sa.Table, name: str) -> sa.Label[int]:
    return sa.func.sum(table.c[name] * table.c.sign, type_=sa.BigInteger()).label(f"sum_{name}")


def _slot(table: sa.Table, column: str, length_ns: int, name: str) -> sa.Label[int]:
    return time_slot(table.c[column], sa.literal(length_ns)).label(name)


def nano_usd(table: sa.Table) -> sa.ColumnElement[int]:
    """What a row cost in nano-dollars, 0 where that is unknown."""
    known = sa.func.coalesce(table.c.cost_usd, sa.literal(0.0))
    return sa.cast(sa.func.round(known * sa.literal(NANO_USD)), sa.BigInteger())


def is_priced(table: sa.Table) -> sa.ColumnElement[int]:
    """1 where it is known what a row cost, else 0."""
    # not a CASE and not IS NULL: ClickHouse rewrites those, and then finds no projection for them
    known = sa.func.coalesce(table.c.cost_usd, sa.literal(-1.0)) >= sa.literal(0.0)
    return sa.cast(known, sa.Integer())


def _totals(table: sa.Table, names: Sequence[str]) -> tuple[sa.Label[Any], ...]:
    priced = is_priced(table) * table.c.sign
    return (
        live(table).label("rows"),
        *(_total(table, name) for name in names),
        sa.func.sum(nano_usd(table) * table.c.sign, type_=sa.BigInteger()).label("nano_usd"),
        sa.func.sum(priced, type_=sa.BigInteger()).label("priced"),
    )


def _known(column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """1 where a number that is never negative is there, else 0."""
    # not IS NULL, for the reason above
    return sa.cast(sa.func.coalesce(column, sa.literal(-1.0)) >= sa.literal(0.0), sa.Integer())


def _is_bad(column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """1 where a share is there and below one half, else 0."""
    return sa.cast(sa.func.coalesce(column, sa.literal(1.0)) < sa.literal(0.5), sa.Integer())


def _handoff_sums(table: sa.Table) -> tuple[sa.Label[Any], ...]:
    """How many, how good, how quick, how dear: whole numbers all, as money is."""
    quality = sa.cast(sa.func.round(finite(table.c.quality) * sa.literal(MICRO)), sa.BigInteger())
    latency = sa.func.coalesce(table.c.latency_ns, sa.literal(0))
    counted = {
        "micro_quality": quality,
        "sum_latency_ns": latency,
        "timed": _known(table.c.latency_ns),
        "failed": _is_bad(table.c.completed),
        "judged": _known(table.c.allowed),
        "outside": _is_bad(table.c.allowed),
    }
    return (
        *_totals(table, ("tokens",)),
        *(
            sa.func.sum(value * table.c.sign, type_=sa.BigInteger()).label(name)
            for name, value in counted.items()
        ),
    )


_WORK = ("invocations", "llm_calls", "errors", "input_tokens", "output_tokens")
_SPENT = (
    "sessions",
    "calls",
    "llm_calls",
    "errors",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cumulative_input_tokens",
    "cumulative_output_tokens",
    "duration_ns",
    "loop_steps",
    "loop_rises",
    "loop_growth_tokens",
    "repeated_tokens",
)
_RANKING = (
    "llm_calls",
    "input_tokens",
    "output_tokens",
    "cumulative_input_tokens",
    "cumulative_output_tokens",
)
_CALLED = ("calls", "duration_ns", "input_tokens", "output_tokens")
_PLACE = ("", "_file", "_line")
_PROFILE = ("agent", "role", "type", "description", "can_handoff_to", "models", "services")


def _of_operations(table: sa.Table) -> tuple[Summary, ...]:
    day = _slot(table, "started_at", DAY_NS, "slot")
    return (
        Summary(
            table.name,
            "by_agent_hour",
            (table.c.agent, _slot(table, "started_at", HOUR_NS, "slot")),
            _totals(table, _WORK),
            HOUR_NS,
        ),
        Summary(
            table.name,
            "by_agent_bucket_day",
            (table.c.agent, table.c.latency_bucket, day),
            (_total(table, "invocations"),),
            DAY_NS,
        ),
    )


def _of_handoffs(table: sa.Table) -> tuple[Summary, ...]:
    ends = (table.c.from_agent, table.c.to_agent)
    return (
        Summary(
            table.name,
            "by_agents_hour",
            (*ends, _slot(table, "started_at", HOUR_NS, "slot")),
            (live(table).label("rows"),),
            HOUR_NS,
        ),
        # by day: a hundred agents make as many rows an hour as they have handoffs
        Summary(
            table.name,
            "by_agents_kind_day",
            (*ends, table.c.kind, _slot(table, "started_at", DAY_NS, "slot")),
            _handoff_sums(table),
            DAY_NS,
        ),
    )


def _of_profiles(table: sa.Table) -> Summary:
    return Summary(
        table.name,
        "by_profile_hour",
        (
            *(table.c[name] for name in _PROFILE),
            _slot(table, "started_at", HOUR_NS, "start_hour"),
            _slot(table, "ended_at", HOUR_NS, "end_hour"),
        ),
        (live(table).label("rows"),),
    )


def _of_teams(table: sa.Table) -> Summary:
    succeeded = sa.cast(table.c.success, sa.Integer()) * table.c.sign
    return Summary(
        table.name,
        "by_team_day",
        (table.c.task_type, table.c.agents, _slot(table, "started_at", DAY_NS, "slot")),
        (
            live(table).label("rows"),
            sa.func.sum(succeeded, type_=sa.BigInteger()).label("successes"),
            _total(table, "tokens"),
            _total(table, "duration_ns"),
        ),
        DAY_NS,
    )


def _summaries() -> dict[str, Summary]:
    made = (
        *_of_operations(TABLES["agent_operations"]),
        *_of_handoffs(TABLES["agent_handoffs"]),
        _of_profiles(TABLES["agents"]),
        _of_teams(TABLES["coalitions"]),
    )
    return {summary.name: summary for summary in (*made, *_of_functions())}


def _of_functions() -> tuple[Summary, ...]:
    usage, edges = TABLES["function_usage"], TABLES["function_edges"]
    return (
        Summary(
            "function_usage",
            "by_function",
            (usage.c.function, usage.c.file),
            tuple(_total(usage, name) for name in _RANKING),
        ),
        Summary(
            "function_usage",
            "by_place",
            tuple(usage.c[name] for name in ("function", "file", "line", "agent", "model")),
            _totals(usage, _SPENT),
        ),
        Summary(
            "function_edges",
            "by_ends",
            tuple(edges.c[f"{end}{part}"] for end in ("caller", "callee") for part in _PLACE),
            tuple(_total(edges, name) for name in _CALLED),
        ),
    )


SUMMARIES = _summaries()
"""Name -> what a store keeps ready. The names are unique over all tables."""
