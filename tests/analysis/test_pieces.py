"""Pieces that follow each other, by worked examples and by what must hold of all."""

import numpy as np
import pytest
from hypothesis import given

from otel_llmops.analysis.pieces import one_by_one, pieces_of
from otel_llmops.analysis.readings import read
from tests.analysis.forests import forests, whole_analysis
from tests.support.tree import BASE_NS, MS, Node, spans, table


def _ends(outline: str) -> list[int]:
    readings = read(spans(outline))
    made = one_by_one(pieces_of(readings))
    return [(end - BASE_NS) // MS for end in made.end[: len(readings.start)].tolist()]


@pytest.mark.parametrize(
    ("outline", "ends"),
    [
        ("span a 0-100\n  span b 10-50\n  span c 50-90", [100, 50, 90]),
        ("span a 0-100\n  span b 10-50\n  span c 45-90", [100, 45, 90]),
        ("span a 0-100\n  span b 10-50\n  span c 29-90", [100, 50, 90]),  # side by side
        ("span a 0-100\n  span b 10-50\n  span c 10-90", [100, 50, 90]),  # at once
        ("span a 0-100\n  span b 10-90\n  span c 80-88", [100, 90, 88]),  # inside of the other
        ("span a 0-100\n  span b 10-50\n    span d 11-49\n  span c 45-90", [100, 45, 45, 90]),
    ],
)
def test_what_runs_on_into_the_next_is_cut_to_its_start(outline: str, ends: list[int]) -> None:
    assert _ends(outline) == ends


@whole_analysis
@given(forests())
def test_nothing_sticks_out_and_nothing_is_longer(drawn: list[Node]) -> None:
    before = pieces_of(read(table(drawn)))
    after = one_by_one(before)
    assert np.array_equal(after.start, before.start)
    assert (after.end <= before.end).all()
    held = np.flatnonzero((after.holder >= 0) & (after.length > 0))
    assert (after.end[held] <= after.end[after.holder[held]]).all()
    assert (after.length >= 0).all()
