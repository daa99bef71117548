"""Handoffs through containers: control that goes into one goes to the member that acts first.

Strategy: a container is an activation that calls nothing itself and holds other activations (a
sequential agent, a loop, a crew). It cannot be handed anything: who hands over to it hands over to
its first member, and what comes after it is handed over by its last ones. Where members start at
once, the container itself fans out, and stays.
"""

from dataclasses import replace

import numpy as np

from otel_llmops.analysis.agents import Activations
from otel_llmops.analysis.edges import Edges, together
from otel_llmops.analysis.forest import Ints, Mask

__all__ = ["through_containers"]


def through_containers(
    acts: Activations, inward: Edges, onward: Edges, hollow: Mask, start: Ints, wave: Ints
) -> Edges:
    """Put members in the place of the containers that handoffs lead to and come from.

    In:   Handoffs from an activation to those inside it, and between peers; for each activation
          whether it is a container, when it started and the number of its wave.
    Out:  Edges, those between a container and its members included where nobody outside handed
          over to it.
    Cost: O((a + e) log a), once for each level of containers in containers.
    """
    rows = np.flatnonzero((acts.up >= 0) & hollow[np.maximum(acts.up, 0)])
    if not len(rows):
        return together(inward, onward)
    rows = rows[np.lexsort((rows, start[rows], acts.up[rows]))]
    holder = acts.up[rows]
    first, last = _outermost(holder, wave[rows])
    entry = _entries(acts.count, rows[first], holder[first])
    inner = hollow[inward.source]
    entering = together(inward.select(~inner), onward)
    aim = entry[entering.target]
    entered = np.zeros(acts.count, dtype=bool)
    entered[_on_the_way(acts, entering.target[aim != entering.target], entry)] = True
    held = inward.select(inner)
    held = held.select(~(entered[held.source] & (entry[held.source] == entry[held.target])))
    leaving = replace(entering, target=aim)
    return together(held, _from_last(leaving, rows[last], holder[last]))


def _outermost(holder: Ints, wave: Ints) -> tuple[Mask, Mask]:
    """Which members, in order of container and start, are in its first wave and in its last."""
    new = np.append(True, holder[1:] != holder[:-1])
    group = np.cumsum(new) - 1
    ends = np.append(np.flatnonzero(new)[1:], len(holder)) - 1
    return wave == wave[new][group], wave == wave[ends][group]


def _entries(count: int, member: Ints, holder: Ints) -> Ints:
    """For each activation where control that goes to it arrives: itself, or its first member."""
    entry = np.arange(count)
    width = np.bincount(holder, minlength=count)
    alone = width[holder] == 1
    entry[holder[alone]] = member[alone]
    while True:
        further = entry[entry]
        if np.array_equal(further, entry):
            return entry
        entry = further


def _on_the_way(acts: Activations, targets: Ints, entry: Ints) -> Ints:
    """The containers that control passes on its way in from `targets`."""
    passed = [targets]
    inside = acts.up >= 0
    step = np.arange(acts.count)
    chain = inside & (entry[np.maximum(acts.up, 0)] == entry)
    step[acts.up[chain]] = np.flatnonzero(chain)
    while len(passed[-1]):
        below = step[passed[-1]]
        passed.append(below[below != passed[-1]])
    return np.unique(np.concatenate(passed))


def _from_last(edges: Edges, member: Ints, holder: Ints) -> Edges:
    """Edges from containers as edges from each of their last members."""
    order = np.argsort(holder, kind="stable")
    member, holder = member[order], holder[order]
    while True:
        from_container = np.isin(edges.source, holder)
        if not from_container.any():
            return edges
        outer = edges.select(from_container)
        low = np.searchsorted(holder, outer.source, side="left")
        width = np.searchsorted(holder, outer.source, side="right") - low
        which = np.repeat(np.arange(len(low)), width)
        nth = np.arange(len(which)) - np.repeat(np.cumsum(width) - width, width)
        spread = replace(outer.select(which), source=member[low[which] + nth])
        edges = together(edges.select(~from_container), spread)
