"""The team of a session, its task, and whether it succeeded."""

import json

import pyarrow as pa
import pytest
from hypothesis import given

from otel_llmops.analysis.derive import analyse
from tests.analysis.forests import forests, whole_analysis
from tests.support.tree import Node, spans, table, trace_id


def row(outline: str) -> tuple[list[str], str, bool]:
    """(team, task type, success) of the one session that is drawn."""
    made = analyse(spans(outline))["coalitions"].to_pylist()
    assert len(made) == 1
    return json.loads(made[0]["agents"]), made[0]["task_type"], made[0]["success"]


def test_a_session_that_went_well() -> None:
    outline = """
    agent writer 0-100 conversation=c1 llmops.task.type=refund
      llm gpt 10-40 in=20 out=5
      agent critic 41-90
        llm gpt 42-60 in=7 out=3
    """
    assert analyse(spans(outline))["coalitions"].drop_columns("started_at").to_pylist() == [
        {
            "session_id": "c1",
            "agents": '["critic", "writer"]',
            "task_type": "refund",
            "success": True,
            "tokens": 35,
            "duration_ns": 100_000_000,
        }
    ]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("llmops.task.type=refund", "refund"),
        ("gen_ai.task.type=refund", "refund"),
        ("task.type=refund gen_ai.workflow.name=desk", "refund"),
        ("gen_ai.workflow.name=desk", "desk"),
        ("traceloop.workflow.name=desk", "desk"),
        ("gen_ai.workflow.name='Agent workflow'", "writer"),
        ("", "writer"),
    ],
)
def test_a_task_is_named_by_a_word_else_by_its_workflow_else_by_who_acts_first(
    said: str, told: str
) -> None:
    outline = f"""
    span POST 0-100 {said}
      agent writer 1-50
        llm gpt 2-3
      agent critic 51-90
        llm gpt 52-60
    """
    assert row(outline)[1] == told


def test_a_workflows_span_names_the_task() -> None:
    outline = """
    workflow desk 0-100
      agent writer 1-50
        llm gpt 2-3
    """
    assert row(outline)[1] == "desk"


def test_the_root_most_word_names_the_task() -> None:
    outline = """
    span POST 0-100 llmops.task.type=refund
      agent writer 1-50 llmops.task.type=text
        llm gpt 2-3
    """
    assert row(outline)[1] == "refund"


@pytest.mark.parametrize(
    ("outline", "success"),
    [
        ("agent writer 0-100\n  llm gpt 1-9 error\n  llm gpt 10-20", True),
        ("agent writer 0-100\n  llm gpt 1-9\n  llm gpt 10-20 error", False),
        ("agent writer 0-100 error\n  llm gpt 1-9", False),
        ("span POST 0-100 error\n  agent writer 1-90\n    llm gpt 1-9", False),
        ("agent writer 0-100\n  tool search 1-9 error\n  llm gpt 10-20", True),
        ("agent writer 0-100\n  llm gpt 1-9\n  tool search 10-20 error", False),
        ("agent a 0-100\n  agent b 1-50 error\n    llm gpt 2-9\n  llm gpt 60-70", True),
        ("agent a 0-100\n  llm gpt 1-9\n  agent b 10-50 error\n    llm gpt 12-19", False),
    ],
    ids=[
        "a call that failed and was made again",
        "the last call failed",
        "the agent failed",
        "the root failed",
        "a tool that failed and was answered for",
        "the last tool failed",
        "an agent below failed and the one above went on",
        "an agent below failed and nobody went on",
    ],
)
def test_a_session_succeeds_where_nothing_that_came_last_failed(
    outline: str, success: bool
) -> None:
    assert row(outline)[2] == success


@pytest.mark.parametrize(
    ("said", "success"),
    [
        ("llmops.task.success=false", False),
        ("llmops.task.success=True", True),
        ("gen_ai.evaluation.score.label=incorrect", False),
        ("gen_ai.evaluation.score.value=0.2", False),
        ("gen_ai.evaluation.score.value=0.5", True),
        ("llmops.task.success=perhaps", True),
    ],
)
def test_whoever_says_how_it_went_is_believed(said: str, success: bool) -> None:
    assert row(f"agent writer 0-100 {said}\n  llm gpt 1-9")[2] == success


def test_what_is_said_wins_over_what_failed_and_the_last_word_over_earlier_ones() -> None:
    outline = """
    span POST 0-100 llmops.task.success=true error
      agent writer 1-50 llmops.task.success=false
        llm gpt 2-3 error
    """
    assert row(outline)[2] is True


def test_a_session_that_still_grows_has_no_row() -> None:
    outline = "agent a 0-100\n  llm gpt 1-9\n  agent b 10-20\n    llm gpt 11-12"
    open_traces = pa.array([trace_id(1)])
    made = analyse(spans(outline), open_traces=open_traces)
    assert [made[name].num_rows for name in ("coalitions", "coordination_graphs")] == [0, 0]
    assert made["agent_handoffs"].num_rows == 1


@whole_analysis
@given(forests())
def test_every_session_with_an_agent_has_its_team(nodes: list[Node]) -> None:
    made = analyse(table(nodes))
    teams: dict[str, set[str]] = {}
    for agent in made["agents"].to_pylist():
        teams.setdefault(agent["session_id"], set()).add(agent["agent"])
    sessions = {each["session_id"]: each for each in made["sessions"].to_pylist()}
    found = {each["session_id"]: each for each in made["coalitions"].to_pylist()}
    assert found.keys() == teams.keys()
    for session, each in found.items():
        whole = sessions[session]
        assert json.loads(each["agents"]) == sorted(teams[session])
        assert each["tokens"] == whole["input_tokens"] + whole["output_tokens"]
        assert each["duration_ns"] == whole["duration_ns"]
        assert each["task_type"]
