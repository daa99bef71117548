"""Worked examples of who acts where no agent's span says so: relay.py and what feeds it."""

import pytest

from otel_llmops.analysis.derive import analyse
from tests.support.tree import spans

ACTING = "openinference.span.kind=CHAIN \"input.value=a current_agent_name='{}' b\""
"""What makes a span a step that names who acts."""

PLANNER, WRITER = ACTING.format("planner"), ACTING.format("writer")
CREATED = "gen_ai.operation.name=create_agent gen_ai.agent.name"

FLAT = """
    workflow crew 0-100
      llm gpt 1-10 in=1
      tool transfer_to_writer 11-12
      llm gpt 13-20 in=2
      tool search 21-22
      llm gpt 23-30 in=4
"""


def _owners(outline: str) -> list[str]:
    """The agent of each span that reports tokens, in order of start."""
    owners: list[str] = analyse(spans(outline))["token_ledger"]["agent"].to_pylist()
    return owners


def _agents(outline: str) -> dict[str, int]:
    """Agent -> how often it was at work."""
    rows = analyse(spans(outline))["agents"].select(["agent", "invocations"]).to_pylist()
    return {row["agent"]: row["invocations"] for row in rows}


def _handoffs(outline: str) -> list[tuple[str, str, str]]:
    rows = analyse(spans(outline))["agent_handoffs"].select(["from_agent", "to_agent", "kind"])
    return [tuple(row.values()) for row in rows.to_pylist()]


def _tool_owners(outline: str) -> dict[str, str]:
    rows = analyse(spans(outline))["agent_operations"].select(["tool", "agent"]).to_pylist()
    return {row["tool"]: row["agent"] for row in rows if row["tool"]}


# Handoff tools and no agent spans


def test_after_a_handoff_tool_the_one_it_names_acts_and_before_it_nobody_is_known() -> None:
    assert _owners(FLAT) == ["", "writer", "writer"]


def test_what_one_agent_does_in_a_row_is_one_activation() -> None:
    assert _agents(FLAT) == {"writer": 1}


def test_a_handoff_by_nobody_known_is_none() -> None:
    assert _handoffs(FLAT) == []


def test_before_the_first_handoff_the_agent_that_was_made_first_acts() -> None:
    outline = f"""
        workflow crew 0-100
          span made 1-2 {CREATED}=planner
          span made 2-3 {CREATED}=writer
          llm gpt 4-10 in=1
          tool transfer_to_writer 11-12
          llm gpt 13-20 in=2
    """
    assert _handoffs(outline) == [("planner", "writer", "transfer")]


def test_each_handoff_tool_passes_control_on() -> None:
    outline = """
        workflow crew 0-100
          tool transfer_to_planner 1-2
          llm gpt 3-10 in=1
          tool transfer_to_writer 11-12
          llm gpt 13-20 in=2
          tool transfer_to_critic 21-22
          llm gpt 23-30 in=4
    """
    assert _handoffs(outline) == [
        ("planner", "writer", "transfer"),
        ("writer", "critic", "transfer"),
    ]


def test_a_tool_that_hands_back_gives_control_back() -> None:
    outline = """
        workflow crew 0-100
          tool transfer_to_planner 1-2
          llm gpt 3-10 in=1
          tool transfer_to_writer 11-12
          llm gpt 13-20 in=2
          tool transfer_back_to_planner 21-22
          llm gpt 23-30 in=4
    """
    assert _owners(outline) == ["planner", "writer", "planner"]


def test_what_runs_beside_the_handoff_tool_is_still_the_work_of_the_one_who_asked() -> None:
    outline = """
        workflow crew 0-100
          tool transfer_to_planner 1-2
          llm gpt 3-10
          tool transfer_to_writer 11-15
          tool search 12-14
          llm gpt 16-20
    """
    assert _tool_owners(outline) == {
        "transfer_to_planner": "",
        "transfer_to_writer": "planner",
        "search": "planner",
    }


def test_a_handoff_tool_that_takes_no_time_is_the_work_of_the_one_who_asked() -> None:
    outline = """
        workflow crew 0-100
          tool transfer_to_planner 1-1
          tool transfer_to_writer 2-2
          llm gpt 3-10
    """
    assert _tool_owners(outline) == {"transfer_to_planner": "", "transfer_to_writer": "planner"}


def test_a_handoff_operation_says_who_acts_like_a_handoff_tool() -> None:
    outline = FLAT.replace(
        "tool transfer_to_writer 11-12",
        "span over 11-12 gen_ai.operation.name=handoff gen_ai.handoff.to_agent=writer",
    )
    assert _owners(outline) == ["", "writer", "writer"]


def test_a_handoff_holds_within_its_workflow_only() -> None:
    outline = """
        span app 0-100
          workflow one 1-30
            tool transfer_to_writer 2-3
            llm gpt 4-10 in=1
          workflow two 40-60
            llm gpt 41-50 in=2
    """
    assert _owners(outline) == ["writer", ""]


def test_a_handoff_holds_within_its_trace_only() -> None:
    outline = """
        workflow crew 0-30 conversation=c
          tool transfer_to_writer 2-3
          llm gpt 4-10 in=1
        workflow crew 40-60 trace=2 conversation=c
          llm gpt 41-50 in=2
    """
    assert _owners(outline) == ["writer", ""]


def test_a_handoff_to_a_node_of_the_frameworks_own_makes_no_agent() -> None:
    assert _agents(FLAT.replace("to_writer", "to_model")) == {}


def test_nested_spans_of_one_model_call_are_one_activation() -> None:
    outline = """
        workflow crew 0-100
          tool transfer_to_writer 1-2
          llm outer 3-10 in=1
            llm inner 4-9 in=1
    """
    assert _agents(outline) == {"writer": 1}


# A strong agent span in such a scope


STRONG = f"""
    workflow crew 0-100
      span made 0-1 {CREATED}=planner
      llm gpt 2-3 in=1
      tool transfer_to_writer 4-5
      llm gpt 6-7 in=2
      agent critic 8-20
        llm gpt 9-15 in=4
      llm gpt 21-22 in=8
"""


def test_an_agents_own_span_owns_what_is_in_it_and_after_it_the_first_one_acts_again() -> None:
    assert _owners(STRONG) == ["planner", "writer", "critic", "planner"]


def test_a_handoff_to_an_agent_with_a_span_of_its_own_is_left_to_that_span() -> None:
    outline = STRONG.replace("to_writer", "to_critic")
    assert _owners(outline) == ["planner", "planner", "critic", "planner"]


# An agent named now and then


def test_who_was_named_last_acts_until_another_one_is_named() -> None:
    outline = f"""
        workflow crew 0-100
          span step 1-10 {PLANNER}
            llm gpt 2-9 in=1
          llm gpt 11-12 in=2
          span step 20-30 {WRITER}
            llm gpt 22-29 in=4
          llm gpt 31-32 in=8
    """
    assert _owners(outline) == ["planner", "planner", "writer", "writer"]


def test_a_step_that_does_nothing_itself_still_names_who_acts() -> None:
    outline = f"""
        workflow crew 0-100
          span step 1-2 {PLANNER}
          llm gpt 3-9 in=1
          span step 10-11 {WRITER}
          llm gpt 12-20 in=2
    """
    assert _handoffs(outline) == [("planner", "writer", "sequence")]


def test_a_step_that_names_its_agent_wins_over_an_agent_that_ends_as_it_starts() -> None:
    outline = f"""
        workflow crew 0-100
          agent critic 6-20
            llm gpt 7-9 in=1
          span step 20-25 {WRITER}
            llm gpt 21-24 in=2
          llm gpt 26-27 in=4
    """
    assert _owners(outline) == ["critic", "writer", "writer"]


def test_a_step_that_names_a_node_of_the_frameworks_own_names_nobody() -> None:
    outline = f"""
        workflow crew 0-100
          span step 1-10 {ACTING.format("agent")}
            llm gpt 2-9 in=1
          llm gpt 11-12 in=2
    """
    assert _owners(outline) == ["", ""]


def test_named_steps_without_a_workflow_hold_under_their_parent() -> None:
    outline = f"""
        span handler 0-100
          span chain 1-40
            span step 1-10 {PLANNER}
              llm gpt 2-9 in=1
            llm gpt 11-12 in=2
          llm gpt 50-60 in=4
    """
    assert _owners(outline) == ["planner", "planner", ""]


def test_steps_of_one_agent_with_another_ones_between_are_two_activations() -> None:
    outline = f"""
        workflow crew 0-100
          span step 1-10 {PLANNER}
            llm gpt 2-9
          span step 11-20 {PLANNER}
            llm gpt 12-19
          span step 21-30 {WRITER}
            llm gpt 22-29
          span step 31-40 {PLANNER}
            llm gpt 32-39
    """
    assert _agents(outline) == {"planner": 2, "writer": 1}


def test_one_activation_lasts_from_its_first_piece_to_its_last() -> None:
    outline = f"""
        workflow crew 0-100
          span step 1-10 {PLANNER}
            llm gpt 2-9
          span step 11-20 {PLANNER}
            llm gpt 12-15
          span step 25-30 {WRITER}
            llm gpt 26-29
    """
    latency = analyse(spans(outline))["agent_handoffs"]["latency_ns"].to_pylist()
    assert latency == [10_000_000]


def test_another_ones_step_within_the_last_piece_runs_beside_the_activation() -> None:
    outline = f"""
        workflow crew 0-100
          span step 1-10 {PLANNER}
            llm gpt 2-9
          span step 11-40 {PLANNER}
            llm gpt 12-39
          span step 20-35 {WRITER}
            llm gpt 21-34
    """
    assert _handoffs(outline) == []


def test_steps_of_one_agent_in_two_traces_are_two_activations() -> None:
    outline = f"""
        span handler 0-10 conversation=c
          span step 1-10 {WRITER}
            llm gpt 2-9
        span handler 20-30 conversation=c trace=2
          span step 21-29 {WRITER}
            llm gpt 22-28
    """
    assert _agents(outline) == {"writer": 2}


def test_pieces_in_two_workflows_of_one_agent_are_two_activations() -> None:
    outline = f"""
        agent boss 0-100
          llm gpt 1-2
          workflow one 3-20
            span step 4-10 {WRITER}
              llm gpt 5-9
          workflow two 30-50
            span step 34-40 {WRITER}
              llm gpt 35-39
    """
    assert _agents(outline) == {"boss": 1, "writer": 2}


def test_agents_own_spans_are_never_pieces_where_nothing_is_told() -> None:
    outline = """
        workflow crew 0-100
          agent writer 1-10
            llm gpt 2-9
          agent writer 11-20
            llm gpt 12-19
    """
    assert _agents(outline) == {"writer": 2}


# Agents that are only seen to be made


def test_a_workflow_with_the_name_of_an_agent_that_was_made_is_that_agent() -> None:
    outline = f"""
        span made 0-1 {CREATED}=night_writer
        workflow Night-Writer 2-10
          llm gpt 3-9 in=1
    """
    assert _agents(outline) == {"Night-Writer": 1}


def test_an_agent_made_in_a_linked_trace_is_known() -> None:
    outline = f"""
        span made 0-1 trace=2 {CREATED}=writer
        workflow writer 2-10 link=2
          llm gpt 3-9 in=1
    """
    assert _agents(outline) == {"writer": 1}


def test_an_agent_made_in_a_trace_that_nothing_ties_is_not_known() -> None:
    outline = f"""
        span made 0-1 trace=2 {CREATED}=writer
        workflow writer 2-10
          llm gpt 3-9 in=1
    """
    assert _agents(outline) == {}


def test_agents_that_are_listed_as_members_are_known_by_a_link() -> None:
    outline = f"""
        span made 0-1 trace=2 {CREATED}=agent
          span made 0-1 {CREATED}=LangGraph "gen_ai.agent.description=Agent with nodes: a1, b2"
        workflow crew 2-100 link=2
          llm gpt 3-10 in=1
          tool transfer_to_b2 11-12
          llm gpt 13-20 in=2
    """
    assert _handoffs(outline) == [("a1", "b2", "transfer")]


def test_a_workflow_of_another_name_is_not_the_agent_that_was_made() -> None:
    outline = f"""
        span made 0-1 {CREATED}=writer
        workflow writers 2-10
          llm gpt 3-9 in=1
    """
    assert _agents(outline) == {}


# An agent as a tool


AS_TOOL = f"""
    agent planner 2-100
      span made 2-3 {CREATED}=writer
      span made 2-3 {CREATED}=ghost_writer
      llm gpt 4-5 in=1
      tool ask_writer 6-20
        llm gpt 7-9 in=2
"""


def test_a_tool_with_an_agents_name_in_its_own_that_calls_models_is_that_agent() -> None:
    assert _handoffs(AS_TOOL) == [("planner", "writer", "delegation")]


def test_the_longest_agents_name_in_the_name_of_a_tool_counts() -> None:
    assert _owners(AS_TOOL.replace("ask_writer", "ask_ghost-writer")) == ["planner", "ghost_writer"]


def test_a_part_of_a_word_in_the_name_of_a_tool_is_no_agents_name() -> None:
    assert _agents(AS_TOOL.replace("ask_writer", "underwriters")) == {"planner": 1}


def test_a_tool_with_an_agents_name_that_calls_no_model_is_a_tool() -> None:
    assert _agents(AS_TOOL.replace("llm gpt 7-9", "span work 7-9")) == {"planner": 1}


def test_a_tool_with_an_agent_in_it_is_the_way_to_that_agent_only() -> None:
    outline = AS_TOOL.replace("llm gpt 7-9 in=2", "agent critic 7-19\n          llm gpt 8-9 in=2")
    assert _handoffs(outline) == [("planner", "critic", "delegation")]


def test_a_handoff_tool_that_calls_models_is_the_agent_it_names() -> None:
    outline = AS_TOOL.replace("ask_writer", "delegate_to_critic") + "      llm gpt 21-30 in=1\n"
    assert _handoffs(outline) == [("planner", "critic", "delegation")]


def test_whoever_hands_over_and_calls_no_model_after_did_not_get_control_back() -> None:
    outline = AS_TOOL.replace("ask_writer", "delegate_to_critic")
    assert _handoffs(outline) == [("planner", "critic", "transfer")]


# Nothing names an agent


@pytest.mark.parametrize(
    "outline",
    [
        pytest.param(
            """
            span chain 0-100 openinference.span.kind=CHAIN
              llm gpt 1-10 in=1
              tool search 11-12
              llm gpt 13-20 in=2
            """,
            id="a chain",
        ),
        pytest.param(
            """
            workflow pipeline 0-100
              span first 1-20 traceloop.span.kind=task
                llm gpt 2-10 in=1
              span second 21-40 traceloop.span.kind=task
                llm gpt 22-30 in=2
            """,
            id="a workflow of tasks",
        ),
        pytest.param(
            """
            tool transfer_to_writer 0-1
            llm gpt 2-3 in=1
            llm gpt 4-5 in=2
            """,
            id="roots that nothing holds together",
        ),
        pytest.param(
            f"""
            span made 0-1 {CREATED}=writer
            span chain 2-10
              llm gpt 3-9 in=1
            """,
            id="an agent that was made and does nothing",
        ),
    ],
)
def test_where_nothing_names_an_agent_there_is_none(outline: str) -> None:
    assert _agents(outline) == {}


@pytest.mark.parametrize("around", ["span handler", "workflow crew"])
def test_calls_before_and_after_an_agent_are_not_its_work(around: str) -> None:
    outline = f"""
        {around} 0-100
          llm gpt 1-2 in=1
          agent writer 6-20
            llm gpt 7-9 in=2
            tool transfer_to_human 10-11
          llm gpt 26-27 in=4
    """
    assert _owners(outline) == ["", "writer", ""]


def test_a_call_that_selects_the_next_agent_is_nobodys_work() -> None:
    outline = """
        workflow crew 0-100
          llm selector 1-2 in=1
          agent planner 3-20
            llm gpt 7-9 in=2
          llm selector 21-22 in=4
          agent writer 23-40
            llm gpt 27-29 in=8
    """
    assert _owners(outline) == ["", "planner", "", "writer"]
