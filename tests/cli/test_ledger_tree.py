from typing import Any

import pytest

from otel_llmops.cli.ledger_tree import REPEATS, in_tree


def _entry(span_id: str, above: str = "", **more: Any) -> dict[str, Any]:
    told = {"trace_id": "t", "rule": "call", "reported_tokens": 0, "own_tokens": 0}
    return {"span_id": span_id, "above_span_id": above or None, **told, **more}


def _drawn(*ledger: dict[str, Any]) -> list[str]:
    return ["  " * row.depth + row.entry["span_id"] for row in in_tree(ledger)]


def test_each_report_is_followed_by_those_below_it() -> None:
    assert _drawn(_entry("crew"), _entry("a", "crew"), _entry("b", "crew"), _entry("a1", "a")) == [
        "crew",
        "  a",
        "    a1",
        "  b",
    ]


def test_traces_that_run_at_one_time_are_not_mixed() -> None:
    other = {"trace_id": "u"}
    assert _drawn(_entry("a"), _entry("x", **other), _entry("b"), _entry("y", **other)) == [
        "a",
        "b",
        "x",
        "y",
    ]


def test_a_report_above_that_is_not_there_makes_a_root() -> None:
    assert _drawn(_entry("a", "gone")) == ["a"]


@pytest.mark.parametrize(
    "above",
    [("a", ""), ("", "a"), ("a", "a")],
    ids=["the first below the second", "the second below the first", "each below the other"],
)
def test_two_spans_of_one_id_are_both_shown(above: tuple[str, str]) -> None:
    drawn = _drawn(*(_entry("a", each) for each in above))
    assert [line.strip() for line in drawn] == ["a", "a"]


def test_a_chain_of_any_depth_is_drawn() -> None:
    ledger = [_entry(str(number), str(number - 1)) for number in range(20_000)]
    assert [row.depth for row in in_tree(ledger)] == list(range(20_000))


def test_a_report_that_repeats_others_tells_by_how_much_it_differs() -> None:
    ledger = [
        _entry("crew", rule=REPEATS, reported_tokens=100),
        _entry("a", "crew", rule=REPEATS, reported_tokens=50),
        _entry("a1", "a", own_tokens=50, reported_tokens=70),
        _entry("b", "crew", own_tokens=90, reported_tokens=90),
    ]
    assert [row.differs for row in in_tree(ledger)] == [100 - 140, 0, 0, 0]
