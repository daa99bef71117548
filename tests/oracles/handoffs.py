"""Who handed over to whom, by looking at one group of peers after another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tests.oracles.activations import WORK, Activation, Word, activations, owners, plain, word
from tests.support.tree import Node


@dataclass(frozen=True, order=True)
class Handoff:
    """Rows of the heads, kind, what it was seen by, latency in ms."""

    source: int
    target: int
    kind: str
    evidence: tuple[str, ...]
    latency: int | None = None


def handoffs(
    nodes: Sequence[Node],
    parent: Sequence[int],
    runs: dict[int, int],
    sessions: dict[int, str],
) -> list[Handoff]:
    """Every handoff, sorted; `runs` and `sessions` of each trace."""
    acts = activations(nodes, parent)
    owner = owners(nodes, acts, parent)
    acts = _called_in_time(nodes, acts, owner, _peers(nodes, acts, runs))
    words = _words(nodes, acts, owner)
    inward: list[Handoff] = []
    onward: list[Handoff] = []
    shown = {node.trace for node in nodes if node.reports and node.kind in {"llm", "embeddings"}}
    busy = {
        owner[row]
        for row, node in enumerate(nodes)
        if node.kind in WORK or (node.kind == "agent" and node.reports and node.trace not in shown)
    }
    for peers in _peers(nodes, acts, runs):
        waves = _waves(nodes, peers)
        around = peers[0].up
        in_order = around < 0 or peers[0].container >= 0 or around not in busy
        passed = _onward(acts, waves, words, in_order=in_order)
        said = {edge.target for edge in passed if {"handoff_tool", "attribute"} & {*edge.evidence}}
        if around >= 0:
            started = _inward(waves[:1] if in_order else waves)
            inward += [edge for edge in started if edge.target not in said]
        onward += passed
    inward = _kept(nodes, acts, owner, _widened(nodes, acts, inward), words)
    holders = _containers(nodes, acts, busy, [_waves(nodes, p) for p in _peers(nodes, acts, runs)])
    found = [_linked(nodes, edge) for edge in _through(holders, inward, onward)]
    found += _across(nodes, acts, words, found, (runs, sessions))
    return sorted(
        replace(edge, latency=_latency(nodes, acts, owner, edge))
        for edge in found
        if _agent(acts, edge.source) != _agent(acts, edge.target)
    )


def _linked(nodes: Sequence[Node], edge: Handoff) -> Handoff:
    """A handoff from one trace to another rests on the link between them."""
    apart = nodes[edge.source].trace != nodes[edge.target].trace
    return replace(edge, evidence=_listed({*edge.evidence, "span_link"})) if apart else edge


def _across(
    nodes: Sequence[Node],
    acts: dict[int, Activation],
    words: list[tuple[int, Word]],
    found: list[Handoff],
    ties: tuple[dict[int, int], dict[int, str]],
) -> list[Handoff]:
    """From who handed over to an agent that begins a later run of the session."""
    runs, sessions = ties
    begins: dict[int, int] = {}
    for head in sorted(acts, key=lambda head: (nodes[head].start, head)):
        if acts[head].up < 0:
            begins.setdefault(runs[nodes[head].trace], head)
    asked: dict[int, tuple[int, int]] = {}
    how: dict[tuple[int, int], list[str]] = {}
    done = {(edge.source, _agent(acts, edge.target)) for edge in found}
    for by, said in words:
        if said.to is None or said.back or (by, plain(said.to)) in done:
            continue
        later = [
            (nodes[head].start, head)
            for head in begins.values()
            if sessions[nodes[head].trace] == sessions[nodes[by].trace]
            and nodes[head].start > nodes[by].start
        ]
        target = min(later)[1] if later else by
        if runs[nodes[target].trace] != runs[nodes[by].trace] and _agent(acts, target) == plain(
            said.to
        ):
            asked[target] = max(asked.get(target, (-1, -1)), (nodes[by].start, by))
            how.setdefault((by, target), []).append(said.how)
    return [
        Handoff(by, target, "transfer", (how[by, target][-1], "conversation"))
        for target, (_, by) in asked.items()
    ]


Waves = tuple[list[int], list[int]]
"""Heads of the first and of the last wave inside a container."""


def _containers(
    nodes: Sequence[Node],
    acts: dict[int, Activation],
    busy: set[int],
    waves: list[list[list[Activation]]],
) -> dict[int, Waves]:
    """Activations that call nothing themselves and hold others."""
    together = {
        act.head: [peer.head for peer in wave] for group in waves for wave in group for act in wave
    }
    found = {}
    for holder in acts:
        members = [act.head for act in acts.values() if act.up == holder]
        if members and holder not in busy:
            members.sort(key=lambda head: (nodes[head].start, head))
            found[holder] = (together[members[0]], together[members[-1]])
    return found


def _way_in(holders: dict[int, Waves], head: int) -> list[int]:
    """Through which activations control goes that is handed to `head`; the last one gets it."""
    first = holders[head][0] if head in holders else []
    return [head, *_way_in(holders, first[0])] if len(first) == 1 else [head]


def _ways_out(holders: dict[int, Waves], head: int) -> list[int]:
    if head not in holders:
        return [head]
    return [out for member in holders[head][1] for out in _ways_out(holders, member)]


def _through(
    holders: dict[int, Waves], inward: list[Handoff], onward: list[Handoff]
) -> list[Handoff]:
    """Members in the place of the containers that handoffs lead to and come from."""
    entering = [edge for edge in inward if edge.source not in holders] + onward
    entered = {way for edge in entering for way in _way_in(holders, edge.target)[:-1]}
    held = [
        edge
        for edge in inward
        if edge.source in holders
        and not (
            edge.source in entered
            and _way_in(holders, edge.source)[-1] == _way_in(holders, edge.target)[-1]
        )
    ]
    passed = [
        replace(edge, source=out, target=_way_in(holders, edge.target)[-1])
        for edge in entering
        for out in _ways_out(holders, edge.source)
    ]
    return held + passed


def _agent(acts: dict[int, Activation], head: int) -> str:
    return plain(acts[head].agent)


def _words(
    nodes: Sequence[Node], acts: dict[int, Activation], owner: Sequence[int]
) -> list[tuple[int, Word]]:
    """Words by the activation that said them; those to nobody who acted are left out."""
    agents = {plain(act.agent) for act in acts.values()}
    said = []
    for row, node in enumerate(nodes):
        found = word(node)
        by = acts[row].up if row in acts else owner[row]
        if found and by >= 0 and (found.to is None or plain(found.to) in agents):
            said.append((by, found))
    return said


def _peers(
    nodes: Sequence[Node], acts: dict[int, Activation], runs: dict[int, int]
) -> list[list[Activation]]:
    groups: dict[object, list[Activation]] = {}
    for act in acts.values():
        inside = (act.up, act.container)
        place: object = inside if act.up >= 0 else ("run", runs[nodes[act.head].trace])
        groups.setdefault(place, []).append(act)
    return [
        sorted(group, key=lambda act: (nodes[act.head].start, _end(nodes, act.head), act.head))
        for group in groups.values()
    ]


def _end(nodes: Sequence[Node], row: int) -> int:
    return max(nodes[row].end, nodes[row].start)


def _waves(nodes: Sequence[Node], peers: Sequence[Activation]) -> list[list[Activation]]:
    """Those that share over a fifth of the shorter one, and over 1 ms, with peers before."""
    waves: list[list[Activation]] = []
    reach = 0
    lengths = [_end(nodes, act.head) - nodes[act.head].start for act in peers]
    for number, act in enumerate(peers):
        shared = reach - nodes[act.head].start
        shorter = min(lengths[number], lengths[number - 1])
        if not waves or shared <= max(shorter / 5, 1):
            waves.append([])
        waves[-1].append(act)
        reach = max(reach, _end(nodes, act.head))
    return waves


def _called_in_time(
    nodes: Sequence[Node],
    acts: dict[int, Activation],
    owner: Sequence[int],
    groups: list[list[Activation]],
) -> dict[int, Activation]:
    """Peers that ran within a tool call of another agent's peer, which had called a model, were
    called by the latest such."""
    moved = dict(acts)
    for peers in groups:
        heads = {act.head for act in peers}
        tools = [
            row
            for row, node in enumerate(nodes)
            if node.kind == "tool" and owner[row] in heads
            if any(
                other.kind == "llm" and owner[at] == owner[row] and other.start <= node.start
                for at, other in enumerate(nodes)
            )
        ]
        for act in peers:
            around = [
                (nodes[row].start, row)
                for row in tools
                if nodes[row].start <= nodes[act.head].start
                and owner[row] < act.head
                and _end(nodes, row) >= _end(nodes, act.head)
                and _agent(acts, owner[row]) != plain(act.agent)
            ]
            if around:
                call = max(around)[1]
                moved[act.head] = replace(act, up=owner[call], container=call, by_time=True)
    return moved


def _inward_evidence(act: Activation) -> tuple[str, ...]:
    by_tool = ("handoff_tool",) if act.by_tool else ()
    return (*by_tool, "time") if act.by_time else ("parent_child", *by_tool)


def _inward(started: list[list[Activation]]) -> list[Handoff]:
    """From the activation around them to those it started."""
    return [
        Handoff(
            act.up,
            act.head,
            "fan_out" if len(wave) > 1 else "delegation",
            _inward_evidence(act),
        )
        for wave in started
        for act in wave
    ]


def _widened(
    nodes: Sequence[Node], acts: dict[int, Activation], edges: list[Handoff]
) -> list[Handoff]:
    """Delegations of one activation that overlap, whatever is between, are a fan_out."""
    wide: set[int] = set()
    for source in acts:
        inward = [e.target for e in edges if e.source == source == acts[e.target].up]
        started = sorted(inward, key=lambda head: (nodes[head].start, head))
        for wave in _waves(nodes, [acts[head] for head in started]):
            wide |= {act.head for act in wave if len(wave) > 1}
    return [
        replace(edge, kind="fan_out")
        if edge.target in wide and edge.source == acts[edge.target].up
        else edge
        for edge in edges
    ]


def _kept(
    nodes: Sequence[Node],
    acts: dict[int, Activation],
    owner: Sequence[int],
    edges: list[Handoff],
    words: list[tuple[int, Word]],
) -> list[Handoff]:
    """A delegation by a handoff tool after whose end its source called no model is a transfer."""
    found = []
    for edge in edges:
        calls = [
            node.start
            for row, node in enumerate(nodes)
            if node.kind == "llm" and owner[row] == edge.source
        ]
        how = _said(edge.source, acts[edge.target], words)
        stays = edge.kind == "delegation" and how and calls and not nodes[edge.target].failed
        stays = stays and max(calls) < _end(nodes, edge.target)
        found.append(
            replace(edge, kind="transfer", evidence=_listed(how | {*edge.evidence}))
            if stays
            else edge
        )
    return found


def _listed(evidence: set[str]) -> tuple[str, ...]:
    """Evidence in the order of the table of docs/design.md, time last."""
    tree = ("parent_child", "handoff_tool", "attribute", "sibling_order")
    return tuple(seen for seen in (*tree, "span_link", "time") if seen in evidence)


def _onward(
    acts: dict[int, Activation],
    waves: list[list[Activation]],
    words: list[tuple[int, Word]],
    *,
    in_order: bool,
) -> list[Handoff]:
    """From each wave to the next; who gets control back unasked took a return.

    Where the order means nothing, only from one who said so to the one who came next.
    """
    edges = [
        _edge(source, target, len(right) > 1, words)
        for left, right in pairwise(waves)
        for source in left
        for target in right
    ]
    edges = [edge for edge in edges if in_order or edge.kind == "transfer"]
    returns = {
        (went.source, went.target, back.target)
        for went in edges
        for back in edges
        if went.kind == "transfer"
        and "handoff_tool" in went.evidence
        and back.kind == "sequence"
        and went.target == back.source
        and _agent(acts, went.source) == _agent(acts, back.target)
    }
    went = {(source, target) for source, target, _ in returns}
    came = {(target, back) for _, target, back in returns}
    return [
        replace(edge, kind="delegation") if (edge.source, edge.target) in went else edge
        for edge in edges
        if (edge.source, edge.target) not in came
    ]


def _edge(
    source: Activation, target: Activation, wide: bool, words: list[tuple[int, Word]]
) -> Handoff:
    how = _said(source.head, target, words)
    kind = "fan_out" if wide else "transfer" if how else "sequence"
    order = ("handoff_tool", "attribute")
    return Handoff(
        source.head, target.head, kind, (*(h for h in order if h in how), "sibling_order")
    )


def _said(source: int, target: Activation, words: list[tuple[int, Word]]) -> set[str]:
    """By which means the source said that it hands over to the target."""
    return {
        said.how
        for by, said in words
        if by == source
        and not said.back
        and (said.to is None or plain(said.to) == plain(target.agent))
    }


def _latency(
    nodes: Sequence[Node], acts: dict[int, Activation], owner: Sequence[int], edge: Handoff
) -> int | None:
    """From the end of the source's last operation that ended before the target began."""
    began = nodes[edge.target].start
    ends = [
        _end(nodes, row)
        for row, node in enumerate(nodes)
        if owner[row] == edge.source
        and (node.kind in WORK or node.kind == "agent" or row in acts)
        and _end(nodes, row) <= began
    ]
    return began - max(ends) if ends else None
