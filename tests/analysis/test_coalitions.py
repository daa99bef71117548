"""Coalitions: counts against plain sets, chances against counting, planted teams found."""

import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.analysis.coalitions import Coalition, Team, coalitions
from otel_llmops.analysis.proportions import Fisher, wilson_low
from tests.oracles import coalitions as oracle
from tests.support.teams import Done, Planted, planted, summed

AGENTS = "abcdef"
sessions_of_teams = st.lists(
    st.builds(
        Done,
        task_type=st.sampled_from(["", "refund", "export"]),
        agents=st.frozensets(st.sampled_from(AGENTS), min_size=1, max_size=4),
        success=st.booleans(),
        tokens=st.integers(0, 1000),
        duration_ns=st.integers(0, 10**12),
    ),
    min_size=1,
    max_size=60,
)


@given(sessions_of_teams)
def test_each_coalition_counts_its_sessions(sessions: list[Done]) -> None:
    numbered = [Numbered(number, done) for number, done in enumerate(sessions)]
    found = coalitions(summed(sessions))
    for each in found:
        expected = oracle.told(
            numbered, task_type=each.task_type, agents=frozenset(each.agents), exact=each.exact
        )
        assert {name: getattr(each, name) for name in expected} == pytest.approx(expected)
    sets = [(each.task_type, tuple(each.agents)) for each in found]
    assert len(set(sets)) == len(sets)
    whole = {
        (done.task_type, tuple(sorted(done.agents))) for done in sessions if len(done.agents) > 1
    }
    assert whole <= set(sets)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A session that differs from every other."""

    number: int
    done: Done

    @property
    def task_type(self) -> str:
        return self.done.task_type

    @property
    def agents(self) -> frozenset[str]:
        return self.done.agents

    @property
    def success(self) -> bool:
        return self.done.success

    @property
    def tokens(self) -> int:
        return self.done.tokens

    @property
    def duration_ns(self) -> int:
        return self.done.duration_ns


@given(sessions_of_teams, st.permutations(AGENTS))
def test_renaming_agents_renames_the_coalitions(sessions: list[Done], names: list[str]) -> None:
    named = dict(zip(AGENTS, names, strict=True))

    def facts(found: list[Coalition], rename: dict[str, str]) -> set[object]:
        return {
            (frozenset(rename[a] for a in each.agents), each.task_type, each.sessions,
             each.successes, each.exact, each.recommended, each.avoid)
            for each in found
        }  # fmt: skip

    renamed = [
        Done(d.task_type, frozenset(named[a] for a in d.agents), d.success, d.tokens, d.duration_ns)
        for d in sessions
    ]
    before, after = coalitions(summed(sessions)), coalitions(summed(renamed))
    assert facts(before, named) == facts(after, {agent: agent for agent in AGENTS})


shares = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))


@given(shares)
def test_chances_are_what_counting_gives(table: tuple[int, int, int, int]) -> None:
    won, lost, other_won, other_lost = table
    counts = (won, won + lost, other_won, other_won + other_lost)
    assert Fisher(80).better(*counts) == pytest.approx(oracle.at_least(*counts), abs=1e-12)
    turned = (lost, won + lost, other_lost, other_won + other_lost)
    assert Fisher(80).worse(*counts) == pytest.approx(oracle.at_least(*turned), abs=1e-12)


def test_the_lower_bound_is_that_of_the_book() -> None:
    # Newcombe (1998), table I
    told = [wilson_low(*pair) for pair in ((81, 263), (15, 148), (0, 20), (29, 29))]
    assert told == pytest.approx([0.2553, 0.0624, 0.0, 0.8830], abs=5e-5)
    assert wilson_low(0, 0) == 0.0


def team(agents: str, sessions: int, successes: int, task_type: str = "refund") -> Team:
    return Team(task_type, frozenset(agents), sessions, successes, 0, 0)


def recommended(*teams: Team) -> list[str]:
    return ["".join(each.agents) for each in coalitions(teams) if each.recommended]


def test_a_team_that_has_nothing_beside_it_is_not_recommended() -> None:
    assert recommended(team("ab", 500, 490)) == []


def test_a_few_sessions_are_no_evidence() -> None:
    assert recommended(team("ab", 5, 5), team("cd", 5, 0)) == []


def test_the_better_of_two_teams_is_recommended_and_the_other_is_not() -> None:
    assert recommended(team("ab", 100, 92), team("cd", 100, 41)) == ["ab"]


def test_a_team_that_is_only_not_the_worst_is_not_recommended() -> None:
    ordinary = [team(pair, 60, 42) for pair in ("ac", "ad", "ae", "bc", "bd")]
    found = coalitions([*ordinary, team("xy", 200, 20)])
    assert [each.agents for each in found if each.recommended] == []
    assert [each.agents for each in found if each.avoid] == [["x", "y"]]


def test_a_part_of_a_good_team_is_not_recommended_for_it() -> None:
    others = [team(pair, 60, 30) for pair in ("ab", "bc", "ac", "de", "df")]
    assert recommended(team("abc", 80, 76), *others) == ["abc"]


def test_what_good_teams_share_is_recommended_where_they_are_never_alone() -> None:
    good = [team(f"ab{other}", 25, 24) for other in "cdefgh"]
    others = [team(pair, 60, 30) for pair in ("cd", "ef", "gh", "ac", "bd")]
    assert recommended(*good, *others) == ["ab"]


def test_task_types_are_judged_apart() -> None:
    teams = [team("ab", 100, 90, "refund"), team("cd", 100, 40, "refund"),
             team("ab", 100, 40, "export"), team("cd", 100, 90, "export")]  # fmt: skip
    found = [(each.task_type, each.agents) for each in coalitions(teams) if each.recommended]
    assert sorted(found) == [("export", ["c", "d"]), ("refund", ["a", "b"])]


def score(truth: Planted) -> tuple[int, int]:
    """Planted teams that were missed, and others that were recommended."""
    found = {
        (each.task_type, frozenset(each.agents))
        for each in coalitions(summed(truth.sessions))
        if each.recommended
    }
    wanted = {(task, team) for task, (team, _) in truth.better.items()}
    return len(wanted - found), len(found - wanted)


def test_planted_teams_are_found_and_nothing_else_is_recommended() -> None:
    trials = [score(planted(seed)) for seed in range(30)]
    assert sum(trial == (0, 0) for trial in trials) >= 0.95 * len(trials)


def test_where_nothing_is_planted_nothing_is_recommended() -> None:
    trials = [score(planted(seed, with_better=False)) for seed in range(30)]
    assert sum(trial == (0, 0) for trial in trials) >= 0.95 * len(trials)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("sessions", "with_better", "with_others"),
    [(600, True, None), (600, False, None), (2000, True, None), (600, True, 0.7)],
)
def test_three_hundred_plantings(
    sessions: int, with_better: bool, with_others: float | None
) -> None:
    trials = [
        score(planted(seed, sessions=sessions, with_better=with_better, with_others=with_others))
        for seed in range(1_000, 1_300)
    ]
    wrong = {seed: trial for seed, trial in enumerate(trials, start=1_000) if trial != (0, 0)}
    assert len(wrong) <= 0.05 * len(trials), wrong


def lift(found: list[Coalition], agents: str) -> float:
    (each,) = (each for each in found if each.agents == list(agents))
    return each.lift


def test_rare_agents_who_met_once_have_no_great_lift() -> None:
    found = coalitions([team("vwxyz", 1, 1), team("ab", 999_999, 500_000)])
    assert lift(found, "vwxyz") == pytest.approx(3.0)
    assert lift(found, "ab") == pytest.approx(1.0, abs=1e-3)


def test_the_more_sessions_the_nearer_is_lift_to_the_plain_ratio() -> None:
    # a and b in a half of all sessions each, and always together: twice as often as by chance
    near = [lift(coalitions([team("ab", n, n), team("cd", n, n)]), "ab") for n in (1, 10, 1_000)]
    assert near == sorted(near)
    assert near[-1] == pytest.approx(2.0, abs=1e-2)


def test_four_times_the_teams_take_at_most_six_times_the_time() -> None:
    def teams(count: int) -> list[Team]:
        return [
            team(f"{place % 7}{chr(200 + place)}{chr(9000 + place // 2)}", 3, 2)
            for place in range(count)
        ]

    def seconds(count: int) -> float:
        made = teams(count)
        begun = time.process_time()
        coalitions(made)
        return time.process_time() - begun

    seconds(100)
    small, large = (min(seconds(count) for _ in range(3)) for count in (500, 2_000))
    assert large < 6 * small
