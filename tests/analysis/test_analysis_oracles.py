"""Fast equals slow: every analysis against its oracle, over awkward forests."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.analysis.derive import analyse
from otel_llmops.analysis.forest import Forest, forest
from tests.analysis.forests import flat_traces, forests, whole_analysis
from tests.oracles import forest as slow
from tests.oracles import ledger as slow_ledger
from tests.oracles import relay as slow_relay
from tests.oracles import sessions as slow_sessions
from tests.oracles.rows import in_order, parents_of
from tests.support.tree import Node, span_id, table, trace_id

_id = st.sampled_from(("a", "b", "c", "d", "e", "f"))
_keys = st.lists(st.tuples(st.sampled_from(("t", "u")), _id, st.one_of(st.just(""), _id)))


def _fast(keys: list[slow.Key]) -> Forest:
    trace, span, parent = zip(*keys, strict=True) if keys else ((), (), ())
    return forest(*(pa.array(list(column), pa.string()) for column in (trace, span, parent)))


@given(_keys)
def test_parents_and_depths_are_the_oracles(keys: list[slow.Key]) -> None:
    made = _fast(keys)
    parent = slow.parents(keys)
    assert (made.parent.tolist(), made.depth.tolist()) == (parent, slow.depths(parent))


@given(_keys, st.data())
def test_the_nearest_marked_span_above_is_the_oracles(
    keys: list[slow.Key], data: st.DataObject
) -> None:
    made = _fast(keys)
    marked = [data.draw(st.booleans()) for _ in keys]
    above = made.nearest(np.array(marked, dtype=bool), inclusive=False)
    parent = slow.parents(keys)
    assert above.tolist() == [slow.nearest(parent, marked, row) for row in range(len(keys))]


@given(_keys, st.data())
def test_sums_over_subtrees_are_the_oracles(keys: list[slow.Key], data: st.DataObject) -> None:
    values = data.draw(st.tuples(*[st.integers(-9, 9) for _ in keys]))
    made = _fast(keys)
    fast = made.subtree_sum(np.array(values, dtype=np.int64))
    assert fast.tolist() == slow.subtree_sums(slow.parents(keys), values)


@whole_analysis
@given(forests())
def test_each_trace_leads_to_the_session_of_the_oracle(drawn: list[Node]) -> None:
    nodes = in_order(drawn)
    expected = slow_sessions.session_names(nodes, parents_of(nodes))
    keys = analyse(table(drawn))["session_keys"].select(["key", "kind", "session_id"]).to_pylist()
    found = {row["key"]: row["session_id"] for row in keys if row["kind"] == "trace"}
    assert found == {trace_id(trace): name for trace, name in expected.items()}


@whole_analysis
@given(forests())
def test_the_ledger_counts_what_the_oracle_counts(drawn: list[Node]) -> None:
    nodes = in_order(drawn)
    parent = parents_of(nodes)
    own = zip(*(slow_ledger.own_tokens(nodes, parent, way) for way in ("in", "out")), strict=True)
    expected = [
        (trace_id(node.trace), span_id(node.id), *tokens)
        for node, tokens in zip(nodes, own, strict=True)
        if node.reports
    ]
    columns = ["trace_id", "span_id", "own_input_tokens", "own_output_tokens"]
    rows = analyse(table(drawn))["token_ledger"].select(columns).to_pylist()
    assert [tuple(row.values()) for row in rows] == expected


@whole_analysis
@given(forests())
def test_model_calls_are_as_many_as_the_oracle_counts(drawn: list[Node]) -> None:
    nodes = in_order(drawn)
    expected = slow_ledger.llm_calls(nodes, parents_of(nodes))
    assert sum(analyse(table(drawn))["sessions"]["llm_calls"].to_pylist()) == expected


@whole_analysis
@given(flat_traces())
def test_whose_work_each_call_of_a_flat_trace_is_is_the_oracles(drawn: list[Node]) -> None:
    nodes = in_order(drawn)
    expected = slow_relay.speakers(nodes)
    rows = analyse(table(drawn))["agent_operations"].select(["span_id", "agent"]).to_pylist()
    found = {row["span_id"]: row["agent"] for row in rows}
    assert {number: found[span_id(number)] for number in expected} == expected
