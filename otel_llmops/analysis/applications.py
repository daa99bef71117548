"""Agent spans that are no one agent's: applications, relays and chains.

Strategy: instrumentations that know no agents call the whole run one. Such a span gives itself
away: the model calls in it change their instructions right after a tool that handed over; or it
bears the name of its scope, the application's, and holds calls of several instructions, or agents
and no calls; or its parts are the classes that a chain is made of.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.attributes import Attributes
from otel_llmops.analysis.columns import bits, codes, distinct_pairs, filled, whole
from otel_llmops.analysis.forest import Forest, Ints, Mask
from otel_llmops.analysis.hints import Hints
from otel_llmops.analysis.kinds import CODE
from otel_llmops.analysis.names import plain, plumbing
from otel_llmops.semconv import CHAIN_PART, CONCEPTS, Kind

__all__ = ["instructions_of", "of_one_agent", "same_instructions"]

_CHANGING = r"[\w:.,/+-]*[0-9][\w:.,/+-]*[0-9][\w:.,/+-]*"
"""Dates, times and ids: two digits or more in a word."""


def instructions_of(attributes: Attributes) -> pa.Array:
    """What each model call was told to be, '' where that is unknown.

    Many agents are told the time or a number of the case, too: that is left out, for a change of it
    is no change of the agent.
    """
    number, distinct = codes(attributes.text(CONCEPTS["instructions"]))
    return pc.replace_substring_regex(distinct, _CHANGING, "#").take(pa.array(number))


def of_one_agent(
    attributes: Attributes, spans: pa.Table, kind: Ints, tree: Forest, start: Ints, hints: Hints
) -> Ints:
    """Kinds, with agent spans that hold several agents' work as workflows, and chains as steps.

    In:   Of n spans their attributes, flat columns, kinds, forest, start in ns, and hints.
    Out:  Numbers of kinds, n rows.
    Cost: O(n log n) where there are agent spans.
    """
    agent = kind == CODE[Kind.AGENT]
    if not agent.any():
        return kind
    name = attributes.text(CONCEPTS["agent"])
    named = agent & ~plumbing(name)
    owner = tree.nearest(named, inclusive=False)
    instructions = instructions_of(attributes)
    said, _ = codes(instructions)
    calls = (kind == CODE[Kind.LLM]) & (owner >= 0)
    call = np.flatnonzero(calls & filled(instructions))
    word = hints.said & (kind == CODE[Kind.TOOL]) & (owner >= 0)
    word &= ~_acts_here(spans, named, name, hints.target)
    known, same = same_instructions(np.flatnonzero(word), call, owner, said, start)
    relay = np.zeros(len(kind), dtype=bool)
    relay[owner[np.flatnonzero(word)[known & ~same]]] = True
    hollow = np.zeros(len(kind), dtype=bool)
    hollow[owner[named & (owner >= 0)]] = True
    hollow[owner[calls]] = False
    several = _holders_of_several(owner[call], said[call], len(kind))
    scope = np.asarray(pc.equal(name, whole(spans.column("scope_name"))))
    application = agent & (tree.parent < 0) & scope & (several | hollow)
    found = np.where(relay | application, CODE[Kind.WORKFLOW], kind)
    return np.where(_chains(attributes, tree, agent, name), CODE[Kind.STEP], found)


def same_instructions(
    word: Ints, call: Ints, place: Ints, said: Ints, start: Ints
) -> tuple[Mask, Mask]:
    """For each word whether calls stand before and after it, and have the same instructions.

    Whoever hands over is followed by another agent, and that one by its own instructions; who
    transfers money goes on with the same.

    In:   Rows of words and of model calls; for each row the number of the place that it is in, the
          number of its instructions and its start.
    Out:  Two masks, one value a word: whether both calls are there, whether they are alike.
    """
    if not len(call):
        return np.zeros(len(word), dtype=bool), np.zeros(len(word), dtype=bool)
    _, rank = np.unique(np.concatenate([start[call], start[word]]), return_inverse=True)
    stride = len(rank) + 1
    key = place[call] * stride + rank[: len(call)]
    order = np.argsort(key, kind="stable")
    after = np.searchsorted(key[order], place[word] * stride + rank[len(call) :], side="right")
    left = call[order[np.maximum(after - 1, 0)]]
    right = call[order[np.minimum(after, len(call) - 1)]]
    there = (after > 0) & (after < len(call))
    there &= (place[left] == place[word]) & (place[right] == place[word])
    return there, said[left] == said[right]


def _acts_here(spans: pa.Table, named: Mask, name: pa.Array, target: pa.Array) -> Mask:
    """Words to an agent that has a span of its own in the trace: that span says when it acts."""
    trace = whole(spans.column("trace_id"))
    own = pc.binary_join_element_wise(trace, plain(name), " ")
    asked = pc.binary_join_element_wise(trace, plain(target), " ")
    here: Mask = np.asarray(pc.is_in(asked, value_set=own.filter(bits(named))))
    return here


def _holders_of_several(owner: Ints, said: Ints, rows: int) -> Mask:
    """Rows whose own calls have more than one kind of instructions."""
    holder, _ = distinct_pairs(owner, said)
    several: Mask = np.bincount(holder, minlength=rows) > 1
    return several


def _chains(attributes: Attributes, tree: Forest, agent: Mask, name: pa.Array) -> Mask:
    """Agent spans right above the parts of a chain that is no node of a graph."""
    part = np.asarray(pc.match_substring_regex(name, CHAIN_PART)) & agent & (tree.parent >= 0)
    part &= ~filled(attributes.text(CONCEPTS["graph_node"]))
    chain = np.zeros(len(agent), dtype=bool)
    chain[tree.parent[part]] = True
    return chain & agent
