"""Seeded workflows of agents, as a program would run them, with trouble planted in one agent.

    made = workflow(Random(7), agents=12, trouble=Trouble.SLOW)
    made.troubled             # 'agent-3'
    table(made.nodes)         # SPANS (tests/support/tree.py)

Strategy: a plan is drawn (agents in sequence, fanned out, delegated to by a tool, taking turns) and
then run against a clock, so that every span begins because something before it ended. Trouble only
changes how long things take and whether they fail, so what an agent's trouble costs is what the
clock says. `speak` adds what was said to each model call: it gets the agent and the call's number.
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
    troubled = dice.choice(names) if trouble else ""
    run = _Run(dice, trace, session, troubled, trouble, speak or (lambda _agent, _number: {}))
    orchestrated = agents > 1 and dice.random() < 0.5
    members = list(names)
    dice.shuffle(members)
    root = run.open("workflow", "crew", 0, 0)
    at = dice.randint(1, 5)
    if orchestrated:
        at = run.orchestrate(root, members.pop(0), members, at)
    else:
        at = run.stages(root, members, at)
    run.close(root, at + dice.randint(0, 5))
    return Workflow(run.nodes, names, troubled, trouble)


@dataclass
class _Run:
    """A workflow against the clock: each method starts at a time and gives the time it ends, ms."""

    dice: Random
    trace: int
    session: str
    troubled: str
    trouble: Trouble | None
    speak: Speak
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
        trouble = self.trouble if name == self.troubled else None
        if trouble is Trouble.WAITING:
            at += self.dice.randint(*_WAITS_MS)
        if trouble is Trouble.FAILING:
            kind_of = self.dice.choice(_TOOLS) if tool else self.dice.choice(_MODELS)
            for attempt in range(self.dice.randint(1, 3)):
                at = self._tried(parent, name, kind_of, at, tool=tool, failed="TimeoutError")
                at += 100 * 2**attempt
            return self._tried(parent, name, kind_of, at, tool=tool)
        kind_of = self.dice.choice(_TOOLS if tool else _MODELS)
        slower = self.dice.uniform(*_FACTORS) if trouble is Trouble.SLOW else 1.0
        return self._tried(parent, name, kind_of, at, tool=tool, slower=slower)

    def _tried(
        self,
        parent: int,
        name: str,
        kind_of: str,
        at: int,
        *,
        tool: bool,
        slower: float = 1.0,
        failed: str = "",
    ) -> int:
        number = self.calls[name] = self.calls.get(name, 0) + 1
        lasts = (_TOOL_MS if tool else _MODEL_MS) * 3 ** self.dice.uniform(-1, 1) * slower
        said: Mapping[str, str] = {} if tool else usage(*self._tokens())
        said = {**said, **self.speak(name, number)}
        own = self.open("tool" if tool else "llm", kind_of, parent, at, said)
        return self.close(own, at + max(1, round(lasts)), failed=failed)

    def _tokens(self) -> tuple[int, int]:
        return self.dice.randint(200, 2000), self.dice.randint(20, 300)
