"""Big, torn, skewed and absurd input: what must still hold."""

import json
import math
import time
from collections import Counter
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llmops.analysis.derive import Derived, analyse
from otel_llmops.otlp import Request, decode_traces
from tests.analysis.forests import forests, told_forests, whole_analysis
from tests.support.requests import request
from tests.support.tree import BASE_NS, MS, Node, conversation, spans, table, trace_id, tree, usage

_FIRST, _LAST = -BASE_NS // MS, (2**63 - 1 - BASE_NS) // MS
"""The earliest and the latest ms that a span can tell."""
_HOURS = 5 * 3_600_000

few = settings(max_examples=min(25, settings().max_examples))
"""For forests that are slow to draw: each law looks at some."""

NAMES = (
    *("", " ", "\x00", "-", "{}", "\\", '"q"', "a\nb", "writer", "Writer", "WRITER", "wri ter"),
    *("wri-ter", " writer ", "x" * 256 + "y", "x" * 256 + "z", "search", "transfer_to_writer"),
    *("agent", "tools", "__start__", "LangGraph", "RunnableSequence", "gpt", "\u00df", "SS"),
    *("\u0130stanbul", "i\u0307stanbul", "\u00a0", "\ud7ff\U0001f600", "invoke_agent writer"),
)
_NUMBERS = ("0", "1", "-1", "NaN", "inf", "1e5", "9999999999", "99999999999", "10.0", "", "x", " 7")
_SAID = {
    "openinference.span.kind": ("AGENT", "CHAIN", "TOOL", "LLM", ""),
    "gen_ai.operation.name": ("create_agent", "handoff", "chat", "invoke_agent", ""),
    "gen_ai.agent.name": NAMES,
    "gen_ai.transfer.target.name": NAMES,
    "llmops.agent.name": NAMES,
    "langsmith.metadata.langgraph_node": NAMES,
    "traceloop.entity.name": NAMES,
    "traceloop.span.kind": ("agent", "workflow", "task", "tool"),
    "input.value": ("current_agent_name='writer'", "{", '{"agent_name": "writer"}'),
    "output.value": ('{"goto": "writer"}', "null"),
    "gen_ai.tool.call.arguments": ('{"agent_name": "writer"}', '{"agent_name": ""}', "{"),
    "gen_ai.system_instructions": ("A", "B"),
    "gen_ai.usage.cache_read.input_tokens": _NUMBERS,
    "gen_ai.usage.reasoning.output_tokens": _NUMBERS,
    "gen_ai.request.model": ("gpt-4o", "claude-sonnet-4-5", ""),
}


@st.composite
def _absurd_nodes(draw: st.DrawFn, number: int) -> Node:
    kind = draw(st.sampled_from(("agent", "agent", "llm", "tool", "workflow", "usage", "span")))
    far = draw(st.sampled_from((_FIRST, _LAST - 100, -_HOURS, _HOURS)))
    start = far if draw(st.integers(0, 5)) == 0 else draw(st.sampled_from((0, 0, 10, 20, 30)))
    end = start + draw(st.sampled_from((-5, 0, 0, 1, 10, 50)))
    keys = draw(st.lists(st.sampled_from(sorted(_SAID)), max_size=3))
    said = {key: draw(st.sampled_from(_SAID[key])) for key in keys}
    if kind != "tool" and draw(st.booleans()):
        tokens = st.sampled_from(_NUMBERS)
        said["gen_ai.usage.input_tokens"] = draw(tokens)
        said["gen_ai.usage.output_tokens"] = draw(tokens)
    if draw(st.integers(0, 5)) == 0:
        said |= conversation(draw(st.sampled_from(("c1", "C1", " ", "null", trace_id(2)))))
    return Node(
        kind=kind,
        name=draw(st.sampled_from(NAMES)),
        start=start,
        end=max(end, _FIRST),
        id=draw(st.integers(1, 14)) if draw(st.integers(0, 5)) == 0 else number,
        parent=draw(st.integers(0, number if draw(st.integers(0, 4)) else 15)),
        trace=draw(st.sampled_from((1, 1, 1, 2, 3))),
        said=said,
        links=(draw(st.sampled_from((1, 2, 99))),) if draw(st.integers(0, 7)) == 0 else (),
        failed=draw(st.integers(0, 4)) == 0,
        service=draw(st.sampled_from(("shop", "shop", "desk", ""))),
    )


@st.composite
def absurd_forests(draw: st.DrawFn) -> list[Node]:
    """Up to 14 spans of which nothing is as it should be."""
    count = draw(st.integers(1, 14))
    return [draw(_absurd_nodes(number)) for number in range(1, count + 1)]


@few
@given(absurd_forests())
def test_every_number_is_one(nodes: list[Node]) -> None:
    for rows in analyse(table(nodes)).values():
        for column in rows.columns:
            if pa.types.is_floating(column.type):
                known = column.drop_null().to_pylist()
                assert all(map(math.isfinite, known))


@few
@given(absurd_forests())
def test_a_session_is_the_sum_of_its_agents_and_of_what_is_nobodys(nodes: list[Node]) -> None:
    tables = analyse(table(nodes))
    nobody = tables["agent_operations"].filter(pc.equal(tables["agent_operations"]["agent"], ""))
    for name in ("llm_calls", "input_tokens", "output_tokens"):
        parts = _sums(tables["agents"], name) + _sums(nobody, name)
        assert parts == _sums(tables["sessions"], name)


@few
@given(absurd_forests())
def test_a_session_is_the_sum_of_its_ledger(nodes: list[Node]) -> None:
    tables = analyse(table(nodes))
    for own, name in (
        ("own_input_tokens", "input_tokens"),
        ("own_output_tokens", "output_tokens"),
        ("residual_tokens", "residual_tokens"),
    ):
        assert _sums(tables["token_ledger"], own) == _sums(tables["sessions"], name)


def _sums(rows: pa.Table, name: str) -> Counter[str]:
    """Session -> sum; sessions with 0 are left out."""
    found: Counter[str] = Counter()
    for session_id, count in zip(
        rows["session_id"].to_pylist(), rows[name].to_pylist(), strict=True
    ):
        found[session_id] += count
    return +found


@few
@given(absurd_forests() | told_forests())
def test_whoever_hands_over_or_is_handed_to_is_an_agent_of_the_session(nodes: list[Node]) -> None:
    tables = analyse(table(nodes))
    known = _pairs(tables["agents"], "agent")
    handing = tables["agent_handoffs"]
    assert _pairs(handing, "from_agent") | _pairs(handing, "to_agent") <= known


def _pairs(rows: pa.Table, column: str) -> set[tuple[str, str]]:
    return set(zip(rows["session_id"].to_pylist(), rows[column].to_pylist(), strict=True))


@few
@given(absurd_forests())
def test_a_blank_is_nobodys_name(nodes: list[Node]) -> None:
    names = analyse(table(nodes))["agents"]["agent"].to_pylist()
    assert [name for name in names if not name.strip()] == []


@few
@given(absurd_forests() | told_forests())
def test_each_id_leads_to_one_session_and_is_told_once(nodes: list[Node]) -> None:
    tables = analyse(table(nodes))
    keys = tables["session_keys"]["key"].to_pylist()
    assert len(set(keys)) == len(keys)
    assert set(tables["session_keys"]["session_id"].to_pylist()) == set(
        tables["sessions"]["session_id"].to_pylist()
    )


@few
@given(absurd_forests() | forests())
def test_completeness_is_the_share_of_the_spans_that_are_known_of(nodes: list[Node]) -> None:
    came = {(node.trace, node.id): 0 for node in nodes}
    absent = {(node.trace, node.parent) for node in nodes if node.parent} - set(came)
    sessions = analyse(table(nodes))["sessions"]
    spans = len({(node.trace, node.id, node.wire) for node in nodes})
    shares = zip(sessions["spans"].to_pylist(), sessions["completeness"].to_pylist(), strict=True)
    known = [round(count / share) for count, share in shares]
    assert (sum(sessions["spans"].to_pylist()), sum(known)) == (spans, spans + len(absent))


@whole_analysis
@given(forests() | told_forests(), st.data())
def test_how_spans_are_dealt_out_to_requests_changes_nothing(
    nodes: list[Node], data: st.DataObject
) -> None:
    dealt: list[list[Node]] = [[] for _ in range(data.draw(st.integers(1, 5)))]
    for node in data.draw(st.permutations(nodes)):
        data.draw(st.sampled_from(dealt)).append(node)
    whole = analyse(decode_traces([Request(request(nodes))]))
    assert _texts(analyse(decode_traces([Request(request(part)) for part in dealt]))) == _texts(
        whole
    )


def _texts(tables: Derived) -> dict[str, list[str]]:
    """Every row of every table as text, sorted."""
    plain = {
        name: [
            rows[c].cast(pa.int64()) if pa.types.is_timestamp(rows[c].type) else rows[c]
            for c in rows.column_names
        ]
        for name, rows in tables.items()
    }
    return {
        name: sorted(map(repr, zip(*(column.to_pylist() for column in columns), strict=True)))
        for name, columns in plain.items()
    }


def _edges(tables: Derived) -> list[tuple[str, str, str]]:
    rows = tables["agent_handoffs"].select(["from_agent", "to_agent", "kind"]).to_pylist()
    return [tuple(row.values()) for row in rows]


def _session(tables: Derived, *columns: str) -> dict[str, object]:
    [row] = tables["sessions"].select(list(columns)).to_pylist()
    return dict(row)


def _turn(number: int, agents: int) -> list[Node]:
    """Ten spans: an agent asks a model twice, uses five tools and hands over to the next one."""
    first, begin = number * 10 + 2, number * 100
    name, following = f"agent {number % agents}", f"agent {(number + 1) % agents}"
    calls = [
        Node("llm", "gpt-4o", begin + at, begin + at + 9, first + at // 10, first, said=usage(7, 3))
        for at in (10, 20)
    ]
    tools = [
        Node("tool", f"search {at}", begin + at, begin + at + 9, first + at // 10, first)
        for at in (30, 40, 50, 60, 70)
    ]
    said = {"gen_ai.transfer.target.name": following}
    return [
        Node("agent", name, begin, begin + 95, first, 1),
        *calls,
        *tools,
        Node("tool", "hand over", begin + 80, begin + 85, first + 8, first, said=said),
        Node("span", "HTTP POST", begin + 11, begin + 18, first + 9, first + 1),
    ]


@pytest.mark.slow
def test_a_busy_trace_of_a_hundred_thousand_spans_is_analysed_in_seconds() -> None:
    turns, agents = 10_000, 50
    nodes = [Node("workflow", "crew", 0, turns * 100, 1)]
    for number in range(turns):
        nodes += _turn(number, agents)
    drawn = table(nodes)
    began = time.process_time()
    tables = analyse(drawn)
    took_s = time.process_time() - began
    assert _edges(tables) == [
        (f"agent {n % agents}", f"agent {(n + 1) % agents}", "transfer") for n in range(turns - 1)
    ]
    assert _session(tables, "spans", "llm_calls", "input_tokens", "residual_tokens") == {
        "spans": 100_001, "llm_calls": 20_000, "input_tokens": 140_000, "residual_tokens": 0,
    }  # fmt: skip
    assert took_s < 10


@pytest.mark.parametrize(
    ("length", "kind"), [(5, "delegation"), (1000, "fan_out")], ids=["in turn", "at once"]
)
def test_a_star_of_five_hundred_agents_has_as_many_rays(length: int, kind: str) -> None:
    rays = 500
    nodes = [Node("agent", "hub", 0, 10_000, 1), Node("llm", "gpt", 1, 5, 2, 1)]
    for n in range(rays):
        begin = 10 + n * 10 if length < 10 else 10 + n
        nodes.append(Node("agent", f"ray {n}", begin, begin + length, 10 + 2 * n, 1))
        nodes.append(Node("llm", "gpt", begin, begin + 1, 11 + 2 * n, 10 + 2 * n))
    assert _edges(analyse(table(nodes))) == [("hub", f"ray {n}", kind) for n in range(rays)]


def test_where_thousands_follow_thousands_each_hands_over_and_is_handed_to() -> None:
    many = 3000
    nodes = [Node("workflow", "crew", 0, 1000, 1)]
    for n in range(many):
        nodes.append(Node("agent", f"early {n}", 10, 100, 10 + 2 * n, 1))
        nodes.append(Node("agent", f"late {n}", 200, 300, 11 + 2 * n, 1))
    edges = _edges(analyse(table(nodes)))
    assert {source for source, _, _ in edges} == {f"early {n}" for n in range(many)}
    assert {target for _, target, _ in edges} == {f"late {n}" for n in range(many)}
    assert len(edges) == many


def test_a_chain_of_five_hundred_agents_in_each_other_hands_down_once_each() -> None:
    depth = 500
    nodes: list[Node] = []
    for n in range(depth):
        nodes.append(Node("agent", f"a{n}", n * 2, 4000 - n * 2, 2 * n + 1, max(0, 2 * n - 1)))
        nodes.append(Node("llm", "gpt", n * 2, n * 2 + 1, 2 * n + 2, 2 * n + 1))
    expected = [(f"a{n}", f"a{n + 1}", "delegation") for n in range(depth - 1)]
    assert _edges(analyse(table(nodes))) == expected


def test_a_conversation_over_a_thousand_traces_is_one_session() -> None:
    turns = 1000
    nodes = [
        node
        for n in range(1, turns + 1)
        for node in (
            Node("agent", "desk", n * 10, n * 10 + 9, 1, trace=n, said=conversation("c")),
            Node("llm", "gpt", n * 10 + 1, n * 10 + 8, 2, 1, trace=n, said=usage(2, 1)),
        )
    ]
    tables = analyse(table(nodes))
    assert _session(tables, "session_id", "spans", "llm_calls", "input_tokens", "agents") == {
        "session_id": "c", "spans": 2000, "llm_calls": 1000, "input_tokens": 2000,
        "agents": '["desk"]',
    }  # fmt: skip


def test_a_trace_of_many_conversations_is_one_session_that_each_leads_to() -> None:
    nodes = [Node("workflow", "batch", 0, 9999, 1, said=conversation("all"))]
    nodes += [
        Node("agent", "desk", n * 10, n * 10 + 5, n, 1, said=conversation(f"c{n}"))
        for n in range(2, 300)
    ]
    keys = analyse(table(nodes))["session_keys"].select(["key", "session_id"]).to_pylist()
    ids = {trace_id(1), "all", *(f"c{n}" for n in range(2, 300))}
    assert {row["key"]: row["session_id"] for row in keys} == dict.fromkeys(ids, "all")


@pytest.mark.parametrize("ahead", [-_HOURS, 0, _HOURS], ids=["behind", "alike", "ahead"])
def test_hours_between_the_clocks_of_two_services_change_no_handoff(ahead: int) -> None:
    outline = """
        workflow shop 0-1000
          agent planner 0-100
            llm gpt 1-99
          span call 110-190
            span serve 111-189 service=desk
              agent writer 112-188 service=desk
                llm gpt 113-187 service=desk
          agent critic 200-300
            llm gpt 201-299
    """
    drawn = table(
        replace(node, start=node.start + ahead, end=node.end + ahead)
        if node.service == "desk"
        else node
        for node in tree(outline)
    )
    of_kind = {"call": 3, "serve": 2}
    kinds = [of_kind.get(name, 1) for name in drawn["name"].to_pylist()]
    place = drawn.column_names.index("kind")
    drawn = drawn.set_column(place, drawn.schema.field("kind"), pa.array(kinds, pa.int32()))
    tables = analyse(drawn)
    assert _edges(tables) == [
        ("planner", "writer", "sequence"),
        ("writer", "critic", "sequence"),
    ]
    assert _session(tables, "duration_ns") == {"duration_ns": 1000 * MS}


def test_two_spans_of_one_id_that_say_different_things_both_count() -> None:
    outline = """
        agent planner 0-100
          llm gpt 1-10 id=7 in=3
          llm gpt 20-30 id=7 in=4
    """
    assert _session(analyse(spans(outline)), "spans", "llm_calls", "input_tokens") == {
        "spans": 3, "llm_calls": 2, "input_tokens": 7,
    }  # fmt: skip


def test_a_circle_of_spans_still_tells_who_asked_whom() -> None:
    outline = """
        agent planner 0-100 id=1 parent=3
          llm gpt 1-10 id=2
          agent writer 20-60 id=3
            llm gpt 21-50 id=4
    """
    assert _edges(analyse(spans(outline))) == [("planner", "writer", "delegation")]


def test_a_span_that_is_its_own_parent_is_a_root() -> None:
    outline = "agent planner 0-100 id=1 parent=1\n  llm gpt 1-10 id=2 in=5"
    tables = analyse(spans(outline))
    assert _session(tables, "agents", "input_tokens", "completeness") == {
        "agents": '["planner"]', "input_tokens": 5, "completeness": 1.0,
    }  # fmt: skip


def test_the_traces_of_a_session_are_listed_by_start_whatever_else_is_analysed() -> None:
    others = [Node("agent", "a", n, n + 5, n, trace=1000 + n) for n in range(1, 3000)]
    talk = [
        Node("agent", "a", 7 * n, 7 * n + 5, 1, trace=1 + n * 37 % 99, said=conversation("c"))
        for n in range(99)
    ]
    found = analyse(table([*others, *talk]))["sessions"]
    [listed] = [row["trace_ids"] for row in found.to_pylist() if row["session_id"] == "c"]
    assert json.loads(listed) == [trace_id(1 + n * 37 % 99) for n in range(99)]
