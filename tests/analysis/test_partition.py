"""Parts of all spans, analysed alone, make the analysis of all spans."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llmops.analysis.derive import analyse
from otel_llmops.analysis.partition import parts, ties
from otel_llmops.analysis.readings import read
from otel_llmops.analysis.sessions import sessions
from tests.support.tree import spans

TIED = {
    "nothing": ("agent a 0-1 trace=1\nagent b 0-1 trace=2", 2),
    "a conversation": (
        "agent a 0-1 trace=1 conversation=c\nagent b 0-1 trace=2 conversation=c",
        1,
    ),
    "a link": ("agent a 0-1 trace=1\nagent b 2-3 trace=2 link=1", 1),
    "a link to a trace that never came": (
        "agent a 0-1 trace=1 link=9\nagent b 2-3 trace=2 link=9",
        2,
    ),
    "a run": (
        "".join(f"agent a 0-1 trace={n} ag2.network.channel_id=r\n" for n in (1, 2)),
        1,
    ),
    "an id that says nothing": (
        "agent a 0-1 trace=1 conversation=none\nagent b 0-1 trace=2 conversation=none",
        2,
    ),
    "a chain": (
        "agent a 0-1 trace=1\nagent b 2-3 trace=2 link=1\nagent c 4-5 trace=3 link=2",
        1,
    ),
}


@pytest.mark.parametrize(("drawn", "count"), TIED.values(), ids=TIED)
def test_what_ties_traces_together(drawn: str, count: int) -> None:
    table = spans(drawn)
    assert len(sessions(read(table)).ids) == count
    assert len(parts(ties(table), spans_max=1)) == count


def test_the_id_of_a_trace_used_as_that_of_a_conversation_ties() -> None:
    trace_id = spans("agent a 0-1 trace=1")["trace_id"][0].as_py()
    table = spans(f"agent a 0-1 trace=1\nagent b 0-1 trace=2 conversation={trace_id}")
    assert len(parts(ties(table), spans_max=1)) == 1


def test_parts_are_filled_up_to_their_measure_and_a_session_is_never_cut() -> None:
    sizes = [2, 1, 1, 5, 1]
    drawn = [f"agent a 0-1 trace={n}" for n, size in enumerate(sizes, 1) for _ in range(size)]
    found = parts(ties(spans("\n".join(drawn))), spans_max=3)
    assert [len(part) for part in found] == [2, 1, 1, 1]


def test_no_spans_are_no_parts() -> None:
    assert parts(ties(spans("agent a 0-1").slice(0, 0)), spans_max=1) == []


_SPANS = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.sampled_from(["", "conversation=x", "conversation=y", "link=1", "link=3", "link=7"]),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25)  # each analyses some times
@given(_SPANS, st.integers(1, 5), st.integers(1, 4))
def test_parts_are_whole_sessions(
    drawn: Sequence[tuple[int, str]], spans_max: int, files: int
) -> None:
    lines = [f"agent a{n} {n}-{n + 1} trace={t} {more}" for n, (t, more) in enumerate(drawn)]
    table = spans("\n".join(lines))
    pieces = np.array_split(np.arange(table.num_rows), files)
    tied = pa.concat_tables(ties(table.take(pa.array(piece, pa.int64()))) for piece in pieces)
    found = [analyse(_of(table, part)) for part in parts(tied, spans_max=spans_max)]
    whole = analyse(table)
    for name, rows in whole.items():
        together = pa.concat_tables(each[name] for each in found)
        assert _in_order(together) == _in_order(rows), name


def _of(table: pa.Table, trace_ids: pa.Array) -> pa.Table:
    return table.filter(pc.is_in(table["trace_id"], value_set=trace_ids))


def _in_order(rows: pa.Table) -> list[str]:
    return sorted(map(str, rows.to_pylist()))
