"""Who coordinates with whom in each session, as rows: what a handoff led to, and the whole graph.

Strategy: the texts of nodes and edges are put together from columns, a distinct name is quoted
once, and a session's parts are joined by their offsets: no loop over rows.
"""

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.columns import codes, places, whole
from otel_llmops.analysis.findings import Findings
from otel_llmops.analysis.forest import Ints
from otel_llmops.analysis.tables import operation_rows
from otel_llmops.model.schemas import COORDINATION, TIME, empty

__all__ = ["coordination_rows", "with_spending"]

_DIGITS = 4
"""Of a quality in a graph's text."""


def with_spending(passed: pa.Table, found: Findings, operations_made: pa.Table) -> pa.Table:
    """HANDOFFS rows with `tokens` and `cost_usd` of the activation that control went to.

    In:   rows of handoffs without these two columns, as `tables.handoff_rows` makes them of
          `found`, m rows; OPERATIONS as `tables.operations` does.
    Out:  the rows, and both columns. A cost is null where no operation's is known.
    Cost: O(n + m).
    """
    acts, led_to = found.acts, found.edges.target
    owner = acts.owner[operation_rows(found)]
    owned = owner >= 0
    tokens = np.zeros(acts.count, dtype=np.int64)
    spent = [np.asarray(operations_made.column(f"{way}_tokens")) for way in ("input", "output")]
    np.add.at(tokens, owner[owned], (spent[0] + spent[1])[owned])
    cost = operations_made.column("cost_usd")
    usd, priced = np.zeros(acts.count), np.zeros(acts.count, dtype=bool)
    is_priced = owned & np.asarray(pc.is_valid(cost))
    np.add.at(usd, owner[is_priced], np.asarray(pc.fill_null(cost, 0.0))[is_priced])
    priced[owner[is_priced]] = True
    return passed.append_column("tokens", pa.array(tokens[led_to])).append_column(
        "cost_usd", pa.array(usd[led_to], mask=~priced[led_to])
    )


def coordination_rows(passed: pa.Table, agents_made: pa.Table) -> pa.Table:
    """COORDINATION rows: the graph of each settled session that has a handoff.

    In:   HANDOFFS and AGENTS rows of any number of sessions.
    Out:  COORDINATION, a row for each session with a handoff that is final, in order of its id.
    Edge: A session that still grows has no row: its graph is made of its handoffs when asked for.
    Cost: O(n log n).
    """
    passed = passed.filter(passed.column("final"))
    if not passed.num_rows:
        return empty(COORDINATION)
    keys = ["session_id", "from_agent", "to_agent"]
    edges = passed.group_by(keys, use_threads=False).aggregate(
        [("ordinal", "count"), ("quality", "mean"), ("started_at", "min")]
    )
    edges = edges.sort_by([(key, "ascending") for key in keys])
    session, ids = codes(whole(edges.column("session_id")))
    started = np.asarray(edges.column("started_at_min").cast(pa.int64()))
    begun = np.minimum.reduceat(started, np.searchsorted(session, np.arange(len(ids))))
    here = agents_made.filter(pc.is_in(agents_made.column("session_id"), value_set=ids))
    nodes = here.sort_by([("session_id", "ascending"), ("agent", "ascending")])
    home = places(whole(nodes.column("session_id")), ids)
    graph = pc.binary_join_element_wise(
        '{"nodes": [',
        _joined(_node_texts(nodes), home, len(ids)),
        '], "edges": [',
        _joined(_edge_texts(edges), session, len(ids)),
        "]}",
        "",
    )
    return pa.table(
        {
            "session_id": ids,
            "graph": graph,
            "nodes": np.bincount(home, minlength=len(ids)).astype(np.int32),
            "edges": np.bincount(session, minlength=len(ids)).astype(np.int32),
            "started_at": pa.array(begun).cast(TIME),
        }
    )


def _node_texts(nodes: pa.Table) -> pa.Array:
    return pc.binary_join_element_wise(
        '{"id": ',
        _quoted(nodes.column("agent")),
        ', "type": ',
        _quoted(nodes.column("type")),
        ', "invocations": ',
        whole(nodes.column("invocations")).cast(pa.string()),
        "}",
        "",
    )


def _edge_texts(edges: pa.Table) -> pa.Array:
    quality = pc.round(whole(edges.column("quality_mean")), ndigits=_DIGITS)
    return pc.binary_join_element_wise(
        '{"from": ',
        _quoted(edges.column("from_agent")),
        ', "to": ',
        _quoted(edges.column("to_agent")),
        ', "handoffs": ',
        whole(edges.column("ordinal_count")).cast(pa.string()),
        ', "quality": ',
        quality.cast(pa.string()),
        "}",
        "",
    )


def _quoted(texts: pa.ChunkedArray) -> pa.Array:
    number, distinct = codes(whole(texts))
    quoted = pa.array([json.dumps(text) for text in distinct.to_pylist()], pa.string())
    return quoted.take(pa.array(number))


def _joined(texts: pa.Array, owner: Ints, count: int) -> pa.Array:
    """For each of `count` owners its texts, which stand together, with commas between."""
    offsets = np.searchsorted(owner, np.arange(count + 1)).astype(np.int32)
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), texts), ", ")
