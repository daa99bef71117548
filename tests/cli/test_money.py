import pytest

from otel_llmops.cli.money import known_sum, usd, usd_column


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "?"),
        (0.0, "$0.00"),
        (12.3, "$12.30"),
        (1234.5, "$1,234.50"),
        (0.5, "$0.50"),
        (0.0031, "$0.0031"),
        (0.00062, "$0.00062"),
        (0.000038, "$0.000038"),
        (1e-12, "$0.0000000"),
    ],
)
def test_an_amount_shows_two_digits_that_count(amount: float | None, shown: str) -> None:
    assert usd(amount) == shown


def test_amounts_in_a_column_have_as_many_decimals_each() -> None:
    assert usd_column([0.00044, 0.000038, None, 1.0]) == [
        "$0.000440",
        "$0.000038",
        "?",
        "$1.000000",
    ]


def test_a_sum_is_of_what_is_known_and_unknown_where_nothing_is() -> None:
    assert (known_sum([1.0, None, 2.0]), known_sum([None]), known_sum([])) == (3.0, None, None)
