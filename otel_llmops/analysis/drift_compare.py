"""How much of one document's terms are in others, for many pairs at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from otel_llmops.analysis.drift_terms import FACT, Keys, Terms
from otel_llmops.analysis.forest import Ints, Mask

__all__ = ["Found", "Shares", "TermIndex"]

Shares = npt.NDArray[np.float64]
"""Of each pair a share in [0, 1], NaN where there is nothing to be found."""

_ENOUGH = 2 / 3
"""So much of the words is as good as all: there are other words for the same."""
_FACTS_SHARE = 0.75
"""What facts weigh against words, where a text has both."""
_DOUBT = 2.0
"""The weight of two words."""
_MIX = np.uint64(0x9E3779B97F4A7C15)


class TermIndex:
    """Terms by document, to be looked up."""

    def __init__(self, terms: Terms, *, terms_max: int) -> None:
        kept = terms.rank < terms_max
        self._document = terms.document[kept]
        self._key, self._weight = terms.key[kept], terms.weight[kept]
        self._known = np.sort(_code(terms.document, terms.key))

    def found(self, wanted: Ints, within: Sequence[Ints]) -> "Found":
        """For each pair what of the first document is in any of the others.

        In:   documents `wanted`, and columns of documents to look in; -1 for none.
        Out:  Found.
        Cost: O(terms wanted log terms), `terms_max` of a document at most.
        """
        pair, weight, found = self._looked_up(wanted, within)
        fact = weight >= FACT
        pairs = len(wanted)
        return Found(
            *_weights(pair[fact], weight[fact], found[fact], pairs),
            *_weights(pair[~fact], weight[~fact], found[~fact], pairs),
        )

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


@dataclass(frozen=True, slots=True)
class Found:
    """Weights for each pair: of the facts that were found and of all, and the same of words.

    Its shares are NaN where there is nothing to be found. Of little text a share is near 1 whatever
    was found of it (_DOUBT): that a word is missing is no evidence.
    """

    facts_found: Shares
    facts: Shares
    words_found: Shares
    words: Shares

    def share(self, likeness: Shares | None = None) -> Shares:
        """Facts for the most part, and words up to what is enough of them.

        `likeness` in [0, 1] or NaN stands in for the share of words where it is higher.
        """
        words = _divided(self.words_found, self.words)
        if likeness is not None:
            words = np.where(np.isnan(words), words, np.fmax(words, likeness))
        facts, enough = _divided(self.facts_found, self.facts), np.minimum(words / _ENOUGH, 1.0)
        both = _FACTS_SHARE * facts + (1 - _FACTS_SHARE) * enough
        one = np.where(np.isnan(facts), enough, facts)
        return _doubted(
            np.where(np.isnan(facts) | np.isnan(words), one, both), self.facts + self.words
        )

    def of_facts(self) -> Shares:
        """The share of the facts alone."""
        return _doubted(_divided(self.facts_found, self.facts), self.facts)

    def of_all(self, enough: float) -> Shares:
        """The share of facts and words alike, 1 where it is `enough`."""
        whole = self.facts + self.words
        share = _divided(self.facts_found + self.words_found, whole) / enough
        return _doubted(np.minimum(share, 1.0), whole)


def _doubted(share: Shares, weight: Shares) -> Shares:
    """A share as it were with some more that was found."""
    return (share * weight + _DOUBT) / (weight + _DOUBT)


def _divided(part: Shares, whole: Shares) -> Shares:
    share: Shares = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return np.minimum(share, 1.0)


def _weights(pair: Ints, weight: Shares, found: Mask, pairs: int) -> tuple[Shares, Shares]:
    whole: Shares = np.bincount(pair, weights=weight, minlength=pairs)
    part: Shares = np.bincount(pair[found], weights=weight[found], minlength=pairs)
    return part, whole


def _code(document: Ints, key: Keys) -> Keys:
    mixed = (document.astype(np.uint64) + np.uint64(1)) * _MIX
    mixed = (key ^ (mixed ^ (mixed >> np.uint64(29)))) * _MIX
    return mixed ^ (mixed >> np.uint64(32))
