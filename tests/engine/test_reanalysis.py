"""Sessions that an earlier version analysed: found, analysed again in pages, and no others."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from otel_llmops.analysis.derive import Derived, analyse
from otel_llmops.analysis.tables import ANALYSIS_VERSION
from otel_llmops.engine.pipeline import Engine
from otel_llmops.engine.reanalysis import Progress, Reanalysis
from otel_llmops.engine.service import AgentIntelligenceService
from otel_llmops.errors import PermanentExport
from tests.support.engines import BASE_NS, Collector, trace_id, work

SESSIONS = 10


def earlier(spans: pa.Table, **more: pa.Array) -> Derived:
    """An analysis of the version before, which knew of no errors."""
    made = dict(analyse(spans, **more))
    rows = made["sessions"]
    old = np.full(rows.num_rows, ANALYSIS_VERSION - 1, dtype=np.int32)
    made["sessions"] = rows.set_column(
        rows.schema.get_field_index("analysis_version"), "analysis_version", pa.array(old)
    )
    return made


def collect(house: Collector) -> None:
    """Sessions of an earlier version in the store."""
    house.engine = house.fresh(analysis=earlier)
    for number in range(1, SESSIONS + 1):
        house.send(
            work("agent", "planner", trace=number, id=1),
            work("llm", "gpt", trace=number, id=2, parent=1, tokens=number),
        )
    house.settle()


def versions(house: Collector) -> dict[str, int]:
    return {each.session_id: each.analysis_version for each in house.sessions()}


def engine_with(house: Collector, again: Reanalysis) -> Engine:
    return Engine(
        spans_reader=house.reader("store"),
        analysis_reader=house.reader("analysis"),
        exporter=house.store,
        directory=house.folder / "engine",
        settings=house.settings,
        clock=house.clock,
        disk=house.engine_disk(),
        again=again,
    )


def test_the_engine_analyses_again_what_an_earlier_version_did(house: Collector) -> None:
    collect(house)
    assert set(versions(house).values()) == {ANALYSIS_VERSION - 1}
    before = house.content()
    again = Reanalysis(house.store, page=3)
    house.engine = engine_with(house, again)
    house.engine.resume(house.stop)
    house.turn(after_s=1.0)
    assert set(versions(house).values()) == {ANALYSIS_VERSION - 1}  # nobody asked
    assert again.ask(None) == Progress(ANALYSIS_VERSION, True, SESSIONS, 0, 0)
    house.turn(after_s=1.0)
    assert again.progress() == Progress(ANALYSIS_VERSION, False, SESSIONS, SESSIONS, 0)
    assert versions(house) == {trace_id(n + 1): ANALYSIS_VERSION for n in range(SESSIONS)}
    after = house.content()
    assert {name for name in after if after[name] != before[name]} == {"sessions"}
    assert again.ask(None) == Progress(ANALYSIS_VERSION, False, 0, 0, 0)


def test_whoever_is_stopped_goes_on_where_it_ended(house: Collector) -> None:
    collect(house)
    service = AgentIntelligenceService(house.store)
    first = Reanalysis(house.store, page=4)
    first.ask(None)
    assert first.step(service.analyze_sessions)
    assert (first.progress().done, first.progress().running) == (4, True)
    second = Reanalysis(house.store, page=4)
    assert second.ask(None).sessions == SESSIONS - 4
    while second.step(service.analyze_sessions):
        pass
    assert set(versions(house).values()) == {ANALYSIS_VERSION}


def test_only_sessions_since_then_are_analysed_again(house: Collector) -> None:
    collect(house)
    again = Reanalysis(house.store)
    later = datetime.fromtimestamp(BASE_NS / 1e9 + 3600, UTC)
    assert again.ask(later).sessions == 0
    assert again.ask(datetime.fromtimestamp(BASE_NS / 1e9 - 3600, UTC)).sessions == SESSIONS


def test_a_session_that_cannot_be_analysed_is_left_out_and_stops_no_other(
    house: Collector,
) -> None:
    collect(house)

    def choking(spans: pa.Table, **more: pa.Array) -> Derived:
        if trace_id(4) in spans.column("trace_id").to_pylist():
            raise ValueError("four")
        return analyse(spans, **more)

    again = Reanalysis(house.store, page=5)
    house.engine = Engine(
        spans_reader=house.reader("store"),
        analysis_reader=house.reader("analysis"),
        exporter=house.store,
        directory=house.folder / "engine",
        settings=house.settings,
        clock=house.clock,
        analysis=choking,
        again=again,
    )
    house.engine.resume(house.stop)
    again.ask(None)
    house.turn(after_s=1.0)
    assert again.progress() == Progress(ANALYSIS_VERSION, False, SESSIONS, SESSIONS - 1, 1)
    left = [session for session, version in versions(house).items() if version < ANALYSIS_VERSION]
    assert left == [trace_id(4)]


def test_a_service_alone_analyses_one_session_by_any_id(house: Collector) -> None:
    collect(house)
    service = AgentIntelligenceService(house.store)
    assert service.analyze_session(trace_id(3)) == 1
    assert service.analyze_session("nobody") == 0
    new = [each for each, version in versions(house).items() if version == ANALYSIS_VERSION]
    assert new == [trace_id(3)]


def test_a_page_that_fails_is_still_to_do(house: Collector) -> None:
    collect(house)
    again = Reanalysis(house.store)
    again.ask(None)

    def refuse(page: object) -> int:
        raise PermanentExport("no")

    with pytest.raises(PermanentExport):
        again.step(refuse)
    assert again.progress() == Progress(ANALYSIS_VERSION, True, SESSIONS, 0, 0)
