"""What agents said of handing over: by a tool, by an attribute, in a tool's or a step's result."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.agents import Activations
from otel_llmops.analysis.columns import filled, places
from otel_llmops.analysis.edges import ATTRIBUTE, TOOL
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.names import by_session, plain
from otel_llmops.analysis.readings import Readings

__all__ = ["Words", "words_of"]


@dataclass(frozen=True, slots=True)
class Words:
    """What agents said of handing over: per (activation, target agent or -1 for anyone)."""

    activation: Ints
    target: Ints
    bit: Ints
    back: Mask
    returns: Mask

    def wants_back(self, source: Ints, target_agent: Ints) -> Mask:
        """Whether `source` said of the hand-over to an agent that control is to come back."""
        asked = self.returns & (self.target >= 0)
        stride = int(max(self.target.max(initial=0), target_agent.max(initial=0))) + 1
        said = np.unique(self.activation[asked] * stride + self.target[asked])
        return np.isin(source * stride + target_agent, said)

    def evidence(self, source: Ints, target_agent: Ints) -> Ints:
        """The evidence bits of words from `source` to an agent, 0 where there are none."""
        stride = int(max(self.target.max(initial=0), target_agent.max(initial=0))) + 2
        said = self.activation * stride + self.target + 1
        bits = np.zeros(len(source), dtype=np.int64)
        for bit in (TOOL, ATTRIBUTE):
            keys = np.unique(said[(self.bit == bit) & ~self.back])
            named = np.isin(source * stride + target_agent + 1, keys)
            anyone = np.isin(source * stride, keys)
            bits |= np.where(named | anyone, bit, 0)
        return bits


def words_of(readings: Readings, acts: Activations) -> Words:
    """What agents said of handing over, to agents that acted.

    In:   Readings, n rows, and their Activations.
    Out:  Words, one a word, in no particular order.
    """
    hints = readings.hints
    resulted = filled(hints.result)
    owned = (hints.said | resulted) & (acts.owner >= 0)
    rows = np.flatnonzero(owned)
    own = acts.owner[rows]
    # A handoff tool that became the delegate's activation is the word of the one around it.
    at_head = acts.tool_made[own] & (acts.head[own] == rows)
    own = np.where(at_head, acts.up[own], own)
    target = pc.if_else(pa.array(resulted), hints.result, hints.target)
    target = target.take(pa.array(rows))
    known = by_session(acts.home, plain(acts.names))
    asked = by_session(acts.home[acts.agent[np.maximum(own, 0)]], plain(target))
    found = places(asked, known)
    found = np.where(found < 0, _in_node(readings, acts, rows, target), found)
    to = np.where(filled(target), found, -1)
    # No such agent acted (a human, an end node): no word to any of those that did
    keep = (to != -2) & (own >= 0)
    bit = np.where(hints.by_attribute[rows], ATTRIBUTE, TOOL)
    return Words(own[keep], to[keep], bit[keep], hints.back[rows][keep], hints.returns[rows][keep])


def _in_node(readings: Readings, acts: Activations, rows: Ints, target: pa.Array) -> Ints:
    """For words to a node of a graph the agent that works in it, -2 where there is none.

    A framework hands over to nodes, and a node may run an agent of another name.
    """
    around = readings.forest.nearest(readings.own_node)[acts.head]
    inside = np.flatnonzero(around >= 0)
    if not len(inside):
        return np.full(len(rows), -2, dtype=np.int64)
    root = readings.forest.root()
    node = around[inside]
    known = by_session(root[node], readings.clean_name.take(pa.array(node)))
    asked = by_session(root[rows], target)
    place = places(asked, known)
    return np.where(place >= 0, acts.agent[inside[np.maximum(place, 0)]], -2)
