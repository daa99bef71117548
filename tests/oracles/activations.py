"""When which agent acted, for spans that name their agents; by walking up from each span."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.oracles.forest import above
from tests.support.tree import Node

WORK = {"llm", "tool", "embeddings"}
"""Kinds of spans that do something."""


@dataclass(frozen=True)
class Activation:
    """`head` is a row; `up` the head of the activation around it and `container` the row of the
    workflow or tool call between the two, -1 for none; `by_time` where a peer's tool call was
    around it in time, not in the tree."""

    head: int
    agent: str
    up: int
    container: int
    by_tool: bool
    by_time: bool = False


@dataclass(frozen=True)
class Word:
    """What a span says of handing over: `to` is None for anyone."""

    to: str | None
    how: str
    back: bool = False


def plain(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())


def word(node: Node) -> Word | None:
    """What a span says of handing over."""
    if node.kind != "tool":
        return None
    _, back, asker = node.name.partition("transfer_back_to_")
    if target := node.said.get("gen_ai.transfer.target.name"):
        return Word(target, "attribute", back=plain(target) == plain(asker))
    if back:
        return Word(asker, "handoff_tool", back=True)
    if node.name.startswith("transfer_to_"):
        return Word(node.name.removeprefix("transfer_to_"), "handoff_tool")
    return Word(None, "handoff_tool") if node.name == "handoff" else None


def activations(nodes: Sequence[Node], parent: Sequence[int]) -> dict[int, Activation]:
    """Activations by the row of their head."""
    names = {row: node.name for row, node in enumerate(nodes) if node.kind == "agent"}
    by_tool = _delegating_tools(nodes, parent, _heads(names, parent))
    heads = _heads(_without_doubles(nodes, parent, names | by_tool), parent)
    made = {}
    for head, name in heads.items():
        up = _at_work(nodes, [row for row in above(parent, head) if row in heads], head)
        code = {"workflow", "tool"}
        stops = (row for row in above(parent, head) if row in heads or nodes[row].kind in code)
        stop = next(stops, -1)
        container = stop if stop not in heads else -1
        made[head] = Activation(head, name, up, container, head in by_tool)
    return made


def told_by_nobody(nodes: Sequence[Node], parent: Sequence[int]) -> list[int]:
    """Rows of handoff tools outside any activation: there analysis/relay.py goes by hand-overs
    alone, which this oracle does not."""
    owner = owners(nodes, activations(nodes, parent), parent)
    said = [word(node) for node in nodes]
    return [row for row, found in enumerate(said) if found and found.to and owner[row] < 0]


def owners(nodes: Sequence[Node], acts: Mapping[int, object], parent: Sequence[int]) -> list[int]:
    """The head of the activation whose work each span is, -1 for none."""
    return [
        row
        if row in acts
        else _at_work(nodes, [at for at in above(parent, row) if at in acts], row)
        for row in range(len(parent))
    ]


def _at_work(nodes: Sequence[Node], heads: Sequence[int], row: int) -> int:
    """The nearest of the heads above; if it had ended, the next one up that holds the span."""
    if not heads:
        return -1
    start, end = nodes[row].start, max(nodes[row].start, nodes[row].end)
    if start < nodes[heads[0]].end or start <= nodes[heads[0]].start:
        return heads[0]
    open_still = (
        at
        for at in heads[1:]
        if nodes[at].start <= start and end <= max(nodes[at].start, nodes[at].end)
    )
    return next(open_still, heads[0])


def _heads(names: dict[int, str], parent: Sequence[int]) -> dict[int, str]:
    """Marked rows whose nearest marked row above is another agent's."""
    heads = {}
    for row, name in names.items():
        around = next((names[at] for at in above(parent, row) if at in names), None)
        if around is None or plain(around) != plain(name):
            heads[row] = name
    return heads


def _without_doubles(
    nodes: Sequence[Node], parent: Sequence[int], marks: dict[int, str]
) -> dict[int, str]:
    """Take back idle heads that have a busy one of their agent beside them."""
    heads = _heads(marks, parent)
    belongs = owners(nodes, heads, parent)
    busy = {belongs[row] for row, node in enumerate(nodes) if node.kind in WORK}
    doubles = {
        idle
        for idle in heads
        for other in heads
        if idle not in busy
        and other in busy
        and parent[idle] == parent[other] >= 0
        and plain(heads[idle]) == plain(heads[other])
    }
    return {row: name for row, name in marks.items() if belongs[row] not in doubles}


def _delegating_tools(
    nodes: Sequence[Node], parent: Sequence[int], heads: dict[int, str]
) -> dict[int, str]:
    """Handoff tools right under which models are called."""
    found = {}
    for row, node in enumerate(nodes):
        if node.kind == "llm":
            stops = (at for at in above(parent, row) if at in heads or nodes[at].kind == "tool")
            around = next(stops, -1)
            said = word(nodes[around]) if around >= 0 and around not in heads else None
            if said and said.to:
                found[around] = said.to
    return found
