"""Real traces through journal and engine: the answers of `analyze` over the same files."""

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
    return without_link_keys(house.content())


def analyze_answers(house: Collector, chosen: Sequence[Path]) -> Content:
    """What `analyze` makes of the same files, in a store of its own: one process, one store."""
    house.store.close()
    store = ClickHouse.embedded(house.folder / "analyze")
    tables = analyze(chosen)
    store.replace_sessions(tables["sessions"]["session_id"].to_pylist(), tables)
    found = content(store)
    store.close()
    return without_link_keys(found)


def without_link_keys(rows: Content) -> Content:
    """Without what only leads to traces that are still to come."""
    kept = type(rows["session_keys"])(
        {row: copies for row, copies in rows["session_keys"].items() if "'link'" not in row}
    )
    return {**rows, "session_keys": kept}


def test_a_dozen_real_scenarios_give_the_answers_of_analyze(house: Collector) -> None:
    assert engine_answers(house, SOME) == analyze_answers(house, SOME)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_all_real_scenarios_give_the_answers_of_analyze(house: Collector) -> None:
    assert engine_answers(house, ALL) == analyze_answers(house, ALL)
