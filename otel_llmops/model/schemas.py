"""Arrow schemas of every table that crosses a boundary.

Strategy: one schema a table, here and nowhere else. Stores make their DDL from the derived
schemas, so a new column is one new line. Conventions:

- ids are lower-case hex text (32 digits a trace, 16 a span); no parent is the empty string;
- times are timestamp[ns, UTC], durations and latencies int64 ns, tokens int64 {token}, cost USD;
- text is never null (unknown is empty); a number is nullable only where "unknown" differs from 0;
- lists inside a derived table are JSON text, so that every store can hold them.
"""

from collections.abc import Mapping

import pyarrow as pa

from otel_llmops.errors import SchemaError

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

_TEXT = pa.string()
_COUNT = pa.int64()
TIME = pa.timestamp("ns", tz="UTC")
"""How every table holds a moment."""
_ATTRIBUTES = pa.map_(_TEXT, _TEXT)

_EVENT = pa.struct([("time", TIME), ("name", _TEXT), ("attributes", _ATTRIBUTES)])
_LINK = pa.struct([("trace_id", _TEXT), ("span_id", _TEXT), ("attributes", _ATTRIBUTES)])


def _required(*fields: tuple[str, pa.DataType]) -> list[pa.Field]:
    return [pa.field(name, kind, nullable=False) for name, kind in fields]


def _unknown_or(*fields: tuple[str, pa.DataType]) -> list[pa.Field]:
    return [pa.field(name, kind, nullable=True) for name, kind in fields]


SPANS = pa.schema(
    _required(
        ("trace_id", _TEXT),
        ("span_id", _TEXT),
        ("parent_span_id", _TEXT),
        ("trace_state", _TEXT),
        ("flags", pa.uint32()),
        ("name", _TEXT),
        ("kind", pa.int32()),
        ("start_time", TIME),
        ("end_time", TIME),
        ("duration_ns", _COUNT),
        ("status_code", pa.int32()),
        ("status_message", _TEXT),
        ("service", _TEXT),
        ("scope_name", _TEXT),
        ("scope_version", _TEXT),
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
    _required(
        ("trace_id", _TEXT),
        ("span_id", _TEXT),
        ("time", TIME),
        ("event_name", _TEXT),
        ("severity", pa.int32()),
        ("service", _TEXT),
        ("body", _TEXT),
        ("attributes", _ATTRIBUTES),
    )
)
"""GenAI events from OTLP logs (event names `gen_ai.*`) that name the span they belong to."""

OPERATIONS = pa.schema(
    _required(
        ("session_id", _TEXT),
        ("trace_id", _TEXT),
        ("span_id", _TEXT),
        ("parent_span_id", _TEXT),
        ("name", _TEXT),
        ("kind", _TEXT),
        ("operation", _TEXT),
        ("dialect", _TEXT),
        ("agent", _TEXT),
        ("service", _TEXT),
        ("provider", _TEXT),
        ("model", _TEXT),
        ("tool", _TEXT),
        ("started_at", TIME),
        ("duration_ns", _COUNT),
        ("latency_bucket", pa.int16()),
        ("error", pa.bool_()),
        ("error_type", _TEXT),
        ("invocations", _COUNT),
        ("llm_calls", _COUNT),
        ("errors", _COUNT),
        ("input_tokens", _COUNT),
        ("output_tokens", _COUNT),
        ("cache_read_tokens", _COUNT),
        ("cache_write_tokens", _COUNT),
        ("reasoning_tokens", _COUNT),
        ("function", _TEXT),
        ("file", _TEXT),
        ("line", pa.int32()),
        ("revision", _TEXT),
        ("final", pa.bool_()),
    )
    + _unknown_or(("cost_usd", pa.float64()))
)
"""Spans that mean something to an agent system, one row a span (table agent_operations).

`kind` is agent, llm, tool, workflow, retrieval, embeddings or step; `agent` is whose work it is.
Tokens are the operation's own (the ledger's), so every sum over rows counts each token once.
`invocations` is 1 on the span that stands for one activation of its agent, else 0.
`latency_bucket` is model.latency.bucket(duration_ns).
"""

HANDOFFS = pa.schema(
    _required(
        ("handoff_id", _TEXT),
        ("session_id", _TEXT),
        ("trace_id", _TEXT),
        ("ordinal", pa.int32()),
        ("from_agent", _TEXT),
        ("to_agent", _TEXT),
        ("kind", _TEXT),
        ("started_at", TIME),
        ("confidence", pa.float64()),
        ("quality", pa.float64()),
        ("quality_confidence", pa.float64()),
        ("evidence", _TEXT),
        ("from_span_id", _TEXT),
        ("to_span_id", _TEXT),
        ("tokens", _COUNT),
        ("final", pa.bool_()),
    )
    + _unknown_or(
        ("cost_usd", pa.float64()),
        ("latency_ns", _COUNT),
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
    _required(
        ("session_id", _TEXT),
        ("agent", _TEXT),
        ("role", _TEXT),
        ("type", _TEXT),
        ("description", _TEXT),
        ("can_handoff_to", _TEXT),
        ("models", _TEXT),
        ("services", _TEXT),
        ("invocations", _COUNT),
        ("llm_calls", _COUNT),
        ("errors", _COUNT),
        ("input_tokens", _COUNT),
        ("output_tokens", _COUNT),
        ("started_at", TIME),
        ("ended_at", TIME),
        ("final", pa.bool_()),
    )
    + _unknown_or(("cost_usd", pa.float64()))
)
"""One row for each agent of each session.

`type` is primary, orchestrator, specialist, tool or unknown; `can_handoff_to`, `models` and
`services` are JSON lists.
"""

SESSIONS = pa.schema(
    _required(
        ("session_id", _TEXT),
        ("trace_ids", _TEXT),
        ("agents", _TEXT),
        ("services", _TEXT),
        ("started_at", TIME),
        ("ended_at", TIME),
        ("duration_ns", _COUNT),
        ("spans", _COUNT),
        ("operations", _COUNT),
        ("handoffs", _COUNT),
        ("llm_calls", _COUNT),
        ("errors", _COUNT),
        ("input_tokens", _COUNT),
        ("output_tokens", _COUNT),
        ("residual_tokens", _COUNT),
        ("completeness", pa.float64()),
        ("analysis_version", pa.int32()),
        ("final", pa.bool_()),
    )
    + _unknown_or(("cost_usd", pa.float64()), ("drift_score", pa.float64()))
)
"""One row a session: a conversation, or a trace without one."""

SESSION_KEYS = pa.schema(
    _required(("key", _TEXT), ("kind", _TEXT), ("session_id", _TEXT), ("started_at", TIME))
)
"""What leads to a session: `kind` trace (a trace id), conversation (any id it ever had) or link (a
trace that it links to and that is still to come; made by the engine)."""

LEDGER = pa.schema(
    _required(
        ("session_id", _TEXT),
        ("trace_id", _TEXT),
        ("span_id", _TEXT),
        ("above_span_id", _TEXT),
        ("span_name", _TEXT),
        ("kind", _TEXT),
        ("agent", _TEXT),
        ("model", _TEXT),
        ("started_at", TIME),
        ("reported_input_tokens", _COUNT),
        ("reported_output_tokens", _COUNT),
        ("reported_cache_read_tokens", _COUNT),
        ("reported_cache_write_tokens", _COUNT),
        ("reported_reasoning_tokens", _COUNT),
        ("own_input_tokens", _COUNT),
        ("own_output_tokens", _COUNT),
        ("residual_tokens", _COUNT),
        ("rule", _TEXT),
        ("conflict", pa.bool_()),
    )
)
"""Why each number is what it is: a row for every span that reports usage (table token_ledger).

`above_span_id` is the nearest span above that reports usage too, '' for none; `residual_tokens`
what of its report cannot be placed, 0 where all is well.
"""

CONTEXT_DRIFT = pa.schema(
    _required(
        ("session_id", _TEXT),
        ("trace_id", _TEXT),
        ("from_agent", _TEXT),
        ("to_agent", _TEXT),
        ("score", pa.float64()),
        ("method", _TEXT),
        ("started_at", TIME),
        ("handoff_id", _TEXT),
        ("ordinal", pa.int32()),
        ("bytes_read", _COUNT),
        ("bytes_cut", _COUNT),
    )
    + _unknown_or(
        ("request_kept", pa.float64()),
        ("answer_kept", pa.float64()),
        ("facts_known", pa.float64()),
        ("on_topic", pa.float64()),
        ("growth", pa.float64()),
        ("repeated_prefix", pa.float64()),
        ("tools_changed", pa.float64()),
    )
)
"""How far each handoff moved away from what was asked and known: a row for each of agent_handoffs.

`score` is in [0, 1] and made of the first four shares at the end; `method` says how it was found,
and `no content captured` where nothing was (the score is 0 then). `bytes_cut` is what was too long
to be read (docs/quality.md).
"""

COORDINATION = pa.schema(
    _required(
        ("session_id", _TEXT),
        ("graph", _TEXT),
        ("nodes", pa.int32()),
        ("edges", pa.int32()),
        ("started_at", TIME),
    )
)
"""One row for each session with a handoff (table coordination_graphs).

`graph` is JSON: nodes with id, type and invocations, edges with from, to, handoffs and quality.
"""

BOTTLENECKS = pa.schema(
    _required(
        ("session_id", _TEXT),
        ("trace_id", _TEXT),
        ("span_id", _TEXT),
        ("agent", _TEXT),
        ("operation", _TEXT),
        ("kind", _TEXT),
        ("model", _TEXT),
        ("tool", _TEXT),
        ("cause", _TEXT),
        ("severity", _TEXT),
        ("impact_ppm", _COUNT),
        ("agent_impact_ppm", _COUNT),
        ("critical_path_share", pa.float64()),
        ("session_ns", _COUNT),
        ("self_time_ns", _COUNT),
        ("wait_ns", _COUNT),
        ("latency_bucket", pa.int16()),
        ("calls", _COUNT),
        ("path_calls", _COUNT),
        ("errors", _COUNT),
        ("retries", _COUNT),
        ("usual_ns", _COUNT),
        ("input_tokens", _COUNT),
        ("output_tokens", _COUNT),
        ("session_tokens", _COUNT),
        ("usual_input_tokens", _COUNT),
        ("saving_ns_low", _COUNT),
        ("saving_ns_high", _COUNT),
        ("serial_ns", _COUNT),
        ("started_at", TIME),
        ("final", pa.bool_()),
    )
)
"""What takes a session's time that it need not take: a row for each agent and what it calls.

`operation` is what is called (`chat gpt-4o`, `execute_tool search`), empty for what the agent does
by itself; docs/bottlenecks.md says what each number means, and which `cause` and `severity` follow.
`session_ns` is the length of the session's traces, `self_time_ns` and `wait_ns` are of the critical
path alone, and `latency_bucket` is model.latency.bucket of the two together. `usual_ns` is what one
such call usually takes other agents, 0 where nobody tells. `trace_id` and `span_id` show where it
is worst.
"""

COALITIONS = pa.schema(
    _required(
        ("session_id", _TEXT),
        ("agents", _TEXT),
        ("task_type", _TEXT),
        ("success", pa.bool_()),
        ("tokens", _COUNT),
        ("duration_ns", _COUNT),
        ("started_at", TIME),
    )
)
"""One row for each settled session in which an agent acted: its team, its task, how it went.

`agents` is a JSON list in alphabetical order; docs/coalitions.md says what `success` means.
"""

FUNCTION_USAGE = pa.schema(
    _required(
        ("session_id", _TEXT),
        ("function", _TEXT),
        ("file", _TEXT),
        ("line", pa.int32()),
        ("revision", _TEXT),
        ("agent", _TEXT),
        ("model", _TEXT),
        ("started_at", TIME),
        ("sessions", _COUNT),
        ("calls", _COUNT),
        ("llm_calls", _COUNT),
        ("errors", _COUNT),
        ("input_tokens", _COUNT),
        ("output_tokens", _COUNT),
        ("cache_read_tokens", _COUNT),
        ("cumulative_input_tokens", _COUNT),
        ("cumulative_output_tokens", _COUNT),
        ("duration_ns", _COUNT),
        ("squared_tokens", pa.float64()),
        ("loop_steps", _COUNT),
        ("loop_rises", _COUNT),
        ("loop_growth_tokens", _COUNT),
        ("repeated_tokens", _COUNT),
        ("final", pa.bool_()),
    )
    + _unknown_or(("cost_usd", pa.float64()))
)
"""What functions of the user's code spent (table function_usage): a row for each place in the code
that a session's spans were made at, agent, model, revision and hour.

Every number may be summed over any rows. Tokens, errors and cost are the place's own, as in the
ledger; `cumulative_*` are its own and those of all that it called, counted where its function is
on the stack for the first time, so that recursion counts a token once. `calls` are the times that
control came in from another function, as far as spans show, `duration_ns` theirs, and
`squared_tokens` the sum of the squares of the own tokens of each: for the spread of tokens a call.
`sessions` is 1 on one row of each (session, function, file). `loop_steps` counts model calls that
follow another one from the same place under one agent, `loop_rises` those with a longer prompt,
`loop_growth_tokens` by how much, `repeated_tokens` what the prompt before had: no more than what
both have in common.
"""

FUNCTION_EDGES = pa.schema(
    _required(
        ("session_id", _TEXT),
        ("caller", _TEXT),
        ("caller_file", _TEXT),
        ("caller_line", pa.int32()),
        ("callee", _TEXT),
        ("callee_file", _TEXT),
        ("callee_line", pa.int32()),
        ("revision", _TEXT),
        ("started_at", TIME),
        ("calls", _COUNT),
        ("duration_ns", _COUNT),
        ("input_tokens", _COUNT),
        ("output_tokens", _COUNT),
        ("final", pa.bool_()),
    )
)
"""Calls between functions as spans nest (table function_edges): the caller is the function of the
nearest span above that was made in another one.

`duration_ns` is of the calls; tokens are those of the callee and below, where the same edge is not
on the stack already. A function without a span of its own is passed over.
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
