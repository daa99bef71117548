"""Which functions of the user's code spent the tokens, and where it stands out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from otel_llmops.storage.rows import NS_PER_MS
from otel_llmops.storage.seams import Row, Store
from otel_llmops.storage.summaries import NANO_USD, SUMMARIES
from otel_llmops.storage.tables import TABLES
from otel_llmops.storage.topology_answers import ComponentUsage, FunctionUsage
from otel_llmops.topology.hotspots import EdgeUse, FunctionUse, hotspots, module_of
from otel_llmops.topology.names import plain_name

__all__ = ["functions_by_tokens", "known_cost", "places", "ranked_components"]

Window = tuple[datetime | None, datetime | None]

_RANKED_MAX = 2_000
"""Rows of functions and of edges that hotspots are looked for in: those with the most tokens."""


async def functions_by_tokens(
    store: Store, *, window: Window, limit: int, offset: int
) -> list[FunctionUsage]:
    """Functions by own tokens (most first), then with all they called, name and file.

    Only those that called a model or spent tokens themselves; in a window, what began in it.
    """
    summary = SUMMARIES["by_place"]
    function, file = (summary.key(name) for name in ("function", "file"))
    sums = {label.name: label.element for label in summary.sums}
    own = sums["sum_input_tokens"] + sums["sum_output_tokens"]
    below = sums["sum_cumulative_input_tokens"] + sums["sum_cumulative_output_tokens"]
    statement = (
        summary.select("function", "file")
        .where(function != "", *_within(window))
        .having(sa.or_(sums["sum_llm_calls"] > 0, own > 0))
        .order_by(sa.desc(own), sa.desc(below), function, file)
        .limit(limit)
        .offset(offset)
    )
    rows = await store.fetch(statement)
    agents = await _agents_of(store, [row["function"] for row in rows], window)
    return [_usage(row, agents.get((row["function"], row["file"]), [])) for row in rows]


async def _agents_of(
    store: Store, functions: Sequence[str], window: Window
) -> dict[tuple[str, str], list[str]]:
    """Agents whose work functions of these names were, in alphabetical order."""
    if not functions:
        return {}
    summary = SUMMARIES["by_place"]
    function, agent = summary.key("function"), summary.key("agent")
    rows = summary.sums[0]
    statement = (
        sa.select(function, summary.key("file"), agent)
        .where(function.in_(list(dict.fromkeys(functions))), agent != "", *_within(window))
        .group_by(function, summary.key("file"), agent)
        .having(rows.element > 0)
        .order_by(agent)
    )
    found: dict[tuple[str, str], list[str]] = {}
    for row in await store.fetch(statement):
        found.setdefault((row["function"], row["file"]), []).append(row["agent"])
    return found


def _within(window: Window) -> Iterable[sa.ColumnElement[bool]]:
    started_at = TABLES["function_usage"].c.started_at
    since, until = window
    if since is not None:
        yield started_at >= since
    if until is not None:
        yield started_at < until


def known_cost(row: Row) -> float | None:
    """What a row of a summary cost, None where nothing is known of it."""
    return row["nano_usd"] / NANO_USD if row["priced"] > 0 else None


def _usage(row: Row, agents: list[str]) -> FunctionUsage:
    name = plain_name(row["function"])
    calls = row["sum_calls"]
    return FunctionUsage(
        function=row["function"],
        file=row["file"],
        function_name=name.rpartition(".")[2],
        qualified_name=name,
        call_count=calls,
        llm_calls=row["sum_llm_calls"],
        errors=row["sum_errors"],
        input_tokens=row["sum_input_tokens"],
        output_tokens=row["sum_output_tokens"],
        cumulative_tokens=row["sum_cumulative_input_tokens"] + row["sum_cumulative_output_tokens"],
        avg_duration_ms=row["sum_duration_ns"] / max(calls, 1) / NS_PER_MS,
        cost_usd=known_cost(row),
        agents=agents,
    )


async def places(store: Store, *keys: str) -> list[Row]:
    """All that was spent, by these keys of the summary by_place."""
    summary = SUMMARIES["by_place"]
    rows = summary.sums[0].element
    return await store.fetch(summary.select(*keys).having(rows > 0))


async def ranked_components(store: Store, *, limit: int) -> list[ComponentUsage]:
    """Functions, modules and calls by tokens (most first), with what stands out in each."""
    usage, ends = SUMMARIES["by_place"], SUMMARIES["by_ends"]
    sums = {label.name: label.element for label in usage.sums}
    own = sums["sum_input_tokens"] + sums["sum_output_tokens"]
    rows = await store.fetch(
        usage.select("function", "file", "agent")
        .having(sums["rows"] > 0)
        .order_by(sa.desc(own), usage.key("function"), usage.key("file"), usage.key("agent"))
        .limit(_RANKED_MAX)
    )
    called = {label.name: label.element for label in ends.sums}
    through = called["sum_input_tokens"] + called["sum_output_tokens"]
    edges = await store.fetch(
        ends.select("caller", "callee")
        .having(called["sum_calls"] > 0)
        .order_by(sa.desc(through), ends.key("caller"), ends.key("callee"))
        .limit(_RANKED_MAX)
    )
    whole = sa.select(sa.func.coalesce(own, 0).label("tokens")).select_from(TABLES[usage.table])
    (total,) = await store.fetch(whole)
    found = hotspots(_uses(rows), _edges(edges), tokens=total["tokens"] or 0)
    return [
        ComponentUsage(each.name, each.kind, each.tokens, each.calls, each.share, each.findings)
        for each in found[:limit]
    ]


_COUNTS = (
    "sessions",
    "calls",
    "llm_calls",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "loop_steps",
    "loop_rises",
    "loop_growth_tokens",
    "repeated_tokens",
)


def _uses(rows: Sequence[Row]) -> list[FunctionUse]:
    """Rows of the summary; where two files have a function of one name, the file says which."""
    files: dict[str, set[str]] = {}
    for row in rows:
        files.setdefault(plain_name(row["function"]), set()).add(row["file"])
    made = []
    for row in rows:
        name = plain_name(row["function"])
        module = module_of(name, row["file"])
        shown = name if name and len(files[name]) == 1 else f"{name} ({row['file']})".strip()
        counts: Mapping[str, Any] = {each: row[f"sum_{each}"] for each in _COUNTS}
        made.append(replace(FunctionUse(shown, module, row["agent"]), **counts))
    return made


def _edges(rows: Sequence[Row]) -> list[EdgeUse]:
    return [
        EdgeUse(
            plain_name(row["caller"]),
            plain_name(row["callee"]),
            row["sum_calls"],
            row["sum_input_tokens"] + row["sum_output_tokens"],
        )
        for row in rows
    ]
