"""Traces that look like something they are not: what a rule must not be taken in by."""

import time

import pyarrow as pa
import pytest

from otel_llmops.analysis.derive import analyse
from tests.support.tree import Node, spans, table


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


def test_of_two_that_a_coarse_clock_shows_within_each_others_tool_calls_one_called_the_other() -> (
    None
):
    outline = """
        workflow crew 0-100
          agent desk 0-10
            llm gpt 0-0
            tool work 0-10
          agent writer 0-10
            llm gpt 0-0
            tool work 0-10
    """
    assert len(_handoffs(outline)) == 1


@pytest.mark.slow
def test_a_long_text_of_what_tools_an_agent_called_is_read_once() -> None:
    counts = ", ".join(f'"tool{number}": 999' for number in range(3_000))
    said = {"output.value": f'{{"tool_call_counts": {{{counts}}}}}'}
    nameless = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "call_agent"}
    boss = Node("agent", "boss", 0, 1_000, 1, said=said)
    drawn = table(
        [boss, *(Node("span", "x", n, n + 1, n, 1, said=nameless) for n in range(2, 202))]
    )
    assert _seconds(drawn) < 2


@pytest.mark.slow
def test_work_that_began_after_thousands_of_agents_had_ended_is_placed_in_seconds() -> None:
    many = 20_000
    agents = [Node("agent", f"a{n}", 0, 1, n, n - 1) for n in range(1, many + 1)]
    calls = [Node("llm", "gpt", n, n + 1, many + n, many) for n in range(10, many)]
    assert _seconds(table([*agents, *calls])) < 4


def _seconds(drawn: pa.Table) -> float:
    began = time.process_time()
    analyse(drawn)
    return time.process_time() - began
