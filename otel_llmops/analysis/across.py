"""Handoffs from one run to another of the same session: nothing but names joins the two.

Strategy: runs of one conversation follow each other, and mostly each is a turn of its own. Two
things say more: a run that tells who called it (it came with the request, over a process boundary),
and an agent that handed over to one that did not act in its run, but begins a later one.
"""

import numpy as np
import pyarrow as pa

from otel_llmops.analysis.agents import Activations
from otel_llmops.analysis.columns import filled, places
from otel_llmops.analysis.edges import (
    ATTRIBUTE,
    CONVERSATION,
    DELEGATION,
    TRANSFER,
    TRUST,
    Edges,
    together,
)
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.names import by_session, plain
from otel_llmops.analysis.readings import Readings
from otel_llmops.analysis.words import Words

__all__ = ["across_runs"]


def across_runs(
    readings: Readings, acts: Activations, run: Ints, words: Words, edges: Edges
) -> Edges:
    """Find the handoffs between runs.

    In:   Readings, n rows, their Activations, the number of each activation's run, what agents
          said, and the handoffs found within runs.
    Out:  Edges: those between runs alone.
    Edge: An activation is begun by one handoff only; what its own run says of the caller wins.
    Cost: O(a log a) for a activations.
    """
    start = readings.start[acts.head]
    first = _first_of_run(acts, run, start)
    called = _called(readings, acts, run, start, first)
    open_words = ~np.isin(
        words.activation * len(acts.names) + words.target,
        edges.source * len(acts.names) + acts.agent[edges.target],
    )
    named = np.flatnonzero(open_words & (words.target >= 0) & ~words.back)
    told = _told(acts, run, start, first, words, named)
    return together(called, told.select(~np.isin(told.target, called.target)))


def _first_of_run(acts: Activations, run: Ints, start: Ints) -> Mask:
    """Activations that nobody is around and that begin their run."""
    first = np.zeros(acts.count, dtype=bool)
    top = np.flatnonzero(acts.up < 0)
    order = top[np.lexsort((top, start[top], run[top]))]
    _, earliest = np.unique(run[order], return_index=True)
    first[order[earliest]] = True
    return first


def _called(readings: Readings, acts: Activations, run: Ints, start: Ints, first: Mask) -> Edges:
    """From the caller that a run names: it waits for the answer, or has ended before."""
    said = readings.concept("handoff_source")
    row = readings.forest.nearest(filled(said))[acts.head]
    target = np.flatnonzero(first & (row >= 0))
    names = plain(said.take(pa.array(row[target])))
    known = by_session(acts.home, plain(acts.names))
    asked = by_session(acts.home[acts.agent[target]], names)
    agent = places(asked, known)
    target, agent = target[agent >= 0], agent[agent >= 0]
    source = _latest(acts, start, agent, start[target])
    kept = source >= 0
    kept &= run[np.maximum(source, 0)] != run[target]
    source, target = source[kept], target[kept]
    kind: Ints = np.where(acts.end[source] >= start[target], DELEGATION, TRANSFER)
    evidence = np.full(len(source), ATTRIBUTE | CONVERSATION)
    return Edges(source, target, kind, evidence, np.full(len(source), TRUST[CONVERSATION]))


def _latest(acts: Activations, start: Ints, agent: Ints, before: Ints) -> Ints:
    """The last activation of each agent that began before, -1 where there is none."""
    times, rank = np.unique(np.concatenate([start, before]), return_inverse=True)
    key = acts.agent * len(times) + rank[: acts.count]
    order = np.argsort(key, kind="stable")
    place = np.searchsorted(key[order], agent * len(times) + rank[acts.count :], side="left") - 1
    found = order[np.maximum(place, 0)] if acts.count else place
    return np.where((place >= 0) & (acts.agent[found] == agent), found, -1)


def _told(
    acts: Activations, run: Ints, start: Ints, first: Mask, words: Words, named: Ints
) -> Edges:
    """From one who handed over to the agent that begins the next run of the session.

    A later one began by another word, or by none.
    """
    begins = np.flatnonzero(first)
    source, wanted = words.activation[named], words.target[named]
    session = acts.home[acts.agent]
    times, rank = np.unique(np.concatenate([start[begins], start[source]]), return_inverse=True)
    key = session[begins] * len(times) + rank[: len(begins)]
    order = np.argsort(key, kind="stable")
    asked = session[source] * len(times) + rank[len(begins) :]
    place = np.searchsorted(key[order], asked, side="right")
    there = place < len(begins)
    target = begins[order[np.minimum(place, len(begins) - 1)]] if len(begins) else source
    kept = there & (acts.agent[target] == wanted) & (run[target] != run[source])
    source, target, bit = source[kept], target[kept], words.bit[named][kept]
    # of several that asked for one, the last one before it
    by = np.lexsort((source, start[source], target))
    last = np.append(target[by][1:] != target[by][:-1], True) if len(by) else by
    source, target, bit = source[by][last], target[by][last], bit[by][last]
    kind = np.full(len(source), TRANSFER)
    return Edges(
        source, target, kind, bit | CONVERSATION, np.full(len(source), TRUST[CONVERSATION])
    )
