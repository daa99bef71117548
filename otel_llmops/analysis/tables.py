"""From findings to rows: a function for each derived table; agent_rows.py has the agents."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.columns import distinct_lists, json_lists, known_or_null, whole
from otel_llmops.analysis.cost import costs
from otel_llmops.analysis.drift_rows import session_scores
from otel_llmops.analysis.edges import KINDS as HANDOFF_KINDS
from otel_llmops.analysis.edges import evidence_text
from otel_llmops.analysis.findings import Findings
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.handoffs import latency_ns
from otel_llmops.analysis.kinds import KINDS
from otel_llmops.analysis.quality_rows import quality_of
from otel_llmops.analysis.tokens import rule_names
from otel_llmops.model.latency import bucket
from otel_llmops.model.schemas import TIME
from otel_llmops.semconv import Kind

__all__ = [
    "ANALYSIS_VERSION",
    "handoff_rows",
    "ledger_rows",
    "operation_rows",
    "operations",
    "session_keys",
    "session_rows",
]

ANALYSIS_VERSION = 3
"""Rises when the same spans give other answers."""

_NULL_IF_NONE = pc.ScalarAggregateOptions(min_count=1)
"""Sums skip what is unknown, and are unknown where all of it is."""

_AS_OPERATION = (
    Kind.AGENT,
    Kind.LLM,
    Kind.TOOL,
    Kind.WORKFLOW,
    Kind.RETRIEVAL,
    Kind.EMBEDDINGS,
    Kind.HANDOFF,
)


def operation_rows(found: Findings) -> Ints:
    """The spans that are operations, in their order: those of the rows of `operations`."""
    readings, ledger = found.readings, found.ledger
    counted = (ledger.input > 0) | (ledger.output > 0)
    return np.flatnonzero(readings.is_kind(*_AS_OPERATION) | _heads(found) | counted)


def _heads(found: Findings) -> Mask:
    """Spans that stand for an activation of their agent."""
    head = np.zeros(len(found.readings.kind), dtype=bool)
    head[found.acts.head] = True
    return head


def operations(found: Findings) -> pa.Table:
    """OPERATIONS rows: spans that mean something, in the order of the spans."""
    readings, ledger = found.readings, found.ledger
    head = _heads(found)
    rows = operation_rows(found)
    place = pa.array(rows)
    spans = readings.spans
    kind = pa.array([str(k) for k in KINDS]).take(pa.array(readings.kind)).take(place)
    duration = np.asarray(spans.column("duration_ns"))[rows]
    failure = found.failure[rows]
    text = {name: readings.concept(name).take(place) for name in ("operation", "provider", "model")}
    made = pa.table(
        {
            "session_id": found.sessions.ids.take(pa.array(found.sessions.session[rows])),
            **{name: spans.column(name).take(place) for name in _SPAN_ID},
            "name": spans.column("name").take(place),
            "kind": pc.if_else(pa.array(head[rows]), str(Kind.AGENT), kind),
            "operation": text["operation"],
            "dialect": readings.dialect.take(place),
            "agent": _owners(found, rows),
            "service": spans.column("service").take(place),
            "provider": text["provider"],
            "model": text["model"],
            "tool": readings.tool.take(place),
            "started_at": spans.column("start_time").take(place),
            "duration_ns": duration,
            "latency_bucket": bucket(duration),
            "error": failure,
            "error_type": pc.if_else(pa.array(failure), readings.error_type.take(place), ""),
            "invocations": head[rows].astype(np.int64),
            "llm_calls": ledger.is_call[rows].astype(np.int64),
            "errors": failure.astype(np.int64),
            "input_tokens": ledger.input[rows],
            "output_tokens": ledger.output[rows],
            "cache_read_tokens": ledger.cache_read[rows],
            "cache_write_tokens": ledger.cache_write[rows],
            "reasoning_tokens": ledger.reasoning[rows],
            "function": found.code.function.take(place),
            "file": found.code.file.take(place),
            "line": found.code.line[rows].astype(np.int32),
            "revision": found.code.revision.take(place),
            "final": found.final[found.sessions.session[rows]],
        }
    )
    cost = costs(made, asked_for=lambda: readings.concept("requested_model").take(place))
    return made.append_column("cost_usd", cost)


_SPAN_ID = ("trace_id", "span_id", "parent_span_id")


def _owners(found: Findings, rows: Ints) -> pa.Array:
    """The agent whose work each row is, '' for none."""
    acts = found.acts
    owner = acts.owner[rows]
    agent = acts.agent[np.maximum(owner, 0)] if acts.count else owner
    names = acts.names.take(pa.array(agent, mask=owner < 0))
    return pc.fill_null(names, "")


def handoff_rows(found: Findings) -> pa.Table:
    """HANDOFFS rows, by session and start."""
    readings, acts, edges = found.readings, found.acts, found.edges
    source, target = acts.head[edges.source], acts.head[edges.target]
    session = found.sessions.session[target]
    ordinal = np.arange(len(session)) - np.searchsorted(session, session, side="left")
    span_id, trace_id = (whole(readings.spans.column(c)) for c in ("span_id", "trace_id"))
    from_span, to_span = span_id.take(pa.array(source)), span_id.take(pa.array(target))
    trace = trace_id.take(pa.array(target))
    latency = latency_ns(readings, acts, edges)
    judged = quality_of(found, latency)
    return pa.table(
        {
            "handoff_id": pc.binary_join_element_wise(trace, from_span, to_span, "-"),
            "session_id": found.sessions.ids.take(pa.array(session)),
            "trace_id": trace,
            "ordinal": ordinal.astype(np.int32),
            "from_agent": acts.names.take(pa.array(acts.agent[edges.source])),
            "to_agent": acts.names.take(pa.array(acts.agent[edges.target])),
            "kind": pa.array(HANDOFF_KINDS).take(pa.array(edges.kind)),
            "started_at": pa.array(readings.start[target]).cast(TIME),
            "confidence": edges.confidence,
            "quality": judged.quality,
            "quality_confidence": judged.confidence,
            "evidence": evidence_text(edges.evidence),
            "from_span_id": from_span,
            "to_span_id": to_span,
            "final": found.final[session],
            "latency_ns": latency,
            **{name: known_or_null(part) for name, part in judged.parts.items()},
        }
    )


def session_rows(
    found: Findings, operations_made: pa.Table, passed: pa.Table, agents_made: pa.Table
) -> pa.Table:
    """SESSIONS rows, one a session."""
    tied = found.sessions
    count = len(tied.ids)
    wide = _by_session(found)
    start, end = (np.asarray(wide.column(c)) for c in ("start_min", "end_max"))
    spans_n = np.asarray(wide.column("trace_id_count"))
    arrived = spans_n - np.asarray(wide.column("absent_sum"))
    sums = ("llm_calls", "errors", "input_tokens", "output_tokens")
    counted = _summed(operations_made, tied.ids, sums)
    residual = np.zeros(count, dtype=np.int64)
    np.add.at(residual, tied.session, found.ledger.residual)
    names = agents_made.sort_by([("started_at", "ascending"), ("agent", "ascending")])
    listed = names.group_by("session_id", use_threads=False).aggregate([("agent", "list")])
    place = pc.index_in(tied.ids, value_set=whole(listed.column("session_id")))
    return pa.table(
        {
            "session_id": tied.ids,
            "trace_ids": _seen(found, "trace_id"),
            "agents": pc.fill_null(json_lists(listed.column("agent_list")).take(place), "[]"),
            "services": _seen(found, "service"),
            "started_at": pa.array(start).cast(TIME),
            "ended_at": pa.array(end).cast(TIME),
            "duration_ns": end - start,
            "spans": arrived,
            "operations": _counted(operations_made, tied.ids),
            "handoffs": _counted(passed, tied.ids),
            **counted,
            "residual_tokens": residual,
            "completeness": arrived / spans_n,
            "analysis_version": np.full(count, ANALYSIS_VERSION, dtype=np.int32),
            "final": found.final,
            "cost_usd": _cost(operations_made, tied.ids),
            "drift_score": session_scores(found),
        }
    )


def _by_session(found: Findings) -> pa.Table:
    """What the spans of each session add up to, a row a session, by its number."""
    readings = found.readings
    spans = pa.table(
        {
            "session": found.sessions.session,
            "trace_id": readings.spans.column("trace_id"),
            "start": readings.start,
            "end": readings.end,
            "absent": readings.placeholder.astype(np.int64),
        }
    )
    grouped = spans.group_by("session", use_threads=False).aggregate(
        [
            ("start", "min"),
            ("end", "max"),
            ("absent", "sum"),
            ("trace_id", "count"),
        ]
    )
    return grouped.sort_by("session")


def _seen(found: Findings, column: str) -> pa.Array:
    """For each session the distinct values of a column of its spans, the earliest first."""
    readings, tied = found.readings, found.sessions
    values = whole(readings.spans.column(column))
    return json_lists(distinct_lists(values, tied.session, readings.start, len(tied.ids)))


def session_keys(found: Findings) -> pa.Table:
    """SESSION_KEYS rows: trace ids and conversation ids to sessions."""
    tied = found.sessions
    start = np.full(len(tied.ids), np.iinfo(np.int64).max)
    np.minimum.at(start, tied.session, found.readings.start)
    return pa.table(
        {
            "key": tied.key,
            "kind": tied.key_kind,
            "session_id": tied.ids.take(pa.array(tied.key_session)),
            "started_at": pa.array(start[tied.key_session]).cast(TIME),
        }
    )


def ledger_rows(found: Findings) -> pa.Table:
    """LEDGER rows: every span that reports usage, in the order of the spans."""
    readings, ledger = found.readings, found.ledger
    usage, spans = readings.usage, readings.spans
    rows = np.flatnonzero(usage.reported)
    place = pa.array(rows)
    above = readings.forest.nearest(usage.reported, inclusive=False)[rows]
    kind = pa.array([str(k) for k in KINDS]).take(pa.array(readings.kind[rows]))
    return pa.table(
        {
            "session_id": found.sessions.ids.take(pa.array(found.sessions.session[rows])),
            "trace_id": spans.column("trace_id").take(place),
            "span_id": spans.column("span_id").take(place),
            "above_span_id": _span_ids(spans, above),
            "span_name": spans.column("name").take(place),
            "kind": kind,
            "agent": _owners(found, rows),
            "model": readings.concept("model").take(place),
            "started_at": spans.column("start_time").take(place),
            "reported_input_tokens": usage.input[rows],
            "reported_output_tokens": usage.output[rows],
            "reported_cache_read_tokens": usage.cache_read[rows],
            "reported_cache_write_tokens": usage.cache_write[rows],
            "reported_reasoning_tokens": usage.reasoning[rows],
            "own_input_tokens": ledger.input[rows],
            "own_output_tokens": ledger.output[rows],
            "residual_tokens": ledger.residual[rows],
            "rule": rule_names(ledger.rule[rows]),
            "conflict": ledger.conflict[rows],
        }
    )


def _span_ids(spans: pa.Table, rows: Ints) -> pa.Array:
    """The span ids of rows, '' for -1."""
    found = whole(spans.column("span_id")).take(pa.array(rows, mask=rows < 0))
    return pc.fill_null(found, "")


def _summed(table: pa.Table, ids: pa.Array, columns: tuple[str, ...]) -> dict[str, Ints]:
    grouped = table.group_by("session_id", use_threads=False).aggregate(
        [(name, "sum") for name in columns]
    )
    place = pc.index_in(ids, value_set=whole(grouped.column("session_id")))
    return {
        name: np.asarray(pc.fill_null(grouped.column(f"{name}_sum").take(place), 0)).astype(
            np.int64
        )
        for name in columns
    }


def _cost(operations_made: pa.Table, ids: pa.Array) -> pa.Array:
    """What is known of the cost of each session, null where nothing is."""
    grouped = operations_made.group_by("session_id", use_threads=False).aggregate(
        [("cost_usd", "sum", _NULL_IF_NONE)]
    )
    place = pc.index_in(ids, value_set=whole(grouped.column("session_id")))
    return whole(grouped.column("cost_usd_sum")).take(place)


def _counted(table: pa.Table, ids: pa.Array) -> Ints:
    numbered = table.select(["session_id"]).append_column(
        "one", pa.array(np.ones(table.num_rows, dtype=np.int64))
    )
    return _summed(numbered, ids, ("one",))["one"]
