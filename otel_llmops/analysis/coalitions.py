"""Which sets of agents solve which tasks together, how often and how well, and which to prefer.

Strategy: what is mined are sums by (task type, team), so a million sessions cost what their teams
cost. Candidates are the teams as they are, and what several teams have in common (closed frequent
sets): a set whose sessions are all those of a larger set says nothing of its own. verdicts.py finds
those that do better or worse than all others by more than chance.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

import networkx as nx
import numpy as np

from otel_llmops.analysis import coordination
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.proportions import Fisher, shrunk_ratio, wilson_low
from otel_llmops.analysis.verdicts import Candidate, Verdict, verdicts

__all__ = ["Coalition", "Team", "coalitions"]

_CANDIDATES_MAX = 500
"""Sets of one task type. Random teams have exponentially many things in common."""
_TEAMS_MAX = 100
"""Teams of one task type, those of most sessions, that are compared with each other."""
_TEAM_AGENTS_MAX = 64
"""A larger team is counted, and no candidate."""
_SESSIONS_MIN = 10
_SHARE_MIN = 0.02
"""A set is judged from so many sessions on, and from so large a share of its task type's: each set
that is looked at makes it harder for all to stand out."""
_SUMMED = ("sessions", "successes", "tokens", "duration_ns")
_NS_PER_MS = 1e6


@dataclass(frozen=True, slots=True)
class Team:
    """All sessions in which exactly these agents worked on a task of this type."""

    task_type: str
    agents: frozenset[str]
    sessions: int
    successes: int
    tokens: int
    duration_ns: int


@dataclass(frozen=True, slots=True)
class Coalition:
    """A set of agents on tasks of one type: all sessions of exactly these, or of these and others.

    `exact` says which: a team is counted as it is, unless what stands out are all that have it.
    `base_rate` is the success rate of the task type's other sessions, None where there are none;
    `lift` how many times as often the set works on these tasks as it would if agents came together
    by chance, shrunk (at most 2 * sessions + 1); `p_value` how likely it is to differ so much from
    the others by chance, None where that was not asked; `community`: whether all of it is in one
    community of agents.
    """

    agents: list[str]
    task_type: str
    sessions: int
    successes: int
    success_rate: float
    success_rate_low: float
    base_rate: float | None
    lift: float
    avg_tokens: float
    avg_duration_ms: float
    exact: bool
    p_value: float | None = None
    community: bool = False
    recommended: bool = False
    avoid: bool = False


def coalitions(teams: Sequence[Team]) -> list[Coalition]:
    """Mine the teams of all task types.

    In:     n teams, each (task type, agents) once.
    Out:    coalitions of two agents or more: recommended ones first, then by the lower bound of
            their success rate (highest first), sessions (most first), task type and names.
    Edge:   A task type that one team alone works on has nothing to compare with: no verdict.
    Cost:   O(n * candidates) for each task type, at most 500 candidates.
    Source: closed itemsets: Pasquier et al. (1999); bounds and tests: proportions.py.
    """
    total = sum(team.sessions for team in teams)
    share = _shares(teams, total)
    group = _communities(teams)
    by_type: dict[str, list[Team]] = {}
    for team in teams:
        by_type.setdefault(team.task_type, []).append(team)
    tables = [_Table(found) for found in by_type.values()]
    whole = sum(table.judged_of(whole=True) for table in tables)
    shared = sum(table.judged_of(whole=False) for table in tables)
    made = [
        replace(each, community=len({group.get(agent, agent) for agent in each.agents}) == 1)
        for table in tables
        for each in table.coalitions(share, comparisons=(whole, shared), fisher=Fisher(table.total))
    ]
    return sorted(made, key=_order)


def _order(found: Coalition) -> tuple[object, ...]:
    return (
        not found.recommended,
        -found.success_rate_low,
        -found.sessions,
        found.task_type,
        found.agents,
    )


def _shares(teams: Iterable[Team], total: int) -> dict[str, float]:
    """For each agent the share of all sessions that it took part in."""
    sessions: dict[str, int] = {}
    for team in teams:
        for agent in team.agents:
            sessions[agent] = sessions.get(agent, 0) + team.sessions
    return {agent: count / total for agent, count in sessions.items()}


def _communities(teams: Iterable[Team]) -> dict[str, str]:
    """For each agent that is in a community the first name of it: who works with whom."""
    together = nx.DiGraph()
    for team in teams:
        agents = sorted(team.agents)[:_TEAM_AGENTS_MAX]
        for place, agent in enumerate(agents):
            for other in agents[place + 1 :]:
                before = together.get_edge_data(agent, other, {"handoffs": 0})["handoffs"]
                together.add_edge(agent, other, handoffs=before + team.sessions)
    groups = coordination.communities(together)
    return {agent: members[0] for members in groups for agent in members}


class _Table:
    """The teams of one task type, and its candidates: whole teams, and what teams share."""

    def __init__(self, teams: Sequence[Team]) -> None:
        self._teams = sorted(teams, key=lambda team: (-team.sessions, sorted(team.agents)))
        self._sessions = self._summed("sessions")
        self.total = int(self._sessions.sum())
        self._candidates = _whole(self._teams) + _shared(self._teams)
        counts = [int(self._sessions[each.teams].sum()) for each in self._candidates]
        enough = max(_SESSIONS_MIN, _SHARE_MIN * self.total)
        self.judged = [place for place, count in enumerate(counts) if enough <= count < self.total]

    def judged_of(self, *, whole: bool) -> int:
        """How many whole teams, or shared sets, get a verdict."""
        return sum(self._candidates[place].whole == whole for place in self.judged)

    def coalitions(
        self, share: dict[str, float], *, comparisons: tuple[int, int], fisher: Fisher
    ) -> Iterator[Coalition]:
        """One for each set of agents: of its two ways of counting the one that has a verdict."""
        found = verdicts(
            [self._candidates[place] for place in self.judged],
            self._sessions,
            self._summed("successes"),
            comparisons=comparisons,
            fisher=fisher,
        )
        verdict = dict(zip(self.judged, found, strict=True))
        ways: dict[frozenset[str], list[int]] = {}
        for place, each in enumerate(self._candidates):
            ways.setdefault(each.agents, []).append(place)
        sums = {name: self._summed(name) for name in _SUMMED}
        good = int(sums["successes"].sum())
        for places in ways.values():
            place = min(places, key=lambda each: (not _is_verdict(verdict.get(each)), each))
            yield self._coalition(self._candidates[place], sums, good, share, verdict.get(place))

    def _coalition(
        self,
        candidate: Candidate,
        sums: dict[str, Ints],
        good: int,
        share: dict[str, float],
        verdict: Verdict | None,
    ) -> Coalition:
        own = {name: int(values[candidate.teams].sum()) for name, values in sums.items()}
        sessions, successes = own["sessions"], own["successes"]
        others = self.total - sessions
        agents = sorted(candidate.agents)
        return Coalition(
            agents=agents,
            task_type=self._teams[0].task_type,
            sessions=sessions,
            successes=successes,
            success_rate=successes / sessions,
            success_rate_low=wilson_low(successes, sessions),
            base_rate=(good - successes) / others if others else None,
            lift=shrunk_ratio(sessions, self.total * prod(share[agent] for agent in agents)),
            avg_tokens=own["tokens"] / sessions,
            avg_duration_ms=own["duration_ns"] / sessions / _NS_PER_MS,
            exact=candidate.whole,
            p_value=verdict.p_value if verdict else None,
            recommended=verdict.recommended if verdict else False,
            avoid=verdict.avoid if verdict else False,
        )

    def _summed(self, name: str) -> Ints:
        return np.array([getattr(team, name) for team in self._teams], dtype=np.int64)


def _is_verdict(verdict: Verdict | None) -> bool:
    return verdict is not None and (verdict.recommended or verdict.avoid)


def _whole(teams: Sequence[Team]) -> list[Candidate]:
    """Teams of two agents or more, as they are."""
    made: list[Candidate] = []
    for place, team in enumerate(teams):
        if 2 <= len(team.agents) <= _TEAM_AGENTS_MAX and len(made) < _CANDIDATES_MAX:
            mine = np.zeros(len(teams), dtype=bool)
            mine[place] = True
            made.append(Candidate(team.agents, mine, whole=True))
    return made


def _shared(teams: Sequence[Team]) -> list[Candidate]:
    """What two teams or more have in common, of two agents or more, with all teams that have it."""
    sets = _common([team.agents for team in teams if 2 <= len(team.agents) <= _TEAM_AGENTS_MAX])
    place = {agent: number for number, agent in enumerate(sorted(frozenset().union(*sets)))}
    has = np.zeros((len(teams), len(place)), dtype=np.float32)
    for row, team in enumerate(teams):
        has[row, [place[agent] for agent in team.agents if agent in place]] = 1.0
    asked = np.zeros((len(sets), len(place)), dtype=np.float32)
    for row, agents in enumerate(sets):
        asked[row, [place[agent] for agent in agents]] = 1.0
    holds: Mask = asked @ has.T == asked.sum(axis=1, keepdims=True)
    return [
        Candidate(agents, mine, whole=False)
        for agents, mine in zip(sets, holds, strict=True)
        if mine.sum() > 1
    ]


def _common(whole: Sequence[frozenset[str]]) -> list[frozenset[str]]:
    """The teams, in their order, and what they have in common, closed under that up to a bound."""
    found = dict.fromkeys(whole[:_CANDIDATES_MAX])
    fresh = list(found)
    while fresh and len(found) < _CANDIDATES_MAX:
        common = dict.fromkeys(
            each & team
            for each in fresh[:_TEAMS_MAX]
            for team in whole[:_TEAMS_MAX]
            if len(each & team) > 1
        )
        fresh = [each for each in common if each not in found]
        found |= dict.fromkeys(fresh[: _CANDIDATES_MAX - len(found)])
    return list(found)
