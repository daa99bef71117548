"""Answers as JSON documents, for REST and for a command that reads a store by itself."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from otel_llmops.analysis.diagnosis import diagnose
from otel_llmops.otlp import Request, decode_traces, nested
from otel_llmops.storage.queries import Queries
from otel_llmops.storage.spans import WireSpan

__all__ = ["diagnosis", "plain", "session", "told"]

_SESSIONS = 50
_TRACES_MAX = 500
_SPANS_MAX = 50_000


async def session(
    queries: Queries, session_id: str, *, limit: int | None = None, offset: int = 0
) -> dict[str, Any] | None:
    """One session with its tokens by agent and model and its ledger; None where there is none.

    `limit` and `offset` are of the ledger, all of which it is where they are not given.
    """
    found = await queries.session(session_id)
    if found is None:
        return None
    uses, entries = await asyncio.gather(
        queries.tokens([found.session_id]),
        queries.ledger([found.session_id], limit=limit, offset=offset),
    )
    document: dict[str, Any] = plain(found)
    return document | {
        "unpriced_tokens": sum(use.unpriced_tokens for use in uses),
        "tokens": [_without_session(plain(use)) for use in uses],
        "ledger": [_without_session(plain(entry)) for entry in entries],
    }


async def diagnosis(
    queries: Queries, *, session_id: str | None = None, limit: int = _SESSIONS
) -> dict[str, Any] | None:
    """How the spans of a session were read, or of the newest ones; None where there is none."""
    if session_id is None:
        found = await queries.sessions(limit=limit)
    else:
        one = await queries.session(session_id)
        if one is None:
            return None
        found = [one]
    traces = dict.fromkeys(trace for each in found for trace in each.trace_ids)
    wires: list[WireSpan] = []
    for trace_id in list(traces)[:_TRACES_MAX]:
        wires += await queries.spans.trace(trace_id)
        if len(wires) >= _SPANS_MAX:
            break
    spans = decode_traces([Request(nested(wires))] if wires else [])
    told: dict[str, Any] = plain(diagnose(spans))
    return told | {"sessions": len(found)}


def plain(value: object) -> Any:
    """`value` as JSON can hold it: answers as objects, times as RFC 3339, no NaN."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in told(type(value))}
    if isinstance(value, Mapping):
        return {key: plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [plain(held) for held in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@cache
def told(kind: type) -> tuple[str, ...]:
    """What is told of an answer of this type: its fields, then what it reckons from them."""
    reckoned = (name for name, held in vars(kind).items() if isinstance(held, property))
    return (*(field.name for field in fields(kind)), *reckoned)


def _without_session(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: held for key, held in document.items() if key != "session_id"}
