"""How good each handoff was, one after the other; of what has no content."""

import math
from collections.abc import Mapping, Sequence

from tests.oracles.activations import (
    Activation,
    activations,
    owners,
    plain,
    word,
)
from tests.oracles.forest import above
from tests.oracles.handoffs import Handoff
from tests.support.tree import Node

WEIGHTS = {
    "completed": 0.4,
    "context_kept": 0.25,
    "no_bounce": 0.15,
    "promptness": 0.1,
    "allowed": 0.1,
}
_SECOND_MS = 1000

Parts = dict[str, float | None]


def parts(
    nodes: Sequence[Node],
    parent: Sequence[int],
    edges: Sequence[Handoff],
    sessions: Mapping[int, str],
) -> list[Parts]:
    """The parts of each handoff, in the order of `edges`."""
    acts = activations(nodes, parent)
    owner = owners(nodes, acts, parent)
    rounds = _rounds(nodes, acts, edges, sessions)
    return [
        {
            "completed": float(_succeeded(nodes, owner, edge.target)),
            "context_kept": None,
            "no_bounce": 0.0
            if _comes_straight_back(nodes, parent, acts, owner, edges, edge)
            else 1 / (1 + rounds[edge]),
            "promptness": _promptness(nodes, edges, edge),
            "allowed": _allowed(nodes, acts, sessions, edge),
        }
        for edge in edges
    ]


def combined(known: Parts) -> tuple[float, float]:
    """Quality and its confidence."""
    weight = sum(WEIGHTS[name] for name, part in known.items() if part is not None)
    product = math.prod(
        (0.05 + 0.95 * part) ** (WEIGHTS[name] / weight)
        for name, part in known.items()
        if part is not None
    )
    return (product - 0.05) / 0.95, weight


def _succeeded(nodes: Sequence[Node], owner: Sequence[int], head: int) -> bool:
    work = [
        row
        for row, node in enumerate(nodes)
        if owner[row] == head and node.kind in {"llm", "tool", "agent"}
    ]
    last = max(work, key=lambda row: (_end(nodes[row]), row), default=head)
    return not (nodes[head].failed or nodes[last].failed)


def _end(node: Node) -> int:
    return max(node.start, node.end)


def _comes_straight_back(
    nodes: Sequence[Node],
    parent: Sequence[int],
    acts: Mapping[int, Activation],
    owner: Sequence[int],
    edges: Sequence[Handoff],
    edge: Handoff,
) -> bool:
    onward = [other for other in edges if other.source == edge.target]
    if len(onward) != 1 or onward[0].kind not in {"transfer", "delegation"}:
        return False
    if _agent(acts, onward[0].target) != _agent(acts, edge.source):
        return False
    mine = [row for row in range(len(nodes)) if owner[row] == edge.target]
    calls = [
        row
        for row in mine
        if nodes[row].kind == "llm" and all(nodes[at].kind != "llm" for at in above(parent, row))
    ]
    tools = [row for row in mine if nodes[row].kind == "tool" and word(nodes[row]) is None]
    return len(calls) == 1 and not tools


def _rounds(
    nodes: Sequence[Node],
    acts: Mapping[int, Activation],
    edges: Sequence[Handoff],
    sessions: Mapping[int, str],
) -> dict[Handoff, int]:
    rounds: dict[Handoff, int] = {}
    of_session: dict[str, list[Handoff]] = {}
    for edge in edges:
        of_session.setdefault(sessions[nodes[edge.target].trace], []).append(edge)
    for found in of_session.values():
        found.sort(key=lambda each: (nodes[each.target].start, each.target, each.source))
        run = 0
        for place, edge in enumerate(found):
            before = found[place - 1] if place else None
            swapped = before is not None and (
                (_agent(acts, before.source), _agent(acts, before.target))
                == (_agent(acts, edge.target), _agent(acts, edge.source))
                and before.kind == edge.kind == "transfer"
            )
            run = run + 1 if swapped else 0
            rounds[edge] = run // 2
    return rounds


def _promptness(nodes: Sequence[Node], edges: Sequence[Handoff], edge: Handoff) -> float | None:
    if edge.latency is None or "conversation" in edge.evidence:
        return None
    waits = [
        other.latency
        for other in edges
        if other.target == edge.target
        and other.latency is not None
        and "conversation" not in other.evidence
    ]
    work = max(_SECOND_MS, _end(nodes[edge.target]) - nodes[edge.target].start)
    return work / (work + min(waits))


def _allowed(
    nodes: Sequence[Node],
    acts: Mapping[int, Activation],
    sessions: Mapping[int, str],
    edge: Handoff,
) -> float | None:
    agent = _agent(acts, edge.source)
    session = sessions[nodes[edge.source].trace]
    told = [
        nodes[head].said["llmops.agent.can_handoff_to"]
        for head in sorted(acts)
        if _agent(acts, head) == agent
        and sessions[nodes[head].trace] == session
        and nodes[head].said.get("llmops.agent.can_handoff_to")
    ]
    names = [plain(name) for name in told[0].strip('[]"').split('", "')] if told else []
    if not any(names) or edge.kind == "sequence":
        return None
    return float(_agent(acts, edge.target) in names)


def _agent(acts: Mapping[int, Activation], head: int) -> str:
    return plain(acts[head].agent)
