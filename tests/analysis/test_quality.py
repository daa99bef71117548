"""Quality: its parts against the oracle, what each means, and that each pulls one way."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.analysis.derive import analyse
from otel_llmops.analysis.quality import WEIGHTS, combined
from tests.analysis.forests import AGENTS, forests, whole_analysis
from tests.oracles import handoffs as slow_handoffs
from tests.oracles import quality as slow
from tests.oracles import sessions as slow_sessions
from tests.oracles.activations import told_by_nobody
from tests.oracles.rows import in_order, parents_of
from tests.support.tree import Node, span_id, spans, table

PARTS = tuple(WEIGHTS)
_lists = st.lists(st.sampled_from(AGENTS), max_size=3, unique=True).map(json.dumps)
_part = st.one_of(st.none(), st.floats(0, 1))


@st.composite
def _declared(draw: st.DrawFn) -> list[Node]:
    """Forests whose agents may say to whom they hand over."""
    told = {name: draw(st.one_of(st.none(), _lists)) for name in AGENTS}
    return [
        replace(node, said={**node.said, "llmops.agent.can_handoff_to": str(told[node.name])})
        if node.kind == "agent" and told[node.name]
        else node
        for node in draw(forests())
    ]


@whole_analysis
@given(_declared())
def test_quality_and_its_parts_are_the_oracles(drawn: list[Node]) -> None:
    nodes = in_order(drawn)
    for row in told_by_nobody(nodes, parents_of(nodes)):
        nodes[row] = replace(nodes[row], name="search", said={})
    nodes = in_order(nodes)
    parent = parents_of(nodes)
    runs, sessions = slow_sessions.runs(nodes), slow_sessions.session_names(nodes, parent)
    edges = slow_handoffs.handoffs(nodes, parent, runs, sessions)
    expected = Counter(
        (span_id(nodes[edge.source].id), span_id(nodes[edge.target].id), *_rounded(parts))
        for edge, parts in zip(edges, slow.parts(nodes, parent, edges, sessions), strict=True)
    )
    columns = ["from_span_id", "to_span_id", *PARTS, "quality", "quality_confidence"]
    rows = analyse(table(nodes))["agent_handoffs"].select(columns).to_pylist()
    found = Counter(
        tuple(v if isinstance(v, str | None) else round(v, 9) for v in row.values()) for row in rows
    )
    assert found == expected


def _rounded(parts: slow.Parts) -> tuple[float | None, ...]:
    values = (*(parts[name] for name in PARTS), *slow.combined(parts))
    return tuple(None if value is None else round(value, 9) for value in values)


def _quality(parts: dict[str, float | None]) -> tuple[float, float]:
    made = combined(
        {name: np.array([np.nan if part is None else part]) for name, part in parts.items()}
    )
    return float(made.quality[0]), float(made.confidence[0])


_parts = st.fixed_dictionaries(dict.fromkeys(PARTS, _part) | {"completed": st.floats(0, 1)})


@given(_parts)
def test_quality_and_confidence_are_between_0_and_1(parts: dict[str, float | None]) -> None:
    quality, confidence = _quality(parts)
    assert (0 <= quality <= 1, 0 < confidence <= 1) == (True, True)


@given(_parts, st.sampled_from(PARTS), st.floats(0, 1), st.floats(0, 1))
def test_more_of_a_part_never_makes_a_handoff_worse(
    parts: dict[str, float | None], name: str, one: float, other: float
) -> None:
    less, more = sorted((one, other))
    worse, better = _quality(parts | {name: less})[0], _quality(parts | {name: more})[0]
    assert worse <= better + 1e-12


@given(_parts, st.sampled_from([name for name in PARTS if name != "completed"]))
def test_evidence_that_is_missing_lowers_confidence_alone(
    parts: dict[str, float | None], name: str
) -> None:
    known = {key: part for key, part in parts.items() if part is not None and key != name}
    same = dict.fromkeys(PARTS) | known
    quality, confidence = _quality(same)
    # a part that is as good as the rest changes nothing but the confidence
    fuller, surer = _quality(same | {name: quality})
    assert [fuller, surer] == pytest.approx([quality, confidence + WEIGHTS[name]], abs=1e-9)


def test_all_that_is_good_is_1_with_full_confidence() -> None:
    assert list(_quality(dict.fromkeys(PARTS, 1.0))) == pytest.approx([1.0, 1.0])


def _part_of(outline: str, name: str) -> list[float | None]:
    values: list[float | None] = analyse(spans(outline))["agent_handoffs"][name].to_pylist()
    return values


_PING_PONG = """
    workflow desk 0-1000
      agent planner 0-90
        llm gpt 1-40
        tool search 41-50
        tool transfer_to_writer 51-52
      agent writer 100-190
        llm gpt 101-140
        tool search 141-150
        tool transfer_to_planner 151-152
      agent planner 200-290
        llm gpt 201-240
        tool search 241-250
        tool transfer_to_writer 251-252
      agent writer 300-390
        llm gpt 301-340
        tool search 341-350
        tool transfer_to_planner 351-352
      agent planner 400-490
        llm gpt 401-440
"""


def test_control_that_goes_to_and_fro_is_worth_less_with_each_round() -> None:
    assert _part_of(_PING_PONG, "no_bounce") == [1.0, 1.0, 0.5, 0.5]


def test_who_hands_straight_back_without_work_was_no_good_choice() -> None:
    outline = """
        workflow desk 0-1000
          agent planner 0-90
            llm gpt 1-40
            tool transfer_to_writer 51-52
          agent writer 100-190
            llm gpt 101-140
            tool transfer_to_planner 151-152
          agent planner 200-290
            llm gpt 201-240
    """
    assert _part_of(outline, "no_bounce") == [0.0, 1.0]


def test_a_delegation_that_returns_is_no_bounce() -> None:
    outline = """
        agent planner 0-300
          llm gpt 1-40
          tool ask_writer 50-200
            agent writer 60-190
              llm gpt 61-180
          llm gpt 210-290
    """
    assert _part_of(outline, "no_bounce") == [1.0]


@pytest.mark.parametrize(("begins", "promptness"), [(10, 1.0), (1010, 0.5), (3010, 0.25)])
def test_a_wait_counts_against_the_work_that_is_waited_for(begins: int, promptness: float) -> None:
    outline = f"""
        workflow desk 0-9000
          agent planner 0-10
            llm gpt 1-10
          agent writer {begins}-{begins + 200}
            llm gpt {begins + 1}-{begins + 190}
    """
    assert _part_of(outline, "promptness") == [pytest.approx(promptness)]


def test_who_joins_several_waits_for_the_last_of_them() -> None:
    outline = """
        workflow desk 0-9000
          agent planner 0-10
            llm gpt 1-10
          agent writer 0-5000
            llm gpt 1-5000
          agent critic 5000-5500
            llm gpt 5001-5400
    """
    assert _part_of(outline, "promptness") == [1.0, 1.0]


@pytest.mark.parametrize(
    ("listed", "allowed"), [('["Writer"]', 1.0), ('["critic"]', 0.0), ("[]", None), ("x", None)]
)
def test_a_handoff_is_allowed_where_its_source_says_so(listed: str, allowed: float | None) -> None:
    nodes = [
        Node("agent", "planner", 0, 100, 1, said={"llmops.agent.can_handoff_to": listed}),
        Node("llm", "gpt", 1, 10, 2, 1),
        Node("agent", "writer", 20, 90, 3, 1),
        Node("llm", "gpt", 21, 80, 4, 3),
    ]
    found = analyse(table(nodes))["agent_handoffs"]["allowed"].to_pylist()
    assert found == [allowed]
