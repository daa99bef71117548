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


class time_slot(GenericFunction[int]):  # noqa: N801 - functions of SQLAlchemy are lower case
    """time_slot(column, length_ns): whole slots of that length since 1970, an integer."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(time_slot, "clickhousedb")
def _clickhouse_slot(element: time_slot, compiler: SQLCompiler, **kw: Any) -> str:
    column, length = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"intDiv(toUnixTimestamp64Nano({column}), {length})"


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


def _summaries() -> dict[str, Summary]:
    operations, handoffs, agents = (
        TABLES[name] for name in ("agent_operations", "agent_handoffs", "agents")
    )
    made = (
        Summary(
            "agent_operations",
            "by_agent_hour",
            (operations.c.agent, _slot(operations, "started_at", HOUR_NS, "slot")),
            _totals(operations, _WORK),
            HOUR_NS,
        ),
        Summary(
            "agent_operations",
            "by_agent_bucket_day",
            (
                operations.c.agent,
                operations.c.latency_bucket,
                _slot(operations, "started_at", DAY_NS, "slot"),
            ),
            (_total(operations, "invocations"),),
            DAY_NS,
        ),
        Summary(
            "agent_handoffs",
            "by_agents_hour",
            (
                handoffs.c.from_agent,
                handoffs.c.to_agent,
                _slot(handoffs, "started_at", HOUR_NS, "slot"),
            ),
            (live(handoffs).label("rows"),),
            HOUR_NS,
        ),
        Summary(
            "agents",
            "by_profile_hour",
            (
                *(agents.c[name] for name in _PROFILE),
                _slot(agents, "started_at", HOUR_NS, "start_hour"),
                _slot(agents, "ended_at", HOUR_NS, "end_hour"),
            ),
            (live(agents).label("rows"),),
        ),
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
