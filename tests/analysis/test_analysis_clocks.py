"""How far the spans of a service with another clock are moved."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.analysis.clocks import skew
from otel_llmops.analysis.forest import Forest

_INTERNAL, _SERVER, _CLIENT = 1, 2, 3


def _skew(*spans: tuple[int, str, int, int, int]) -> list[int]:
    """Spans as (parent, service, OTLP kind, start, end)."""
    parent, service, kind, start, end = zip(*spans, strict=True)
    rows = np.array(parent)
    depth = [_depth(parent, row) for row in range(len(parent))]
    names = np.unique(service, return_inverse=True)[1]
    times = (np.array(start), np.array(end))
    moved = skew(Forest(rows, np.array(depth)), names, np.array(kind), *times)
    return [int(ns) for ns in moved]


def _depth(parent: tuple[int, ...], row: int) -> int:
    return 0 if parent[row] < 0 else 1 + _depth(parent, parent[row])


def test_what_starts_before_its_cause_starts_with_it_and_takes_along_what_hangs_below() -> None:
    moved = _skew(
        (-1, "a", _INTERNAL, 100, 200),
        (0, "b", _INTERNAL, 60, 90),
        (1, "b", _INTERNAL, 70, 80),
    )
    assert moved == [0, 40, 40]


def test_the_servers_side_of_a_call_lies_in_the_middle_of_the_clients() -> None:
    assert _skew((-1, "a", _CLIENT, 100, 200), (0, "b", _SERVER, 500, 580)) == [0, -390]


def test_a_call_that_lies_within_is_left_alone() -> None:
    assert _skew((-1, "a", _CLIENT, 100, 200), (0, "b", _SERVER, 101, 130)) == [0, 0]


def test_work_that_goes_on_after_its_cause_is_left_alone() -> None:
    assert _skew((-1, "a", _INTERNAL, 100, 200), (0, "b", _INTERNAL, 250, 300)) == [0, 0]


def test_within_one_service_nothing_is_moved() -> None:
    assert _skew((-1, "a", _INTERNAL, 100, 200), (0, "a", _INTERNAL, 60, 90)) == [0, 0]


def test_a_third_service_is_held_against_the_moved_second() -> None:
    moved = _skew(
        (-1, "a", _INTERNAL, 100, 200),
        (0, "b", _INTERNAL, 50, 90),
        (1, "c", _INTERNAL, 60, 70),
    )
    assert moved == [0, 50, 40]


_spans = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from((1, 2, 3)), st.integers(0, 99)),
    min_size=1,
    max_size=12,
)


@given(_spans, st.data())
def test_nothing_crosses_to_another_service_before_its_cause(
    drawn: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    spans = [
        (data.draw(st.integers(-1, row - 1)), service, kind, start, start + 20)
        for row, (service, kind, start) in enumerate(drawn)
    ]
    moved = _skew(*spans)
    starts = [span[3] + shift for span, shift in zip(spans, moved, strict=True)]
    early = [
        row
        for row, (parent, service, *_) in enumerate(spans)
        if parent >= 0 and service != spans[parent][1] and starts[row] < starts[parent]
    ]
    assert early == []
