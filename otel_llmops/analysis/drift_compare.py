"""How much of one document's terms are in others, for many pairs at once."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from otel_llmops.analysis.drift_terms import FACT, Keys, Terms
from otel_llmops.analysis.forest import Ints, Mask

__all__ = ["Shares", "TermIndex", "together"]

Shares = npt.NDArray[np.float64]
"""Of each pair a share in [0, 1], NaN where there is nothing to be found."""

_ENOUGH = 2 / 3
"""So much of the words is as good as all: there are other words for the same."""
_FACTS_SHARE = 0.75
"""What facts weigh against words, where a text has both."""
_MIX = np.uint64(0x9E3779B97F4A7C15)


class TermIndex:
    """Terms by document, to be looked up."""

    def __init__(self, terms: Terms, *, terms_max: int) -> None:
        kept = terms.rank < terms_max
        self._document = terms.document[kept]
        self._key, self._weight = terms.key[kept], terms.weight[kept]
        self._known = np.sort(_code(terms.document, terms.key))

    def kept(self, wanted: Ints, within: Sequence[Ints]) -> tuple[Shares, Shares]:
        """For each pair which share of the facts and of the words is in any of its documents.

        In:   documents `wanted`, and columns of documents to look in; -1 for none.
        Out:  shares by weight of facts, and of other words.
        Cost: O(terms wanted log terms), `terms_max` of a document at most.
        """
        pair, weight, found = self._looked_up(wanted, within)
        fact = weight >= FACT
        pairs = len(wanted)
        return (
            _share(pair[fact], weight[fact], found[fact], pairs),
            _share(pair[~fact], weight[~fact], found[~fact], pairs),
        )

    def weighed(self, wanted: Ints, within: Sequence[Ints]) -> Shares:
        """As `kept`, of facts and words in one."""
        pair, weight, found = self._looked_up(wanted, within)
        return _share(pair, weight, found, len(wanted))

    def _looked_up(self, wanted: Ints, within: Sequence[Ints]) -> tuple[Ints, Shares, Mask]:
        """Each term of each pair: whose it is, what it weighs, whether it is there."""
        first = np.searchsorted(self._document, wanted, side="left")
        count = np.searchsorted(self._document, wanted, side="right") - first
        pair = np.repeat(np.arange(len(wanted)), count)
        place = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count)
        place += np.repeat(first, count)
        key, weight = self._key[place], self._weight[place]
        found = np.zeros(len(pair), dtype=bool)
        for column in within:
            found |= self._has(column[pair], key)
        return pair, weight, found

    def _has(self, document: Ints, key: Keys) -> Mask:
        if not len(self._known):
            return np.zeros(len(key), dtype=bool)
        code = _code(document, key)
        place = np.minimum(np.searchsorted(self._known, code), len(self._known) - 1)
        found: Mask = (self._known[place] == code) & (document >= 0)
        return found


def together(facts: Shares, words: Shares) -> Shares:
    """One share of both: facts for the most part, words up to what is enough of them."""
    enough = np.minimum(words / _ENOUGH, 1.0)
    both = _FACTS_SHARE * facts + (1 - _FACTS_SHARE) * enough
    one = np.where(np.isnan(facts), enough, facts)
    return np.where(np.isnan(facts) | np.isnan(words), one, both)


def _share(pair: Ints, weight: Shares, found: Mask, pairs: int) -> Shares:
    whole = np.bincount(pair, weights=weight, minlength=pairs)
    part = np.bincount(pair[found], weights=weight[found], minlength=pairs)
    shares: Shares = np.divide(part, whole, out=np.full(pairs, np.nan), where=whole > 0)
    return np.minimum(shares, 1.0)


def _code(document: Ints, key: Keys) -> Keys:
    mixed = (document.astype(np.uint64) + np.uint64(1)) * _MIX
    mixed = (key ^ (mixed ^ (mixed >> np.uint64(29)))) * _MIX
    return mixed ^ (mixed >> np.uint64(32))
