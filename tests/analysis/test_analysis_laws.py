"""Laws that need no oracle."""

import json
from dataclasses import replace
from random import Random

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.analysis.derive import Derived, analyse
from tests.analysis.forests import AGENTS, forests, told_forests, whole_analysis
from tests.support.tree import Node, table

_ELSEWHERE = {"planner": "amber", "writer": "birch", "Writer": "Birch", "critic": "cedar",
              "fact-checker": "dog-wood"}  # fmt: skip


def _rows(*several: Derived) -> dict[str, list[str]]:
    """Every row of every table as text, sorted."""
    return {
        name: sorted(repr(row) for one in several for row in _plain(one[name]))
        for name in several[0]
    }


def _plain(rows: pa.Table) -> list[dict[str, object]]:
    times = {n: rows[n].cast(pa.int64()) for n in rows.column_names if n.endswith("ed_at")}
    for name, column in times.items():
        rows = rows.set_column(rows.column_names.index(name), name, column)
    plain: list[dict[str, object]] = rows.to_pylist()
    return plain


def _analysed(nodes: list[Node]) -> Derived:
    return analyse(table(nodes))


def _shifted(node: Node, by: int) -> Node:
    """The node in traces, conversations and links of their own."""
    said = {
        key: f"other {value}" if key == "gen_ai.conversation.id" else value
        for key, value in node.said.items()
    }
    links = tuple(target + by for target in node.links)
    return replace(node, trace=node.trace + by, links=links, said=said)


@whole_analysis
@given(forests() | told_forests(), st.randoms())
def test_the_order_of_the_rows_does_not_matter(nodes: list[Node], chance: Random) -> None:
    shuffled = nodes.copy()
    chance.shuffle(shuffled)
    assert _rows(_analysed(shuffled)) == _rows(_analysed(nodes))


@whole_analysis
@given(forests() | told_forests(), st.data())
def test_spans_that_come_twice_change_nothing(nodes: list[Node], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(nodes), max_size=5))
    assert _rows(_analysed([*nodes, *again])) == _rows(_analysed(nodes))


@whole_analysis
@given(forests() | told_forests())
def test_tokens_are_conserved(nodes: list[Node]) -> None:
    tables = _analysed(nodes)
    ledger, operations, sessions = (
        tables[name] for name in ("token_ledger", "agent_operations", "sessions")
    )
    for way in ("input_tokens", "output_tokens"):
        counted = [
            pc.sum(source).as_py() or 0
            for source in (ledger[f"own_{way}"], operations[way], sessions[way])
        ]
        assert len(set(counted)) == 1
    told = [pc.sum(source["residual_tokens"]).as_py() or 0 for source in (ledger, sessions)]
    assert told[0] == told[1]


@whole_analysis
@given(forests())
def test_no_more_tokens_are_counted_than_were_reported(nodes: list[Node]) -> None:
    ledger = _analysed(nodes)["token_ledger"]
    over = pc.greater(ledger["own_input_tokens"], ledger["reported_input_tokens"])
    assert not pc.any(over).as_py()


@whole_analysis
@given(forests() | told_forests())
def test_an_agent_never_hands_over_to_itself(nodes: list[Node]) -> None:
    handoffs = _analysed(nodes)["agent_handoffs"]
    pairs = zip(handoffs["from_agent"].to_pylist(), handoffs["to_agent"].to_pylist(), strict=True)
    assert [pair for pair in pairs if pair[0].lower() == pair[1].lower()] == []


@whole_analysis
@given(forests())
def test_renaming_agents_renames_the_answer(nodes: list[Node]) -> None:
    renamed = _rows(_analysed([_renamed(node) for node in nodes]))
    expected = _rows(_analysed(nodes))
    for name in ("agent_handoffs", "context_drift", "token_ledger"):
        assert renamed[name] == sorted(map(_translated, expected[name]))


@whole_analysis
@given(forests(), forests())
def test_sessions_that_share_nothing_do_not_change_each_other(
    nodes: list[Node], others: list[Node]
) -> None:
    # One spelling each: of several spellings of one name the first one seen shows.
    left = [_spelled(node) for node in nodes]
    right = [_shifted(_spelled(node), 1000) for node in others]
    assert _rows(_analysed(left + right)) == _rows(_analysed(left), _analysed(right))


@whole_analysis
@given(forests())
def test_handoffs_of_a_session_are_numbered_in_order_of_their_start(nodes: list[Node]) -> None:
    handoffs = _analysed(nodes)["agent_handoffs"]
    seen: dict[str, list[tuple[int, int]]] = {}
    for row in _plain(handoffs):
        seen.setdefault(str(row["session_id"]), []).append((row["ordinal"], row["started_at"]))  # type: ignore[arg-type]
    for numbered in seen.values():
        numbered.sort()
        starts = [start for _, start in numbered]
        assert ([number for number, _ in numbered], starts) == (
            list(range(len(numbered))),
            sorted(starts),
        )


@whole_analysis
@given(forests() | told_forests())
def test_each_agent_of_an_operation_is_an_agent_of_its_session(nodes: list[Node]) -> None:
    tables = _analysed(nodes)
    listed = {
        (row["session_id"], agent)
        for row in _plain(tables["sessions"])
        for agent in json.loads(str(row["agents"]))
    }
    acting = {
        (row["session_id"], row["agent"])
        for row in _plain(tables["agent_operations"])
        if row["agent"]
    }
    assert acting == listed


def _renamed(node: Node) -> Node:
    said = {
        key: _ELSEWHERE.get(value, value) if key == "gen_ai.transfer.target.name" else value
        for key, value in node.said.items()
    }
    if node.kind == "agent":
        return replace(node, name=_ELSEWHERE[node.name], said=said)
    if node.kind == "tool":
        return replace(node, name=_tool_renamed(node.name), said=said)
    return replace(node, said=said)


def _tool_renamed(name: str) -> str:
    for agent in ("planner", "writer", "critic"):
        name = name.replace(f"to_{agent}", f"to_{_ELSEWHERE[agent]}")
    return name.replace("to_fact_checker", "to_dog_wood")


def _translated(row: str) -> str:
    # An agent that is seen as a handoff tool alone is spelled as the tool spells it.
    row = row.replace("'fact_checker'", "'dog_wood'")
    for old in AGENTS:
        row = row.replace(f"'{old}'", f"'{_ELSEWHERE[old]}'")
        row = row.replace(f"invoke_agent {old}'", f"invoke_agent {_ELSEWHERE[old]}'")
    return row


def _spelled(node: Node) -> Node:
    return replace(node, name="writer") if node.name == "Writer" else node


def test_another_sessions_spelling_of_a_name_is_not_borrowed() -> None:
    one = Node("agent", "Writer", 0, 10, 1, trace=1)
    two = Node("agent", "writer", 20, 30, 1, trace=2)
    assert _rows(_analysed([one, two])) == _rows(_analysed([one]), _analysed([two]))
