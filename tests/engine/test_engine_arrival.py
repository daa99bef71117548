"""Spans that come late, in any order and in pieces: in the end the answers for all at once."""

from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from otel_llmops.analysis.derive import analyse
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.otlp import Request, decode_traces
from tests.analysis.forests import told_forests
from tests.support.engines import Collector, Content, collector, content
from tests.support.requests import request
from tests.support.tree import Node

_APART = 1000
"""What trace numbers of one forest and the next differ by: they share nothing."""


def _shifted(node: Node, by: int) -> Node:
    said = {
        key: f"{value} of {by}" if key == "gen_ai.conversation.id" else value
        for key, value in node.said.items()
    }
    links = tuple(target + by for target in node.links)
    return replace(node, trace=node.trace + by, links=links, said=said)


def _arrive(house: Collector, nodes: list[Node], chance: Random) -> None:
    """In requests of one to four spans; now and then time passes, all settles or it crashes."""
    left = nodes.copy()
    chance.shuffle(left)
    while left:
        count = chance.randint(1, 4)
        part, left = left[:count], left[count:]
        house.send_body(request(part))
        match chance.randrange(8):
            case 0:
                house.settle()
            case 1:
                house.restart()
            case _:
                house.turn(after_s=chance.choice((0.0, 0.1, 0.4, 1.1, 2.5)))
    house.settle()


def _at_once(folder: Path, nodes: list[Node]) -> Content:
    store = ClickHouse.embedded(folder)
    tables = analyse(decode_traces([Request(request(nodes))]))
    store.replace_sessions(tables["sessions"]["session_id"].to_pylist(), tables)
    found = content(store)
    store.close()
    return found


def _without_links(rows: Content) -> Content:
    """Without what only leads to traces that are still to come: the engine's own rows."""
    return {
        table: type(found)({row: n for row, n in found.items() if "'link'" not in row})
        for table, found in rows.items()
    }


_forests = st.lists(told_forests(), min_size=3, max_size=3)
_chance = st.randoms(use_true_random=False)
_unshrunk = (Phase.explicit, Phase.generate)
"""An example takes a second: finding a smaller one would take minutes."""


def _check(drawn: list[list[Node]], chance: Random) -> None:
    nodes = [_shifted(node, by * _APART) for by, forest in enumerate(drawn) for node in forest]
    with TemporaryDirectory() as folder:
        with collector(Path(folder) / "data") as house:
            _arrive(house, nodes, chance)
            found = house.content()
        assert _without_links(found) == _at_once(Path(folder) / "at-once", nodes)


@settings(max_examples=2, phases=_unshrunk)
@given(_forests, _chance)
def test_whatever_order_spans_come_in_the_answers_are_those_of_all_at_once(
    drawn: list[list[Node]], chance: Random
) -> None:
    _check(drawn, chance)


@pytest.mark.long
@pytest.mark.timeout(600)
@settings(max_examples=40, phases=_unshrunk)
@given(_forests, _chance)
def test_forty_times_over_the_answers_are_those_of_all_at_once(
    drawn: list[list[Node]], chance: Random
) -> None:
    _check(drawn, chance)
