"""Real traces through journal and engine: the answers of `analyze` over the same files."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from otel_llmops.engine.capture import analyze
from otel_llmops.exporters.clickhouse import ClickHouse
from tests.support.engines import Collector, Content, content
from tests.support.otlp import scenarios

ALL = scenarios()
SOME = ALL[::10]
"""About a dozen, over all frameworks."""


def engine_answers(house: Collector, chosen: Sequence[Path]) -> Content:
    """All rows in the store after the requests came one by one, 0.1 s apart."""
    for scenario in chosen:
        for body in sorted(scenario.glob("request-*.binpb")):
            house.send_body(body.read_bytes())
            house.turn(after_s=0.1)
    house.settle()
    return comparable(house.content())


def analyze_answers(house: Collector, chosen: Sequence[Path]) -> Content:
    """What `analyze` makes of the same files, in a store of its own: one process, one store."""
    house.store.close()
    store = ClickHouse.embedded(house.folder / "analyze")
    tables = analyze(chosen)
    store.replace_sessions(tables["sessions"]["session_id"].to_pylist(), tables)
    found = content(store)
    store.close()
    return comparable(found)


def comparable(rows: Content) -> Content:
    """Without what only leads to traces that are still to come, and lists as the sets they are."""
    return {
        table: Counter({in_order(row): n for row, n in found.items() if "'link'" not in row})
        for table, found in rows.items()
    }


def in_order(row: str) -> str:
    return re.sub(r'\["[^]]*"\]', lambda found: json.dumps(sorted(json.loads(found[0]))), row)


def test_a_dozen_real_scenarios_give_the_answers_of_analyze(house: Collector) -> None:
    assert engine_answers(house, SOME) == analyze_answers(house, SOME)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_all_real_scenarios_give_the_answers_of_analyze(house: Collector) -> None:
    assert engine_answers(house, ALL) == analyze_answers(house, ALL)
