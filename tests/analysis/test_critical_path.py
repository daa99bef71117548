"""Critical paths: what they are by drawing, what the oracle finds by trying everything, laws."""

from dataclasses import replace
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.analysis.critical_path import CriticalPath, critical_path, drag, slack
from otel_llmops.analysis.pieces import Pieces, pieces_of
from otel_llmops.analysis.readings import Readings, read
from tests.oracles import critical_path as slow
from tests.support.tree import MS, Node, spans, table

_times = st.integers(0, 8)
_ODD = 6


@st.composite
def _traces(draw: st.DrawFn, spans_max: int = 9) -> list[tuple[Node, int]]:
    """Spans with OTLP kinds: few times, so that many are equal; parents missing, clocks skewed."""
    made = []
    for number in range(1, draw(st.integers(1, spans_max)) + 1):
        start = draw(_times)
        known = st.integers(0, number - 1)
        node = Node(
            kind="span",
            name="a",
            start=start,
            end=start + draw(_times),
            id=number,
            parent=draw(known if draw(st.integers(0, _ODD)) else st.integers(0, spans_max + 2)),
            trace=1 if draw(st.integers(0, _ODD)) else 2,
            service=draw(st.sampled_from(("shop", "shop", "bank"))),
        )
        made.append((node, draw(st.sampled_from((1, 2, 3)))))
    return draw(st.permutations(made))


def _read(drawn: list[tuple[Node, int]]) -> Readings:
    spans = table(node for node, _ in drawn)
    kinds = pa.array([kind for _, kind in drawn], pa.int32())
    return read(spans.set_column(spans.column_names.index("kind"), "kind", kinds))


def _oracle(readings: Readings) -> list[slow.Span]:
    """What the oracle is given: spans as they came, placeholders among them, in their order."""
    told = readings.spans
    start = told["start_time"].cast(pa.int64()).to_pylist()
    columns = (told[name].to_pylist() for name in ("trace_id", "duration_ns", "service", "kind"))
    rows = zip(readings.forest.parent.tolist(), start, *columns, strict=True)
    return slow.set_right(
        [
            slow.Span(parent, trace, began, began + lasted, service, kind)
            for parent, began, trace, lasted, service, kind in rows
        ]
    )


def _path(readings: Readings) -> CriticalPath:
    return critical_path(pieces_of(readings))


def _own(path: CriticalPath) -> list[dict[int, int]]:
    """Of each trace: span -> what of the path is its own, ns; -1 for nobody's."""
    pieces = path.pieces
    found: list[dict[int, int]] = [{} for _ in range(pieces.traces)]
    for piece in np.flatnonzero(path.own).tolist():
        own, row = found[int(pieces.trace[piece])], int(pieces.row[piece])
        own[row] = own.get(row, 0) + int(path.own[piece])
    return found


def _by_place(trace: slow.Piece) -> dict[tuple[int, int, int], slow.Piece]:
    """The oracle's pieces by (span, start, end)."""
    found = {(trace.row, trace.start, trace.end): trace}
    for kid in trace.kids:
        found |= _by_place(kid)
    return found


def _places(path: CriticalPath) -> list[tuple[int, int, int]]:
    pieces = path.pieces
    return list(zip(pieces.row.tolist(), pieces.start.tolist(), pieces.end.tolist(), strict=True))


def _drawn(outline: str) -> dict[str, int]:
    """Span -> what of the path is its own, ms; '' for nobody's, where there is any."""
    readings = read(spans(outline))
    names = readings.spans["name"].to_pylist()
    own: dict[str, int] = {}
    for trace in _own(_path(readings)):
        for row, spent in trace.items():
            name = names[row] if row >= 0 else ""
            own[name] = own.get(name, 0) + spent // MS
    return own


@pytest.mark.parametrize(
    ("outline", "own"),
    [
        ("span a 0-9\n  span b 1-4\n  span c 6-8", {"a": 4, "b": 3, "c": 2}),
        ("span a 0-9\n  span b 0-5\n  span c 5-9", {"b": 5, "c": 4}),
        ("span a 0-9\n  span b 1-7\n  span c 1-8\n  span d 8-9", {"a": 1, "c": 7, "d": 1}),
        ("span a 0-9\n  span b 1-6\n  span c 5-8", {"a": 6, "c": 3}),
        ("span a 0-9\n  span b 1-8\n  span c 2-8", {"a": 2, "b": 7}),
        ("span a 0-9\n  span b 4-4", {"a": 9}),
        ("span a 0-9\n  span b 1-5\n    span c 2-7\n  span d 6-9",
         {"a": 2, "b": 1, "c": 3, "d": 3}),
        ("span a 0-9\n  span b 1-3\n    span c 5-8", {"a": 4, "b": 2, "c": 3}),
        ("span a 0-3\n  span b 1-9\n    span c 4-9", {"a": 1, "b": 3, "c": 5}),
        ("span a 3-9\n  span b 0-5", {"a": 4, "b": 2}),
        ("span a 0-3\nspan b 5-9", {"a": 3, "": 2, "b": 4}),
        ("span a 1-3 parent=9\nspan b 5-9 parent=9", {"a": 2, "": 2, "b": 4}),
    ],
    ids=[
        "one after the other",
        "back to back",
        "at once: the one that ends last",
        "overlapping: who began before the other ended did not wait for it",
        "ending together: the one that began first",
        "no time: not on the path",
        "outliving its parent: cut to it",
        "after its parent has ended: of the next one up",
        "outliving its root: on the path until its own end",
        "before its parent: cut to it",
        "several roots: a gap is nobody's",
        "a parent that never came: siblings all the same",
    ],
)  # fmt: skip
def test_whose_time_it_is(outline: str, own: dict[str, int]) -> None:
    assert _drawn(outline) == own


def test_drag_is_what_can_be_saved_before_a_rival_decides() -> None:
    readings = read(
        spans("""
        span a 0-20
          span b 1-9
          span c 1-6
          span d 10-18
    """)
    )
    path = _path(readings)
    names = readings.spans["name"].to_pylist()
    told = {names[row]: spent // MS for row, spent in enumerate(drag(path)[: len(names)].tolist())}
    free = {names[row]: spent // MS for row, spent in enumerate(slack(path)[: len(names)].tolist())}
    assert (told, free) == (
        {"a": 4, "b": 3, "c": 0, "d": 8},
        {"a": 0, "b": 0, "c": 3, "d": 0},
    )


@pytest.mark.parametrize("deep", [True, False], ids=["in each other", "one after the other"])
def test_100_000_spans_in_a_chain_are_one_path(*, deep: bool) -> None:
    count = 100_000
    number = np.arange(count)
    parent = number - 1 if deep else np.where(number > 0, 0, -1)
    start = np.where(number > 0, number, 0)
    end = 2 * count - number if deep else np.where(number > 0, number + 1, count)
    pieces = Pieces(
        row=np.append(number, -1),
        holder=np.append(np.where(parent < 0, count, parent), -1),
        trace=np.zeros(count + 1, dtype=np.int64),
        start=np.append(start, 0),
        end=np.append(end, end[0]),
        traces=1,
    )
    path = critical_path(pieces)
    assert (int(path.on.sum()), int(path.own.sum())) == (count + 1, int(end[0]))


@given(_traces())
def test_each_moment_of_a_trace_belongs_to_whom_the_oracle_says(
    drawn: list[tuple[Node, int]],
) -> None:
    readings = _read(drawn)
    expected = [slow.own_times(trace) for trace in slow.traces(_oracle(readings)).values()]
    assert _own(_path(readings)) == expected


@given(_traces(spans_max=20))
def test_the_path_is_as_long_as_its_trace(drawn: list[tuple[Node, int]]) -> None:
    path = _path(_read(drawn))
    pieces = path.pieces
    total = np.zeros(pieces.traces, dtype=np.int64)
    np.add.at(total, pieces.trace, path.own)
    assert total.tolist() == pieces.length[pieces.row < 0].tolist()
    assert (path.own >= 0).all()


@given(_traces(spans_max=20), st.randoms())
def test_the_order_of_the_rows_does_not_matter(
    drawn: list[tuple[Node, int]], chance: Random
) -> None:
    shuffled = drawn.copy()
    chance.shuffle(shuffled)
    assert _own(_path(_read(shuffled))) == _own(_path(_read(drawn)))


@given(_traces())
def test_names_do_not_matter(drawn: list[tuple[Node, int]]) -> None:
    renamed = [(replace(node, name=f"x{node.id}"), kind) for node, kind in drawn]
    assert _own(_path(_read(renamed))) == _own(_path(_read(drawn)))


@given(_traces(), st.data())
def test_without_a_pieces_own_work_a_trace_ends_sooner_by_its_drag_at_least(
    drawn: list[tuple[Node, int]], data: st.DataObject
) -> None:
    readings = _read(drawn)
    path = _path(readings)
    piece = data.draw(st.sampled_from(np.flatnonzero(path.on).tolist()))
    trace = list(slow.traces(_oracle(readings)).values())[int(path.pieces.trace[piece])]
    gone = _by_place(trace)[_places(path)[piece]]

    def spent(by: slow.Piece, kid: slow.Piece | None) -> int:
        return 0 if by is gone else slow.as_it_was(by, kid)

    saved = trace.end - slow.run_again(trace, spent, trace.start)
    assert drag(path)[piece] <= saved <= path.own[piece]


@given(_traces(), st.data())
def test_a_piece_that_ends_later_by_its_slack_delays_nobody(
    drawn: list[tuple[Node, int]], data: st.DataObject
) -> None:
    readings = _read(drawn)
    path = _path(readings)
    lasting = np.flatnonzero(path.pieces.length > 0).tolist()
    if not lasting:
        return
    piece = data.draw(st.sampled_from(lasting))
    trace = list(slow.traces(_oracle(readings)).values())[int(path.pieces.trace[piece])]
    longer = _by_place(trace)[_places(path)[piece]]
    more = int(slack(path)[piece])

    def spent(by: slow.Piece, kid: slow.Piece | None) -> int:
        return slow.as_it_was(by, kid) + (more if by is longer and kid is None else 0)

    assert slow.run_again(trace, spent, trace.start) == trace.end
