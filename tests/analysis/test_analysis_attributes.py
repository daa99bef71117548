"""Reading attributes: absurd values, places in order, members of JSON, events."""

import json

import numpy as np
import pyarrow as pa
import pytest

from otel_llmops.analysis.attributes import Attributes
from otel_llmops.analysis.derive import analyse
from otel_llmops.model.schemas import SPANS
from otel_llmops.semconv import Place, event, member
from tests.support.tree import Node, table


def _of(*nodes: Node) -> Attributes:
    return Attributes(table(nodes), np.arange(len(nodes)))


def _said(said: dict[str, str]) -> Node:
    return Node("span", "x", 0, 1, 1, said=said)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", (12, True)),
        ("12.0", (12, True)),
        ("0", (0, True)),
        ("-5", (0, False)),
        ("many", (0, False)),
        ("1e308", (0, False)),
        ("9" * 40, (0, False)),
        ("9" * 11, (0, False)),
        ("9" * 10, (9_999_999_999, True)),
        ("12.5", (0, False)),
        ("NaN", (0, False)),
        ("[12]", (0, False)),
        ("", (0, False)),
    ],
)
def test_a_count_is_a_whole_number_or_absent(text: str, value: tuple[int, bool]) -> None:
    numbers, known = _of(_said({"n": text})).number((Place("n"),))
    assert (numbers.tolist(), known.tolist()) == ([value[0]], [value[1]])


def test_an_absurd_count_ruins_no_sum() -> None:
    absurd = Node("llm", "gpt", 0, 1, 1, said={"gen_ai.usage.input_tokens": "1e308"})
    normal = Node("llm", "gpt", 0, 1, 2, said={"gen_ai.usage.input_tokens": "7"})
    assert analyse(table([absurd, normal]))["sessions"]["input_tokens"].to_pylist() == [7]


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ('["billing","Ausk\u00fcnfte"]', ["billing", "Ausk\u00fcnfte"]),
        ("billing", []),
        ('{"to":"billing"}', []),
        ('["billing",5,null,[],""]', ["billing"]),
        ("[NaN,1e999", []),
        ("[" * 100_000, []),
        (r'["\ud800","billing"]', ["billing"]),
        ("", []),
    ],
    ids=["list", "text", "object", "mixed", "cut-off", "deep", "surrogate", "nothing"],
)
def test_what_is_no_list_of_names_spoils_no_answer(said: str, names: list[str]) -> None:
    agent = Node("agent", "triage", 0, 1, 1, said={"llmops.agent.can_handoff_to": said})
    found = analyse(table([agent]))["agents"]["can_handoff_to"].to_pylist()
    assert [json.loads(text) for text in found] == [names]


def test_the_first_place_that_is_filled_wins() -> None:
    nodes = [
        _said({"b": "second"}),
        _said({"a": "first", "b": "second"}),
        _said({"a": "", "b": "x"}),
    ]
    assert _of(*nodes).text((Place("a"), Place("b"))).to_pylist() == ["second", "first", "x"]


@pytest.mark.parametrize(
    ("document", "value"),
    [
        ('{"to": "writer"}', "writer"),
        ('{"deep": {"to": "writer"}}', "writer"),
        ('{"to": 7}', "7"),
        ('{"to" : "a \\"b\\""}', 'a \\"b\\"'),
        ('{"into": "writer"}', ""),
        ("no json", ""),
    ],
)
def test_a_member_of_a_json_document_is_read_at_any_depth(document: str, value: str) -> None:
    assert _of(_said({"doc": document})).text((member("doc", "to"),)).to_pylist() == [value]


def test_of_several_events_of_one_name_the_last_one_is_read() -> None:
    events = (("exception", {"type": "A"}), ("other", {"type": "C"}), ("exception", {"type": "B"}))
    node = Node("span", "x", 0, 1, 1, events=events)
    assert _of(node).text((event("exception", "type"),)).to_pylist() == ["B"]


def test_of_a_key_that_occurs_twice_the_last_value_is_read() -> None:
    once = table([_said({})])
    said = pa.array([[("n", "1"), ("n", "2")]], type=SPANS.field("attributes").type)
    twice = once.set_column(SPANS.get_field_index("attributes"), "attributes", said)
    assert Attributes(twice, np.arange(1)).text((Place("n"),)).to_pylist() == ["2"]


def test_which_spans_have_an_attribute_at_all() -> None:
    assert _of(_said({"a": ""}), _said({"b": "1"})).has("a").tolist() == [True, False]
