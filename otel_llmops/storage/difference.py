"""Two commits as a store knows them: their snapshots, and what calls spent under each."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import sqlalchemy as sa

from otel_llmops.errors import QueryError
from otel_llmops.storage.seams import Row, Store
from otel_llmops.storage.summaries import live
from otel_llmops.storage.tables import TABLES
from otel_llmops.storage.topology_answers import TopologySnapshot
from otel_llmops.topology.difference import (
    CALLS_MIN,
    CONFIDENCE,
    PerCall,
    TokenChange,
    structure,
    token_changes,
)
from otel_llmops.topology.names import plain_name

__all__ = ["difference"]

_COMMIT_MIN = 4
_READ = {
    "code_modules": (
        "module_path",
        "afferent_coupling",
        "efferent_coupling",
        "instability",
        "cohesion",
    ),
    "code_functions": (
        "qualified_name",
        "kind",
        "body_hash",
        "complexity",
        "cognitive_complexity",
    ),
    "module_dependencies": ("from_module", "to_module"),
    "topology_snapshots": ("graph_data",),
}


async def difference(
    store: Store,
    commits: tuple[str, str],
    snapshots: tuple[TopologySnapshot | None, TopologySnapshot | None],
) -> dict[str, Any]:
    """The document of `otel-llmops diff`; `structure` is None where a snapshot is missing.

    `commits` are hashes or beginnings of hashes; what spans say of their commit decides.

    Raises: QueryError, if nothing is known of one of them, or a beginning is too short or of two.
    """
    spent = [await _per_call(store, commit) for commit in commits]
    for commit, snapshot, found in zip(commits, snapshots, spent, strict=True):
        if snapshot is None and not found:
            raise QueryError(
                f"nothing is known of commit {commit!r}",
                hint="scan it with otel-llmops scan, or send spans with vcs.ref.head.revision",
            )
    before, after = snapshots
    moved = None
    if before is not None and after is not None:
        moved = structure(await _rows(store, before), await _rows(store, after))
    return {
        "before": _side(commits[0], before, spent[0]),
        "after": _side(commits[1], after, spent[1]),
        "structure": moved,
        "confidence": CONFIDENCE,
        "calls_min": CALLS_MIN,
        "tokens": [_change(each) for each in token_changes(spent[0], spent[1])],
    }


async def _per_call(store: Store, commit: str) -> dict[str, PerCall]:
    """Calls by function under the commit, by the sums of squares that the analysis keeps."""
    revision = await _revision(store, commit)
    if revision is None:
        return {}
    found: dict[str, PerCall] = {}
    for row in await store.fetch(_by_function(revision)):
        tokens = row["input_tokens"] + row["output_tokens"]
        side = PerCall(
            row["calls"],
            tokens,
            row["squared_tokens"],
            row["sessions"],
            *(row[name] for name in _SESSION_SUMS),
        )
        if tokens:
            name = plain_name(row["function"])
            found[name] = found.get(name, PerCall()).plus(side)
    return found


_SESSION_SUMS = ("session_calls_squared", "session_tokens_calls", "session_tokens_squared")


def _by_function(revision: str) -> sa.Select[Any]:
    """Sums by function over the sums of its sessions, as PerCall has them."""
    usage = TABLES["function_usage"]
    names = ("calls", "input_tokens", "output_tokens", "squared_tokens")
    columns = [usage.c[name] for name in names]
    sums = [
        sa.func.sum(column * usage.c.sign, type_=column.type).label(column.name)
        for column in columns
    ]
    session = (
        sa.select(usage.c.function, *sums)
        .where(usage.c.revision == revision, usage.c.function != "")
        .group_by(usage.c.function, usage.c.session_id)
        .having(live(usage) > 0)
        .subquery("session")
    )
    # products of large whole numbers: as floats, where integers would run over
    calls: sa.Cast[float] = sa.cast(session.c.calls, sa.Double())
    tokens: sa.Cast[float] = sa.cast(session.c.input_tokens + session.c.output_tokens, sa.Double())
    products = (calls * calls, tokens * calls, tokens * tokens)
    return sa.select(
        session.c.function,
        sa.func.count().label("sessions"),
        *(sa.func.sum(session.c[name], type_=session.c[name].type).label(name) for name in names),
        *(
            sa.func.sum(product, type_=sa.Double()).label(name)
            for name, product in zip(_SESSION_SUMS, products, strict=True)
        ),
    ).group_by(session.c.function)


async def _revision(store: Store, commit: str) -> str | None:
    """The one revision of spans that begins so, None where there is none."""
    asked = commit.lower()
    if len(asked) < _COMMIT_MIN:
        raise QueryError(
            f"commit {commit!r} is too short", hint=f"give {_COMMIT_MIN} or more of its digits"
        )
    usage = TABLES["function_usage"]
    statement = (
        sa.select(usage.c.revision)
        .where(usage.c.revision != "")
        .group_by(usage.c.revision)
        .having(live(usage) > 0)
    )
    every = [row["revision"] for row in await store.fetch(statement)]
    found = [each for each in every if each.startswith(asked)]
    if len(found) > 1 and asked not in found:
        raise QueryError(f"commit {commit!r} begins {len(found)} hashes", hint="give more digits")
    return asked if asked in found else next(iter(found), None)


async def _rows(store: Store, snapshot: TopologySnapshot) -> Mapping[str, Sequence[Row]]:
    found = {}
    for name, columns in _READ.items():
        table = TABLES[name]
        found[name] = await store.fetch(
            sa.select(*(table.c[column] for column in columns)).where(
                table.c.snapshot_id == snapshot.snapshot_id
            )
        )
    return found


def _side(
    commit: str, snapshot: TopologySnapshot | None, spent: Mapping[str, PerCall]
) -> dict[str, Any]:
    return {
        "commit": (snapshot.commit_hash if snapshot else None) or commit,
        "snapshot_id": snapshot.snapshot_id if snapshot else None,
        "scanned_at": snapshot.scanned_at if snapshot else None,
        "calls": sum(each.calls for each in spent.values()),
    }


def _change(change: TokenChange) -> dict[str, Any]:
    return {
        "function": change.function,
        "before_calls": change.before.calls,
        "after_calls": change.after.calls,
        "before_tokens_per_call": change.before.mean if change.before.calls else None,
        "after_tokens_per_call": change.after.mean if change.after.calls else None,
        **_spread("before", change.before),
        **_spread("after", change.after),
        "difference": change.difference,
        "low": change.low,
        "high": change.high,
        "certain": change.is_certain,
    }


def _spread(name: str, side: PerCall) -> dict[str, Any]:
    error = side.mean_variance
    return {
        f"{name}_sessions": side.sessions,
        f"{name}_sessions_effective": side.sessions_effective,
        f"{name}_variance": side.variance,
        f"{name}_mean_variance": error if isfinite(error) else None,
    }
