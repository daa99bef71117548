"""Maps as JSON text against json.loads."""

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.exporters.json_text import json_objects, without_nul

MAPS = pa.map_(pa.string(), pa.string())
ROWS = st.lists(st.dictionaries(st.text(), st.text(), max_size=4), max_size=6)


def as_maps(rows: list[dict[str, str]]) -> pa.Array:
    return pa.array([list(row.items()) for row in rows], MAPS)


@given(ROWS)
def test_each_map_is_the_object_of_its_members(rows: list[dict[str, str]]) -> None:
    assert [json.loads(text) for text in json_objects(as_maps(rows)).to_pylist()] == rows


@given(ROWS, st.integers(0, 6), st.integers(0, 6))
def test_a_slice_is_as_the_rows_it_shows(
    rows: list[dict[str, str]], start: int, length: int
) -> None:
    shown = as_maps(rows).slice(start, length)
    found = json_objects(pa.chunked_array([shown], MAPS)).to_pylist()
    assert [json.loads(text) for text in found] == rows[start : start + length]


def test_no_rows_are_no_objects() -> None:
    assert json_objects(pa.chunked_array([], MAPS)).to_pylist() == []


def test_a_nul_becomes_what_is_asked_for_and_nothing_that_looks_like_it_does() -> None:
    found = json_objects(as_maps([{"a\0": "\\u0000 \0"}]), nul="?")
    assert json.loads(found[0].as_py()) == {"a?": "\\u0000 ?"}


@pytest.mark.parametrize("chunks", [[["a\0b", "c"]], [["x"], ["\0"]], []])
def test_texts_without_nul(chunks: list[list[str]]) -> None:
    found = without_nul(pa.chunked_array(chunks, pa.string()), "?").to_pylist()
    assert found == [text.replace("\0", "?") for chunk in chunks for text in chunk]
