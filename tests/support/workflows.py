"""Seeded workflows of agents, as a program would run them, with trouble planted in one agent.

    made = workflow(Random(7), agents=12, trouble=Trouble.SLOW)
    made.troubled             # 'agent-3'
    table(made.nodes)         # SPANS (tests/support/tree.py)

Strategy: a plan is drawn (agents in sequence, fanned out, delegated to by a tool, taking turns) and
then run against a clock, so that every span begins because something before it ended. Trouble only
changes how long things take and whether they fail: the same seed without trouble gives the same
workflow, so what an agent's trouble costs is what the clock says. `speak` adds what was said to
each call: it gets the agent and the call's number.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from random import Random

from tests.support.tree import Node, conversation, usage

_TOOLS = ("search", "lookup_order", "read_page", "calendar", "run_query")
_MODELS = ("gpt-4o", "claude-sonnet-4", "gpt-4o-mini")
_MODEL_MS, _TOOL_MS = 900, 350
"""Median time of a call; each takes from a third to three times as long."""

_FACTORS = (5.0, 12.0)
"""How many times as long a slow agent's calls take."""

_WAITS_MS = (2_000, 8_000)
"""How long a waiting agent does nothing before each of its calls."""


class Trouble(StrEnum):
    """What is wrong with the planted agent."""

    SLOW = "slow"
    WAITING = "waiting"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Workflow:
    """One run: its spans, who takes part, and in whom trouble was planted ('': in nobody)."""

    nodes: list[Node]
    agents: tuple[str, ...]
    troubled: str
    trouble: Trouble | None


Speak = Callable[[str, int], Mapping[str, str]]
"""(agent, number of its call in this run) -> attributes of the call."""


def workflow(
    dice: Random,
    *,
    agents: int,
    trouble: Trouble | None = None,
    trace: int = 1,
    session: str = "",
    speak: Speak | None = None,
) -> Workflow:
    """One run of a workflow of so many agents, with its trouble in one of them.

    Ids are unique in a trace alone, so several runs need several `trace` numbers; runs that share a
    `session` are one conversation.
    """
    names = tuple(f"agent-{number}" for number in range(1, agents + 1))
    chosen = dice.choice(names)
    troubled = chosen if trouble else ""
    seed = dice.getrandbits(64)
    plan = Random(seed)  # noqa: S311 - repeatable on purpose
    run = _Run(plan, seed, trace, session, troubled, trouble, speak or _silent)
    orchestrated = agents > 1 and plan.random() < 0.5
    members = list(names)
    plan.shuffle(members)
    root = run.open("workflow", "crew", 0, 0)
    at = plan.randint(1, 5)
    if orchestrated:
        at = run.orchestrate(root, members.pop(0), members, at)
    else:
        at = run.stages(root, members, at)
    run.close(root, at + plan.randint(0, 5))
    return Workflow(run.nodes, names, troubled, trouble)


def _silent(agent: str, number: int) -> Mapping[str, str]:
    del agent, number
    return {}


@dataclass
class _Run:
    """A workflow against the clock: each method starts at a time and gives the time it ends, ms."""

    dice: Random
    seed: int
    trace: int
    session: str
    troubled: str
    trouble: Trouble | None
    speak: Speak
    chances: dict[str, Random] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)

    def open(
        self, kind: str, name: str, parent: int, start: int, said: Mapping[str, str] | None = None
    ) -> int:
        number = len(self.nodes) + 1
        named = conversation(self.session) if self.session and not parent else {}
        node = Node(kind, name, start, start, number, parent, self.trace, {**named, **(said or {})})
        self.nodes.append(node)
        return number

    def close(self, number: int, end: int, *, failed: str = "") -> int:
        node = self.nodes[number - 1]
        said = {**node.said, "error.type": failed} if failed else node.said
        self.nodes[number - 1] = replace(node, end=end, failed=bool(failed), said=said)
        return end

    def stages(self, parent: int, members: list[str], at: int) -> int:
        """Members one stage after the other: alone, at once, or taking turns."""
        left = list(members)
        while left:
            size = min(len(left), self.dice.choice((1, 1, 1, 2, 3, 4)))
            team, left = left[:size], left[size:]
            if size > 1 and self.dice.random() < 0.6:
                at = self.at_once(parent, team, at)
            else:
                for _ in range(2 if size == 2 and self.dice.random() < 0.5 else 1):
                    for name in team:
                        at = self.agent(parent, name, at + self.dice.randint(1, 20))
        return at

    def at_once(self, parent: int, team: list[str], at: int) -> int:
        """All members begin within some ms; whoever waits for them goes on after the last."""
        starts = [at + self.dice.randint(1, 20) for _ in team]
        return max(self.agent(parent, *each) for each in zip(team, starts, strict=True))

    def orchestrate(self, parent: int, name: str, members: list[str], at: int) -> int:
        """An agent that asks the model whom to call, and calls members by a tool or at once."""
        own = self.open("agent", name, parent, at)
        left = list(members)
        while left:
            at = self.call(own, name, at + self.dice.randint(1, 10))
            size = min(len(left), self.dice.choice((1, 1, 2, 3)))
            team, left = left[:size], left[size:]
            if size > 1:
                at = self.at_once(own, team, at)
            else:
                tool = self.open("tool", f"ask_{team[0]}", own, at + 1)
                at = self.close(tool, self.agent(tool, team[0], at + 3) + 2)
        at = self.call(own, name, at + self.dice.randint(1, 10))
        return self.close(own, at + self.dice.randint(0, 5))

    def agent(self, parent: int, name: str, at: int) -> int:
        """One activation: model calls with tools between them."""
        own = self.open("agent", name, parent, at)
        for turn in range(self.dice.randint(1, 3)):
            if turn:
                for _ in range(self.dice.choice((1, 1, 2))):
                    at = self.call(own, name, at + self.dice.randint(1, 10), tool=True)
            at = self.call(own, name, at + self.dice.randint(1, 10))
        return self.close(own, at + self.dice.randint(0, 5))

    def call(self, parent: int, name: str, at: int, *, tool: bool = False) -> int:
        """A model call or a tool call, tried again where it is planted to fail."""
        if name not in self.chances:
            self.chances[name] = Random(f"{self.seed} {name}")  # noqa: S311 - repeatable
        chance = Random(self.chances[name].getrandbits(64))  # noqa: S311 - repeatable
        kind_of = chance.choice(_TOOLS if tool else _MODELS)
        lasts = (_TOOL_MS if tool else _MODEL_MS) * 3 ** chance.uniform(-1, 1)
        trouble = self.trouble if name == self.troubled else None
        if trouble is Trouble.WAITING:
            at += chance.randint(*_WAITS_MS)
        if trouble is Trouble.SLOW:
            lasts *= chance.uniform(*_FACTORS)
        if trouble is Trouble.FAILING:
            for attempt in range(chance.randint(1, 3)):
                tried = self._tried(
                    parent, name, kind_of, (at, lasts), chance, failed="TimeoutError"
                )
                at = tried + 100 * 2**attempt
        return self._tried(parent, name, kind_of, (at, lasts), chance)

    def _tried(
        self,
        parent: int,
        name: str,
        kind_of: str,
        times: tuple[int, float],
        chance: Random,
        *,
        failed: str = "",
    ) -> int:
        number = self.calls[name] = self.calls.get(name, 0) + 1
        tool = kind_of in _TOOLS
        tokens = chance.randint(200, 2000), chance.randint(20, 300)
        said = {**({} if tool else usage(*tokens)), **self.speak(name, number)}
        own = self.open("tool" if tool else "llm", kind_of, parent, times[0], said)
        return self.close(own, times[0] + max(1, round(times[1])), failed=failed)
