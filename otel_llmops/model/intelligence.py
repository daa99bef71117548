"""Arrow schemas of what is concluded from a session: drift, bottlenecks, teams, use of functions.

Strategy: like those of schemas.py, whose conventions hold here, and which names them all.
"""

import pyarrow as pa

from otel_llmops.model.fields import COUNT, TEXT, TIME, required, unknown_or

__all__ = [
    "BOTTLENECKS",
    "COALITIONS",
    "CONTEXT_DRIFT",
    "COORDINATION",
    "FUNCTION_EDGES",
    "FUNCTION_USAGE",
]

CONTEXT_DRIFT = pa.schema(
    required(
        ("session_id", TEXT),
        ("trace_id", TEXT),
        ("from_agent", TEXT),
        ("to_agent", TEXT),
        ("score", pa.float64()),
        ("method", TEXT),
        ("started_at", TIME),
        ("handoff_id", TEXT),
        ("ordinal", pa.int32()),
        ("bytes_read", COUNT),
        ("bytes_cut", COUNT),
    )
    + unknown_or(
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
    required(
        ("session_id", TEXT),
        ("graph", TEXT),
        ("nodes", pa.int32()),
        ("edges", pa.int32()),
        ("started_at", TIME),
    )
)
"""One row for each session with a handoff (table coordination_graphs).

`graph` is JSON: nodes with id, type and invocations, edges with from, to, handoffs and quality.
"""

BOTTLENECKS = pa.schema(
    required(
        ("session_id", TEXT),
        ("trace_id", TEXT),
        ("span_id", TEXT),
        ("agent", TEXT),
        ("operation", TEXT),
        ("kind", TEXT),
        ("model", TEXT),
        ("tool", TEXT),
        ("cause", TEXT),
        ("severity", TEXT),
        ("impact_ppm", COUNT),
        ("agent_impact_ppm", COUNT),
        ("critical_path_share", pa.float64()),
        ("session_ns", COUNT),
        ("self_time_ns", COUNT),
        ("wait_ns", COUNT),
        ("latency_bucket", pa.int16()),
        ("calls", COUNT),
        ("path_calls", COUNT),
        ("errors", COUNT),
        ("retries", COUNT),
        ("usual_ns", COUNT),
        ("input_tokens", COUNT),
        ("output_tokens", COUNT),
        ("session_tokens", COUNT),
        ("usual_input_tokens", COUNT),
        ("saving_ns_low", COUNT),
        ("saving_ns_high", COUNT),
        ("serial_ns", COUNT),
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
    required(
        ("session_id", TEXT),
        ("agents", TEXT),
        ("task_type", TEXT),
        ("success", pa.bool_()),
        ("tokens", COUNT),
        ("duration_ns", COUNT),
        ("started_at", TIME),
    )
)
"""One row for each settled session in which an agent acted: its team, its task, how it went.

`agents` is a JSON list in alphabetical order; docs/coalitions.md says what `success` means.
"""

FUNCTION_USAGE = pa.schema(
    required(
        ("session_id", TEXT),
        ("function", TEXT),
        ("file", TEXT),
        ("line", pa.int32()),
        ("revision", TEXT),
        ("agent", TEXT),
        ("model", TEXT),
        ("started_at", TIME),
        ("sessions", COUNT),
        ("calls", COUNT),
        ("llm_calls", COUNT),
        ("errors", COUNT),
        ("input_tokens", COUNT),
        ("output_tokens", COUNT),
        ("cache_read_tokens", COUNT),
        ("cumulative_input_tokens", COUNT),
        ("cumulative_output_tokens", COUNT),
        ("duration_ns", COUNT),
        ("squared_tokens", pa.float64()),
        ("loop_steps", COUNT),
        ("loop_rises", COUNT),
        ("loop_growth_tokens", COUNT),
        ("repeated_tokens", COUNT),
        ("final", pa.bool_()),
    )
    + unknown_or(("cost_usd", pa.float64()))
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
    required(
        ("session_id", TEXT),
        ("caller", TEXT),
        ("caller_file", TEXT),
        ("caller_line", pa.int32()),
        ("callee", TEXT),
        ("callee_file", TEXT),
        ("callee_line", pa.int32()),
        ("revision", TEXT),
        ("started_at", TIME),
        ("calls", COUNT),
        ("duration_ns", COUNT),
        ("input_tokens", COUNT),
        ("output_tokens", COUNT),
        ("final", pa.bool_()),
    )
)
"""Calls between functions as spans nest (table function_edges): the caller is the function of the
nearest span above that was made in another one.

`duration_ns` is of the calls; tokens are those of the callee and below, where the same edge is not
on the stack already. A function without a span of its own is passed over.
"""
