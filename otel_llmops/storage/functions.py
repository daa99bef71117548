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


_SHOWN = (
    "rows",
    "sum_calls",
    "sum_llm_calls",
    "sum_errors",
    "sum_input_tokens",
    "sum_output_tokens",
    "sum_cumulative_input_tokens",
    "sum_cumulative_output_tokens",
    "sum_duration_ns",
    "nano_usd",
    "priced",
)


async def functions_by_tokens(
    store: Store, *, window: Window, limit: int, offset: int
) -> list[FunctionUsage]:
    """Functions by own tokens (most first), then with all they called, name and file.

    Only those that called a model or spent tokens themselves; in a window, what began in it.
    """
    summary = SUMMARIES["by_function"]
    function, file = summary.key("function"), summary.key("file")
    sums = {label.name: label.element for label in summary.sums}
    own = sums["sum_input_tokens"] + sums["sum_output_tokens"]
    below = sums["sum_cumulative_input_tokens"] + sums["sum_cumulative_output_tokens"]
    page = await store.fetch(
        sa.select(function, file)
        .where(function != "", *_within(window))
        .group_by(function, file)
        .having(sa.or_(sums["sum_llm_calls"] > 0, own > 0))
        .order_by(sa.desc(own), sa.desc(below), function, file)
        .limit(limit)
        .offset(offset)
    )
    by_agent = await _by_agent(store, [row["function"] for row in page], window)
    found = [by_agent.get((row["function"], row["file"])) for row in page]
    return [_usage(rows) for rows in found if rows]


async def _by_agent(
    store: Store, functions: Sequence[str], window: Window
) -> dict[tuple[str, str], list[Row]]:
    """All sums of the functions of these names, a row for each agent, by its name."""
    if not functions:
        return {}
    summary = SUMMARIES["by_place"]
    function, agent = summary.key("function"), summary.key("agent")
    rows = await store.fetch(
        summary.select("function", "file", "agent", sums=_SHOWN)
        .where(function.in_(list(dict.fromkeys(functions))), *_within(window))
        .having(summary.sums[0].element > 0)
        .order_by(agent)
    )
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["function"], row["file"]), []).append(row)
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


def _usage(rows: Sequence[Row]) -> FunctionUsage:
    """One function of the rows of its agents."""
    first = rows[0]
    name = plain_name(first["function"])
    sums = {key: sum(row[key] for row in rows) for key in first if key.startswith("sum_")}
    calls = sums["sum_calls"]
    costs = [cost for row in rows if (cost := known_cost(row)) is not None]
    return FunctionUsage(
        function=first["function"],
        file=first["file"],
        function_name=name.rpartition(".")[2],
        qualified_name=name,
        call_count=calls,
        llm_calls=sums["sum_llm_calls"],
        errors=sums["sum_errors"],
        input_tokens=sums["sum_input_tokens"],
        output_tokens=sums["sum_output_tokens"],
        cumulative_tokens=sums["sum_cumulative_input_tokens"]
        + sums["sum_cumulative_output_tokens"],
        avg_duration_ms=sums["sum_duration_ns"] / max(calls, 1) / NS_PER_MS,
        cost_usd=sum(costs) if costs else None,
        agents=[row["agent"] for row in rows if row["agent"]],
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
        usage.select("function", "file", "agent", sums=[f"sum_{name}" for name in _COUNTS])
        .having(sums["rows"] > 0)
        .order_by(sa.desc(own), usage.key("function"), usage.key("file"), usage.key("agent"))
        .limit(_RANKED_MAX)
    )
    called = {label.name: label.element for label in ends.sums}
    through = called["sum_input_tokens"] + called["sum_output_tokens"]
    edges = await store.fetch(
        ends.select("caller", "callee", sums=called)
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
