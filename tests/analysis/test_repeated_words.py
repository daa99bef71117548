"""Which texts repeat what an answer brought, against the same in plain Python."""

import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given as each
from hypothesis import strategies as st

from otel_llmops.analysis import repeated_words
from otel_llmops.analysis.repeated_words import repeats


def _columns(rows: list[tuple[str, str, str]]) -> list[pa.Array]:
    return [pa.array(side, pa.string()) for side in zip(*rows, strict=True)]


def _plain(given: str, answer: str, later: str) -> bool:
    def words(text: str) -> list[bytes]:
        found = re.findall(rb"[\w\x80-\xff]+", pc.utf8_lower(text[:4096]).as_py().encode())
        return [word for word in found if len(word) >= 3]

    size = 3 if len(words(answer)) > 8 else 1

    def runs(text: str) -> set[tuple[bytes, ...]]:
        every = words(text)
        return {tuple(every[at : at + size]) for at in range(len(every) - size + 1)}

    return not (runs(answer) - runs(given)).isdisjoint(runs(later))


@pytest.mark.parametrize(
    ("given", "answer", "later", "is_needed"),
    [
        ('{"city": "Rome"}', '{"temperature": 21}', '{"city": "Oslo"}', False),
        ('{"name": "Ada"}', '{"order": "A-1234"}', '{"order_id": "A-1234"}', True),
        ("one", "a long answer of more than eight words which says this", "what says more", False),
        ("one", "a long answer of more than eight words which says this",
         "sum up: answer of more than eight words", True),
        ("the same question", "the same question", "the same question", False),
    ],
)  # fmt: skip
def test_a_call_needs_what_it_repeats_of_an_answer(
    given: str, answer: str, later: str, *, is_needed: bool
) -> None:
    assert repeats(*_columns([(given, answer, later)])).tolist() == [is_needed]


_words = st.sampled_from(
    ["order", "Order", "refund", "a1", "größe", "GRÖẞE", "订单", "x" * 30, "no"]
)
_texts = st.lists(_words, max_size=12).map(" ".join) | st.text(max_size=20)


@each(st.lists(st.tuples(_texts, _texts, _texts), min_size=1, max_size=6), st.sampled_from([1, 64]))
def test_many_rows_are_as_one_after_the_other(
    rows: list[tuple[str, str, str]], at_once: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(repeated_words, "_BYTES_AT_ONCE", at_once)
        assert repeats(*_columns(rows)).tolist() == [_plain(*row) for row in rows]


def test_only_the_beginning_of_a_long_text_counts() -> None:
    rows = [("", "x " * gone + "A-1234", "A-1234") for gone in (2_000, 2_050)]
    assert repeats(*_columns(rows)).tolist() == [True, False]


def test_of_no_rows_none_repeat() -> None:
    assert repeats(*[pa.array([], pa.string())] * 3).tolist() == []
