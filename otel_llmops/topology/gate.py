"""Whether tokens a call grew too much between two commits, beyond doubt.

Strategy: a function fails where the lower bound of its increase is above what is allowed; an
increase that may be chance fails nothing. The bound is of the ratio of the two means, by Fieller's
theorem with Welch's degrees of freedom, so it knows that both means are uncertain. Calls of one
session are alike, so what counts as evidence are sessions: the error of a mean is the
cluster-robust one (`PerCall.mean_variance` of topology/difference.py). Many functions
are judged at once: each bound is held at 1 - (1 - CONFIDENCE) / functions (Bonferroni), so that a
build in which nothing grew beyond the allowed fails by chance in 5 of 100 at the most, however many
functions there are.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf, sqrt

from otel_llmops.topology.difference import CONFIDENCE, t_quantile

__all__ = ["CALLS_DEFAULT", "CALLS_LEAST", "SESSIONS_LEAST", "Judged", "Side", "judged"]

CALLS_DEFAULT = 20
"""Tokens of calls are skewed: with fewer, their mean is not yet near enough to normal."""
CALLS_LEAST = 10
"""Below, t's series is off by more than 1 % at the small probabilities that many functions need."""
SESSIONS_LEAST = 10
"""Sessions that the calls of each side have to be worth: with fewer, the spread between sessions is
a guess, and t's series is off as with few calls."""
_STEPS = 60
"""Halvings of the bracket: to the last bit of a float."""


@dataclass(frozen=True, slots=True)
class Side:
    """A function's calls under one commit: how many, tokens of one on average, their variance.

    `sessions`: as many of equal size as the calls are worth. `mean_variance`: of the mean, by
    sessions; None where one session is all that there is.
    """

    calls: int
    mean: float
    variance: float
    sessions: float
    mean_variance: float | None

    @property
    def independent(self) -> float:
        """Calls that would tell as much of the mean if each were independent of the others.

        Source: Kish 1965, the effective size of a sample.
        """
        return self.variance / self.mean_variance if self.mean_variance else float(self.calls)


@dataclass(frozen=True, slots=True)
class Judged:
    """One function. `increase` is a share of the tokens a call before, and `low` its lower bound.

    `verdict`: grew (`low` is above the allowed), unproven (`increase` is, `low` is not), fine, and
    undecided (too few calls, or sessions, on one side or both: then `low` is None).
    """

    function: str
    before: Side
    after: Side
    increase: float | None
    low: float | None
    verdict: str


def judged(
    functions: Iterable[tuple[str, Side, Side]], *, increase_max: float, calls_min: int
) -> list[Judged]:
    """Every function's verdict: those that grew first, then by increase, then by name.

    In:     (function, before, after); `increase_max` is a share, 0.1 for 10 %; calls on each side
            below which nothing is decided, CALLS_LEAST or more.
    Out:    one entry for each function.
    Edge:   Calls that are all alike have no spread: their increase is its own bound.
    Cost:   O(n).
    Source: Fieller 1954; Welch 1947; Bonferroni; for clusters, as PerCall.mean_variance.
    """
    given = list(functions)
    decided = sum(_suffices(sides, calls_min) for _, *sides in given)
    probability = 1 - (1 - CONFIDENCE) / max(decided, 1)
    made = [
        _judge(name, before, after, increase_max, probability)
        if _suffices((before, after), calls_min)
        else Judged(name, before, after, _increase(before, after), None, "undecided")
        for name, before, after in given
    ]
    rank = ("grew", "unproven", "fine", "undecided")
    return sorted(
        made,
        key=lambda each: (
            rank.index(each.verdict),
            -each.increase if each.increase is not None else inf,
            each.function,
        ),
    )


def _suffices(sides: Iterable[Side], calls_min: int) -> bool:
    return all(side.calls >= calls_min and side.sessions >= SESSIONS_LEAST for side in sides)


def _increase(before: Side, after: Side) -> float | None:
    if not before.calls or not after.calls or not before.mean:
        return None
    return after.mean / before.mean - 1


def _judge(
    function: str, before: Side, after: Side, increase_max: float, probability: float
) -> Judged:
    increase = after.mean / before.mean - 1
    low = _ratio_low(before, after, probability) - 1
    verdict = "fine"
    if increase > increase_max:
        verdict = "grew" if low > increase_max else "unproven"
    return Judged(function, before, after, increase, low, verdict)


def _ratio_low(before: Side, after: Side, probability: float) -> float:
    """The least ratio of the means that the calls do not speak against, 0 where all may be."""
    middle = after.mean / before.mean
    if _speaks_against(middle, before, after, probability) or not (
        before.variance or after.variance
    ):
        return middle
    least, most = 0.0, middle
    for _ in range(_STEPS):
        tried = (least + most) / 2
        if _speaks_against(tried, before, after, probability):
            least = tried
        else:
            most = tried
    return least


def _speaks_against(ratio: float, before: Side, after: Side, probability: float) -> bool:
    """Whether after is more than `ratio` times before, by Welch's t of the difference."""
    # of few skewed calls the mean and the variance are too small together, by chance: if one
    # side's calls are the other's times `ratio`, the larger of the two variances is both sides'
    variance = max(ratio * ratio * before.variance, after.variance)
    errors = (variance / before.independent, variance / after.independent)
    error = sqrt(sum(errors))
    above = after.mean - ratio * before.mean
    if not error:
        return above > 0
    shares = (
        part * part / (side.sessions - 1)
        for part, side in zip(errors, (before, after), strict=True)
    )
    freedom = sum(errors) ** 2 / sum(shares)
    return above > t_quantile(probability, freedom) * error
