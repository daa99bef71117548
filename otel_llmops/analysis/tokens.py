"""The token ledger: each token once, and the rule by which.

Strategy: three classes of spans report usage. A *call* (a model call) counts what it reported,
less what calls nested in the same call reported. A *roll-up* (agent, workflow, step) repeats what
calls reported and counts nothing, unless its instrumentation showed no calls at all. A *usage
record* repeats a call beside it and never counts where calls are seen.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from otel_llmops.analysis.columns import codes, whole
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.readings import Readings
from otel_llmops.semconv import Kind

__all__ = ["RULES", "Ledger", "ledger"]

RULES = (
    "",
    "call",
    "call, less the calls nested in it",
    "roll-up of calls that report for themselves",
    "roll-up, no calls seen: what it reports beyond roll-ups below",
    "usage record beside its call",
)


@dataclass(frozen=True, slots=True)
class Ledger:
    """One row a span: own tokens, the number of the rule in RULES (0: reports none), conflict."""

    input: Ints
    output: Ints
    rule: Ints
    conflict: Mask
    is_call: Mask


def ledger(readings: Readings) -> Ledger:
    """Decide what each span's reported usage counts.

    In:   Readings, n rows.
    Out:  Ledger, n rows in the same order. `is_call` marks each model call once.
    Edge: Nested calls that report more than the call around them are a conflict; the outer one
          then counts 0.
    Cost: O(n log depth).
    """
    usage = readings.usage
    llm = readings.is_kind(Kind.LLM, Kind.EMBEDDINGS)
    call = llm & usage.reported
    record = readings.is_kind(Kind.USAGE) & usage.reported
    rollup = usage.reported & ~call & ~record
    shown = _calls_shown(readings, call)
    hidden = rollup & ~shown
    inside = _nested_in(readings, llm)
    within = _nested_in(readings, call)
    own_in, over_in = _less_nested(usage.input, call, within)
    own_out, over_out = _less_nested(usage.output, call, within)
    roll_in, _ = _less_nested(usage.input, hidden, _nested_in(readings, hidden))
    roll_out, _ = _less_nested(usage.output, hidden, _nested_in(readings, hidden))
    outer = np.zeros(len(call), dtype=bool)
    outer[within[call & (within >= 0)]] = True
    rule = np.select([call & outer, call, hidden, rollup, record], [2, 1, 4, 3, 5], 0)
    return Ledger(
        input=np.select([call, hidden], [own_in, roll_in], 0),
        output=np.select([call, hidden], [own_out, roll_out], 0),
        rule=rule,
        conflict=call & (over_in | over_out),
        is_call=_innermost(llm & readings.is_kind(Kind.LLM), inside, usage.reported),
    )


def _nested_in(readings: Readings, outer: Mask) -> Ints:
    """For each span the row of `outer` it is nested in, -1 where a tool or agent is between."""
    border = readings.is_kind(Kind.TOOL, Kind.AGENT) & ~outer
    above = readings.forest.nearest(outer | border, inclusive=False)
    return np.where((above >= 0) & outer[np.maximum(above, 0)], above, -1)


def _less_nested(reported: Ints, counted: Mask, inside: Ints) -> tuple[Ints, Mask]:
    nested = counted & (inside >= 0)
    below = np.zeros(len(reported), dtype=np.int64)
    np.add.at(below, inside[nested], reported[nested])
    rest = reported - below
    return np.maximum(rest, 0), counted & (rest < 0)


def _calls_shown(readings: Readings, call: Mask) -> Mask:
    """Spans of traces that show model calls with usage: what rolls up there repeats them."""
    trace, _ = codes(whole(readings.spans.column("trace_id")))
    return np.isin(trace, np.unique(trace[call]))


def _innermost(llm: Mask, inside: Ints, reported: Mask) -> Mask:
    """Each model call once: of spans nested in one call the one that reports, else the outer."""
    nested = llm & (inside >= 0)
    reports_below = np.zeros(len(llm), dtype=bool)
    holders = inside[nested & reported]
    while len(holders):
        reports_below[holders] = True
        holders = np.unique(inside[holders])
        holders = holders[(holders >= 0) & ~reports_below[np.maximum(holders, 0)]]
    return llm & ((inside < 0) | reported) & ~reports_below


def rule_names(rule: Ints) -> pa.Array:
    """The rules' names by number."""
    return pa.array(RULES).take(pa.array(rule))
