"""Worked examples: an outline of spans, and what follows from it."""

import json
import shlex
import time
from dataclasses import replace

import pyarrow as pa
import pytest

from otel_llmops.analysis.derive import Derived, analyse
from tests.support.tree import Node, conversation, spans, table, trace_id, tree


def _handoffs(outline: str) -> list[tuple[str, str, str]]:
    return _edges(analyse(spans(outline)))


def _edges(tables: Derived) -> list[tuple[str, str, str]]:
    rows = tables["agent_handoffs"].select(["from_agent", "to_agent", "kind"]).to_pylist()
    return [tuple(row.values()) for row in rows]


def _evidence(outline: str) -> list[list[str]]:
    return [
        json.loads(text)
        for text in analyse(spans(outline))["agent_handoffs"]["evidence"].to_pylist()
    ]


def _own(outline: str) -> list[tuple[int, int]]:
    ledger = analyse(spans(outline))["token_ledger"]
    return list(
        zip(*(ledger[f"own_{way}_tokens"].to_pylist() for way in ("input", "output")), strict=True)
    )


def _session(outline: str, column: str) -> object:
    return analyse(spans(outline))["sessions"][column].to_pylist()[0]


TRANSFER = """
    workflow crew 0-100
      agent planner 1-40
        llm gpt 2-30 in=1 out=1
        tool transfer_to_writer 31-39
      agent writer 45-90
        llm gpt 46-80 in=1 out=1
"""


def test_a_handoff_tool_makes_the_next_agent_a_transfer() -> None:
    assert _handoffs(TRANSFER) == [("planner", "writer", "transfer")]


def test_a_transfer_by_tool_rests_on_the_tool_and_the_order() -> None:
    assert _evidence(TRANSFER) == [["handoff_tool", "sibling_order"]]


def test_latency_runs_from_the_last_operation_to_the_start_of_the_next_agent() -> None:
    rows = analyse(spans(TRANSFER))["agent_handoffs"]["latency_ns"].to_pylist()
    assert rows == [5_000_000]


def test_a_generic_tool_names_the_next_agent_in_its_argument() -> None:
    outline = TRANSFER.replace(
        "transfer_to_writer 31-39",
        """transfer_to_agent 31-39 'gen_ai.tool.call.arguments={"agent_name": "writer"}'""",
    )
    assert _handoffs(outline) == [("planner", "writer", "transfer")]


def test_a_handoff_attribute_makes_the_next_agent_a_transfer() -> None:
    outline = TRANSFER.replace(
        "transfer_to_writer 31-39", "decide 31-39 gen_ai.transfer.target.name=writer"
    )
    assert _handoffs(outline) == [("planner", "writer", "transfer")]


@pytest.mark.parametrize(
    ("mode", "kind"), [("return_to_caller", "delegation"), ("pass_control", "transfer")]
)
def test_a_hand_over_says_itself_whether_control_is_to_come_back(mode: str, kind: str) -> None:
    word = f"tool handoff 5-5 gen_ai.transfer.target.name=billing gen_ai.transfer.mode={mode}"
    nested = f"""
        agent desk 0-50
          llm gpt 1-4
          {word}
          agent billing 10-40
            llm gpt 11-39
    """
    beside = f"""
        workflow shop 0-100
          agent desk 0-9
            llm gpt 1-4
            {word}
          agent billing 10-40
            llm gpt 11-39
    """
    assert [_handoffs(each) for each in (nested, beside)] == [[("desk", "billing", kind)]] * 2


def test_an_agent_inside_an_agent_is_a_delegation() -> None:
    outline = """
        agent planner 0-100
          llm gpt 1-10
          agent writer 20-60
            llm gpt 21-50
    """
    assert _handoffs(outline) == [("planner", "writer", "delegation")]


def test_an_agent_called_as_a_tool_is_a_delegation_each_time() -> None:
    outline = """
        agent planner 0-100
          llm gpt 1-10
          tool ask_writer 11-40
            agent writer 12-39
              llm gpt 13-30
          tool ask_writer 50-90
            agent writer 52-89
              llm gpt 53-80
    """
    assert _handoffs(outline) == [("planner", "writer", "delegation")] * 2


def test_control_that_goes_into_a_container_goes_to_its_first_member_and_leaves_by_its_last() -> (
    None
):
    outline = """
        agent clerk 0-20
          llm gpt 1-19
        agent packing 30-90
          agent picker 31-50
            llm gpt 32-49
          agent wrapper 60-89
            llm gpt 61-88
        agent courier 100-120
          llm gpt 101-119
    """
    assert _handoffs(outline) == [
        ("clerk", "picker", "sequence"),
        ("picker", "wrapper", "sequence"),
        ("wrapper", "courier", "sequence"),
    ]


def test_a_container_whose_members_start_at_once_fans_out_itself() -> None:
    outline = """
        agent clerk 0-20
          llm gpt 1-19
        agent board 30-90
          agent left 31-80
            llm gpt 32-79
          agent right 32-81
            llm gpt 33-80
    """
    assert _handoffs(outline) == [
        ("clerk", "board", "sequence"),
        ("board", "left", "fan_out"),
        ("board", "right", "fan_out"),
    ]


def test_agents_one_after_another_in_one_tool_call_are_a_sequence_that_was_delegated_to() -> None:
    outline = """
        agent editor 0-100
          llm gpt 1-10
          tool make_cover 11-90
            agent sketcher 12-40
              llm gpt 13-39
            agent colourist 50-89
              llm gpt 51-88
    """
    assert _handoffs(outline) == [
        ("editor", "sketcher", "delegation"),
        ("sketcher", "colourist", "sequence"),
    ]


def test_an_agent_in_a_tool_call_may_hand_over_to_the_next() -> None:
    outline = """
        agent manager 0-100
          llm gpt 1-10
          agent registrar 12-40
            llm gpt 13-30
            tool transfer_to_consultant 31-39
          agent consultant 50-89
            llm gpt 51-88
    """
    assert _handoffs(outline) == [
        ("manager", "registrar", "delegation"),
        ("registrar", "consultant", "transfer"),
    ]


def test_an_agent_named_after_its_model_goes_by_the_tool_that_called_it() -> None:
    outline = """
        agent gardener 0-100
          tool botanist 10-90
            agent gpt 11-89 gen_ai.agent.name= gen_ai.request.model=gpt
              llm gpt 12-88
    """
    assert _handoffs(outline) == [("gardener", "botanist", "delegation")]


def test_what_begins_after_an_agent_has_ended_is_the_work_of_the_one_that_still_runs() -> None:
    outline = """
        agent fair 0-100
          llm gpt 1-9 in=1
          agent stage 10-40
            llm gpt 11-39 in=2
            llm gpt 50-60 in=4
            agent kitchen 70-90
              llm gpt 71-89 in=8
    """
    agents = analyse(spans(outline))["agents"].select(["agent", "input_tokens"]).to_pylist()
    assert {row["agent"]: row["input_tokens"] for row in agents} == {
        "fair": 5,
        "stage": 2,
        "kitchen": 8,
    }
    assert _handoffs(outline) == [
        ("fair", "stage", "delegation"),
        ("fair", "kitchen", "delegation"),
    ]


def test_what_begins_with_an_agent_is_its_work_though_a_coarse_clock_shows_no_time() -> None:
    outline = """
        agent fair 0-100
          agent stage 10-10
            llm gpt 10-10 in=2
    """
    assert analyse(spans(outline))["token_ledger"]["agent"].to_pylist() == ["stage"]


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        ("Transferred to billing, who goes on.", "transfer"),
        ('{"content": "Successfully transferred to billing"}', "transfer"),
        ('{"target": "billing", "reason": "an invoice"}', "transfer"),
        ("100 dollars were transferred to billing.", "sequence"),
        ('{"goal": 7, "target": "billing"}', "sequence"),
    ],
)
def test_a_tool_says_in_its_result_that_it_handed_over(result: str, kind: str) -> None:
    outline = f"""
        workflow shop 0-100
          agent desk 1-40
            llm gpt 2-30
            tool move 31-39 {shlex.quote("gen_ai.tool.call.result=" + result)}
          agent billing 45-90
            llm gpt 46-80
    """
    assert _handoffs(outline) == [("desk", "billing", kind)]


@pytest.mark.parametrize(("own", "kind"), [("", "sequence"), ("desk", "transfer")])
def test_a_node_of_a_graph_says_by_its_outcome_where_to_go(own: str, kind: str) -> None:
    outcome = '{"output": {"update": null, "goto": "clerk"}}'
    outline = """
        workflow graph 0-100
          span desk 1-40 openinference.span.kind=CHAIN langsmith.metadata.langgraph_node=desk
            llm gpt 2-39
          span clerk 50-90 openinference.span.kind=CHAIN langsmith.metadata.langgraph_node=clerk
            llm gpt 51-89
    """
    if own:
        outline = outline.replace("desk 1-40", f"desk 1-40 'output.value={outcome}'")
    assert _handoffs(outline) == [("desk", "clerk", kind)]


@pytest.mark.parametrize("name", ["Agent", "model", "Tools", "default"])
def test_an_agent_may_have_the_name_of_a_step_where_no_graph_is_told(name: str) -> None:
    rows = analyse(spans(f"agent {name} 0-9\n  llm gpt 1-8"))["agents"]["agent"].to_pylist()
    assert rows == [name]


def test_the_nameless_span_around_named_agents_of_its_scope_is_no_agent() -> None:
    outline = """
        span order 0-100 openinference.span.kind=AGENT
          tool load 1-9
          agent desk 10-90
            llm gpt 11-89
    """
    assert analyse(spans(outline))["agents"]["agent"].to_pylist() == ["desk"]


FLAT = """
    agent shop 0-100 scope=shop
      llm gpt 1-9 gen_ai.system_instructions=A
      tool transfer_to_billing 10-11
      llm gpt 12-20 gen_ai.system_instructions=B
      tool transfer_to_desk 21-22
      llm gpt 30-40 gen_ai.system_instructions=A
"""


def test_an_application_whose_calls_change_instructions_after_a_handover_is_no_agent() -> None:
    assert _handoffs(FLAT) == [("desk", "billing", "transfer"), ("billing", "desk", "transfer")]


def test_an_agent_that_goes_on_with_its_instructions_has_handed_over_nothing() -> None:
    outline = FLAT.replace("=B", "=A").replace("transfer_to_billing", "transfer_to_savings")
    tables = analyse(spans(outline))
    assert (tables["agents"]["agent"].to_pylist(), _edges(tables)) == (["shop"], [])


def test_an_agent_that_is_told_the_time_goes_on_with_its_instructions() -> None:
    outline = """
        agent bank 0-100
          llm gpt 1-9 'gen_ai.system_instructions=You are the bank. It is 2026-11-22 10:59:58.'
          tool transfer_to_savings 10-11
          llm gpt 12-20 'gen_ai.system_instructions=You are the bank. It is 2026-11-22 11:00:01.'
    """
    tables = analyse(spans(outline))
    assert (tables["agents"]["agent"].to_pylist(), _edges(tables)) == (["bank"], [])


def test_whoever_goes_on_with_instructions_but_for_the_time_has_handed_over_nothing() -> None:
    outline = """
        workflow shop 0-100
          llm gpt 1-9 'gen_ai.system_instructions=Sell. It is 10:59.'
          tool transfer_to_billing 10-11
          llm gpt 12-20 'gen_ai.system_instructions=Bill. It is 11:00.'
          tool transfer_to_desk 21-22
          llm gpt 30-40 'gen_ai.system_instructions=Bill. It is 11:01.'
    """
    assert analyse(spans(outline))["agents"]["agent"].to_pylist() == ["billing"]


def test_an_agent_with_a_tracer_of_its_own_name_delegates_like_any_other() -> None:
    outline = """
        agent planner 0-100 scope=planner
          llm gpt 1-9
          agent writer 20-60 scope=planner
            llm gpt 21-50
    """
    assert _handoffs(outline) == [("planner", "writer", "delegation")]


def test_an_application_around_its_agents_that_calls_nothing_is_no_agent() -> None:
    outline = """
        agent shop 0-100 scope=shop
          agent desk 10-40 scope=shop
            llm gpt 11-39
          agent billing 50-90 scope=shop
            llm gpt 51-89
    """
    assert _handoffs(outline) == [("desk", "billing", "sequence")]


def test_a_model_call_that_raised_and_has_no_usage_failed_whatever_its_status() -> None:
    node = Node(
        kind="llm",
        name="gpt",
        start=0,
        end=9,
        id=1,
        events=(("exception", {"exception.type": "X", "exception.message": "no"}),),
    )
    assert analyse(table([node]))["sessions"]["errors"].to_pylist() == [1]


TWO_RUNS = """
    agent desk 0-50 conversation=c
      llm gpt 1-9
      tool transfer_to_billing 10-11
    agent billing 100-150 trace=2 conversation=c
      llm gpt 101-149
"""


def test_whom_an_agent_handed_over_to_may_begin_the_next_trace_of_the_conversation() -> None:
    assert (_handoffs(TWO_RUNS), _evidence(TWO_RUNS)) == (
        [("desk", "billing", "transfer")],
        [["handoff_tool", "conversation"]],
    )


def test_a_word_is_stale_once_another_run_has_begun() -> None:
    outline = (
        TWO_RUNS.replace("trace=2", "trace=3") + "    agent desk 60-70 trace=2 conversation=c\n"
    )
    assert _handoffs(outline) == []


def test_the_next_turn_of_a_conversation_is_no_handoff() -> None:
    assert _handoffs(TWO_RUNS.replace("transfer_to_billing", "search")) == []


@pytest.mark.parametrize(("end", "kind"), [(50, "transfer"), (200, "delegation")])
def test_a_run_that_names_its_caller_was_handed_over_by_it(end: int, kind: str) -> None:
    outline = f"""
        agent desk 0-{end} conversation=c
          llm gpt 1-9
        span post 100-150 trace=2 conversation=c llmops.handoff.source.name=desk
          agent billing 101-149
            llm gpt 102-148
    """
    assert (_handoffs(outline), _evidence(outline)) == (
        [("desk", "billing", kind)],
        [["attribute", "conversation"]],
    )


@pytest.mark.parametrize("said", ["null", "None", "undefined"])
def test_what_stands_for_no_conversation_ties_nothing(said: str) -> None:
    outline = f"agent a 0-9 conversation={said}\nagent b 20-29 trace=2 conversation={said}"
    assert analyse(spans(outline))["sessions"].num_rows == 2


def test_a_supervisor_that_gets_control_back_has_delegated() -> None:
    outline = """
        workflow crew 0-100
          agent supervisor 1-20
            tool transfer_to_writer 10-19
          agent writer 25-60
            llm gpt 30-50
          agent supervisor 65-90
            llm gpt 66-80
    """
    assert _handoffs(outline) == [("supervisor", "writer", "delegation")]


def test_control_may_return_to_either_of_two_that_asked_at_once() -> None:
    outline = """
        workflow crew 0-200
          agent planner 1-40
            tool transfer_to_writer 2-39
          agent critic 2-40
            tool transfer_to_writer 3-39
          agent writer 50-60
            llm gpt 51-59
          agent planner 70-80
            llm gpt 71-79
    """
    assert ("planner", "writer", "delegation") in _handoffs(outline)


def test_agents_one_after_another_without_a_word_are_a_sequence() -> None:
    outline = """
        workflow crew 0-100
          agent planner 1-40
            llm gpt 2-30
          agent writer 45-90
            llm gpt 46-80
    """
    assert _handoffs(outline) == [("planner", "writer", "sequence")]


def test_agents_that_an_agent_starts_at_once_are_a_fan_out() -> None:
    outline = """
        agent planner 0-100
          llm gpt 1-10
          agent writer 20-60
            llm gpt 21-50
          agent critic 21-61
            llm gpt 22-50
    """
    assert _handoffs(outline) == [
        ("planner", "writer", "fan_out"),
        ("planner", "critic", "fan_out"),
    ]


def test_a_workflow_fans_out_and_joins_by_a_sequence_from_each_branch() -> None:
    outline = """
        workflow crew 0-200
          agent planner 1-20
            llm gpt 2-15
          agent writer 30-60
            llm gpt 31-50
          agent critic 31-61
            llm gpt 32-50
          agent editor 70-90
            llm gpt 71-80
    """
    assert sorted(_handoffs(outline)) == [
        ("critic", "editor", "sequence"),
        ("planner", "critic", "fan_out"),
        ("planner", "writer", "fan_out"),
        ("writer", "editor", "sequence"),
    ]


def test_one_agent_alone_hands_over_to_nobody() -> None:
    assert _handoffs("agent planner 0-10\n  llm gpt 1-9") == []


def test_model_calls_around_model_calls_are_counted_once() -> None:
    outline = """
        llm outer 0-10 in=30 out=5
          llm inner 1-9 in=20 out=5
    """
    assert _own(outline) == [(10, 0), (20, 5)]


def test_a_call_nested_in_a_call_without_usage_is_still_counted_once() -> None:
    outline = """
        llm outer 0-10 in=20 out=5
          llm middle 1-9
            llm inner 2-8 in=20 out=5
    """
    assert _own(outline) == [(0, 0), (20, 5)]


def test_three_nested_model_spans_are_one_model_call() -> None:
    outline = """
        llm outer 0-10
          llm middle 1-9
            llm inner 2-8 in=20 out=5
    """
    assert _session(outline, "llm_calls") == 1


def test_nested_calls_that_report_more_than_the_call_around_them_are_a_conflict() -> None:
    outline = """
        llm outer 0-10 in=5 out=5
          llm inner 1-9 in=20 out=5
    """
    assert analyse(spans(outline))["token_ledger"]["conflict"].to_pylist() == [True, False]


def test_an_agent_that_repeats_its_calls_usage_counts_nothing() -> None:
    outline = """
        agent planner 0-10 in=20 out=5
          llm gpt 1-9 in=20 out=5
    """
    assert _own(outline) == [(0, 0), (20, 5)]


def test_an_agent_whose_calls_nobody_shows_counts_what_it_reports() -> None:
    assert _own("agent planner 0-10 in=20 out=5\n  tool search 1-2") == [(20, 5)]


def test_a_usage_record_beside_its_call_counts_nothing() -> None:
    outline = """
        agent planner 0-10
          llm gpt 1-9 in=20 out=5
          usage record 9-9 in=20 out=5
    """
    assert _own(outline) == [(20, 5), (0, 0)]


@pytest.mark.parametrize(("work", "own"), [("span work 6-8", 5), ("llm gpt 6-8 in=5", 0)])
def test_a_record_of_spending_counts_where_the_tool_call_beside_it_shows_no_calls(
    work: str, own: int
) -> None:
    outline = f"""
        agent planner 0-20
          llm gpt 1-3 in=2
          tool ask 5-9
            {work}
          spending subtask 9-9 in=5
          llm gpt 10-12 in=3
    """
    rows = analyse(spans(outline))["token_ledger"].to_pylist()
    assert [row["own_input_tokens"] for row in rows if row["span_name"] == "subtask"] == [own]


def _message(number: int, trace: int, said: str) -> Node:
    told = f'{{"message":{{{said}}}}}'
    return Node("span", "process", 40 + number, 41 + number, number, 0, trace, {"message": told})


def test_a_message_that_tells_what_its_call_spent_counts_once_and_is_its_authors() -> None:
    said = '"id":"m","source":"writer","models_usage":{"prompt_tokens":7,"completion_tokens":2}'
    nodes = [
        *tree("agent planner 0-10 conversation=c\nagent writer 20-30 conversation=c"),
        _message(8, 1, said),
        _message(9, 1, said),
    ]
    agents = analyse(table(nodes))["agents"].select(["agent", "llm_calls", "input_tokens"])
    assert [tuple(row.values()) for row in agents.to_pylist()] == [
        ("planner", 0, 0),
        ("writer", 1, 7),
    ]


def test_a_message_counts_nothing_where_the_session_shows_calls() -> None:
    said = '"id":"m","source":"writer","models_usage":{"prompt_tokens":7,"completion_tokens":2}'
    nodes = [*tree("agent writer 0-30\n  llm gpt 1-9 in=7 out=2"), _message(9, 1, said)]
    assert analyse(table(nodes))["sessions"]["input_tokens"].to_pylist() == [7]


def test_cached_tokens_that_exceed_the_input_are_added_to_it() -> None:
    assert _own("llm gpt 0-10 in=20 out=5 cached=100") == [(120, 5)]


def test_cached_tokens_are_a_part_of_the_input() -> None:
    assert _own("llm gpt 0-10 in=120 out=5 cached=100") == [(120, 5)]


def test_a_failed_call_is_one_error_however_many_spans_above_it_failed() -> None:
    outline = """
        agent planner 0-10 error
          llm gpt 1-9 error=RateLimitError
    """
    assert _session(outline, "errors") == 1


def test_an_exception_by_which_a_framework_steers_is_no_failure() -> None:
    assert _session("agent planner 0-10\n  tool go 1-9 error=ParentCommand", "errors") == 0


def test_a_handoff_to_an_agent_that_failed_is_a_poor_one() -> None:
    outline = TRANSFER.replace("agent writer 45-90", "agent writer 45-90 error")
    [row] = analyse(spans(outline))["agent_handoffs"].select(["completed", "quality"]).to_pylist()
    assert (row["completed"], row["quality"] < 0.2) == (0.0, True)


def test_a_parent_that_never_came_is_one_span_that_is_missing() -> None:
    outline = "agent planner 0-10\n  llm gpt 1-4 parent=99\n  llm gpt 5-9 parent=99"
    assert (_session(outline, "spans"), _session(outline, "completeness")) == (3, 0.75)


def test_agents_whose_parent_never_came_are_still_its_children() -> None:
    outline = """
        agent writer 0-40 parent=99
          llm gpt 1-30
        agent critic 50-90 parent=99
          llm gpt 51-80
    """
    assert _handoffs(outline) == [("writer", "critic", "sequence")]


@pytest.mark.parametrize("behind", [0, 40])
def test_a_service_whose_clock_is_behind_changes_no_handoff(behind: int) -> None:
    outline = f"""
        agent planner 100-200
          agent critic 110-140
            llm gpt 111-139
          tool ask 150-190
            agent writer {155 - behind}-{175 - behind} service=desk
              llm gpt {160 - behind}-{170 - behind} service=desk
    """
    assert _handoffs(outline) == [
        ("planner", "critic", "delegation"),
        ("planner", "writer", "delegation"),
    ]


def test_a_frameworks_agent_wins_over_our_stamp() -> None:
    outline = """
        agent planner 0-20 llmops.agent.name=planner
          agent writer 1-10 llmops.agent.name=planner
            llm gpt 2-9 in=1 out=1 llmops.agent.name=planner
    """
    assert analyse(spans(outline))["token_ledger"]["agent"].to_pylist() == ["writer"]


def test_a_frameworks_agent_without_our_stamp_wins_over_a_stamp_below() -> None:
    outline = """
        agent writer 0-10
          llm gpt 1-9 in=1 out=1 llmops.agent.name=planner
    """
    assert analyse(spans(outline))["token_ledger"]["agent"].to_pylist() == ["writer"]


def test_our_stamp_names_the_agent_where_nobody_else_does() -> None:
    outline = """
        span work 0-10 llmops.agent.name=planner
          llm gpt 1-9 in=1 out=1 llmops.agent.name=planner
    """
    assert analyse(spans(outline))["token_ledger"]["agent"].to_pylist() == ["planner"]


def test_a_conversation_named_after_a_trace_is_one_session_with_it() -> None:
    first = Node("agent", "planner", 0, 10, 1)
    second = Node("agent", "planner", 20, 30, 2, trace=2, said=conversation(trace_id(1)))
    found = analyse(table([first, second]))["sessions"]
    assert found.select(["session_id", "spans"]).to_pylist() == [
        {"session_id": trace_id(1), "spans": 2}
    ]


def test_a_conversation_id_of_absurd_length_is_none() -> None:
    absurd = Node("agent", "planner", 0, 10, 1, said=conversation("c" * 1025))
    found = analyse(table([absurd]))
    assert (found["sessions"]["session_id"].to_pylist(), found["session_keys"].num_rows) == (
        [trace_id(1)],
        1,
    )


def test_an_agents_name_of_absurd_length_is_cut() -> None:
    found = analyse(table([Node("agent", "\u00fc" * 1000, 0, 10, 1)]))["agents"]["agent"]
    assert found.to_pylist() == ["\u00fc" * 256]


def test_a_span_that_came_twice_in_other_bytes_counts_once() -> None:
    nodes = tree("llm gpt 1-9 in=5 out=2")
    turned = [replace(node, said=dict(reversed(list(node.said.items())))) for node in nodes]
    sent = pa.concat_tables([table(nodes), table(turned)])
    sessions = analyse(sent)["sessions"].select(["spans", "input_tokens"]).to_pylist()
    assert sessions == [{"spans": 1, "input_tokens": 5}]


def test_traces_of_one_conversation_are_one_session() -> None:
    outline = """
        agent planner 0-10 trace=1 conversation=c1
        agent planner 20-30 trace=2 conversation=c1
    """
    assert analyse(spans(outline))["sessions"]["session_id"].to_pylist() == ["c1"]


def test_linked_traces_are_one_session_and_hand_over() -> None:
    outline = """
        agent planner 0-10 trace=1
        agent writer 20-30 trace=2 link=1
    """
    assert _handoffs(outline) == [("planner", "writer", "sequence")]


@pytest.mark.parametrize("turns", [500])
def test_five_hundred_agents_in_a_row_hand_over_once_each(turns: int) -> None:
    root = Node("workflow", "crew", 0, turns * 10, 1)
    members = [Node("agent", f"a{n}", n * 10, n * 10 + 5, n + 2, 1) for n in range(turns)]
    expected = [(f"a{n}", f"a{n + 1}", "sequence") for n in range(turns - 1)]
    assert _edges(analyse(table([root, *members]))) == expected


@pytest.mark.slow
def test_a_chain_of_a_hundred_thousand_spans_is_analysed_in_seconds() -> None:
    depth = 100_000
    chain = [
        Node("llm" if n == depth - 1 else "span", "x", n, n + 1, n + 1, n) for n in range(depth)
    ]
    drawn = table(chain)
    began = time.process_time()
    analyse(drawn)
    assert time.process_time() - began < 10


@pytest.mark.slow
def test_a_thousand_agents_and_a_thousand_tools_are_not_a_million_comparisons() -> None:
    many = 1_000
    nodes = [Node("span", "x", 0, 1, 1)]
    for n in range(many):
        made = {"gen_ai.operation.name": "create_agent", "gen_ai.agent.name": f"maker {n}"}
        nodes += [
            Node("span", "create", n, n + 1, 3 * n + 2, 1, said=made),
            Node("tool", f"search_{n}", n, n + 1, 3 * n + 3, 1),
            Node("llm", "gpt", n, n + 1, 3 * n + 4, 3 * n + 3),
        ]
    drawn = table(nodes)
    began = time.process_time()
    analyse(drawn)
    assert time.process_time() - began < 5


def test_an_outline_line_is_the_span_it_draws() -> None:
    assert tree("llm gpt 10-40 in=20 out=5 trace=7 id=3") == [
        Node("llm", "gpt", 10, 40, 3, 0, 7,
             {"gen_ai.usage.input_tokens": "20", "gen_ai.usage.output_tokens": "5"})
    ]  # fmt: skip
