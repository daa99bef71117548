"""Which spans say that an agent's activation starts there, and how surely.

Strategy: a mark is strong (an agent span that names its agent) or weak (a node of a graph, a span
that only calls itself an agent, a stamp of our processor). What a framework calls its own parts is
no name (semconv.PLUMBING).
"""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.columns import codes, filled, whole
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.names import first_filled, plumbing
from otel_llmops.analysis.readings import Readings
from otel_llmops.semconv import CONCEPTS, GRAPH_SCOPE, NAMING_SCOPE, STEP_NAMES, Kind

__all__ = ["marks"]

_COUNT = re.compile(r'"([^"]+)": (\d{1,3})')


def marks(readings: Readings) -> tuple[pa.Array, Mask]:
    """The agent's name where a span marks an activation ('' elsewhere), and where it is strong.

    In:   Readings, n rows.
    Out:  string array and mask, one value a row.
    Cost: O(n log depth).
    """
    agent_kind = readings.is_kind(Kind.AGENT)
    said = readings.agent_name
    named = agent_kind & filled(said)
    by_affix = agent_kind & ~named & readings.affixed
    bare = agent_kind & ~named & ~by_affix & ~_beside_named(readings, named)
    step = readings.is_kind(Kind.STEP, Kind.WORKFLOW) | bare
    node = step & _graph_nodes(readings)
    own_words = plumbing(said) & (_tells_nodes(readings) | ~_step_names(said))
    by_framework = (named & ~own_words) | by_affix
    unsaid = readings.forest.nearest(by_framework) < 0
    name = pc.if_else(pa.array(unsaid), _topmost(readings, readings.stamped_agent), "")
    name = pc.if_else(pa.array(filled(readings.acting_agent)), readings.acting_agent, name)
    name = pc.if_else(pa.array(node | bare | by_affix), readings.clean_name, name)
    own = _topmost(readings, readings.graph_agent)
    name = pc.if_else(pc.and_(pc.equal(name, ""), pa.array(step)), own, name)
    name = pc.if_else(pa.array(named), said, name)
    nameless = np.where(named, own_words, plumbing(name))
    nameless |= agent_kind & ~named & _named_after_model(readings, name)
    asked = agent_kind & nameless
    other = pc.if_else(pa.array(asked), _other_name(readings, asked), "")
    name = pc.if_else(pa.array(nameless), other, name)
    sure = ((named & ~_wraps_workflow(readings)) | by_affix) & ~nameless
    return name, sure | (asked & filled(other) & ~filled(readings.graph_node))


def _step_names(names: pa.Array) -> Mask:
    own: Mask = np.asarray(pc.is_in(pc.utf8_lower(names), value_set=pa.array(sorted(STEP_NAMES))))
    return own


def _tells_nodes(readings: Readings) -> Mask:
    """Spans of traces in which a framework tells the nodes of a graph."""
    trace, _ = codes(whole(readings.spans.column("trace_id")))
    scope = whole(readings.spans.column("scope_name"))
    tells = filled(readings.graph_node)
    tells |= np.asarray(pc.match_substring_regex(scope, GRAPH_SCOPE))
    return np.isin(trace, np.unique(trace[tells]))


def _beside_named(readings: Readings, named: Mask) -> Mask:
    """Spans of a trace and scope in which others name their agents: these mean none."""
    trace, _ = codes(whole(readings.spans.column("trace_id")))
    scope, _ = codes(whole(readings.spans.column("scope_name")))
    place = trace * (int(scope.max(initial=0)) + 1) + scope
    naming = pc.match_substring_regex(whole(readings.spans.column("scope_name")), NAMING_SCOPE)
    meant: Mask = np.isin(place, np.unique(place[named])) | np.asarray(naming)
    return meant


def _named_after_model(readings: Readings, name: pa.Array) -> Mask:
    """Names that are the model's: whoever made the span had none for the agent."""
    same: Mask = np.asarray(pc.equal(name, readings.concept("requested_model")))
    return same


def _other_name(readings: Readings, nameless: Mask) -> pa.Array:
    """For agent spans without a name: that of the node or tool call, or one that is told above."""
    parent = readings.forest.parent
    above = pa.array(np.maximum(parent, 0))
    called = (parent >= 0) & readings.is_kind(Kind.TOOL)[above]
    tool = pc.if_else(pa.array(called), readings.tool.take(above), "")
    node = pc.if_else(pa.array(plumbing(readings.graph_node)), "", readings.graph_node)
    name = first_filled(node, tool)
    rows = np.flatnonzero(nameless & ~filled(name) & (parent >= 0))
    return _told_above(readings, rows, name) if len(rows) else name


def _told_above(readings: Readings, rows: Ints, name: pa.Array) -> pa.Array:
    """Names, with those that the spans right above nameless agents tell in their outcome.

    A pipeline tells the component that answered. An agent tells how often it called each tool: the
    agents below it are those, in order, where it called as many and each one once, or one alone.
    """
    parent = readings.forest.parent
    workflow = readings.is_kind(Kind.WORKFLOW)
    attributes = readings.attributes
    holder = np.zeros(len(workflow), dtype=bool)
    holder[parent[rows]] = True
    component = attributes.text(CONCEPTS["component"], where=holder & workflow)
    counts = attributes.text(CONCEPTS["tool_counts"], where=holder & ~workflow)
    rows = rows[(filled(component) | filled(counts))[parent[rows]]]
    above, place = np.unique(parent[rows], return_inverse=True)
    said = (texts.take(pa.array(above)).to_pylist() for texts in (counts, component))
    told = [iter(names) for names in map(_names_told, *said, np.bincount(place).tolist())]
    return _replaced(name, rows, [next(told[up]) for up in place.tolist()])


def _names_told(counts: str, component: str, below: int) -> list[str]:
    """Names for the agents below one span, in order, '' where it tells none."""
    calls = [(name, int(times)) for name, times in _COUNT.findall(counts)]
    if sum(times for _, times in calls) == below and len(calls) in (1, below):
        return [name for name, times in calls for _ in range(times)]
    return [component if below == 1 else ""] * below


def _replaced(names: pa.Array, rows: Ints, values: list[str]) -> pa.Array:
    place = np.arange(len(names))
    place[rows] = len(names) + np.arange(len(rows))
    return pa.concat_arrays([names, pa.array(values, pa.string())]).take(pa.array(place))


def _graph_nodes(readings: Readings) -> Mask:
    """Spans that are nodes of an agent graph: they say their own node's name, or are its root.

    A framework that only tells nodes (no agents) leaves it to the reader which of them are
    agents: those are nodes that the user named and under which a model is called.
    """
    node = filled(readings.graph_node)
    trace, _ = codes(whole(readings.spans.column("trace_id")))
    in_graph = np.isin(trace, np.unique(trace[node]))
    entity = readings.concept("entity")
    a_task: Mask = np.asarray(pc.equal(readings.concept("operation"), "execute_task"))
    task = filled(entity) & a_task
    is_root = readings.forest.parent < 0
    return readings.own_node | task | (in_graph & is_root & ~node)


def _topmost(readings: Readings, stamp: pa.Array) -> pa.Array:
    """A stamp where it begins: on spans whose parent carries another one or none; '' elsewhere."""
    parent = readings.forest.parent
    said, _ = codes(stamp)
    above = np.where(parent >= 0, said[np.maximum(parent, 0)], -1)
    return pc.if_else(pa.array(said != above), stamp, "")


def _wraps_workflow(readings: Readings) -> Mask:
    """Spans with a workflow of their own name right below: the agent may be what is inside."""
    parent = readings.forest.parent
    below = np.flatnonzero(readings.is_kind(Kind.WORKFLOW) & (parent >= 0))
    name = readings.clean_name
    same = np.asarray(pc.equal(name.take(pa.array(below)), name.take(pa.array(parent[below]))))
    wraps = np.zeros(len(parent), dtype=bool)
    wraps[parent[below[same]]] = True
    return wraps
