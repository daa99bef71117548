"""What each span says of itself, before anything is concluded from its neighbours.

Strategy: a reading is made of one span alone, so it can be made once, whatever arrives later.
All that dialects differ in ends here: past this file there is one vocabulary.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.applications import of_one_agent
from otel_llmops.analysis.attributes import Attributes
from otel_llmops.analysis.clocks import skew
from otel_llmops.analysis.columns import by_distinct, codes, filled, whole
from otel_llmops.analysis.forest import Forest, Ints, Mask, forest
from otel_llmops.analysis.hints import Hints, hints_of
from otel_llmops.analysis.kinds import CODE, KINDS, kinds_of
from otel_llmops.analysis.names import cleaned, first_filled
from otel_llmops.analysis.torn import placeholders
from otel_llmops.analysis.usage import Usage, usage_of
from otel_llmops.semconv import CONCEPTS, CONTROL_FLOW, Kind

__all__ = ["Readings", "read"]

_ORDER = ("start_time", "trace_id", "span_id", "end_time", "span_wire")
_FLAT = [
    "trace_id",
    "span_id",
    "parent_span_id",
    "name",
    "kind",
    "start_time",
    "end_time",
    "duration_ns",
    "status_code",
    "status_message",
    "service",
    "scope_name",
]


@dataclass(frozen=True)
class Readings:
    """One row a span, in order of start; text columns are string arrays without nulls.

    `spans` are the flat columns of SPANS in that order, a placeholder for every parent that never
    came among them; `start` and `end` in ns, without the skew of clocks (`spans` has the times as
    they came); `link_owner` and `link_trace` the row and the target of each span link.
    """

    spans: pa.Table
    placeholder: Mask
    start: Ints
    end: Ints
    link_owner: Ints
    link_trace: pa.Array
    forest: Forest
    kind: npt.NDArray[np.int64]
    dialect: pa.Array
    clean_name: pa.Array
    affixed: Mask
    agent_name: pa.Array
    stamped_agent: pa.Array
    acting_agent: pa.Array
    graph_node: pa.Array
    own_node: Mask
    graph_agent: pa.Array
    tool: pa.Array
    hints: Hints
    usage: Usage
    failed: Mask
    error_type: pa.Array
    attributes: Attributes

    def is_kind(self, *kinds: Kind) -> Mask:
        """Which spans are of one of these kinds."""
        table = np.zeros(len(KINDS), dtype=bool)
        table[[CODE[kind] for kind in kinds]] = True
        found: Mask = table[self.kind]
        return found

    def concept(self, name: str) -> pa.Array:
        """The text of a concept of semconv.CONCEPTS for every span."""
        return self.attributes.text(CONCEPTS[name])


def read(spans: pa.Table) -> Readings:
    """Read every span on its own.

    In:     SPANS, n rows in any order.
    Out:    Readings, a row for each span and for each parent that never came, in order of (start,
            trace id, span id, end, bytes), whatever order they came in, so that no answer depends
            on it.
    Raises: SchemaError, if a column of SPANS is missing or mistyped.
    Cost:   O(n) attributes.
    Source: the dialect table, semconv/.
    """
    arrived = spans.num_rows
    torn = placeholders(spans)
    if torn.num_rows:
        spans = pa.concat_tables([spans, torn])
    order = pc.sort_indices(spans, sort_keys=[(name, "ascending") for name in _ORDER])
    rank = np.empty(len(order), dtype=np.int64)
    rank[np.asarray(order)] = np.arange(len(order))
    # Maps and lists stay where they are, only their rows are renumbered: copying them into order
    # took most of the whole analysis' time.
    attributes = Attributes(spans, rank)
    links = whole(spans.column("links"))
    spans = spans.select(_FLAT).take(order).combine_chunks()
    tree = forest(*(whole(spans.column(c)) for c in ("trace_id", "span_id", "parent_span_id")))
    start = _nanoseconds(spans.column("start_time"))
    end = start + np.asarray(spans.column("duration_ns"))
    service, _ = codes(whole(spans.column("service")))
    moved = skew(tree, service, np.asarray(spans.column("kind")), start, end)
    names = whole(spans.column("name"))
    kind, dialect = kinds_of(attributes, names, whole(spans.column("scope_name")))
    clean, affixed = cleaned(names)
    is_tool = kind == CODE[Kind.TOOL]
    tool = attributes.text(CONCEPTS["tool"], where=is_tool)
    tool = pc.if_else(pa.array(is_tool), first_filled(tool, clean), "")
    node = attributes.text(CONCEPTS["graph_node"])
    own_node = np.asarray(pc.equal(node, clean)) & filled(node)
    hints = hints_of(attributes, kind, tool, names, own_node)
    usage = usage_of(attributes, kind == CODE[Kind.AGENT])
    failed, error_type = _failures(attributes, spans, kind, usage.reported)
    return Readings(
        spans=spans,
        link_owner=rank[np.asarray(pc.list_parent_indices(links)).astype(np.int64)],
        link_trace=links.flatten().field("trace_id"),
        placeholder=np.asarray(order).astype(np.int64) >= arrived,
        start=start + moved,
        end=end + moved,
        forest=tree,
        kind=of_one_agent(attributes, spans, kind, tree, start, hints),
        dialect=dialect,
        clean_name=clean,
        affixed=affixed,
        agent_name=attributes.text(CONCEPTS["agent"]),
        stamped_agent=attributes.text(CONCEPTS["stamped_agent"]),
        acting_agent=attributes.text(CONCEPTS["acting_agent"], where=kind == CODE[Kind.STEP]),
        graph_node=node,
        own_node=own_node,
        graph_agent=attributes.text(CONCEPTS["graph_agent"]),
        tool=tool,
        hints=hints,
        usage=usage,
        failed=failed,
        error_type=error_type,
        attributes=attributes,
    )


def _failures(
    attributes: Attributes, spans: pa.Table, kind: Ints, answered: Mask
) -> tuple[Mask, pa.Array]:
    """Spans that failed, leaving out the exceptions by which a framework steers.

    A model call that raised and reports no usage failed, whatever its status says: a status that
    was once OK stays so.
    """
    bad = np.asarray(spans.column("status_code")) == 2
    error_type = attributes.text(CONCEPTS["error_type"])
    message = attributes.text(CONCEPTS["error_message"])
    raised = filled(message) & (kind == CODE[Kind.LLM]) & ~answered
    steering = np.zeros(len(bad), dtype=bool)
    for texts in (error_type, message, whole(spans.column("status_message"))):
        steering |= np.asarray(by_distinct(texts, _steers))
    failed = (bad | raised) & ~steering
    return failed, pc.if_else(pa.array(failed), error_type, "")


def _steers(texts: pa.Array) -> pa.Array:
    return pc.match_substring_regex(texts, CONTROL_FLOW)


def _nanoseconds(column: pa.ChunkedArray) -> Ints:
    return np.asarray(column.cast(pa.int64())).astype(np.int64)
