"""What is known of a set of agents on one task, session by session; and chances, by counting."""

from collections.abc import Iterable
from fractions import Fraction
from math import comb, prod
from typing import Any, Protocol


class Session(Protocol):
    """What is read of a session."""

    @property
    def task_type(self) -> str: ...
    @property
    def agents(self) -> frozenset[str]: ...
    @property
    def success(self) -> bool: ...
    @property
    def tokens(self) -> int: ...
    @property
    def duration_ns(self) -> int: ...


def told(
    sessions: Iterable[Session], *, task_type: str, agents: frozenset[str], exact: bool
) -> dict[str, Any]:
    """Counts and means of the set's sessions, of the others, and its lift."""
    every = list(sessions)
    of_type = [each for each in every if each.task_type == task_type]
    own = [each for each in of_type if (each.agents == agents if exact else agents <= each.agents)]
    others = [each for each in of_type if each not in own]
    shares = [Fraction(sum(agent in each.agents for each in every), len(every)) for agent in agents]
    return {
        "sessions": len(own),
        "successes": sum(each.success for each in own),
        "success_rate": sum(each.success for each in own) / len(own),
        "base_rate": sum(each.success for each in others) / len(others) if others else None,
        "lift": float((len(own) + Fraction(1, 2)) / (len(of_type) * prod(shares) + Fraction(1, 2))),
        "avg_tokens": sum(each.tokens for each in own) / len(own),
        "avg_duration_ms": sum(each.duration_ns for each in own) / len(own) / 1e6,
    }


def at_least(successes: int, trials: int, other_successes: int, others: int) -> float:
    """The share of all ways to deal the successes out that give these trials as many or more."""
    total, good = trials + others, successes + other_successes
    ways = [
        comb(good, wins) * comb(total - good, trials - wins)
        for wins in range(successes, min(good, trials) + 1)
    ]
    return float(Fraction(sum(ways), comb(total, trials)))
