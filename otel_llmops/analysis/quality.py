"""How good a handoff was, from five parts that stand beside the answer.

Strategy: each part is in [0, 1] and 1 is best; a part without evidence is left out (NaN), and what
is left of the weights is the quality's confidence, so that missing evidence lowers the confidence
and not the quality. The quality is the weighted geometric mean of the parts above a floor, because
one part that failed is not made good by four that did not: a handoff to an agent that fails is a
poor one, however prompt. The reasons for each part and weight stand in docs/quality.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.agents import Activations
from otel_llmops.analysis.attributes import name_lists
from otel_llmops.analysis.columns import filled
from otel_llmops.analysis.drift_compare import Shares
from otel_llmops.analysis.edges import CONVERSATION, DELEGATION, SEQUENCE, TRANSFER, Edges
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.names import plain
from otel_llmops.analysis.readings import Readings
from otel_llmops.semconv import Kind

__all__ = ["WEIGHTS", "Quality", "allowed", "combined", "no_bounce", "promptness", "succeeded"]

WEIGHTS: Mapping[str, float] = {
    "completed": 0.40,
    "context_kept": 0.25,
    "no_bounce": 0.15,
    "promptness": 0.10,
    "allowed": 0.10,
}
"""Part -> its share of the quality."""

FLOOR = 0.05
"""A part that failed altogether: with 0 in its place one would outweigh all others."""

WORK_NS_MIN = 1_000_000_000
"""Nobody waits for a second: a shorter answer counts as one when a wait is compared with it."""


@dataclass(frozen=True, slots=True)
class Quality:
    """One row a handoff: `parts` by the names of WEIGHTS, NaN where there is no evidence."""

    quality: Shares
    confidence: Shares
    parts: Mapping[str, Shares]


def combined(parts: Mapping[str, Shares]) -> Quality:
    """The quality of each handoff and how much it rests on.

    In:   parts by the names of WEIGHTS, in [0, 1] or NaN.
    Out:  quality in [0, 1], monotone in each part, 1 where nothing is known to be wrong; and
          confidence, the weight of the parts that are known.
    Cost: O(n).
    Source: docs/quality.md.
    """
    count = len(parts["completed"])
    weight, logs = np.zeros(count), np.zeros(count)
    for name, share in WEIGHTS.items():
        known = ~np.isnan(parts[name])
        lifted = FLOOR + (1 - FLOOR) * np.where(known, parts[name], 1.0)
        logs += share * np.log(lifted)
        weight += share * known
    mean = np.exp(logs / np.where(weight > 0, weight, 1.0))
    quality = np.clip((mean - FLOOR) / (1 - FLOOR), 0.0, 1.0)
    return Quality(quality, np.minimum(weight, 1.0), parts)


def succeeded(readings: Readings, acts: Activations) -> Mask:
    """For each activation whether it succeeded: neither it nor the last thing it did failed."""
    work = (acts.owner >= 0) & readings.is_kind(Kind.LLM, Kind.TOOL, Kind.AGENT)
    rows = np.flatnonzero(work)
    rows = rows[np.lexsort((rows, readings.end[rows]))]
    last = acts.head.copy()
    last[acts.owner[rows]] = rows
    return np.asarray(~(readings.failed[last] | readings.failed[acts.head]))


def no_bounce(readings: Readings, acts: Activations, edges: Edges, session: Ints) -> Shares:
    """1 where control stayed, 0 where it came straight back, less for each round of ping-pong.

    In:   as `handoffs`; `session` is the number of the session of each handoff.
    Out:  a share for each edge: 1 / (1 + rounds that the two had gone before).
    Edge: A delegation's return is no handoff, so it is no bounce. Who calls a tool, asks anybody
          else, or calls a model more than once has worked, and may hand back what it found.
    Cost: O(n log n).
    """
    asked = np.isin(edges.kind, (TRANSFER, DELEGATION))
    agents = len(acts.names)
    straight = _straight(readings, acts, edges)
    returning = edges.source * agents + acts.agent[edges.target]
    went = edges.target * agents + acts.agent[edges.source]
    back = np.isin(went, returning[asked & straight[edges.source]])
    return np.where(back, 0.0, 1.0 / (1 + _rounds(readings, acts, edges, session)))


def _straight(readings: Readings, acts: Activations, edges: Edges) -> Mask:
    """Activations that did nothing but decide once to whom it goes on."""
    owned = acts.owner >= 0
    llm = readings.is_kind(Kind.LLM)
    calls = llm & (readings.forest.nearest(llm, inclusive=False) < 0) & owned
    tools = readings.is_kind(Kind.TOOL, Kind.RETRIEVAL) & ~readings.hints.said & owned
    one_call = np.bincount(acts.owner[calls], minlength=acts.count) == 1
    no_tool = np.bincount(acts.owner[tools], minlength=acts.count) == 0
    one_way = np.bincount(edges.source, minlength=acts.count) == 1
    straight: Mask = one_call & no_tool & one_way
    return straight


def _rounds(readings: Readings, acts: Activations, edges: Edges, session: Ints) -> Ints:
    """How often the two had gone to and fro before, by transfers in a row."""
    source, target = acts.head[edges.source], acts.head[edges.target]
    order = np.lexsort((source, target, readings.start[target], session))
    giver, taker = acts.agent[edges.source][order], acts.agent[edges.target][order]
    swapped = (giver[1:] == taker[:-1]) & (taker[1:] == giver[:-1])
    moved = edges.kind[order] == TRANSFER
    fresh = np.append(True, ~(swapped & moved[1:] & moved[:-1]))[: len(order)]
    began = np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))
    rounds = np.empty(len(order), dtype=np.int64)
    rounds[order] = (np.arange(len(order)) - began) // 2
    return rounds


def promptness(readings: Readings, acts: Activations, edges: Edges, latency: pa.Array) -> Shares:
    """How short the wait was beside the work that was waited for.

    In:   as `handoffs`, and the latency of each, ns.
    Out:  work / (work + wait): a wait as long as the work is 0.5; NaN where no wait is known.
    Edge: Whoever joins several begins when the last is done, so the shortest wait of all that lead
          to one target counts. Between a user's turns the wait is the user's, and says nothing.
    Cost: O(n).
    """
    wait = np.asarray(pc.fill_null(latency, 0)).astype(np.float64)
    known = np.asarray(pc.is_valid(latency)) & ((edges.evidence & CONVERSATION) == 0)
    shortest = np.full(acts.count, np.inf)
    np.minimum.at(shortest, edges.target[known], np.maximum(wait[known], 0.0))
    work = (acts.end - readings.start[acts.head])[edges.target]
    work = np.maximum(work.astype(np.float64), WORK_NS_MIN)
    return np.where(known, work / (work + np.where(known, shortest[edges.target], 0.0)), np.nan)


def allowed(readings: Readings, acts: Activations, edges: Edges) -> Shares:
    """Whether the target is one that the source's agent says it hands over to.

    In:   as `handoffs`.
    Out:  1 or 0; NaN where the agent names nobody, or workflow code and not the agent decided.
    Cost: O(agents that say so + n log n).
    """
    said = readings.concept("can_handoff_to").take(pa.array(acts.head))
    heads = np.flatnonzero(filled(said))
    count = len(edges.source)
    if not len(heads):
        return np.full(count, np.nan)
    agent, first = np.unique(acts.agent[heads], return_index=True)
    lists = name_lists(said.take(pa.array(heads[first])))
    owner, names = _listed(agent, lists)
    names_plain = plain(acts.names)
    known = pc.binary_join_element_wise(pa.array(owner).cast(pa.string()), plain(names), " ")
    source, target = acts.agent[edges.source], acts.agent[edges.target]
    asked = pc.binary_join_element_wise(
        pa.array(source).cast(pa.string()), names_plain.take(pa.array(target)), " "
    )
    named = np.asarray(pc.is_in(asked, value_set=known))
    told = np.isin(source, owner) & (edges.kind != SEQUENCE)
    return np.where(told, named.astype(np.float64), np.nan)


def _listed(agent: Ints, lists: pa.Array) -> tuple[Ints, pa.Array]:
    """Each name of each list, and the agent whose list it is in."""
    found = pa.array([orjson.loads(text) for text in lists.to_pylist()], pa.list_(pa.string()))
    return agent[np.asarray(pc.list_parent_indices(found)).astype(np.int64)], found.flatten()
