"""Seeded sessions of agents that work in teams, some of them planted with a success rate.

Strategy: each task type has one planted team that is better than others, maybe one that is worse,
and sessions of chance teams; planted teams may have somebody else with them, and everybody may have
one agent at the head of all sessions. What was planted is the truth that a search is held against.
"""

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from otel_llmops.analysis.coalitions import Team


@dataclass(frozen=True, slots=True)
class Done:
    """One session."""

    task_type: str
    agents: frozenset[str]
    success: bool
    tokens: int
    duration_ns: int


@dataclass(frozen=True, slots=True)
class Planted:
    """Sessions, and for each task type the team that is better, with its success rate."""

    sessions: list[Done]
    better: dict[str, tuple[frozenset[str], float]]


def planted(
    seed: int, *, sessions: int = 600, with_better: bool = True, with_others: float | None = None
) -> Planted:
    """Sessions of two to four task types; `sessions` of each.

    `with_others`: how often somebody else works with a planted team, by default up to 0.3.

    Without `with_better` every team succeeds as often as any other: nothing is to be found.
    """
    dice = random.Random(seed)  # noqa: S311 - seeded on purpose
    agents = [f"agent-{number}" for number in range(dice.randrange(6, 16))]
    head = {"head"} if dice.random() < 0.3 else set[str]()
    done: list[Done] = []
    better: dict[str, tuple[frozenset[str], float]] = {}
    for number in range(dice.randrange(2, 5)):
        task = f"task-{number}"
        base = dice.uniform(0.4, 0.6)
        plans: list[tuple[float, frozenset[str], float]] = []
        if with_better:
            good = frozenset(dice.sample(agents, dice.randrange(2, 5)))
            better[task] = good | head, dice.uniform(0.85, 0.95)
            plans.append((dice.uniform(0.15, 0.4), good, better[task][1]))
            if dice.random() < 0.5:
                bad = frozenset(dice.sample(agents, dice.randrange(2, 5)))
                if not bad >= good:
                    plans.append((dice.uniform(0.1, 0.3), bad, dice.uniform(0.1, 0.3)))
        extra = dice.uniform(0.0, 0.3) if with_others is None else with_others
        plan = _Task(task, base, plans, extra)
        done += [_session(dice, plan, agents, head) for _ in range(sessions)]
    dice.shuffle(done)
    return Planted(done, better)


@dataclass(frozen=True, slots=True)
class _Task:
    """How sessions of one task type come about: plans are (share, team, success rate)."""

    name: str
    base: float
    plans: list[tuple[float, frozenset[str], float]]
    with_others: float


def _session(dice: random.Random, task: _Task, agents: list[str], head: set[str]) -> Done:
    rolled = dice.random()
    for share, team, rate in task.plans:
        if rolled < share:
            more = {dice.choice(agents)} if dice.random() < task.with_others else set[str]()
            return _done(dice, task.name, team | more | head, rate)
        rolled -= share
    team = frozenset(dice.sample(agents, dice.randrange(1, 6)))
    return _done(dice, task.name, team | head, task.base)


def _done(dice: random.Random, task: str, team: frozenset[str], rate: float) -> Done:
    return Done(
        task_type=task,
        agents=team,
        success=dice.random() < rate,
        tokens=dice.randrange(100, 10_000),
        duration_ns=dice.randrange(10**9, 10**11),
    )


def summed(sessions: Iterable[Done]) -> list[Team]:
    """The sums by task type and team that a store gives."""
    sums: dict[tuple[str, frozenset[str]], Counter[str]] = {}
    for done in sessions:
        sums.setdefault((done.task_type, done.agents), Counter()).update(
            sessions=1, successes=done.success, tokens=done.tokens, duration_ns=done.duration_ns
        )
    return [
        Team(
            task,
            team,
            sessions=counted["sessions"],
            successes=counted["successes"],
            tokens=counted["tokens"],
            duration_ns=counted["duration_ns"],
        )
        for (task, team), counted in sums.items()
    ]
