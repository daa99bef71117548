"""What GraphQL must answer for the tables of an analysis, made from their rows one by one."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

Row = dict[str, Any]
Tables = Mapping[str, pa.Table]

SESSION_FIELDS = (
    "sessionId traceIds agents startedAt durationMs handoffs llmCalls inputTokens outputTokens"
    " costUsd errors driftScore completeness final residualTokens analysisVersion"
)
USE_FIELDS = (
    "agent model llmCalls inputTokens outputTokens cacheReadTokens cacheWriteTokens"
    " reasoningTokens costUsd unpricedTokens"
)
LEDGER_FIELDS = (
    "spanId spanName agent reportedTokens ownTokens rule conflict traceId aboveSpanId kind model"
    " startedAt reportedInputTokens reportedOutputTokens reportedCacheReadTokens"
    " reportedCacheWriteTokens reportedReasoningTokens ownInputTokens ownOutputTokens"
    " residualTokens"
)
QUALITY_FIELDS = "completed contextKept noBounce promptness allowed"
HANDOFF_FIELDS = (
    "id sessionId traceId fromAgent toAgent kind startedAt latencyMs quality confidence evidence"
    " fromSpanId toSpanId final"
)
AGENT_FIELDS = (
    "name models services invocations llmCalls errors inputTokens outputTokens totalTokens"
    " costUsd handoffsOut handoffsIn firstSeen lastSeen"
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANO = 1e9
_NS_PER_MS = 1e6
_SUMMED = ("llm_calls", "input_tokens", "output_tokens")
_PARTS = ("cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
_WORK = ("invocations", "errors", *_SUMMED)


def sessions_of(tables: Tables) -> list[Row]:
    """Sessions that hold an operation, by id, with `tokens` (most first) and `ledger`."""
    spent, entries = _uses(tables), _ledger(tables)
    return sorted(
        (
            _fields(row, SESSION_FIELDS)
            | {"tokens": spent[row["session_id"]], "ledger": entries[row["session_id"]]}
            for row in _rows(tables["sessions"])
            if row["operations"]
        ),
        key=lambda made: str(made["sessionId"]),
    )


def handoffs_of(tables: Tables) -> list[Row]:
    """Handoffs by session and ordinal."""
    rows = _rows(tables["agent_handoffs"])
    rows.sort(key=lambda row: (row["session_id"], row["ordinal"]))
    return [
        _fields(row | {"id": row["handoff_id"], "kind": row["kind"].upper()}, HANDOFF_FIELDS)
        | {"qualityParts": _fields(row, QUALITY_FIELDS)}
        for row in rows
    ]


def agents_of(tables: Iterable[Tables]) -> list[Row]:
    """Agents over all sessions of several analyses, by name; lists in alphabetical order."""
    parts: dict[str, list[Row]] = defaultdict(list)
    operations: dict[str, list[Row]] = defaultdict(list)
    out: dict[str, int] = defaultdict(int)
    into: dict[str, int] = defaultdict(int)
    for each in tables:
        for row in _rows(each["agents"]):
            parts[row["agent"]].append(row)
        for row in _rows(each["agent_operations"]):
            operations[row["agent"]].append(row)
        for row in _rows(each["agent_handoffs"]):
            out[row["from_agent"]] += 1
            into[row["to_agent"]] += 1
    return [
        {
            "name": name,
            **{_camel(column): sum(row[column] for row in parts[name]) for column in _WORK},
            "totalTokens": sum(row["input_tokens"] + row["output_tokens"] for row in parts[name]),
            "costUsd": _cost(operations[name]),
            "handoffsOut": out[name],
            "handoffsIn": into[name],
            **{
                column: sorted({item for row in parts[name] for item in json.loads(row[column])})
                for column in ("models", "services")
            },
            "firstSeen": _told(min(row["started_at"] for row in parts[name])),
            "lastSeen": _told(max(row["ended_at"] for row in parts[name])),
        }
        for name in sorted(parts)
    ]


def _uses(tables: Tables) -> dict[str, list[Row]]:
    groups: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in _rows(tables["agent_operations"]):
        groups[row["session_id"], row["agent"], row["model"]].append(row)
    made: dict[str, list[Row]] = defaultdict(list)
    for (session_id, agent, model), rows in groups.items():
        counts = {_camel(name): sum(row[name] for row in rows) for name in (*_SUMMED, *_PARTS)}
        if not any(counts[_camel(name)] for name in _SUMMED):
            continue
        unpriced = [_tokens(row) for row in rows if row["cost_usd"] is None]
        made[session_id].append(
            {"agent": agent or None, "model": model or None, **counts}
            | {"costUsd": _cost(rows), "unpricedTokens": sum(unpriced)}
        )
    for uses in made.values():
        uses.sort(key=_most_first)
    return made


def _most_first(use: Row) -> tuple[int, str, str]:
    return -use["inputTokens"] - use["outputTokens"], use["agent"] or "", use["model"] or ""


def _ledger(tables: Tables) -> dict[str, list[Row]]:
    made: dict[str, list[Row]] = defaultdict(list)
    rows = _rows(tables["token_ledger"])
    rows.sort(key=lambda row: (row["started_at"], row["span_id"], row["span_name"]))
    for row in rows:
        sums = {f"{way}_tokens": _tokens(row, f"{way}_") for way in ("reported", "own")}
        made[row["session_id"]].append(_fields(row | sums, LEDGER_FIELDS))
    return made


def _tokens(row: Row, prefix: str = "") -> int:
    return int(row[f"{prefix}input_tokens"] + row[f"{prefix}output_tokens"])


def _cost(rows: Iterable[Row]) -> float | None:
    """Summed as the store sums it: in whole nano-dollars, null where nothing is known."""
    known = [row["cost_usd"] for row in rows if row["cost_usd"] is not None]
    return sum(round(usd * _NANO) for usd in known) / _NANO if known else None


_LISTS = ("trace_ids", "agents", "evidence")
_NULL_IF_EMPTY = ("agent", "model", "above_span_id", "from_span_id", "to_span_id")


def _fields(row: Row, names: str) -> Row:
    """The GraphQL fields of these names, each made of the row's column of that name."""
    return {name: _value(row, name) for name in names.split()}


def _value(row: Row, field: str) -> Any:
    column = "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in field)
    if column.endswith("_ms"):
        nanoseconds = row[f"{column[:-3]}_ns"]
        return None if nanoseconds is None else nanoseconds / _NS_PER_MS
    value = row[column]
    if column in _LISTS:
        return json.loads(value)
    if column in _NULL_IF_EMPTY:
        return value or None
    return _told(value) if column.endswith("_at") else value


def _camel(column: str) -> str:
    first, *more = column.split("_")
    return first + "".join(word.capitalize() for word in more)


def _told(nanoseconds: int) -> str:
    """RFC 3339 with microseconds where there are any, as answers show a time."""
    moment = _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    return moment.isoformat().replace("+00:00", "Z")


def _rows(table: pa.Table) -> list[Row]:
    """Rows as dicts, times as ns since 1970."""
    for place, name in enumerate(table.column_names):
        if pa.types.is_timestamp(table.schema.field(name).type):
            table = table.set_column(place, name, table.column(name).cast(pa.int64()))
    found: list[Row] = table.to_pylist()
    return found
