"""What each agent spent on each model, in a session."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from otel_llmops.storage.answers import TokenUse
from otel_llmops.storage.seams import Row, Store
from otel_llmops.storage.summaries import NANO_USD, is_priced, nano_usd
from otel_llmops.storage.tables import TABLES

__all__ = ["tokens_by_model"]

_COUNTS = (
    "llm_calls",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)


async def tokens_by_model(store: Store, session_ids: Sequence[str]) -> list[TokenUse]:
    """Uses by session, total tokens (most first), agent and model; calls without tokens as well."""
    if not session_ids:
        return []
    table = TABLES["agent_operations"]
    keys = (table.c.session_id, table.c.agent, table.c.model)
    tokens = table.c.input_tokens + table.c.output_tokens
    total = _sum(tokens, table)
    statement = (
        sa.select(
            *keys,
            *(_sum(table.c[name], table).label(name) for name in _COUNTS),
            _sum(nano_usd(table), table).label("nano_usd"),
            _sum(is_priced(table), table).label("priced"),
            _sum(tokens * (1 - is_priced(table)), table).label("unpriced_tokens"),
        )
        .where(table.c.session_id.in_(list(dict.fromkeys(session_ids))))
        .group_by(*keys)
        .having(sa.or_(total > 0, _sum(table.c.llm_calls, table) > 0))
        .order_by(table.c.session_id, sa.desc(total), table.c.agent, table.c.model)
    )
    return [_use(row) for row in await store.fetch(statement)]


def _sum(counted: sa.ColumnElement[Any], table: sa.Table) -> sa.ColumnElement[int]:
    return sa.func.sum(counted * table.c.sign, type_=sa.BigInteger())


def _use(row: Row) -> TokenUse:
    return TokenUse(
        session_id=row["session_id"],
        agent=row["agent"] or None,
        model=row["model"] or None,
        **{name: row[name] for name in _COUNTS},
        cost_usd=row["nano_usd"] / NANO_USD if row["priced"] > 0 else None,
        unpriced_tokens=row["unpriced_tokens"],
    )
