"""Tokens, calls and edges of the functions in the user's code."""

from collections import defaultdict
from dataclasses import replace
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.analysis.derive import analyse
from tests.analysis.forests import forests, whole_analysis
from tests.oracles import code as slow
from tests.oracles import ledger as slow_ledger
from tests.oracles.rows import in_order, parents_of
from tests.support.tree import MS, Node, spans, table

_NEW = ("code.function.name", "code.file.path", "code.line.number")
_OLD = ("code.function", "code.filepath", "code.lineno")


@st.composite
def _coded_forests(draw: st.DrawFn) -> list[Node]:
    """Forests of which most spans say where they were made, in two services."""
    nodes = []
    for node in draw(forests()):
        said = dict(node.said)
        if draw(st.integers(0, 3)):
            names = draw(st.sampled_from((_NEW, _NEW, _OLD)))
            function = draw(st.sampled_from(("m.f", "m.g", "m.f.<locals>.<lambda>", "")))
            said[names[1]] = draw(st.sampled_from(("/a.py", "/b.py")))
            said[names[2]] = str(draw(st.integers(1, 2)))
            if function:
                said[names[0]] = function
            if draw(st.booleans()):
                said["code.namespace"] = "m"
        service = draw(st.sampled_from(("shop", "shop", "till")))
        nodes.append(replace(node, said=said, service=service))
    return nodes


def _expected(drawn: list[Node]) -> tuple[list[Node], list[int], dict[str, list[int]]]:
    nodes = in_order(drawn)
    parent = parents_of(nodes)
    own = {way: slow_ledger.own_tokens(nodes, parent, way) for way in ("in", "out")}
    return nodes, parent, own


def _summed(rows: pa.Table, keys: list[str], sums: list[str]) -> dict[Any, tuple[int, ...]]:
    made = rows.group_by(keys).aggregate([(name, "sum") for name in sums]).to_pylist()
    return {
        tuple(row[key] for key in keys): tuple(int(row[f"{name}_sum"]) for name in sums)
        for row in made
    }


@whole_analysis
@given(_coded_forests())
def test_what_functions_spent_is_the_oracles(drawn: list[Node]) -> None:
    expected = slow.usage(*_expected(drawn))
    found = _summed(
        analyse(table(drawn))["function_usage"],
        ["function", "file", "line"],
        [
            "calls",
            "input_tokens",
            "output_tokens",
            "cumulative_input_tokens",
            "cumulative_output_tokens",
            "duration_ns",
            "squared_tokens",
        ],
    )
    assert found == {place: tuple(spent) for place, spent in expected.items()}


@whole_analysis
@given(_coded_forests())
def test_edges_between_functions_are_the_oracles(drawn: list[Node]) -> None:
    expected = slow.edges(*_expected(drawn))
    ends = [f"{end}{part}" for end in ("caller", "callee") for part in ("", "_file", "_line")]
    found = _summed(
        analyse(table(drawn))["function_edges"],
        ends,
        ["calls", "duration_ns", "input_tokens", "output_tokens"],
    )
    assert found == {(*caller, *callee): tuple(sums) for (caller, callee), sums in expected.items()}


@whole_analysis
@given(_coded_forests())
def test_each_session_is_counted_once_a_function(drawn: list[Node]) -> None:
    rows = analyse(table(drawn))["function_usage"].to_pylist()
    counted: dict[tuple[str, ...], int] = defaultdict(int)
    for row in rows:
        nameless = not row["function"] or row["function"].endswith("<lambda>")
        line = str(row["line"]) if nameless else ""
        counted[row["session_id"], row["function"], row["file"], line] += row["sessions"]
    assert set(counted.values()) <= {1}


def _rows(outline: str, name: str = "function_usage", *columns: str) -> list[tuple[Any, ...]]:
    return [
        tuple(row.values()) for row in analyse(spans(outline))[name].select(columns).to_pylist()
    ]


def test_recursion_counts_a_token_once() -> None:
    found = _rows(
        """
        span plan 0-100 code.function.name=m.plan
          llm gpt 10-20 in=10 out=1 code.function.name=m.ask
          span again 30-90 code.function.name=m.ask
            span plan 40-80 code.function.name=m.plan
              llm gpt 50-60 in=20 out=2 code.function.name=m.ask
        """,
        "function_usage",
        "function", "model", "calls", "input_tokens", "cumulative_input_tokens",
    )  # fmt: skip
    assert found == [
        ("m.plan", "", 2, 0, 30),
        ("m.ask", "gpt", 2, 30, 10),
        ("m.ask", "", 1, 0, 20),
    ]


def test_an_edge_counts_its_tokens_once_and_its_calls_each() -> None:
    found = _rows(
        """
        span plan 0-100 code.function.name=m.plan
          span ask 10-90 code.function.name=m.ask
            span plan 20-80 code.function.name=m.plan
              llm gpt 30-70 in=20 out=2 code.function.name=m.ask
        """,
        "function_edges",
        "caller", "callee", "calls", "duration_ns", "input_tokens", "output_tokens",
    )  # fmt: skip
    assert found == [
        ("m.plan", "m.ask", 2, (80 + 40) * MS, 20, 2),
        ("m.ask", "m.plan", 1, 60 * MS, 20, 2),
    ]


def test_a_call_that_says_no_place_is_charged_to_the_nearest_one_above_in_its_service() -> None:
    found = _rows(
        """
        span plan 0-100 code.function.name=m.plan
          llm gpt 10-20 in=10 out=1
          llm gpt 30-40 in=5 out=1 service=elsewhere
        """,
        "function_usage",
        "function", "model", "llm_calls", "input_tokens", "cumulative_input_tokens",
    )  # fmt: skip
    assert found == [("m.plan", "", 0, 0, 15), ("m.plan", "gpt", 1, 10, 0)]


def test_the_commit_comes_down_within_a_service_and_from_the_resource() -> None:
    drawn = table_with_resource(
        """
        span a 0-100 code.function.name=m.a vcs.ref.head.revision=one
          span b 10-90 code.function.name=m.b
            span c 20-80 code.function.name=m.c service=till
        span d 0-10 trace=2 code.function.name=m.d
        """,
        {"shop": "two", "till": ""},
    )
    columns = ["function", "revision"]
    found = analyse(drawn)["function_usage"].select(columns).to_pylist()
    assert [tuple(row.values()) for row in found] == [
        ("m.a", "one"),
        ("m.b", "one"),
        ("m.c", ""),
        ("m.d", "two"),
    ]


def table_with_resource(outline: str, revisions: dict[str, str]) -> pa.Table:
    """The spans of an outline, with the revision that each service's resource has."""
    drawn = spans(outline)
    place = drawn.schema.get_field_index("resource_attributes")
    told = [
        [("service.name", service), ("vcs.ref.head.revision", revisions[service])]
        for service in drawn["service"].to_pylist()
    ]
    field = drawn.schema.field(place)
    return drawn.set_column(place, field, pa.array(told, field.type))


def test_a_loop_is_calls_from_one_place_one_after_the_other() -> None:
    found = _rows(
        """
        agent planner 0-100 code.function.name=m.plan
          llm gpt 0-10 in=100 out=1 code.function.name=m.plan code.line.number=5
          llm gpt 20-30 in=300 out=1 code.function.name=m.plan code.line.number=5
          llm gpt 40-50 in=200 out=1 code.function.name=m.plan code.line.number=5
          llm gpt 45-55 in=900 out=1 code.function.name=m.plan code.line.number=5
          llm gpt 60-70 in=950 out=1 code.function.name=m.plan code.line.number=9
        """,
        "function_usage",
        "line", "llm_calls", "loop_steps", "loop_rises", "loop_growth_tokens", "repeated_tokens",
    )  # fmt: skip
    assert found == [(0, 0, 0, 0, 0, 0), (5, 4, 2, 1, 200, 100), (9, 1, 0, 0, 0, 0)]


def test_spans_without_places_make_no_rows() -> None:
    made = analyse(spans("llm gpt 0-10 in=10 out=1"))
    assert (made["function_usage"].num_rows, made["function_edges"].num_rows) == (0, 0)


def test_a_stack_of_20_000_calls_takes_no_walk_for_each() -> None:
    count = 20_000
    nodes = [
        Node(
            "span", "x", place, 2 * count - place, place + 1, place,
            said={"code.function.name": f"m.{'fg'[place % 2]}", "code.file.path": "/m.py"},
        )
        for place in range(count)
    ]  # fmt: skip
    nodes.append(
        Node(
            "llm",
            "gpt",
            count,
            count + 1,
            count + 1,
            count,
            said={
                "gen_ai.usage.input_tokens": "7",
                "code.function.name": "m.h",
                "code.file.path": "/m.py",
            },
        )
    )
    rows = analyse(table(nodes))["function_usage"].to_pylist()
    found = {row["function"]: (row["calls"], row["cumulative_input_tokens"]) for row in rows}
    assert found == {"m.f": (count // 2, 7), "m.g": (count // 2, 7), "m.h": (1, 7)}
