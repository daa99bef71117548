"""Which agent handed over to which, how, and on what evidence.

Strategy: activations with the same activation around them and the same workflow between are
*peers*, in order of their start. Peers that overlap in time are one *wave*. Control passes from
an activation to the first wave inside it (delegation, or fan_out where the wave is wide), and
from each wave to the next (transfer where the source said so by a handoff tool or attribute,
else sequence; fan_out where one starts several). Those inside an activation that calls something
itself were called by it one by one, unless one says that it hands over to the next. A peer that
asked by a tool and gets control back without a word from the one that had it took a return: what
went before was a delegation, and the return is none. A peer that ran within a tool call of another
one, in time, was called by it, if a model can have asked for that call.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from otel_llmops.analysis.across import across_runs
from otel_llmops.analysis.agents import Activations
from otel_llmops.analysis.columns import codes, whole
from otel_llmops.analysis.containers import through_containers
from otel_llmops.analysis.edges import (
    ATTRIBUTE,
    DELEGATION,
    FAN_OUT,
    LINK,
    PARENT_CHILD,
    SEQUENCE,
    SIBLING,
    TIME,
    TOOL,
    TRANSFER,
    TRUST,
    Edges,
    together,
)
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.readings import Readings
from otel_llmops.analysis.tokens import calls_shown
from otel_llmops.analysis.words import Words, words_of
from otel_llmops.semconv import Kind

__all__ = ["handoffs", "in_order", "latency_ns"]

_SAID = TOOL | ATTRIBUTE

_OVERLAP = 0.2
"""Peers overlap if they share more than this part of the shorter one: spans that follow each
other close a little after the next one opens."""

_PAIRS_MAX = 4_096
"""64 agents at once, and 64 after them, are that many handoffs. Two waves of 5,000 would be 25
million, and take the engine's memory."""

_TOOLS_BACK = 16
"""So many tool calls that began before a peer did are looked at."""


def handoffs(readings: Readings, acts: Activations, run: Ints) -> Edges:
    """Find the handoffs between activations.

    In:   Readings (n spans), their Activations, and `run`: for each span the number of the run
          it belongs to (a trace, or traces joined by links).
    Out:  Edges in no particular order.
    Edge: An agent never hands over to itself.
    Cost: O(a log a) for a activations, plus one pass over the spans.
    Source: kinds and evidence as defined in docs/design.md, "Handoffs: what counts".
    """
    start, end = readings.start[acts.head], acts.end
    acts, by_time = _called_in_time(readings, acts, _peers(acts, run[acts.head]))
    group = _peers(acts, run[acts.head])
    order = np.lexsort((acts.head, end, start, group))
    wave = _waves(group[order], start[order], end[order])
    words = words_of(readings, acts)
    busy = _busy(readings, acts)
    ordered = _ordered(acts, busy)[order]
    onward = _onward(acts, order, group[order], wave, ordered, words)
    inward = _inward(acts, order, group[order], wave, ordered, by_time)
    # Whom a peer handed over to was not started by the one around both
    inward = inward.select(~np.isin(inward.target, onward.target[(onward.evidence & _SAID) > 0]))
    inward = _kept(readings, acts, _widened(inward, start, end), words)
    place = np.empty(acts.count, dtype=np.int64)
    place[order] = wave
    both = through_containers(acts, inward, onward, ~busy, start, place)
    both = _linked(readings, acts, both)
    both = together(both, across_runs(readings, acts, run[acts.head], words, both))
    return both.select(acts.agent[both.source] != acts.agent[both.target])


def _linked(readings: Readings, acts: Activations, edges: Edges) -> Edges:
    """Handoffs from one trace to another rest on what ties the two."""
    trace, _ = codes(whole(readings.spans.column("trace_id")))
    own = trace[acts.head]
    apart = own[edges.source] != own[edges.target]
    return replace(edges, evidence=np.where(apart, edges.evidence | LINK, edges.evidence))


def _called_in_time(readings: Readings, acts: Activations, group: Ints) -> tuple[Activations, Mask]:
    """Put peers that ran within a tool call of another peer under that one.

    Some instrumentations hang every agent under the workflow, also one that is called as a tool.
    A model has asked for such a call: agents that run side by side may begin with tools of theirs.
    And the caller comes first, also where a coarse clock tells all the same time.
    """
    tools = np.flatnonzero(readings.is_kind(Kind.TOOL) & (acts.owner >= 0))
    tools = tools[readings.start[tools] >= _first_call(readings, acts)[acts.owner[tools]]]
    own = acts.owner[tools]
    start = readings.start[acts.head]
    _, rank = np.unique(np.concatenate([readings.start[tools], start]), return_inverse=True)
    stride = len(rank) + 1
    order = np.lexsort((rank[: len(tools)], group[own]))
    tools, own = tools[order], own[order]
    key = group[own] * stride + rank[: len(tools)][order]
    last = np.searchsorted(key, group * stride + rank[len(tools) :], side="right") - 1
    caller = np.full(acts.count, -1, dtype=np.int64)
    call = caller.copy()
    for back in range(_TOOLS_BACK):
        place = np.maximum(last - back, 0)
        if not len(tools):
            break
        within = (
            (last - back >= 0)
            & (caller < 0)
            & (group[own[place]] == group)
            & (own[place] < np.arange(acts.count))
            & (acts.agent[own[place]] != acts.agent)
            & (readings.end[tools[place]] >= acts.end)
        )
        caller = np.where(within, own[place], caller)
        call = np.where(within, tools[place], call)
    by_time = caller >= 0
    moved = replace(
        acts,
        up=np.where(by_time, caller, acts.up),
        container=np.where(by_time, call, acts.container),
    )
    return moved, by_time


def _first_call(readings: Readings, acts: Activations) -> Ints:
    """When each activation first called a model, ns; the end of time where it never did."""
    call = np.flatnonzero(readings.is_kind(Kind.LLM) & (acts.owner >= 0))
    first = np.full(acts.count, np.iinfo(np.int64).max)
    np.minimum.at(first, acts.owner[call], readings.start[call])
    return first


def _busy(readings: Readings, acts: Activations) -> Mask:
    """Activations that call something themselves, or say that they spent tokens unseen."""
    called = readings.is_kind(Kind.LLM, Kind.TOOL, Kind.EMBEDDINGS)
    called |= readings.is_kind(Kind.AGENT) & readings.usage.reported & ~calls_shown(readings)
    called &= acts.owner >= 0
    busy: Mask = np.bincount(acts.owner[called], minlength=acts.count) > 0
    return busy


def _ordered(acts: Activations, busy: Mask) -> Mask:
    """Activations whose order means something: nobody around them, code, or a mere container.

    Code is a workflow or a tool call. A container is an activation that calls nothing itself: its
    members run as in a workflow.
    """
    return (acts.up < 0) | (acts.container >= 0) | ~busy[np.maximum(acts.up, 0)]


def _peers(acts: Activations, run: Ints) -> Ints:
    """A number for each set of peers."""
    width = int(acts.container.max(initial=0)) + 2
    place = np.where(acts.up >= 0, acts.up + int(run.max(initial=0)) + 1, run)
    key = place * width + np.where(acts.up >= 0, acts.container + 1, 0)
    _, group = np.unique(key, return_inverse=True)
    return group.astype(np.int64)


def _waves(group: Ints, start: Ints, end: Ints) -> Ints:
    """A number for each wave, rising along the order (group, start)."""
    if not len(group):
        return group
    first = np.append(True, group[1:] != group[:-1])
    # Ranks in place of times, and groups one above the other: one running maximum serves all,
    # and no product overflows, whatever clocks said.
    ends, rank = np.unique(end, return_inverse=True)
    lift = group * len(ends)
    reach = ends[np.maximum.accumulate(rank + lift) - lift]
    before = np.append(start[:1], reach[:-1])
    shared = before - start
    shortest = np.minimum(end - start, np.append(end[:1] - start[:1], (end - start)[:-1]))
    apart = shared <= np.maximum(_OVERLAP * shortest, 1_000_000)
    return np.cumsum(first | apart) - 1


def _inward(
    acts: Activations, order: Ints, group: Ints, wave: Ints, ordered: Mask, by_time: Mask
) -> Edges:
    """From an activation to those it started: all of them, or the first wave of a workflow."""
    inside = acts.up[order] >= 0
    size = np.bincount(wave, minlength=int(wave.max(initial=-1)) + 1)
    first_wave = np.zeros(len(size), dtype=bool)
    starts = np.append(True, group[1:] != group[:-1]) if len(group) else np.zeros(0, dtype=bool)
    first_wave[wave[starts]] = True
    picked = inside & (~ordered | first_wave[wave])
    target = order[picked]
    wide = size[wave[picked]] > 1
    by_tool: Ints = np.where(acts.tool_made[target], TOOL, 0)
    return Edges(
        acts.up[target],
        target,
        np.where(wide, FAN_OUT, DELEGATION),
        by_tool | np.where(by_time[target], TIME, PARENT_CHILD),
        np.where(by_time[target], TRUST[TIME], TRUST[PARENT_CHILD]),
    )


def _widened(inward: Edges, start: Ints, end: Ints) -> Edges:
    """Delegations of one source that overlap in time, whatever is between, are a fan_out."""
    order = np.lexsort((inward.target, start[inward.target], inward.source))
    source, target = inward.source[order], inward.target[order]
    wave = _waves(source, start[target], end[target])
    width = np.bincount(wave, minlength=1)
    kind = inward.kind[order]
    wide: Ints = np.where(width[wave] > 1, FAN_OUT, kind) if len(wave) else kind
    return Edges(source, target, wide, inward.evidence[order], inward.confidence[order])


def _kept(readings: Readings, acts: Activations, inward: Edges, words: Words) -> Edges:
    """Whom an agent handed over to, and did not call a model after: control stayed there."""
    call = np.flatnonzero(readings.is_kind(Kind.LLM) & (acts.owner >= 0))
    last = np.full(acts.count, np.iinfo(np.int64).max)
    last[acts.owner[call]] = np.iinfo(np.int64).min
    np.maximum.at(last, acts.owner[call], readings.start[call])
    said = words.evidence(inward.source, acts.agent[inward.target])
    kept = (
        (inward.kind == DELEGATION) & (said > 0) & (last[inward.source] < acts.end[inward.target])
    )
    kept &= ~readings.failed[acts.head[inward.target]]
    kept &= ~words.wants_back(inward.source, acts.agent[inward.target])
    return replace(
        inward,
        kind=np.where(kept, TRANSFER, inward.kind),
        evidence=np.where(kept, inward.evidence | said, inward.evidence),
    )


def _onward(
    acts: Activations, order: Ints, group: Ints, wave: Ints, ordered: Mask, words: Words
) -> Edges:
    """From each wave of peers to the next one, where workflow code decides or a peer says so."""
    before, after = _pairs(wave, group)
    source, target = order[before], order[after]
    bits = words.evidence(source, acts.agent[target])
    told = bits > 0
    wide = np.bincount(wave, minlength=1)[wave[after]] > 1
    kept = ordered[before] | (told & ~wide)
    source, target, bits = source[kept], target[kept], bits[kept]
    told, wide = told[kept], wide[kept]
    back = words.wants_back(source, acts.agent[target])
    kind = np.select([wide, told & back, told], [FAN_OUT, DELEGATION, TRANSFER], SEQUENCE)
    confidence = np.where(bits & ATTRIBUTE, 0.98, np.where(told, 0.95, TRUST[SIBLING]))
    edges = Edges(source, target, kind, bits | SIBLING, confidence)
    return _without_returns(acts, edges)


def _pairs(wave: Ints, group: Ints) -> tuple[Ints, Ints]:
    """(place, place) of one wave and the next one of the same group: all, or as many as are wide.

    Of waves too wide for all pairs (_PAIRS_MAX) each member still hands over, and is handed to.
    """
    if not len(wave):
        return wave, wave
    first = np.flatnonzero(np.append(True, wave[1:] != wave[:-1]))
    size = np.diff(np.append(first, len(wave)))
    follows = np.flatnonzero(group[first[1:]] == group[first[:-1]])
    givers, takers = size[follows], size[follows + 1]
    wide = givers * takers > _PAIRS_MAX
    pairs = np.where(wide, np.maximum(givers, takers), givers * takers)
    which = np.repeat(np.arange(len(follows)), pairs)
    inner = np.arange(int(pairs.sum())) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    givers, takers, pairs, wide = (each[which] for each in (givers, takers, pairs, wide))
    giver = np.where(wide, inner * givers // pairs, inner // takers)
    taker = np.where(wide, inner * takers // pairs, inner % takers)
    return first[follows[which]] + giver, first[follows[which] + 1] + taker


def _without_returns(acts: Activations, edges: Edges) -> Edges:
    """A asked B by a tool, and went on after B without a word of B's: a delegation, a return."""
    agents = len(acts.names)
    asked = (edges.kind == TRANSFER) & ((edges.evidence & TOOL) > 0)
    plain_next = edges.kind == SEQUENCE
    # an asking and a return meet in the one who was asked, and the agent who asked
    asking = edges.target * agents + acts.agent[edges.source]
    returning = edges.source * agents + acts.agent[edges.target]
    comes_back = plain_next & np.isin(returning, asking[asked])
    answered = asked & np.isin(asking, returning[comes_back])
    kind: Ints = np.where(answered, DELEGATION, edges.kind)
    return replace(edges, kind=kind).select(~comes_back)


def in_order(readings: Readings, acts: Activations, edges: Edges, session: Ints) -> Edges:
    """The edges by session and start; `session` is the number of the session of each span."""
    source, target = acts.head[edges.source], acts.head[edges.target]
    return edges.select(np.lexsort((source, target, readings.start[target], session[target])))


def latency_ns(readings: Readings, acts: Activations, edges: Edges) -> pa.Array:
    """From the end of the source's last operation that ended before the target began; null if none.

    In:   as `handoffs`. Out: int64 ns, one a handoff.
    Cost: O(n log n).
    """
    operation = readings.is_kind(Kind.LLM, Kind.TOOL, Kind.EMBEDDINGS, Kind.AGENT)
    operation[acts.head] = True
    operation &= acts.owner >= 0
    rows = np.flatnonzero(operation)
    owner, end = acts.owner[rows], readings.end[rows]
    order = np.lexsort((end, owner))
    owner, end = owner[order], end[order]
    began = readings.start[acts.head[edges.target]]
    if not len(owner):
        return pa.nulls(len(began), pa.int64())
    _, rank = np.unique(np.concatenate([end, began]), return_inverse=True)
    stride = len(rank) + 1
    ended, starts = rank[: len(end)], rank[len(end) :]
    place = np.searchsorted(owner * stride + ended, edges.source * stride + starts, side="right")
    last = np.maximum(place - 1, 0)
    known = (place > 0) & (owner[last] == edges.source) & (end[last] <= began)
    return pa.array(np.where(known, began - end[last], 0), mask=~known)
