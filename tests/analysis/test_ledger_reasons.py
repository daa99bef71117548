"""Why a number is what it is: what cannot be placed, parts of tokens, and what lies above."""

from typing import Any

from hypothesis import given

from otel_llmops.analysis.derive import analyse
from tests.analysis.forests import forests, whole_analysis
from tests.oracles.residual import residuals
from tests.oracles.rows import in_order, parents_of
from tests.support.tree import Node, span_id, spans, table, trace_id


def _ledger(outline: str, *columns: str) -> list[tuple[Any, ...]]:
    rows = analyse(spans(outline))["token_ledger"].select(list(columns)).to_pylist()
    return [tuple(row.values()) for row in rows]


@whole_analysis
@given(forests())
def test_what_cannot_be_placed_is_what_the_oracle_cannot_place(drawn: list[Node]) -> None:
    nodes = in_order(drawn)
    told = zip(nodes, residuals(nodes, parents_of(nodes)), strict=True)
    expected = [
        (trace_id(node.trace), span_id(node.id), left) for node, left in told if node.reports
    ]
    rows = analyse(table(drawn))["token_ledger"]
    found = rows.select(["trace_id", "span_id", "residual_tokens"]).to_pylist()
    assert [tuple(row.values()) for row in found] == expected


def test_a_session_s_residual_is_the_sum_of_its_ledger_s() -> None:
    outline = """
        agent planner 0-99
          llm gpt 1-9 in=10 out=1
            llm gpt 2-8 in=15 out=1
          llm gpt 10-19 in=3 out=3
            llm gpt 12-18 in=3 out=4
    """
    assert analyse(spans(outline))["sessions"]["residual_tokens"].to_pylist() == [5 + 1]


def test_an_agent_that_reports_more_than_its_silent_calls_show_leaves_a_residual() -> None:
    outline = """
        agent planner 0-99 in=100 out=20
          llm gpt 1-9 in=40 out=5
          llm gpt 10-19
    """
    assert _ledger(outline, "residual_tokens") == [(75,), (0,)]


def test_a_roll_up_of_calls_that_all_report_is_no_witness() -> None:
    outline = """
        agent planner 0-99 in=100 out=20
          llm gpt 1-9 in=40 out=5
    """
    assert _ledger(outline, "residual_tokens") == [(0,), (0,)]


def test_each_report_names_the_nearest_report_above_it() -> None:
    outline = """
        agent planner 0-99 in=7 out=7
          span step 1-90
            llm gpt 2-80 in=4 out=4
              llm gpt 3-70 in=4 out=4
    """
    assert _ledger(outline, "span_id", "above_span_id") == [
        (span_id(1), ""),
        (span_id(3), span_id(1)),
        (span_id(4), span_id(3)),
    ]


def test_cached_tokens_of_a_call_within_a_call_count_once() -> None:
    outline = """
        llm gpt 0-9 in=100 out=5 cached=60
          llm gpt 1-8 in=70 out=5 cached=50
    """
    columns = ["input_tokens", "cache_read_tokens"]
    rows = analyse(spans(outline))["agent_operations"].select(columns).to_pylist()
    assert rows == [
        {"input_tokens": 30, "cache_read_tokens": 10},
        {"input_tokens": 70, "cache_read_tokens": 50},
    ]


def test_cached_tokens_are_never_more_than_the_input_that_counts() -> None:
    outline = """
        llm gpt 0-9 in=100 out=5 cached=90
          llm gpt 1-8 in=70 out=5
    """
    columns = ["input_tokens", "cache_read_tokens"]
    rows = analyse(spans(outline))["agent_operations"].select(columns).to_pylist()
    assert rows[0] == {"input_tokens": 30, "cache_read_tokens": 30}
