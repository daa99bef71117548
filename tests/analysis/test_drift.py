"""Context drift: what is compared against the oracle, what it means, and planted drift."""

import json
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llmops.analysis.derive import Derived, analyse
from otel_llmops.analysis.drift_compare import TermIndex
from otel_llmops.analysis.drift_terms import terms_of
from otel_llmops.analysis.drift_words import LITTLE
from tests.oracles import drift as slow
from tests.support.conversations import DIALECTS, FAULTS, conversation, plans
from tests.support.tree import Node, table

_few = settings(max_examples=min(20, settings().max_examples))
"""For what analyses whole conversations."""
AUC_MIN = 0.95
HANDOFFS = (1, 2, 3, 4, 5, 6)
REQUEST = "Refund order K4711 of Alice Moreno, paid on 14 May in Lisbon, please"
_WORDS = ("refund", "order", "K4711", "the", "Lisbon", "Alice", "parcel", "lost", "2026", "7",
          "broken", "that", "snake_case", "consequences", "warehouse", "agent")  # fmt: skip
_texts = st.lists(st.sampled_from(_WORDS), max_size=12).map(" ".join)


def _found(wanted: str, *within: str) -> float | None:
    texts = [text.encode() for text in (wanted, *within)]
    index = TermIndex(terms_of(texts), terms_max=99)
    columns = [np.array([place + 1]) for place in range(len(within))]
    share = float(index.found(np.array([0]), columns).share()[0])
    return None if np.isnan(share) else share


@given(_texts, st.lists(_texts, min_size=1, max_size=3))
def test_shares_are_the_oracles(wanted: str, within: list[str]) -> None:
    assert _found(wanted, *within) == pytest.approx(slow.share(wanted, *within, little=LITTLE))


@given(_texts, _texts, st.sampled_from(_WORDS))
def test_more_that_is_received_never_lowers_what_is_kept(wanted: str, got: str, more: str) -> None:
    less, kept = _found(wanted, got), _found(wanted, f"{got} {more}")
    assert less is None or (kept is not None and less <= kept + 1e-12)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Refunded parcels", "REFUND the parcel"),
        ("Москва вернула посылку", "москву вернуть ПОСЫЛКУ"),
        ("Größe und Ärger", "GRÖßE, ärger!"),
        ("订单的包裹丢失", "包裹丢失"),
        ("“Lisbon” — May", "(lisbon/may)"),
    ],
)
def test_forms_of_a_word_are_one_term(one: str, other: str) -> None:
    assert _found(other, one) == 1.0


@pytest.mark.parametrize(
    ("one", "other"),
    [("K4711", "K4712"), ("1" * 17, "1" * 16), ("茶园", "包裹")],
)
def test_what_differs_is_another_term(one: str, other: str) -> None:
    assert (_found(other, one) or 0.0) < 1.0


def _told(given: str, answer: str, received: str, *, kind: str = "user") -> list[Node]:
    """The desk is given something and answers, and the next agent receives something."""

    def said(role: str, text: str) -> str:
        return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])

    return [
        Node("workflow", "desk", 0, 100, 1),
        Node("agent", "desk", 1, 40, 2, 1),
        Node("llm", "gpt", 2, 30, 3, 2, said={"gen_ai.input.messages": said("user", given),
                                              "gen_ai.output.messages": said("assistant", answer)}),
        Node("agent", "billing", 50, 90, 4, 1),
        Node("llm", "gpt", 51, 80, 5, 4, said={"gen_ai.input.messages": said(kind, received)}),
    ]  # fmt: skip


def _row(nodes: list[Node]) -> dict[str, object]:
    [row] = analyse(table(nodes))["context_drift"].drop_columns(["started_at"]).to_pylist()
    found: dict[str, object] = row
    return found


def test_all_that_was_asked_and_answered_was_received() -> None:
    row = _row(_told(REQUEST, "Paid with card 9921", f"{REQUEST}. Paid with card 9921"))
    assert [row[name] for name in ("score", "request_kept", "answer_kept", "facts_known")] == [
        0.0, 1.0, 1.0, 1.0,
    ]  # fmt: skip


def test_a_request_that_is_lost_is_drift() -> None:
    row = _row(_told(REQUEST, "Go on", "Please continue"))
    assert (row["score"] > 0.8, row["method"]) == (True, "hashed terms")  # type: ignore[operator]


def test_rules_that_hold_the_request_were_received_too() -> None:
    assert _row(_told(REQUEST, "Go on", REQUEST, kind="system"))["request_kept"] == 1.0


def test_where_nothing_was_captured_it_is_said() -> None:
    nodes = [replace(node, said={}) for node in _told("a", "b", "c")]
    tables = analyse(table(nodes))
    rows = tables["context_drift"].select(["method", "score", "bytes_read"]).to_pylist()
    assert rows == [{"method": "no content captured", "score": 0.0, "bytes_read": 0}]
    assert tables["sessions"]["drift_score"].to_pylist() == [None]
    assert tables["agent_handoffs"]["context_kept"].to_pylist() == [None]


@pytest.mark.parametrize("hidden", ["__REDACTED__", "[redacted]", ""])
def test_what_was_left_out_on_purpose_was_not_captured(hidden: str) -> None:
    assert _row(_told(hidden, hidden, hidden))["method"] == "no content captured"


def test_an_answer_stands_in_for_an_input_that_nobody_shows() -> None:
    nodes = _told(REQUEST, "Go on", "")
    answer = [{"role": "assistant", "content": f"Done: {REQUEST}"}]
    nodes[-1] = replace(nodes[-1], said={"gen_ai.output.messages": json.dumps(answer)})
    row = _row(nodes)
    assert (row["method"], row["score"]) == ("hashed terms of answers", 0.0)
    assert analyse(table(nodes))["agent_handoffs"]["context_kept"].to_pylist() == [None]


def test_growth_and_the_prefix_that_is_sent_again_are_told() -> None:
    row = _row(_told(REQUEST, "ok", REQUEST * 2))
    assert (row["growth"], row["repeated_prefix"]) == (2.0, 0.5)


def test_tools_that_are_offered_before_and_after_are_compared() -> None:
    nodes = _told(REQUEST, "ok", REQUEST)
    for place, names in ((2, ("search", "refund")), (4, ("refund", "pay"))):
        tools = json.dumps([{"type": "function", "name": name} for name in names])
        said = {**nodes[place].said, "gen_ai.tool.definitions": tools}
        nodes[place] = replace(nodes[place], said=said)
    assert _row(nodes)["tools_changed"] == pytest.approx(2 / 3)


def test_a_long_document_is_cut_and_counted() -> None:
    row = _row(_told(REQUEST, "ok", f"{'lorem ipsum ' * 20_000}{REQUEST}"))
    assert (row["request_kept"], row["bytes_cut"]) == (1.0, 240_000 + len(REQUEST) - 65_536)


def test_an_embedding_lends_its_sense_for_other_words() -> None:
    meanings = {"money": 0, "cash": 0, "parcel": 1, "shipment": 1}

    def embed(texts: Sequence[str]) -> npt.NDArray[np.float64]:
        return np.array(
            [[sum(meanings.get(w, -1) == n for w in t.split()) for n in (0, 1)] for t in texts],
            dtype=np.float64,
        )

    nodes = table(_told("money parcel", "ok", "cash shipment"))
    plain, sensed = (
        analyse(nodes, embed=each)["context_drift"].to_pylist()[0] for each in (None, embed)
    )
    assert plain["request_kept"] < 0.6 < sensed["request_kept"] == 1.0
    assert sensed["method"] == "hashed terms, embeddings"


def _auc(higher: list[float], lower: list[float]) -> float:
    """How often a score of the first is above one of the second; half where they are equal."""
    wins = [(a > b) + (a == b) / 2 for a in higher for b in lower]
    return sum(wins) / len(wins)


def _scores(count: int, handoffs: int, fault: str) -> list[float]:
    made = plans(count, seed=20, handoffs=handoffs, fault=fault)
    tables = analyse(table(node for plan in made for node in conversation(plan)))
    scores: list[float] = tables["sessions"]["drift_score"].to_pylist()
    return scores


@pytest.mark.slow
@pytest.mark.parametrize("handoffs", HANDOFFS)
def test_planted_drift_is_told_from_none(handoffs: int) -> None:
    faithful = _scores(60, handoffs, "")
    found = {fault: _auc(_scores(60, handoffs, fault), faithful) for fault in FAULTS}
    print(f"{handoffs} handoffs, AUC:", found)  # noqa: T201 - a figure
    assert {fault: auc for fault, auc in found.items() if auc < AUC_MIN} == {}


def test_the_handoff_where_it_drifts_is_the_first_that_stands_out() -> None:
    hits = []
    for plan in plans(30, seed=4, handoffs=4, fault="topic swapped"):
        rows = analyse(table(conversation(plan)))["context_drift"]["score"].to_pylist()
        hits.append(next(place for place, score in enumerate(rows) if score > 0.6) == plan.at)
    assert sum(hits) >= 0.95 * len(hits)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_was_said_is_read_in_every_dialect(dialect: str) -> None:
    plan = replace(plans(1, seed=1, handoffs=2, fault="request dropped")[0], dialect=dialect)
    lost = analyse(table(conversation(plan)))["sessions"]["drift_score"].to_pylist()[0]
    kept = analyse(table(conversation(replace(plan, fault=""))))["sessions"]["drift_score"]
    assert lost > 0.5 > kept.to_pylist()[0]


def _plain(tables: Derived) -> list[tuple[object, ...]]:
    columns = ["from_agent", "to_agent", "score", "method", "request_kept", "answer_kept"]
    rows = tables["context_drift"].select(columns).to_pylist()
    return sorted(tuple(row.values()) for row in rows)


@_few
@given(st.integers(0, 999), st.randoms())
def test_the_order_of_the_rows_does_not_matter(seed: int, chance: Random) -> None:
    nodes = conversation(plans(1, seed=seed, handoffs=2)[0])
    shuffled = nodes.copy()
    chance.shuffle(shuffled)
    assert _plain(analyse(table(shuffled))) == _plain(analyse(table(nodes)))


@_few
@given(st.integers(0, 999))
def test_sessions_do_not_change_each_other(seed: int) -> None:
    one, other = (conversation(plan) for plan in plans(2, seed=seed, handoffs=2))
    apart = sorted([*_plain(analyse(table(one))), *_plain(analyse(table(other)))])
    assert _plain(analyse(table([*one, *other]))) == apart
