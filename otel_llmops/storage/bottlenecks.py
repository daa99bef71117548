"""What holds sessions up, over all of them: the findings of each session added up.

Strategy: a page of findings in one statement, then for the page alone how they spread over
sessions and where each is worst. What is read is per session in which something was found, so that
one session and a million of them read the same.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from otel_llmops.model.latency import percentile_ns
from otel_llmops.model.severity import SEVERITIES, severity
from otel_llmops.storage.answers import Bottleneck
from otel_llmops.storage.recommendations import recommendation
from otel_llmops.storage.rows import NS_PER_MS
from otel_llmops.storage.seams import Row, Store
from otel_llmops.storage.summaries import live
from otel_llmops.storage.tables import TABLES

__all__ = ["bottlenecks"]

_PPM = 1e6
_KEYS = ("agent", "operation", "kind", "model", "tool", "cause")
_SUMS = (
    "impact_ppm",
    "agent_impact_ppm",
    "session_ns",
    "self_time_ns",
    "wait_ns",
    "calls",
    "path_calls",
    "errors",
    "retries",
    "usual_ns",
    "input_tokens",
    "output_tokens",
    "session_tokens",
    "usual_input_tokens",
    "saving_ns_low",
    "saving_ns_high",
    "serial_ns",
)
_Key = tuple[str, ...]


async def bottlenecks(
    store: Store,
    wanted: Iterable[sa.ColumnElement[bool]],
    *,
    min_severity: str | None,
    limit: int,
) -> list[Bottleneck]:
    """Findings by what all that their agents do costs in all, then by what they cost themselves.

    What no agent does comes last.
    """
    wanted = list(wanted)
    found = await store.fetch(_page(wanted, min_severity=min_severity, limit=limit))
    if not found:
        return []
    keys = {_key(row) for row in found}
    spread = await _spread(store, wanted, keys)
    worst = await _worst(store, wanted, {_key(row): row["worst"] for row in found})
    return [
        _answer(row, spread[_key(row)], worst[_key(row)]) for row in found if _key(row) in worst
    ]


def _page(
    wanted: Sequence[sa.ColumnElement[bool]], *, min_severity: str | None, limit: int
) -> sa.Select[Any]:
    table = TABLES["bottlenecks"]
    keys = [table.c[name] for name in _KEYS]
    sums = {name: _sum(table, name) for name in _SUMS}
    sessions = live(table)
    found = sa.case((table.c.sign > 0, table.c.impact_ppm), else_=0)
    statement = (
        sa.select(
            *keys,
            *(total.label(f"all_{name}") for name, total in sums.items()),
            sessions.label("sessions"),
            sa.func.max(found, type_=sa.BigInteger()).label("worst"),
        )
        .where(*wanted)
        .group_by(*keys)
        .having(sessions > 0)
        .order_by(
            sa.case((table.c.agent == "", 1), else_=0),
            sa.desc(sums["agent_impact_ppm"]),
            sa.desc(sums["impact_ppm"]),
            *keys,
        )
        .limit(limit)
    )
    if min_severity is None:
        return statement
    least = round(SEVERITIES[min_severity] * _PPM)
    return statement.having(sums["impact_ppm"] >= sa.literal(least) * sessions)


def _sum(table: sa.Table, name: str) -> sa.ColumnElement[int]:
    return sa.func.sum(table.c[name] * table.c.sign, type_=sa.BigInteger())


def _key(row: Row) -> _Key:
    return tuple(row[name] for name in _KEYS)


def _of_page(keys: Iterable[_Key]) -> list[sa.ColumnElement[bool]]:
    """Conditions that hold for these findings, and for few others."""
    table = TABLES["bottlenecks"]
    columns = zip(*sorted(keys), strict=True)
    return [
        table.c[name].in_(sorted(set(values)))
        for name, values in zip(_KEYS, columns, strict=True)
        if name in {"agent", "operation", "cause"}
    ]


async def _spread(
    store: Store, wanted: Sequence[sa.ColumnElement[bool]], keys: set[_Key]
) -> dict[_Key, tuple[float | None, float | None]]:
    """The median and the 95th percentile of what each takes of a session, ms."""
    table = TABLES["bottlenecks"]
    columns = [table.c[name] for name in (*_KEYS, "latency_bucket")]
    statement = (
        sa.select(*columns, live(table).label("sessions"))
        .where(*wanted, *_of_page(keys))
        .group_by(*columns)
        .having(live(table) > 0)
    )
    pairs: dict[_Key, list[tuple[int, int]]] = {key: [] for key in keys}
    for row in await store.fetch(statement):
        if _key(row) in pairs:
            pairs[_key(row)].append((row["latency_bucket"], row["sessions"]))
    return {key: (_percentile(held, 0.5), _percentile(held, 0.95)) for key, held in pairs.items()}


def _percentile(pairs: Sequence[tuple[int, int]], share: float) -> float | None:
    if not pairs:
        return None
    buckets, counts = np.array(sorted(pairs), dtype=np.int64).T
    found = percentile_ns(buckets, counts, share)
    return None if found is None else found / NS_PER_MS


async def _worst(
    store: Store, wanted: Sequence[sa.ColumnElement[bool]], worst: dict[_Key, int]
) -> dict[_Key, Row]:
    """Where each finding is worst, of what is live.

    What a later analysis took back may have been worse: those are asked for again, one by one.
    """
    table = TABLES["bottlenecks"]
    columns = [table.c[name] for name in (*_KEYS, "impact_ppm", "trace_id", "span_id")]
    statement = (
        sa.select(*columns)
        .where(*wanted, *_of_page(worst), table.c.impact_ppm.in_(sorted(set(worst.values()))))
        .group_by(*columns)
        .having(live(table) > 0)
        .order_by(sa.desc(table.c.impact_ppm), table.c.trace_id, table.c.span_id)
    )
    found: dict[_Key, Row] = {}
    for row in await store.fetch(statement):
        if worst.get(_key(row)) == row["impact_ppm"]:
            found.setdefault(_key(row), row)
    for key in worst.keys() - found.keys():
        same = [table.c[name] == value for name, value in zip(_KEYS, key, strict=True)]
        rows = await store.fetch(
            sa.select(*columns)
            .where(*wanted, *same)
            .group_by(*columns)
            .having(live(table) > 0)
            .order_by(sa.desc(table.c.impact_ppm), table.c.trace_id, table.c.span_id)
            .limit(1)
        )
        found.update(zip([key], rows, strict=False))
    return found


def _answer(row: Row, spread: tuple[float | None, float | None], worst: Row) -> Bottleneck:
    sessions = row["sessions"]
    all_ = {name: row[f"all_{name}"] for name in _SUMS}
    mean_ms = {
        name: all_[name] / sessions / NS_PER_MS
        for name in ("self_time_ns", "wait_ns", "saving_ns_low", "saving_ns_high", "serial_ns")
    }
    impact = all_["impact_ppm"] / sessions / _PPM
    tokens = all_["input_tokens"] + all_["output_tokens"]
    answer = Bottleneck(
        agent=row["agent"],
        operation=row["operation"] or None,
        kind=row["kind"] or None,
        model=row["model"] or None,
        tool=row["tool"] or None,
        cause=row["cause"],
        severity=severity(impact),
        impact=impact,
        critical_path_share=_share(all_["self_time_ns"] + all_["wait_ns"], all_["session_ns"]),
        self_time_ms=mean_ms["self_time_ns"],
        wait_ms=mean_ms["wait_ns"],
        path_ms_p50=spread[0],
        path_ms_p95=spread[1],
        occurrences=sessions,
        calls=all_["calls"],
        path_calls=all_["path_calls"],
        errors=all_["errors"],
        retries=all_["retries"],
        usual_ms=all_["usual_ns"] / sessions / NS_PER_MS or None,
        input_tokens_per_call=_share(all_["input_tokens"], all_["calls"]),
        output_tokens_per_call=_share(all_["output_tokens"], all_["calls"]),
        usual_input_tokens=all_["usual_input_tokens"] / sessions or None,
        token_share=_share(tokens, all_["session_tokens"]),
        error_rate=_share(all_["errors"], all_["calls"]),
        saving_ms_low=mean_ms["saving_ns_low"],
        saving_ms_high=mean_ms["saving_ns_high"],
        serial_ms=mean_ms["serial_ns"],
        recommendation="",
        example_trace_id=worst["trace_id"],
        example_span_id=worst["span_id"],
    )
    return answer.with_recommendation(recommendation(answer))


def _share(part: int, whole: int) -> float:
    return part / whole if whole > 0 else 0.0
