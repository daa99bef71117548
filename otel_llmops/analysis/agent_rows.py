"""Who the agents of each session are: what was said of them, and what their behaviour tells."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.attributes import name_lists
from otel_llmops.analysis.columns import json_sets, places, whole
from otel_llmops.analysis.edges import KINDS as HANDOFF_KINDS
from otel_llmops.analysis.findings import Findings
from otel_llmops.model.agent_types import AGENT_TYPES
from otel_llmops.model.schemas import TIME

__all__ = ["agent_rows"]

_SUMS = ("invocations", "llm_calls", "errors", "input_tokens", "output_tokens")
_READ = ["session_id", "agent", "model", "service", "final", "cost_usd", "started_at", *_SUMS]
_NULL_IF_NONE = pc.ScalarAggregateOptions(min_count=1)


def agent_rows(found: Findings, operations_made: pa.Table) -> pa.Table:
    """AGENTS rows: one for each agent of each session."""
    acts = found.acts
    ended = pc.add(
        operations_made.column("started_at").cast(pa.int64()), operations_made.column("duration_ns")
    )
    worked = operations_made.select(_READ).append_column("ended_at", ended.cast(TIME))
    worked = worked.filter(pc.not_equal(worked.column("agent"), ""))
    grouped = worked.group_by(["session_id", "agent"], use_threads=False).aggregate(
        [
            *((name, "sum") for name in _SUMS),
            ("started_at", "min"),
            ("ended_at", "max"),
            ("model", "distinct"),
            ("service", "distinct"),
            ("final", "min"),
            ("cost_usd", "sum", _NULL_IF_NONE),
        ]
    )
    head = pa.array(acts.head)
    said = {
        name: found.readings.concept(name).take(head)
        for name in ("role", "type", "description", "can_handoff_to")
    }
    told = _first_said(found, said, grouped)
    return pa.table(
        {
            "session_id": grouped.column("session_id"),
            "agent": grouped.column("agent"),
            "role": told["role"],
            "type": _types(found, grouped, told["type"]),
            "description": told["description"],
            "can_handoff_to": name_lists(told["can_handoff_to"]),
            "models": json_sets(grouped.column("model_distinct")),
            "services": json_sets(grouped.column("service_distinct")),
            **{name: grouped.column(f"{name}_sum") for name in _SUMS},
            "started_at": grouped.column("started_at_min"),
            "ended_at": grouped.column("ended_at_max"),
            "final": grouped.column("final_min"),
            "cost_usd": grouped.column("cost_usd_sum"),
        }
    )


def _first_said(
    found: Findings, said: dict[str, pa.Array], grouped: pa.Table
) -> dict[str, pa.Array]:
    """For each (session, agent) the first thing said of it on a head, '' where nothing is."""
    acts = found.acts
    session = found.sessions.ids.take(pa.array(found.sessions.session[acts.head]))
    names = acts.names.take(pa.array(acts.agent))
    own = pc.binary_join_element_wise(session, names, "\x00")
    wanted = pc.binary_join_element_wise(
        whole(grouped.column("session_id")),
        whole(grouped.column("agent")),
        "\x00",
    )
    result = {}
    for concept, texts in said.items():
        filled = pc.not_equal(texts, "")
        place = pc.index_in(wanted, value_set=own.filter(filled))
        result[concept] = pc.fill_null(texts.filter(filled).take(place), "")
    return result


def _types(found: Findings, grouped: pa.Table, declared: pa.Array) -> pa.Array:
    """What was declared, else what behaviour tells.

    Who delegates orchestrates, who is handed to is a specialist, who is handed nothing is primary.
    """
    acts, edges = found.acts, found.edges
    sessions = found.sessions.ids.take(pa.array(acts.home))
    known = pc.binary_join_element_wise(sessions, acts.names, "\x00")
    asked = pc.binary_join_element_wise(
        *(whole(grouped.column(c)) for c in ("session_id", "agent")), "\x00"
    )
    agent = places(asked, known)
    delegating = np.isin(edges.kind, [HANDOFF_KINDS.index(k) for k in ("delegation", "fan_out")])
    orchestrates = np.isin(agent, acts.agent[edges.source[delegating]])
    handed_to = np.isin(agent, acts.agent[edges.target])
    inferred = np.select(
        [orchestrates, ~handed_to, handed_to], ["orchestrator", "primary", "specialist"], "unknown"
    )
    said = pc.utf8_lower(declared)
    usable = pc.is_in(said, value_set=pa.array(AGENT_TYPES[:-1]))
    return pc.if_else(usable, said, pa.array(inferred.tolist(), type=pa.string()))
