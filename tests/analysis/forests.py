"""Hypothesis strategies: forests of spans, as awkward as the real ones and more so.

Ids are few, so that parents are missing, spans are their own parents, parents go in circles, and
two different spans have one id; times are few, so that many are equal.
"""

import random
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st

from tests.oracles.relay import acts
from tests.support.tree import Node, conversation, usage

whole_analysis = settings(max_examples=min(100, settings().max_examples))
"""For what analyses a forest from end to end: some 20 ms of CPU an analysis."""

AGENTS = ("planner", "writer", "Writer", "critic", "fact-checker")
_TOOLS = (
    "search",
    "handoff",
    "transfer_to_writer",
    "transfer_to_critic",
    "transfer_to_fact_checker",
    "transfer_to_human",
    "transfer_back_to_planner",
)
_KINDS = (
    "agent",
    "agent",
    "llm",
    "llm",
    "tool",
    "tool",
    "workflow",
    "embeddings",
    "usage",
    "span",
    "spending",
)

_WORDS: tuple[dict[str, str], ...] = (
    {},
    *(
        {"openinference.span.kind": "CHAIN", "input.value": f"current_agent_name='{name}'"}
        for name in ("planner", "writer", "critic", "agent")
    ),
    *(
        {"gen_ai.operation.name": "create_agent", "gen_ai.agent.name": name}
        for name in ("writer", "critic", "model")
    ),
)
"""What a span that means nothing may say of agents, the framework's own ones included."""

_ENDS = (-5, 0, 1, 2, 10, 11, 12, 20, 50, 100)

_tokens = st.builds(usage, st.integers(0, 50), st.integers(0, 50))


_odd = st.integers(0, 7).map(lambda number: number == 7)


@st.composite
def nodes(draw: st.DrawFn, number: int, traces: tuple[int, ...]) -> Node:
    """The `number`th span: mostly with an id of its own, below one of those before it."""
    kind = draw(st.sampled_from(_KINDS))
    names = {"agent": AGENTS, "tool": _TOOLS}.get(kind, ("a", "b"))
    start = draw(st.integers(0, 12)) * 10
    return Node(
        kind=kind,
        name=draw(st.sampled_from(names)),
        start=start,
        end=start + draw(st.sampled_from(_ENDS)),
        id=draw(st.integers(1, 24)) if draw(_odd) else number,
        parent=draw(st.integers(0, 25) if draw(_odd) else st.integers(0, number - 1)),
        trace=draw(st.sampled_from(traces)) if draw(_odd) else traces[0],
        said=draw(_said(kind, traces)),
        links=(draw(st.sampled_from((*traces, 99))),) if draw(_odd) else (),
        failed=draw(_odd),
        scope=draw(st.sampled_from(("one", "two"))),
    )


@st.composite
def _said(draw: st.DrawFn, kind: str, traces: tuple[int, ...]) -> dict[str, str]:
    said: dict[str, str] = {}
    if kind != "tool" and draw(st.booleans()):
        said |= draw(_tokens)
    if draw(_odd):
        said |= conversation(f"c{draw(st.sampled_from(traces))}")
    if kind == "tool" and draw(_odd):
        said["gen_ai.transfer.target.name"] = draw(st.sampled_from(AGENTS))
    return said


@st.composite
def forests(draw: st.DrawFn, traces: tuple[int, ...] = (1, 2, 3)) -> list[Node]:
    """Up to 24 spans in any order."""
    count = draw(st.integers(1, 24))
    return draw(st.permutations([draw(nodes(number, traces)) for number in range(1, count + 1)]))


def random_forest(chance: random.Random, trace: int) -> list[Node]:
    """As `forests`, by plain chance: a hundred times as fast. In the two traces after `trace`.

    Half of them are chains of agents, in which spans begin when others have ended.
    """
    traces = (trace + 1, trace + 2)
    late = chance.random() < 0.5
    nodes: list[Node] = []
    for number in range(1, chance.randint(1, 24) + 1):
        kind = chance.choice(("agent", *_KINDS))
        start = chance.randint(0, 12) * 10
        if late and nodes and chance.random() < 0.7:
            start = max(0, nodes[-1].end + chance.choice((-10, 0, 5, 10)))
        below = number - 1 if late and chance.random() < 0.5 else chance.randint(0, number - 1)
        rare = [chance.random() < 0.1 for _ in range(7)]
        said = usage(*chance.choices(range(50), k=2)) if kind != "tool" and rare[0] else {}
        if rare[1]:
            said |= conversation(f"c{chance.choice(traces)}")
        if kind == "tool" and chance.random() < 0.2:
            said["gen_ai.transfer.target.name"] = chance.choice(AGENTS)
        nodes.append(
            Node(
                kind=kind,
                name=chance.choice({"agent": AGENTS, "tool": _TOOLS}.get(kind, ("a", "b"))),
                start=start,
                end=start + chance.choice(_ENDS),
                id=chance.randint(1, 24) if rare[2] else number,
                parent=chance.randint(0, 25) if rare[3] else below,
                trace=traces[1] if rare[4] else traces[0],
                said=said,
                links=(chance.choice((*traces, trace + 99)),) if rare[5] else (),
                failed=rare[6],
                scope=chance.choice(("one", "two")),
            )
        )
    chance.shuffle(nodes)
    return nodes


@st.composite
def told_forests(draw: st.DrawFn) -> list[Node]:
    """Forests in which a span that means nothing may say who acts, or which agent was made."""
    return [
        replace(node, said={**node.said, **draw(st.sampled_from(_WORDS))})
        if node.kind == "span"
        else node
        for node in draw(forests())
    ]


@st.composite
def flat_traces(draw: st.DrawFn) -> list[Node]:
    """One workflow: model and tool calls side by side, named steps and agents among them."""
    nodes = [Node("workflow", "crew", 0, 1000, 1)]
    for _ in range(draw(st.integers(1, 12))):
        start = draw(st.integers(0, 12)) * 10
        end = start + draw(st.sampled_from((0, 1, 5, 10, 15)))
        kind = draw(st.sampled_from(("llm", "llm", "tool", "tool", "span", "span", "agent")))
        names = {"agent": AGENTS[:2], "tool": _TOOLS}.get(kind, ("a",))
        said = draw(st.sampled_from(_WORDS)) if kind == "span" else {}
        name = draw(st.sampled_from(names))
        nodes.append(Node(kind, name, start, end, len(nodes) + 1, 1, said=said))
        if kind == "agent" or (acts(nodes[-1]) and draw(st.booleans())):
            nodes.append(Node("llm", "b", start, end, len(nodes) + 1, len(nodes)))
    return draw(st.permutations(nodes))
