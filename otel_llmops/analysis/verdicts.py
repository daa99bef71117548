"""Which sets of agents do better, and which worse, than all others, by more than chance.

Strategy: the set whose sessions differ most surely from all others' is set apart with its sessions,
and what is left is looked at again: so a set that only shares sessions with a good one, and one
that looks good only beside a bad one, are not taken for good. Teams as they are come first; then
what the teams that are left have in common. What is set apart as better must in the end be better
than what is left, not surely worse than the best, and say more than a set that stands already.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.proportions import Fisher

__all__ = ["Candidate", "Verdict", "verdicts"]

_ALPHA = 0.05
"""How likely one wrong verdict may be in all: half of it is spread over all whole teams that are
looked at, half over all that teams share (Bonferroni)."""
_DOUBT = 0.002
"""Below it two parts of a set are told apart: a larger team is likelier than a lucky rest."""
_UNLIKE = 0.05
"""Below it two parts are not taken for one: what is shared is as good in all that share it."""
_ROUNDS_MAX = 20
_EXACT_MAX = 50
"""Sets that are tested exactly in a round: those that differ most."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Agents, and of each team whether its sessions are theirs: `whole` teams, or parts of them."""

    agents: frozenset[str]
    teams: Mask
    whole: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """`p_value`: of the set against all other sessions, two-sided, for itself alone."""

    p_value: float
    recommended: bool = False
    avoid: bool = False


@dataclass(frozen=True, slots=True)
class _Apart:
    """A candidate that was set apart, with the sessions that went with it."""

    place: int
    better: bool
    successes: int
    sessions: int

    @property
    def rate(self) -> float:
        return self.successes / self.sessions


def verdicts(
    candidates: Sequence[Candidate],
    sessions: Ints,
    successes: Ints,
    *,
    comparisons: tuple[int, int],
    fisher: Fisher,
) -> list[Verdict]:
    """A verdict for each candidate.

    In:     candidates over n teams; sessions and successes of each team; over how many whole
            teams, and shared sets, of all task types the chance of an error is to be spread.
    Out:    a verdict for each candidate, in their order.
    Cost:   O(candidates * n) a round, at most 20 rounds.
    Source: Fisher's exact test, Bonferroni's correction.
    """
    if not candidates:
        return []
    search = _Search(candidates, sessions, successes, comparisons, fisher)
    every = np.ones(len(sessions), dtype=bool)
    made = [Verdict(search.p_value(place, every)) for place in range(len(candidates))]
    apart, left = search.set_apart()
    for place in _distinct(_stands(apart, left, search), candidates):
        made[place] = replace(made[place], recommended=True)
    for place in _distinct((each for each in apart if not each.better), candidates):
        made[place] = replace(made[place], avoid=True)
    return made


class _Search:
    """Candidates over teams, some of which may have been set apart already."""

    def __init__(
        self,
        candidates: Sequence[Candidate],
        sessions: Ints,
        successes: Ints,
        comparisons: tuple[int, int],
        fisher: Fisher,
    ) -> None:
        whole, shared = (_ALPHA / 2 / max(1, count) for count in comparisons)
        self._holds = np.array([each.teams for each in candidates], dtype=np.int64)
        self._is_whole = np.array([each.whole for each in candidates])
        self._sessions = sessions
        self._successes = successes
        self.alpha = np.where(self._is_whole, whole, shared)
        self.fisher = fisher

    def set_apart(self) -> tuple[list[_Apart], tuple[int, int]]:
        """Candidates in the order in which they were set apart, and the counts of what is left."""
        left = np.ones(len(self._sessions), dtype=bool)
        found: list[_Apart] = []
        for kind in (self._is_whole, ~self._is_whole):
            for _ in range(_ROUNDS_MAX):
                place = self._most_certain(kind, left)
                if place is None:
                    break
                place = self._larger(self._broader(place, left), left)
                mine = left & (self._holds[place] > 0)
                better = self._is_better(place, left)
                found.append(_Apart(place, better, *self._counts(mine)))
                left &= ~mine
        return found, self._counts(left)

    def p_value(self, place: int, left: Mask) -> float:
        """Of one set against the rest of what is left, two-sided."""
        mine, rest = self._split(place, left)
        if not mine[1] or not rest[1]:
            return 1.0
        return min(1.0, 2 * min(self.fisher.better(*mine, *rest), self.fisher.worse(*mine, *rest)))

    def _most_certain(self, kind: Mask, left: Mask) -> int | None:
        """The set that differs most surely from the rest; of two alike the one that is better."""
        tested = [
            # rounded: two sets that share all sessions between them have one chance, summed twice
            (float(f"{self.p_value(place, left):.6e}"), not self._is_better(place, left), place)
            for place in self._most_different(kind, left)
        ]
        found = [each for each in tested if each[0] <= self.alpha[each[2]]]
        return min(found)[2] if found else None

    def _most_different(self, kind: Mask, left: Mask) -> list[int]:
        sessions = self._holds[:, left] @ self._sessions[left]
        successes = self._holds[:, left] @ self._successes[left]
        good, total = self._counts(left)
        others = total - sessions
        rate = successes / np.maximum(sessions, 1)
        other_rate = (good - successes) / np.maximum(others, 1)
        far = np.abs(rate - other_rate) * np.sqrt(sessions * others / max(1, total))
        far[(sessions == 0) | (others == 0) | ~kind] = -1.0
        order = np.argsort(-far, kind="stable")[:_EXACT_MAX]
        return [place for place in order.tolist() if far[place] > 0]

    def _broader(self, place: int, left: Mask) -> int:
        """What teams share, if not only those of the set that was found stand out by it."""
        while True:
            better = self._is_better(place, left)
            held, mine = self._holds[:, left], self._holds[place, left]
            around = (held >= mine).all(axis=1) & ~self._is_whole & (held.sum(axis=1) > mine.sum())
            found = []
            for other in np.flatnonzero(around).tolist():
                beside = left & (self._holds[other] > 0) & (self._holds[place] == 0)
                p_value = self._differs(beside, left & (self._holds[other] == 0), better=better)
                unlike = self._differs(beside, left & (self._holds[place] > 0), better=not better)
                if p_value <= self.alpha[other] and unlike >= _UNLIKE:
                    found.append((p_value, other))
            if not found:
                return place
            place = min(found)[1]

    def _larger(self, place: int, left: Mask) -> int:
        """The largest set behind what was found, if that is only a part of it.

        That is one which stands out by itself, while what the part has beside it does not.
        """
        while not self._is_whole[place]:
            better = self._is_better(place, left)
            held, mine = self._holds[:, left], self._holds[place, left]
            inside = (held <= mine).all(axis=1) & ~self._is_whole
            inside &= held.any(axis=1) & (held.sum(axis=1) < mine.sum())
            outside = left & (self._holds[place] == 0)
            found = []
            for other in np.flatnonzero(inside).tolist():
                beside = left & (self._holds[place] > 0) & (self._holds[other] == 0)
                if self._differs(beside, outside, better=better) >= _DOUBT:
                    p_value = self.p_value(other, left)
                    if p_value <= self.alpha[other] and self._is_better(other, left) == better:
                        found.append((p_value, other))
            if not found:
                return place
            place = min(found)[1]
        return place

    def _differs(self, mine: Mask, others: Mask, *, better: bool) -> float:
        """How likely these sessions are so much better, or worse, than others by chance alone."""
        counts, rest = self._counts(mine), self._counts(others)
        if not counts[1] or not rest[1]:
            return 1.0
        return (self.fisher.better if better else self.fisher.worse)(*counts, *rest)

    def _is_better(self, place: int, left: Mask) -> bool:
        (good, sessions), (other_good, others) = self._split(place, left)
        return good * others > other_good * sessions

    def _split(self, place: int, left: Mask) -> tuple[tuple[int, int], tuple[int, int]]:
        mine = self._holds[place] > 0
        return self._counts(left & mine), self._counts(left & ~mine)

    def _counts(self, teams: Mask) -> tuple[int, int]:
        """Successes and sessions."""
        return int(self._successes[teams].sum()), int(self._sessions[teams].sum())


def _stands(apart: list[_Apart], left: tuple[int, int], search: _Search) -> list[_Apart]:
    """What is better than what is left, and not surely worse than the best of it."""
    worse = [each for each in apart if not each.better]
    rest = left
    if not left[1]:
        rest = sum(each.successes for each in worse), sum(each.sessions for each in worse)
    better = [
        each
        for each in apart
        if each.better
        and rest[1]
        and 2 * search.fisher.better(each.successes, each.sessions, *rest)
        <= search.alpha[each.place]
    ]
    best = max(better, key=lambda each: each.rate, default=None)
    return [
        each
        for each in better
        if each is best
        or best is None
        or search.fisher.worse(each.successes, each.sessions, best.successes, best.sessions)
        >= _DOUBT
    ]


def _distinct(apart: Iterable[_Apart], candidates: Sequence[Candidate]) -> list[int]:
    """Without what is part of, or has all of, one that was set apart before."""
    kept: list[int] = []
    for each in apart:
        agents = candidates[each.place].agents
        said = [candidates[place].agents for place in kept]
        if not any(agents <= other or other <= agents for other in said):
            kept.append(each.place)
    return kept
