"""What moved between two commits: structure, and tokens a call with their bound."""

import math
import random
import statistics

import pytest

from otel_llmops.topology.difference import PerCall, structure, t_quantile, token_changes
from tests.support.commits import per_call
from tests.support.snapshot import Tables, snapshot

BEFORE = """
    module shop.desk desk.py 1-30
      function ask 2-9 complexity=3 hash=one
      function old 11-14
    module shop.gone gone.py 1-9
    """
AFTER = """
    module shop.desk desk.py 1-40
      function ask 12-29 complexity=5 hash=two
      function new 31-34
    module shop.added added.py 1-9
    """


def _rows(tables: Tables) -> dict[str, list[dict[str, object]]]:
    return {name: rows.to_pylist() for name, rows in tables.items()}


def _side(*tokens: int) -> PerCall:
    """Calls of so many tokens, each in a session of its own."""
    return per_call([[each] for each in tokens])


def test_modules_functions_imports_and_cycles_that_moved() -> None:
    before = snapshot(BEFORE, imports=[("shop.desk", "shop.gone!")], cycles=[["b", "a"]])
    after = snapshot(AFTER, imports=[("shop.desk", "shop.added")], cycles=[["c", "d"]])
    assert structure(_rows(before), _rows(after)) == {
        "modules": {"added": ["shop.added"], "removed": ["shop.gone"], "coupling": []},
        "functions": {
            "added": ["shop.added", "shop.desk.new"],
            "removed": ["shop.desk.old", "shop.gone"],
            "changed": ["shop.desk.ask"],
            "complexity": [{"name": "shop.desk.ask", "complexity": {"before": 3.0, "after": 5.0}}],
        },
        "imports": {
            "added": [["shop.desk", "shop.added"]],
            "removed": [["shop.desk", "shop.gone"]],
        },
        "cycles": {"added": [["c", "d"]], "removed": [["a", "b"]]},
    }


def test_lines_that_moved_are_no_change() -> None:
    moved = BEFORE.replace("2-9", "3-10")
    found = structure(_rows(snapshot(BEFORE)), _rows(snapshot(moved)))
    assert found["functions"] == {"added": [], "removed": [], "changed": [], "complexity": []}


def test_the_interval_is_welch_s() -> None:
    before, after = (10, 12, 11, 13, 14), (15, 19, 17, 20, 16, 21)
    (change,) = token_changes({"f": _side(*before)}, {"f": _side(*after)})
    assert change.difference == pytest.approx(6.0)
    spread = statistics.variance(before) / 5 + statistics.variance(after) / 6
    # 8.69 degrees of freedom, for which tables give 2.274
    half = 2.2745 * math.sqrt(spread)
    assert change.low == pytest.approx(6.0 - half, abs=0.01)
    assert change.high == pytest.approx(6.0 + half, abs=0.01)
    assert change.is_certain


@pytest.mark.parametrize(
    ("freedom", "expected"), [(4, 2.776), (5, 2.571), (10, 2.228), (30, 2.042), (math.inf, 1.960)]
)
def test_the_quantile_of_t_is_that_of_the_tables(freedom: float, expected: float) -> None:
    assert t_quantile(0.975, freedom) == pytest.approx(expected, abs=0.003)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    dice = random.Random(20261122)  # noqa: S311 - a simulation
    held = 0
    for _ in range(2_000):
        before = [round(dice.lognormvariate(6, 0.5)) for _ in range(20)]
        after = [round(dice.lognormvariate(6, 0.5) + 40) for _ in range(35)]
        (change,) = token_changes({"f": _side(*before)}, {"f": _side(*after)})
        assert change.low is not None
        assert change.high is not None
        held += change.low <= 40 <= change.high
    assert 0.93 <= held / 2_000 <= 0.97


def test_few_calls_have_a_difference_and_no_bound() -> None:
    (change,) = token_changes({"f": _side(1, 2, 3, 4)}, {"f": _side(*range(50))})
    assert (change.difference, change.low, change.is_certain) == (22.0, None, False)


def test_calls_that_are_all_alike_have_an_exact_difference() -> None:
    (change,) = token_changes({"f": _side(*[5] * 9)}, {"f": _side(*[8] * 9)})
    assert (change.low, change.high, change.is_certain) == (3.0, 3.0, True)


def test_functions_come_by_how_much_they_moved_and_strangers_last() -> None:
    before = {"small": _side(1, 1), "large": _side(9, 9), "gone": _side(5)}
    after = {"small": _side(2, 2), "large": _side(1, 1), "new": _side(7)}
    found = [(each.function, each.difference) for each in token_changes(before, after)]
    assert found == [("large", -8.0), ("small", 1.0), ("gone", None), ("new", None)]


def test_calls_of_one_session_are_one_piece_of_evidence() -> None:
    alone, together = per_call([[10], [20], [30], [40]]), per_call([[10] * 9, [20] * 9, [40] * 9])
    assert alone.mean_variance == pytest.approx(alone.variance / 4)
    # of three sessions of one size the mean is that of their means
    means = statistics.variance([10, 20, 40]) / 3
    assert together.mean_variance == pytest.approx(means)
    assert (alone.sessions_effective, together.sessions_effective) == (4.0, 3.0)


def test_a_session_that_has_nearly_all_calls_tells_nothing_of_others() -> None:
    one = per_call([[5, 9] * 50])
    assert (one.mean_variance, one.sessions_effective) == (math.inf, 1.0)
    mostly = per_call([[5, 9] * 500, *([[1000]] * 9)])
    assert mostly.sessions_effective < 1.1
    (change,) = token_changes({"f": mostly}, {"f": per_call([[8]] * 50)})
    assert (change.low, change.high) == (None, None)


def test_the_interval_of_clustered_calls_holds_the_truth_as_often_as_it_says() -> None:
    dice = random.Random(20261129)  # noqa: S311 - a simulation
    held = 0
    for _ in range(400):
        before, after = (
            per_call(
                [
                    [max(round(middle + dice.gauss(0, 10)), 0) for _ in range(dice.randint(1, 20))]
                    for middle in [dice.gauss(mean, 60) for _ in range(25)]
                ]
            )
            for mean in (400, 450)
        )
        (change,) = token_changes({"f": before}, {"f": after})
        assert change.low is not None
        assert change.high is not None
        held += change.low <= 50 <= change.high
    assert 0.93 <= held / 400 <= 0.99
