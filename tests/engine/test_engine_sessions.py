"""From journalled spans to the sessions that the queries answer with."""

from dataclasses import replace

import pyarrow as pa
import pytest

from otel_llmops.analysis.derive import Derived, analyse
from otel_llmops.engine.pipeline import EngineSettings
from otel_llmops.engine.recent import Recent
from otel_llmops.engine.service import AgentIntelligenceService
from otel_llmops.storage.answers import SessionSummary
from tests.support.engines import Collector, trace_id, work

SMALL = EngineSettings(retry_s_min=0.001, retry_s_max=0.002, recent_s=0.0)


def facts(house: Collector) -> list[tuple[str, list[str], int, bool]]:
    """Id, traces, input tokens and finality of every session, by id."""
    return sorted(map(_facts, house.sessions()))


def _facts(session: SessionSummary) -> tuple[str, list[str], int, bool]:
    return session.session_id, sorted(session.trace_ids), session.input_tokens, session.final


def test_a_trace_with_its_root_is_stored_once_and_final_after_a_moment(house: Collector) -> None:
    house.send(
        work("agent", "planner", id=1),
        work("llm", "gpt", id=2, parent=1, tokens=10),
    )
    house.turn()
    house.turn(after_s=0.31)
    assert facts(house) == [(trace_id(1), [trace_id(1)], 10, True)]
    assert list(house.stored_spans().values()) == [1, 1]


def test_a_growing_trace_has_answers_that_are_not_final(house: Collector) -> None:
    for number in range(2, 8):
        house.send(work("llm", "gpt", id=number, parent=1, tokens=10))
        house.turn(after_s=0.25)
    assert facts(house) == [(trace_id(1), [trace_id(1)], 50, False)]


def test_a_trace_whose_root_never_comes_settles_after_two_seconds(house: Collector) -> None:
    house.send(work("llm", "gpt", id=2, parent=1, tokens=10))
    house.turn()
    house.turn(after_s=1.9)
    before = facts(house)
    house.turn(after_s=0.2)
    assert (before, facts(house)) == (
        [(trace_id(1), [trace_id(1)], 10, False)],
        [(trace_id(1), [trace_id(1)], 10, True)],
    )


def test_late_spans_analyse_the_whole_session_again(house: Collector) -> None:
    house.send(work("agent", "planner", id=1), work("llm", "gpt", id=2, parent=1, tokens=10))
    house.settle()
    house.send(work("llm", "gpt", id=3, parent=1, tokens=5))
    house.settle()
    assert facts(house) == [(trace_id(1), [trace_id(1)], 15, True)]
    assert sum(house.content()["agent_operations"].values()) == 3


def test_late_spans_find_their_trace_after_a_restart(house: Collector) -> None:
    house.send(work("agent", "planner", id=1), work("llm", "gpt", id=2, parent=1, tokens=10))
    house.settle()
    house.restart()
    house.send(work("llm", "gpt", id=3, parent=1, tokens=5))
    house.settle()
    assert facts(house) == [(trace_id(1), [trace_id(1)], 15, True)]


def test_a_late_root_takes_back_what_was_concluded_without_it(house: Collector) -> None:
    house.send(work("llm", "gpt", id=2, parent=1, tokens=10))
    house.settle()
    house.send(work("agent", "planner", id=1))
    house.settle()
    found = house.session(trace_id(1))
    assert found is not None
    assert (found.agents, found.completeness, found.input_tokens) == (["planner"], 1.0, 10)


def send_conversation(house: Collector) -> None:
    """Three traces of one conversation, each after the one before it has settled."""
    for trace in (1, 2, 3):
        house.send(work("llm", "gpt", trace=trace, tokens=trace, conversation="talk"))
        house.settle()


def test_traces_of_a_conversation_that_arrive_apart_are_one_session(house: Collector) -> None:
    send_conversation(house)
    assert facts(house) == [("talk", [trace_id(n) for n in (1, 2, 3)], 6, True)]


def test_a_conversation_goes_on_after_the_memory_of_it_was_let_go(house: Collector) -> None:
    house.settings = SMALL
    house.restart()
    send_conversation(house)
    assert house.engine.stats()["recent_spans"] == 0
    assert facts(house) == [("talk", [trace_id(n) for n in (1, 2, 3)], 6, True)]


def test_a_conversation_goes_on_after_a_restart(house: Collector) -> None:
    for trace in (1, 2, 3):
        house.send(work("llm", "gpt", trace=trace, tokens=trace, conversation="talk"))
        house.settle()
        house.restart()
    assert facts(house) == [("talk", [trace_id(n) for n in (1, 2, 3)], 6, True)]


def test_a_trace_that_outgrows_the_memory_is_still_whole(house: Collector) -> None:
    house.settings = replace(house.settings, recent_bytes_max=1)
    house.restart()
    for number in range(2, 8):
        house.send(work("llm", "gpt", id=number, parent=1, tokens=10))
        house.turn(after_s=1.1)
    assert house.engine.stats()["recent_spans"] == 0
    house.settle()
    assert facts(house) == [(trace_id(1), [trace_id(1)], 60, True)]


def test_a_conversation_id_that_is_told_late_merges_sessions(house: Collector) -> None:
    for trace in (1, 2):
        house.send(work("agent", "planner", trace=trace), work_of(trace))
        house.settle()
    apart = facts(house)
    for trace in (1, 2):
        house.send(work("llm", "gpt", trace=trace, id=3, parent=1, tokens=1, conversation="talk"))
        house.settle()
    assert apart == [(trace_id(n), [trace_id(n)], 10, True) for n in (1, 2)]
    assert facts(house) == [("talk", [trace_id(1), trace_id(2)], 22, True)]


def work_of(trace: int) -> object:
    return work("llm", "gpt", trace=trace, id=2, parent=1, tokens=10)


def test_an_id_that_was_published_still_leads_to_the_session_it_merged_into(
    house: Collector,
) -> None:
    test_a_conversation_id_that_is_told_late_merges_sessions(house)
    found = [house.session(trace_id(n)) for n in (1, 2)]
    assert [each.session_id for each in found if each] == ["talk", "talk"]


def test_a_link_to_an_earlier_trace_merges_the_two(house: Collector) -> None:
    house.send(work("llm", "gpt", trace=1, tokens=10))
    house.settle()
    house.send(work("llm", "gpt", trace=2, tokens=5, link=1))
    house.settle()
    assert facts(house) == [(trace_id(1), [trace_id(1), trace_id(2)], 15, True)]


def test_a_link_to_a_trace_that_comes_later_merges_the_two(house: Collector) -> None:
    house.send(work("llm", "gpt", trace=2, tokens=5, link=1))
    house.settle()
    house.restart()
    house.send(work("llm", "gpt", trace=1, tokens=10))
    house.settle()
    assert facts(house) == [(trace_id(1), [trace_id(1), trace_id(2)], 15, True)]


def test_two_sessions_that_link_to_a_later_trace_become_one_with_it(house: Collector) -> None:
    for trace in (2, 3):
        house.send(work("llm", "gpt", trace=trace, tokens=1, link=1))
        house.settle()
    house.send(work("llm", "gpt", trace=1, tokens=10))
    house.settle()
    assert facts(house) == [(trace_id(1), [trace_id(n) for n in (1, 2, 3)], 12, True)]


def test_a_trace_that_grows_for_long_lets_the_journal_go(house: Collector) -> None:
    house.send(work("llm", "gpt", trace=1, id=2, parent=1, tokens=1))
    for number in range(3, 12):
        house.send(work("llm", "gpt", trace=1, id=number, parent=1, tokens=1))
        house.turn(after_s=1.9)
    lags = [house.reader(name).lag_bytes() for name in ("analysis", "nobody")]
    assert lags[0] < lags[1] / 2


def test_a_trace_that_grew_for_long_still_gets_its_last_analysis_after_a_crash(
    house: Collector,
) -> None:
    for number in range(2, 12):
        house.send(work("llm", "gpt", trace=1, id=number, parent=1, tokens=1))
        house.turn(after_s=1.9)
    house.restart()
    house.settle()
    assert facts(house) == [(trace_id(1), [trace_id(1)], 10, True)]


def test_both_cursors_reach_the_end_once_all_is_settled(house: Collector) -> None:
    house.send(work("agent", "planner"), work("llm", "gpt", id=2, parent=1, tokens=10))
    house.settle()
    end = house.journal.stats().end
    assert [house.reader(name).committed for name in ("store", "analysis")] == [end, end]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("talk", (1, [3])), (trace_id(2), (1, [3])), ("nobody", (0, []))],
    ids=["its id", "a trace of it", "none"],
)
def test_a_stored_session_is_analysed_again_whole_by_any_id_of_it(
    house: Collector, asked: str, expected: tuple[int, list[int]]
) -> None:
    house.send(work("agent", "planner"), work("llm", "gpt", id=2, parent=1, conversation="talk"))
    house.send(work("llm", "gpt", trace=2, conversation="talk"))
    house.settle()
    seen = []

    def seeing(spans: pa.Table, *, open_traces: pa.Array) -> Derived:
        seen.append(spans.num_rows)
        return analyse(spans, open_traces=open_traces)

    recent = Recent(house.store, keep_s=0.0, bytes_max=0)
    service = AgentIntelligenceService(house.store, recent, analysis=seeing)
    assert (service.analyze_session(asked, now=0.0), seen) == expected
