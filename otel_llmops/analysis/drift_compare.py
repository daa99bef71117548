"""How much of one document's terms are in others, for many pairs at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from otel_llmops.analysis.drift_terms import NAME, WEIGHTS, Codes, Terms
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


class TermIndex:
    """Terms by document, to be looked up."""

    def __init__(self, terms: Terms, *, terms_max: int) -> None:
        self._terms = terms
        self._first = terms.bounds[:-1]
        self._count = np.minimum(np.diff(terms.bounds), terms_max)

    def found(self, wanted: Ints, within: Sequence[Ints]) -> "Found":
        """For each pair what of the first document is in any of the others.

        In:   documents `wanted`, and columns of documents to look in; -1 for none.
        Out:  Found.
        Cost: O(terms wanted log terms), the heaviest `terms_max` of a document at most.
        """
        count = np.where(wanted >= 0, np.append(self._count, 0)[wanted], 0)
        pair = np.repeat(np.arange(len(wanted)), count)
        place = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count)
        key, kind = self._terms.of(place + np.append(self._first, 0)[wanted][pair])
        missing = np.arange(len(pair))
        for column in within:
            document = column[pair[missing]]
            there = self._has(document, key[missing])
            missing = missing[~there]
        found = np.ones(len(pair), dtype=bool)
        found[missing] = False
        weight, fact = WEIGHTS[kind], kind >= NAME
        pairs = len(wanted)
        return Found(
            *_weights(pair[fact], weight[fact], found[fact], pairs),
            *_weights(pair[~fact], weight[~fact], found[~fact], pairs),
        )

    def _has(self, document: Ints, key: Codes) -> Mask:
        known = self._terms.known
        there = np.zeros(len(key), dtype=bool)
        asked = np.flatnonzero(document >= 0)
        if len(known) and len(asked):
            code = Terms.code(document[asked], key[asked])
            place = np.minimum(np.searchsorted(known, code), len(known) - 1)
            there[asked] = known[place] == code
        return there


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
    whole = np.bincount(pair, weights=weight, minlength=pairs)
    part = np.bincount(pair[found], weights=weight[found], minlength=pairs)
    return part.astype(np.float64, copy=False), whole.astype(np.float64, copy=False)
