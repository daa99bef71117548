"""Spans by which an agent says that it hands over: by a tool, an attribute, a step's outcome."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.attributes import Attributes
from otel_llmops.analysis.columns import codes, filled
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.kinds import CODE
from otel_llmops.analysis.names import first_filled, plain
from otel_llmops.semconv import CONCEPTS, GENERIC_HANDOFF_TOOLS, HANDOFF_TOOL, RETURNING, Kind

__all__ = ["Hints", "hints_of"]


@dataclass(frozen=True, slots=True)
class Hints:
    """One row a span: whether it hands over, and `target` ('' for anyone), by which means.

    `back` marks a tool that gives control back, `returns` a word that wants it back; `result` is to
    whom a tool says, when it is done, that it handed over: a word only where somebody of that name
    acts.
    """

    said: Mask
    back: Mask
    target: pa.Array
    by_attribute: Mask
    returns: Mask
    result: pa.Array


def hints_of(
    attributes: Attributes, kind: Ints, tool: pa.Array, names: pa.Array, own_node: Mask
) -> Hints:
    """Read what spans say of handing over.

    In:   Of n spans their attributes, kinds, tools, names, and which are nodes of a graph.
    Out:  Hints, n rows.
    """
    is_tool = kind == CODE[Kind.TOOL]
    is_handoff = kind == CODE[Kind.HANDOFF]
    told = attributes.text(CONCEPTS["handoff_target"], where=is_tool | is_handoff)
    node = own_node & np.isin(kind, [CODE[Kind.STEP], CODE[Kind.AGENT]])
    told = first_filled(told, attributes.text(CONCEPTS["goto"], where=node))
    by_attribute = filled(told) | is_handoff
    asked = pc.if_else(pa.array(kind == CODE[Kind.LLM]), attributes.text(CONCEPTS["called"]), "")
    said = first_filled(tool, asked)
    generic_tool = np.asarray(
        pc.is_in(pc.utf8_lower(said), value_set=pa.array(sorted(GENERIC_HANDOFF_TOOLS)))
    )
    on_span = pc.if_else(pa.array(is_tool), _named_target(names), "")
    named = pc.if_else(pa.array(generic_tool), "", first_filled(_named_target(said), on_span))
    argument = attributes.text(CONCEPTS["handoff_argument"], where=generic_tool)
    hint = filled(named) | generic_tool | by_attribute
    back = filled(named) & np.asarray(pc.match_substring_regex(said, r"(?i)_back[_ ]to[_ ]"))
    # An attribute that tells of somebody else wins over the name, which then says nothing
    back &= ~filled(told) | np.asarray(pc.equal(plain(told), plain(named)))
    return Hints(
        said=hint,
        back=back,
        target=first_filled(first_filled(told, named), argument),
        by_attribute=by_attribute,
        returns=np.asarray(pc.equal(attributes.text(CONCEPTS["handoff_mode"]), RETURNING)),
        result=attributes.text(CONCEPTS["handoff_result"], where=is_tool & ~hint),
    )


def _named_target(names: pa.Array) -> pa.Array:
    indices, distinct = codes(names)
    found = pc.struct_field(pc.extract_regex(distinct, HANDOFF_TOOL), "to")
    return pc.fill_null(found, "").take(pa.array(indices))
