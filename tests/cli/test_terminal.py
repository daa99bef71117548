import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.cli.terminal import one_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("größer → 訳 👩‍🔧", "größer → 訳 👩‍🔧"),
        ("\x1b[31mred\x07", "�[31mred�"),
        ("\x9b31m", "�31m"),
        ("a\r\nb\tc", "a��b�c"),
        ("safe\u202egnp.exe", "safe�gnp.exe"),
        ("a\u2028b\u200bc\ufeff", "a�b�c�"),
        ("\ud800", "�"),
    ],
    ids=["ascii", "unicode", "escape", "c1", "lines", "direction", "invisible", "surrogate"],
)
def test_what_steers_a_terminal_is_replaced(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_an_error_is_one_line_whatever_it_quotes() -> None:
    assert one_line("no\n such\x1b[2J  file ") == "no such�[2J file"


@given(st.text())
def test_printable_keeps_the_length_and_is_its_own_fixed_point(text: str) -> None:
    shown = printable(text)
    assert (len(shown), printable(shown)) == (len(text), shown)
