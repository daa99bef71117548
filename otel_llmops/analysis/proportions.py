"""How sure one can be of a share or a count: Wilson's bound, Fisher's test, shrunk ratios."""

import math

import numpy as np
import numpy.typing as npt

from otel_llmops.analysis.forest import Ints

__all__ = ["Fisher", "shrunk_ratio", "wilson_low"]

_Z_95 = 1.959963984540054
"""Two-sided 95 %."""
_TERMS_MAX = 20_000
"""Of a tail. Terms fall off with the square: of ten million sessions no more than these count."""
_HALF = 0.5
"""A count's prior: gamma with mean 1 and half an observation's weight."""


def wilson_low(successes: int, trials: int) -> float:
    """The lower end of the 95 % interval of a share; 0 for no trials.

    Source: Wilson, "Probable inference" (1927): unlike the textbook's, right for few trials too.
    """
    if not trials:
        return 0.0
    share, square = successes / trials, _Z_95**2
    middle = share + square / (2 * trials)
    wide = _Z_95 * math.sqrt(share * (1 - share) / trials + square / (4 * trials**2))
    return max(0.0, (middle - wide) / (1 + square / trials))


def shrunk_ratio(observed: float, expected: float) -> float:
    """How many times as often as expected, drawn to 1 as far as the counts are small.

    In (0, 2 * observed + 1]: what was never expected is no infinity.
    Source: Noren, Hopstadius, Bate, "Shrinkage observed-to-expected ratios" (2013).
    """
    return (observed + _HALF) / (expected + _HALF)


class Fisher:
    """The exact test of two shares, for any table of at most `total` trials."""

    def __init__(self, total: int) -> None:
        self._log_factorial = np.concatenate(
            [[0.0], np.cumsum(np.log(np.arange(1, max(1, total) + 1)))]
        )

    def better(self, successes: int, trials: int, other_successes: int, others: int) -> float:
        """How likely it is to be at least so much better than the others by chance alone."""
        total, good = trials + others, successes + other_successes
        last = min(trials, good, successes + _TERMS_MAX)
        wins = np.arange(successes, last + 1)
        chances = (
            self._ways(good, wins)
            + self._ways(total - good, trials - wins)
            - self._ways(total, np.array([trials]))
        )
        return float(min(1.0, np.exp(chances).sum()))

    def worse(self, successes: int, trials: int, other_successes: int, others: int) -> float:
        """How likely it is to be at least so much worse than the others by chance alone."""
        return self.better(trials - successes, trials, others - other_successes, others)

    def _ways(self, of: int, chosen: Ints) -> npt.NDArray[np.float64]:
        """Logarithm of how many ways there are to choose; `chosen` is from 0 to `of`."""
        log: npt.NDArray[np.float64] = (
            self._log_factorial[of] - self._log_factorial[chosen] - self._log_factorial[of - chosen]
        )
        return log
