"""The gate fails what grew beyond doubt, and hardly ever what did not."""

from collections.abc import Sequence

import numpy as np
import pytest

from otel_llmops.topology.gate import CALLS_DEFAULT, Judged, Side, judged
from tests.support.commits import per_call

_BUILDS = 400


def _judged(*functions: tuple[str, Side, Side], increase_max: float = 0.1) -> list[Judged]:
    return judged(functions, increase_max=increase_max, calls_min=CALLS_DEFAULT)


def _alone(calls: int, mean: float, variance: float) -> Side:
    """Calls that are each in a session of their own."""
    return Side(calls, mean, variance, calls, variance / calls if calls else None)


def _independent(side: Side) -> Side:
    return _alone(side.calls, side.mean, side.variance)


def _drawn(dice: np.random.Generator, calls: int, spread: float, times: float) -> Side:
    tokens = np.round(times * dice.lognormal(6, spread, calls))
    return _alone(calls, float(tokens.mean()), float(tokens.var(ddof=1)))


def _in_sessions(dice: np.random.Generator, sizes: Sequence[int], times: float) -> Side:
    """Calls of sessions of these sizes, which differ more from each other than their calls do."""
    sessions = [
        np.round(times * dice.lognormal(dice.normal(6, 0.6), 0.2, size)).astype(int).tolist()
        for size in sizes
    ]
    found = per_call(sessions)
    return Side(
        found.calls, found.mean, found.variance, found.sessions_effective, found.mean_variance
    )


def test_what_grew_beyond_the_allowed_comes_first_and_too_few_calls_last() -> None:
    found = _judged(
        ("same", _alone(50, 100, 25), _alone(50, 101, 25)),
        ("few", _alone(50, 100, 25), _alone(19, 900, 25)),
        ("new", _alone(0, 0.0, 0.0), _alone(50, 100, 25)),
        ("noisy", _alone(50, 100, 9000), _alone(50, 130, 9000)),
        ("more", _alone(50, 100, 25), _alone(50, 130, 25)),
    )
    assert [(each.function, each.verdict) for each in found] == [
        ("more", "grew"),
        ("noisy", "unproven"),
        ("same", "fine"),
        ("few", "undecided"),
        ("new", "undecided"),
    ]
    assert [each.low for each in found[3:]] == [None, None]


def test_the_bound_is_where_the_difference_to_that_many_times_before_is_just_certain() -> None:
    (one,) = _judged(("f", _alone(400, 100, 900), _alone(400, 150, 900)))
    assert one.low is not None
    ratio = 1 + one.low
    # of one function the bound holds with 95 %: t is 1.647 with 800 degrees of freedom
    error = (2 * ratio**2 * 900 / 400) ** 0.5
    assert 150 - ratio * 100 == pytest.approx(1.647 * error, rel=1e-3)


def test_more_functions_at_once_need_more_evidence() -> None:
    sides = _alone(30, 100, 900), _alone(30, 130, 900)
    alone, *_ = _judged(("f", *sides))
    among, *_ = _judged(*((f"f{number}", *sides) for number in range(100)))
    assert alone.low is not None
    assert among.low is not None
    assert alone.low > among.low


def test_functions_of_which_nothing_can_be_said_cost_the_others_nothing() -> None:
    sides = _alone(30, 100, 900), _alone(30, 130, 900)
    strangers = [(f"f{number}", _alone(3, 1.0, 0.0), sides[1]) for number in range(100)]
    assert _judged(("f", *sides), *strangers)[0] == _judged(("f", *sides))[0]


@pytest.mark.parametrize(
    ("after", "low", "verdict"), [(110, 0.1, "fine"), (111, 0.11, "grew"), (90, -0.1, "fine")]
)
def test_calls_that_are_all_alike_have_an_exact_increase(
    after: float, low: float, verdict: str
) -> None:
    (one,) = _judged(("f", _alone(20, 100, 0), _alone(20, after, 0)), increase_max=0.1001)
    assert one.low == pytest.approx(low)
    assert one.verdict == verdict


@pytest.mark.parametrize("functions", [1, 20])
@pytest.mark.parametrize(
    ("before", "after"), [(20, 20), (20, 500), (500, 20), (100, 1000)], ids=str
)
@pytest.mark.parametrize("spread", [0.5, 1.0])
def test_a_build_that_grew_by_no_more_than_allowed_fails_in_5_of_100_at_the_most(
    functions: int, before: int, after: int, spread: float
) -> None:
    builds = _BUILDS if functions == 1 else _BUILDS // 2
    dice = np.random.default_rng([functions, before, after])
    failed = sum(
        _judged(
            *(
                (str(each), _drawn(dice, before, spread, 1.0), _drawn(dice, after, spread, 1.1))
                for each in range(functions)
            )
        )[0].verdict
        == "grew"
        for _ in range(builds)
    )
    assert failed <= 0.05 * builds


@pytest.mark.parametrize(("before", "after"), [(20, 20), (20, 60), (60, 20)], ids=str)
@pytest.mark.parametrize("calls", [1, 10])
@pytest.mark.parametrize("alike", [True, False], ids=["equal", "unequal"])
def test_sessions_that_differ_do_not_fail_a_build_by_chance(
    before: int, after: int, calls: int, alike: bool
) -> None:
    dice = np.random.default_rng([before, after, calls])

    def drawn(sessions: int, times: float) -> Side:
        more = [calls] * sessions if alike else dice.geometric(1 / calls, sessions)
        return _in_sessions(dice, [1 + each for each in more], times)

    builds = [_judged(("f", drawn(before, 1.0), drawn(after, 1.1)))[0] for _ in range(_BUILDS)]
    failed = [each.verdict for each in builds].count("grew")
    assert failed <= 0.05 * _BUILDS
    as_if_independent = [
        _judged(("f", _independent(each.before), _independent(each.after)))[0] for each in builds
    ]
    # where a session calls often, calls are no evidence by themselves: one build in five would fail
    assert calls == 1 or [each.verdict for each in as_if_independent].count("grew") > 0.2 * _BUILDS


def test_few_sessions_decide_nothing_however_many_calls_they_hold() -> None:
    dice = np.random.default_rng(3)
    sizes = [100] * 9
    (one,) = _judged(("f", _in_sessions(dice, sizes, 1.0), _in_sessions(dice, sizes, 9.0)))
    assert (one.verdict, one.low) == ("undecided", None)


def test_what_costs_twice_as_much_is_found_in_sessions() -> None:
    dice = np.random.default_rng(4)
    sizes = [10] * 60
    found = [
        _judged(("f", _in_sessions(dice, sizes, 1.0), _in_sessions(dice, sizes, 2.0)))[0].verdict
        for _ in range(100)
    ]
    assert found.count("grew") >= 95


def test_what_costs_twice_as_much_is_found() -> None:
    dice = np.random.default_rng(20261129)
    found = sum(
        _judged(("f", _drawn(dice, 100, 0.5, 1.0), _drawn(dice, 100, 0.5, 2.0)))[0].verdict
        == "grew"
        for _ in range(100)
    )
    assert found >= 99
