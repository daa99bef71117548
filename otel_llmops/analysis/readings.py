"""What each span says of itself, before anything is concluded from its neighbours.

Strategy: a reading is made of one span alone, so it can be made once, whatever arrives later.
All that dialects differ in ends here: past this file there is one vocabulary.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.attributes import Attributes
from otel_llmops.analysis.clocks import skew
from otel_llmops.analysis.columns import codes, filled, whole
from otel_llmops.analysis.forest import Forest, Ints, Mask, forest
from otel_llmops.analysis.torn import placeholders
from otel_llmops.semconv import (
    AFFIXES,
    CONCEPTS,
    CONTROL_FLOW,
    EXCLUSIVE_CACHE,
    GENERIC_HANDOFF_TOOLS,
    HANDOFF_TOOL,
    KIND_AFFIXES,
    KIND_MARKS,
    OUTRANKING_MARKS,
    PLUMBING,
    Dialect,
    Kind,
    Place,
)

__all__ = [
    "KINDS",
    "Readings",
    "Usage",
    "by_session",
    "plain",
    "plumbing",
    "read",
]

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

KINDS = tuple(Kind)
_CODE = {kind: code for code, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as a span reported them; `reported` where it reported any."""

    reported: Mask
    input: Ints
    output: Ints
    cache_read: Ints
    cache_write: Ints
    reasoning: Ints


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
    graph_agent: pa.Array
    tool: pa.Array
    hint: Mask
    hint_back: Mask
    hint_target: pa.Array
    hint_by_attribute: Mask
    result_target: pa.Array
    usage: Usage
    failed: Mask
    error_type: pa.Array
    attributes: Attributes

    def is_kind(self, *kinds: Kind) -> Mask:
        """Which spans are of one of these kinds."""
        return np.isin(self.kind, [_CODE[kind] for kind in kinds])

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
    Source: the dialect table, semconv.py.
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
    kind, dialect = _kinds(attributes, names)
    clean, affixed = _clean(names)
    is_tool = kind == _CODE[Kind.TOOL]
    tool = pc.if_else(pa.array(is_tool), _or(attributes.text(CONCEPTS["tool"]), clean), "")
    hint = _hints(attributes, kind, tool, names)
    failed, error_type = _failures(attributes, spans)
    return Readings(
        spans=spans,
        link_owner=rank[np.asarray(pc.list_parent_indices(links)).astype(np.int64)],
        link_trace=links.flatten().field("trace_id"),
        placeholder=np.asarray(order).astype(np.int64) >= arrived,
        start=start + moved,
        end=end + moved,
        forest=tree,
        kind=kind,
        dialect=dialect,
        clean_name=clean,
        affixed=affixed,
        agent_name=attributes.text(CONCEPTS["agent"]),
        stamped_agent=attributes.text(CONCEPTS["stamped_agent"]),
        acting_agent=attributes.text(CONCEPTS["acting_agent"], where=kind == _CODE[Kind.STEP]),
        graph_node=attributes.text(CONCEPTS["graph_node"]),
        graph_agent=attributes.text(CONCEPTS["graph_agent"]),
        tool=tool,
        hint=hint[0],
        hint_back=hint[1],
        hint_target=hint[2],
        hint_by_attribute=hint[3],
        result_target=attributes.text(CONCEPTS["handoff_result"], where=is_tool & ~hint[0]),
        usage=_usage(attributes),
        failed=failed,
        error_type=error_type,
        attributes=attributes,
    )


def plain(names: pa.Array) -> pa.Array:
    """Names as they are compared: lower case, `_`, `-` and blanks alike."""
    lower = pc.utf8_lower(names)
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(lower, r"[_\-\s]+", " "))


def plumbing(names: pa.Array) -> Mask:
    """Which names are a framework's own, or none: no agent of the user's has them."""
    own: Mask = np.asarray(pc.is_in(pc.utf8_lower(names), value_set=pa.array(sorted(PLUMBING))))
    return own


def by_session(session: Ints, names: pa.Array) -> pa.Array:
    """Names made distinct by the session they belong to."""
    return pc.binary_join_element_wise(pa.array(session).cast(pa.string()), names, " ")


def _kinds(attributes: Attributes, names: pa.Array) -> tuple[Ints, pa.Array]:
    kind = np.full(len(names), _CODE[Kind.OTHER], dtype=np.int64)
    dialect = np.full(len(names), str(Dialect.NONE), dtype=object)
    known = np.zeros(len(names), dtype=bool)
    for name, whose, values in KIND_MARKS:
        found, distinct = codes(attributes.text((Place(name),)))
        lookup = np.array([_CODE.get(values.get(v, Kind.OTHER), -1) for v in distinct.to_pylist()])
        said = lookup[found] if len(lookup) else found
        fresh = ~known & (said != _CODE[Kind.OTHER])
        kind[fresh] = said[fresh]
        dialect[fresh] = str(whose)
        known |= fresh
    for name, value, outranking, beside in OUTRANKING_MARKS:
        said_so = np.asarray(pc.equal(attributes.text((Place(name),)), value))
        kind[said_so & attributes.has(beside) if beside else said_so] = _CODE[outranking]
    nameless = (kind == _CODE[Kind.AGENT]) & ~filled(attributes.text(CONCEPTS["agent"]))
    for ending, outranking in KIND_AFFIXES.items():
        kind[nameless & np.asarray(pc.ends_with(names, ending))] = _CODE[outranking]
    return kind, pa.array(dialect, type=pa.string())


def _clean(names: pa.Array) -> tuple[pa.Array, Mask]:
    """Names without what an instrumentation puts around them, and where something was there."""
    indices, distinct = codes(names)
    before = "|".join(_quote(a) for a, b in AFFIXES if a and not b)
    after = "|".join(_quote(b) for a, b in AFFIXES if b and not a)
    clean = pc.replace_substring_regex(distinct, f"^(?:{before})", "")
    clean = pc.replace_substring_regex(clean, f"(?:{after})$", "")
    for left, right in ((a, b) for a, b in AFFIXES if a and b):
        clean = pc.replace_substring_regex(clean, f"^{_quote(left)}(.*){_quote(right)}$", r"\1")
    changed = pc.not_equal(clean, distinct)
    place = pa.array(indices)
    return clean.take(place), np.asarray(changed.take(place))


def _hints(
    attributes: Attributes, kind: Ints, tool: pa.Array, names: pa.Array
) -> tuple[Mask, Mask, pa.Array, Mask]:
    """Spans by which an agent says that it hands over: hint, hands back, to whom, by attribute."""
    is_tool = kind == _CODE[Kind.TOOL]
    is_handoff = kind == _CODE[Kind.HANDOFF]
    told = attributes.text(CONCEPTS["handoff_target"], where=is_tool | is_handoff)
    by_attribute = filled(told) | is_handoff
    asked = pc.if_else(pa.array(kind == _CODE[Kind.LLM]), attributes.text(CONCEPTS["called"]), "")
    said = _or(tool, asked)
    generic_tool = np.asarray(
        pc.is_in(pc.utf8_lower(said), value_set=pa.array(sorted(GENERIC_HANDOFF_TOOLS)))
    )
    named = _or(_named_target(said), pc.if_else(pa.array(is_tool), _named_target(names), ""))
    named = pc.if_else(pa.array(generic_tool), "", named)
    argument = attributes.text(CONCEPTS["handoff_argument"], where=generic_tool)
    target = _or(_or(told, named), argument)
    by_name = filled(named)
    back = by_name & np.asarray(pc.match_substring_regex(said, r"(?i)_back[_ ]to[_ ]"))
    return by_name | generic_tool | by_attribute, back, target, by_attribute


def _named_target(names: pa.Array) -> pa.Array:
    indices, distinct = codes(names)
    found = pc.struct_field(pc.extract_regex(distinct, HANDOFF_TOOL), "to")
    return pc.fill_null(found, "").take(pa.array(indices))


def _usage(attributes: Attributes) -> Usage:
    numbers = {
        name: attributes.number(CONCEPTS[f"{name}_tokens"])
        for name in ("input", "output", "cache_read", "cache_write", "reasoning")
    }
    tokens_in, known_in = numbers["input"]
    tokens_out, known_out = numbers["output"]
    cached, written = numbers["cache_read"][0], numbers["cache_write"][0]
    # protocols: input includes what was read from and written to a cache, except where a dialect
    # or the numbers themselves (a part larger than the whole) say that it is left out.
    exclusive = np.zeros(len(tokens_in), dtype=bool)
    for name in EXCLUSIVE_CACHE:
        exclusive |= attributes.has(name)
    exclusive |= known_in & (cached + written > tokens_in)
    return Usage(
        reported=known_in | known_out,
        input=np.where(exclusive, tokens_in + cached + written, tokens_in),
        output=tokens_out,
        cache_read=cached,
        cache_write=written,
        reasoning=numbers["reasoning"][0],
    )


def _failures(attributes: Attributes, spans: pa.Table) -> tuple[Mask, pa.Array]:
    """Spans that failed, leaving out the exceptions by which a framework steers."""
    bad = np.asarray(spans.column("status_code")) == 2
    error_type = attributes.text(CONCEPTS["error_type"])
    message = whole(spans.column("status_message"))
    steering = pc.or_(
        pc.match_substring_regex(error_type, CONTROL_FLOW),
        pc.match_substring_regex(message, CONTROL_FLOW),
    )
    failed = bad & ~np.asarray(steering)
    return failed, pc.if_else(pa.array(failed), error_type, "")


def _or(first: pa.Array, second: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(first, ""), second, first)


def _nanoseconds(column: pa.ChunkedArray) -> Ints:
    return np.asarray(column.cast(pa.int64())).astype(np.int64)


def _quote(text: str) -> str:
    return "".join(f"\\{c}" if c in ".[]()*+?^$|\\" else c for c in text)
