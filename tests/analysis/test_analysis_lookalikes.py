"""Traces that look like something they are not: what a rule must not be taken in by."""

import pytest

from otel_llmops.analysis.derive import analyse
from tests.support.tree import spans


def _handoffs(outline: str) -> list[tuple[str, str, str]]:
    rows = analyse(spans(outline))["agent_handoffs"].to_pylist()
    return [(row["from_agent"], row["to_agent"], row["kind"]) for row in rows]


@pytest.mark.parametrize(
    ("asked", "handoffs"),
    [("llm gpt 1-2", [("desk", "writer", "delegation")]), ("llm gpt 56-58", [])],
)
def test_whoever_runs_beside_a_tool_call_was_called_by_it_if_a_model_can_have_asked_for_it(
    asked: str, handoffs: list[tuple[str, str, str]]
) -> None:
    outline = f"""
        workflow crew 0-100
          agent desk 0-60
            {asked}
            tool work 3-55
          agent writer 4-50
            llm gpt 5-49
    """
    assert _handoffs(outline) == handoffs
