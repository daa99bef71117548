"""Arrow schemas of every table that crosses a boundary.

Strategy: one schema a table, here and nowhere else; those of what is concluded from a session are
in intelligence.py, and in DERIVED with the others. Stores make their DDL from the derived
schemas, so a new column is one new line. Conventions:

- ids are lower-case hex text (32 digits a trace, 16 a span); no parent is the empty string;
- times are timestamp[ns, UTC], durations and latencies int64 ns, tokens int64 {token}, cost USD;
- text is never null (unknown is empty); a number is nullable only where "unknown" differs from 0;
- lists inside a derived table are JSON text, so that every store can hold them.
"""

from collections.abc import Mapping

import pyarrow as pa

from otel_llmops.errors import SchemaError
from otel_llmops.model.fields import COUNT, TEXT, TIME, required, unknown_or
from otel_llmops.model.intelligence import (
    BOTTLENECKS,
    COALITIONS,
    CONTEXT_DRIFT,
    COORDINATION,
    FUNCTION_EDGES,
    FUNCTION_USAGE,
)

__all__ = [
    "AGENTS",
    "BOTTLENECKS",
    "COALITIONS",
    "CONTEXT_DRIFT",
    "COORDINATION",
    "DERIVED",
    "FUNCTION_EDGES",
    "FUNCTION_USAGE",
    "HANDOFFS",
    "LEDGER",
    "LOG_EVENTS",
    "OPERATIONS",
    "SESSIONS",
    "SESSION_KEYS",
    "SPANS",
    "STORED_SPAN_COLUMNS",
    "TIME",
    "empty",
    "require",
]

_ATTRIBUTES = pa.map_(TEXT, TEXT)

_EVENT = pa.struct([("time", TIME), ("name", TEXT), ("attributes", _ATTRIBUTES)])
_LINK = pa.struct([("trace_id", TEXT), ("span_id", TEXT), ("attributes", _ATTRIBUTES)])

SPANS = pa.schema(
    required(
        ("trace_id", TEXT),
        ("span_id", TEXT),
        ("parent_span_id", TEXT),
        ("trace_state", TEXT),
        ("flags", pa.uint32()),
        ("name", TEXT),
        ("kind", pa.int32()),
        ("start_time", TIME),
        ("end_time", TIME),
        ("duration_ns", COUNT),
        ("status_code", pa.int32()),
        ("status_message", TEXT),
        ("service", TEXT),
        ("scope_name", TEXT),
        ("scope_version", TEXT),
        ("attributes", _ATTRIBUTES),
        ("resource_attributes", _ATTRIBUTES),
        ("events", pa.list_(_EVENT)),
        ("links", pa.list_(_LINK)),
        ("span_wire", pa.binary()),
        ("scope_wire", pa.binary()),
        ("resource_wire", pa.binary()),
    )
)
"""Spans as OTLP has them, one row a span.

`attributes` hold text: strings as they are, numbers and booleans as JSON writes them, arrays,
key-value lists and bytes (base64) as JSON; an empty AnyValue is empty text. A key that occurs
twice keeps its last value. `duration_ns` is max(0, end - start). Times past 2262 (int64 ns) are
clamped. `*_wire` are the bytes that arrived: the Span message; the ScopeSpans message without its
spans; the ResourceSpans message without its scopes. Nesting the three gives the span back whole,
unknown fields included (OTLP: a forwarder keeps what it does not know).
"""

_IN_WIRE_ALONE = {"attributes", "events", "links"}
STORED_SPAN_COLUMNS = tuple(name for name in SPANS.names if name not in _IN_WIRE_ALONE)
"""What a store keeps of SPANS as columns; attributes, events and links live in `span_wire` alone.

A key or a text that was said stands in those bytes as it is, so a search for it is one for bytes.
"""

LOG_EVENTS = pa.schema(
    required(
        ("trace_id", TEXT),
        ("span_id", TEXT),
        ("time", TIME),
        ("event_name", TEXT),
        ("severity", pa.int32()),
        ("service", TEXT),
        ("body", TEXT),
        ("attributes", _ATTRIBUTES),
    )
)
"""GenAI events from OTLP logs (event names `gen_ai.*`) that name the span they belong to."""

OPERATIONS = pa.schema(
    required(
        ("session_id", TEXT),
        ("trace_id", TEXT),
        ("span_id", TEXT),
        ("parent_span_id", TEXT),
        ("name", TEXT),
        ("kind", TEXT),
        ("operation", TEXT),
        ("dialect", TEXT),
        ("agent", TEXT),
        ("service", TEXT),
        ("provider", TEXT),
        ("model", TEXT),
        ("tool", TEXT),
        ("started_at", TIME),
        ("duration_ns", COUNT),
        ("latency_bucket", pa.int16()),
        ("error", pa.bool_()),
        ("error_type", TEXT),
        ("invocations", COUNT),
        ("llm_calls", COUNT),
        ("errors", COUNT),
        ("input_tokens", COUNT),
        ("output_tokens", COUNT),
        ("cache_read_tokens", COUNT),
        ("cache_write_tokens", COUNT),
        ("reasoning_tokens", COUNT),
        ("function", TEXT),
        ("file", TEXT),
        ("line", pa.int32()),
        ("revision", TEXT),
        ("final", pa.bool_()),
    )
    + unknown_or(("cost_usd", pa.float64()))
)
"""Spans that mean something to an agent system, one row a span (table agent_operations).

`kind` is agent, llm, tool, workflow, retrieval, embeddings or step; `agent` is whose work it is.
Tokens are the operation's own (the ledger's), so every sum over rows counts each token once.
`invocations` is 1 on the span that stands for one activation of its agent, else 0.
`latency_bucket` is model.latency.bucket(duration_ns).
"""

HANDOFFS = pa.schema(
    required(
        ("handoff_id", TEXT),
        ("session_id", TEXT),
        ("trace_id", TEXT),
        ("ordinal", pa.int32()),
        ("from_agent", TEXT),
        ("to_agent", TEXT),
        ("kind", TEXT),
        ("started_at", TIME),
        ("confidence", pa.float64()),
        ("quality", pa.float64()),
        ("quality_confidence", pa.float64()),
        ("evidence", TEXT),
        ("from_span_id", TEXT),
        ("to_span_id", TEXT),
        ("tokens", COUNT),
        ("final", pa.bool_()),
    )
    + unknown_or(
        ("cost_usd", pa.float64()),
        ("latency_ns", COUNT),
        ("completed", pa.float64()),
        ("context_kept", pa.float64()),
        ("no_bounce", pa.float64()),
        ("promptness", pa.float64()),
        ("allowed", pa.float64()),
    )
)
"""Control passing between agents (table agent_handoffs).

`kind` is transfer, delegation, sequence or fan_out (docs/design.md); `evidence` a JSON list of
parent_child, handoff_tool, attribute, sibling_order, span_link, conversation, time; `latency_ns`
from the end of from_agent's last operation that ended before to_agent began, null where none did.
`ordinal` counts a session's handoffs from 0 in order of `started_at`. `confidence` says how sure it
is that there was a handoff; `quality` is made of the parts at the end, null where there is no
evidence, and `quality_confidence` says how much of them there is (docs/quality.md). `tokens` and
`cost_usd` are what the activation spent that control went to, others below it not counted.
"""

AGENTS = pa.schema(
    required(
        ("session_id", TEXT),
        ("agent", TEXT),
        ("role", TEXT),
        ("type", TEXT),
        ("description", TEXT),
        ("can_handoff_to", TEXT),
        ("models", TEXT),
        ("services", TEXT),
        ("invocations", COUNT),
        ("llm_calls", COUNT),
        ("errors", COUNT),
        ("input_tokens", COUNT),
        ("output_tokens", COUNT),
        ("started_at", TIME),
        ("ended_at", TIME),
        ("final", pa.bool_()),
    )
    + unknown_or(("cost_usd", pa.float64()))
)
"""One row for each agent of each session.

`type` is primary, orchestrator, specialist, tool or unknown; `can_handoff_to`, `models` and
`services` are JSON lists.
"""

SESSIONS = pa.schema(
    required(
        ("session_id", TEXT),
        ("trace_ids", TEXT),
        ("agents", TEXT),
        ("services", TEXT),
        ("started_at", TIME),
        ("ended_at", TIME),
        ("duration_ns", COUNT),
        ("spans", COUNT),
        ("operations", COUNT),
        ("handoffs", COUNT),
        ("llm_calls", COUNT),
        ("errors", COUNT),
        ("input_tokens", COUNT),
        ("output_tokens", COUNT),
        ("residual_tokens", COUNT),
        ("completeness", pa.float64()),
        ("analysis_version", pa.int32()),
        ("final", pa.bool_()),
    )
    + unknown_or(("cost_usd", pa.float64()), ("drift_score", pa.float64()))
)
"""One row a session: a conversation, or a trace without one."""

SESSION_KEYS = pa.schema(
    required(("key", TEXT), ("kind", TEXT), ("session_id", TEXT), ("started_at", TIME))
)
"""What leads to a session: `kind` trace (a trace id), conversation (any id it ever had) or link (a
trace that it links to and that is still to come; made by the engine)."""

LEDGER = pa.schema(
    required(
        ("session_id", TEXT),
        ("trace_id", TEXT),
        ("span_id", TEXT),
        ("above_span_id", TEXT),
        ("span_name", TEXT),
        ("kind", TEXT),
        ("agent", TEXT),
        ("model", TEXT),
        ("started_at", TIME),
        ("reported_input_tokens", COUNT),
        ("reported_output_tokens", COUNT),
        ("reported_cache_read_tokens", COUNT),
        ("reported_cache_write_tokens", COUNT),
        ("reported_reasoning_tokens", COUNT),
        ("own_input_tokens", COUNT),
        ("own_output_tokens", COUNT),
        ("residual_tokens", COUNT),
        ("rule", TEXT),
        ("conflict", pa.bool_()),
    )
)
"""Why each number is what it is: a row for every span that reports usage (table token_ledger).

`above_span_id` is the nearest span above that reports usage too, '' for none; `residual_tokens`
what of its report cannot be placed, 0 where all is well.
"""

DERIVED: Mapping[str, pa.Schema] = {
    "agent_operations": OPERATIONS,
    "agent_handoffs": HANDOFFS,
    "agents": AGENTS,
    "sessions": SESSIONS,
    "session_keys": SESSION_KEYS,
    "token_ledger": LEDGER,
    "context_drift": CONTEXT_DRIFT,
    "coordination_graphs": COORDINATION,
    "bottlenecks": BOTTLENECKS,
    "coalitions": COALITIONS,
    "function_usage": FUNCTION_USAGE,
    "function_edges": FUNCTION_EDGES,
}
"""Table name -> schema of all that is derived from a session, replaced whole when it is analysed
again. Every table has `session_id` and `started_at`; `agents` and the rest are named as the plan
names them."""


def empty(schema: pa.Schema) -> pa.Table:
    """A table of `schema` without rows."""
    return schema.empty_table()


def require(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return `table` with exactly the columns of `schema`, in its order.

    Raises: SchemaError, if a column is missing or of another type.
    """
    missing = [name for name in schema.names if name not in table.column_names]
    if missing:
        raise SchemaError(f"columns are missing: {', '.join(missing)}")
    picked = table.select(schema.names)
    wrong = [
        f"{field.name} is {found.type}, not {field.type}"
        for field, found in zip(schema, picked.schema, strict=True)
        if found.type != field.type
    ]
    if wrong:
        raise SchemaError("; ".join(wrong))
    return picked.cast(schema)
