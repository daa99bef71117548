"""The token ledger: each token once, and the rule by which.

Strategy: three classes of spans report usage. A *call* (a model call) counts what it reported,
less what calls nested in the same call reported. A *roll-up* (agent, workflow, step) repeats what
calls reported and counts nothing, unless its instrumentation showed no calls at all. A *usage
record* repeats the call beside it. A record of *spending* repeats the calls in the tool call beside
it, and counts where that shows none. A *message* between agents that tells what its model call
spent counts the first time it is seen, in sessions that show no calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from otel_llmops.analysis.columns import codes, whole
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.readings import Readings
from otel_llmops.analysis.usage import Usage
from otel_llmops.semconv import Kind

__all__ = ["RULES", "Ledger", "calls_shown", "ledger", "rule_names"]

RULES = (
    "",
    "call",
    "call, less the calls nested in it",
    "roll-up of calls that report for themselves",
    "roll-up, no calls seen: what it reports beyond roll-ups below",
    "usage record beside its call",
    "record of spending in calls that nobody shows",
    "message that tells what its call spent, and nobody shows the call",
    "message that was counted before, or whose call reports for itself",
)
_CALLS, _REPEATING, _ROLLUPS, _RECORD, _SPEAKING, _TELLING, _TOLD = (1, 2), 3, (4,), 5, 6, 7, 8
"""Numbers of the rules by which calls count, roll-ups repeat, and roll-ups count."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """One row a span: own tokens, the number of the rule in RULES (0: reports none), conflict.

    Parts (cache_read and cache_write of input, reasoning of output) are never more than the whole.
    `residual` is what cannot be placed (see `_residual`), 0 where all is well.
    """

    input: Ints
    output: Ints
    cache_read: Ints
    cache_write: Ints
    reasoning: Ints
    rule: Ints
    conflict: Mask
    residual: Ints
    is_call: Mask


def ledger(readings: Readings, session: Ints) -> Ledger:
    """Decide what each span's reported usage counts.

    In:   Readings, n rows, and the number of each row's session.
    Out:  Ledger, n rows in the same order. `is_call` marks each model call once.
    Edge: Nested calls that report more than the call around them are a conflict; the outer one
          then counts 0.
    Cost: O(n log depth).
    """
    usage = readings.usage
    llm = readings.is_kind(Kind.LLM, Kind.EMBEDDINGS)
    call = llm & usage.reported
    record = readings.is_kind(Kind.USAGE, Kind.SPENDING) & usage.reported
    message = readings.is_kind(Kind.MESSAGE) & usage.reported
    rollup = usage.reported & ~call & ~record & ~message
    shown = calls_shown(readings)
    hidden = rollup & ~shown
    inside = _nested_in(readings, llm)
    within = _nested_in(readings, call)
    speaking = _speaking(readings, call)
    telling = _telling(readings, session, message, call)
    counting = (
        (call, within),
        (hidden, _rolled_up_in(readings, hidden)),
        (speaking | telling, np.full(len(call), -1)),
    )
    own, over = _own(usage, counting)
    outer = np.zeros(len(call), dtype=bool)
    outer[within[call & (within >= 0)]] = True
    rule = np.select(
        [call & outer, call, hidden, rollup, speaking, record, telling, message],
        [2, 1, 4, _REPEATING, _SPEAKING, _RECORD, _TELLING, _TOLD],
        0,
    )
    return Ledger(
        **own,
        rule=rule,
        conflict=call & over,
        residual=_residual(readings, rule, own),
        is_call=_innermost(llm & readings.is_kind(Kind.LLM), inside, usage.reported) | telling,
    )


def _residual(readings: Readings, rule: Ints, own: Mapping[str, Ints]) -> Ints:
    """Tokens of each span that the ledger cannot place, counted apart from how it counts.

    On the outermost of nested calls (or of roll-ups that count): by how much what it reports
    differs from all that is counted in it. On the outermost roll-up of calls of which some report
    nothing: what it reports beyond all that is counted below it. A roll-up of calls that all
    report is no witness: many leave out what agents below them spent, or add up over a life.
    """
    usage = readings.usage
    both = ((usage.input, own["input"]), (usage.output, own["output"]))
    result = np.zeros(len(rule), dtype=np.int64)
    for rules in (_CALLS, _ROLLUPS):
        counting = np.isin(rule, rules)
        holder = _outermost(_rolled_up_in(readings, counting))
        outermost = counting & (holder == np.arange(len(holder)))
        for reported, counted in both:
            within = np.zeros(len(counted), dtype=np.int64)
            np.add.at(within, holder[counting], counted[counting])
            result += np.where(outermost, np.abs(reported - within), 0)
    witness = _witnesses(readings, rule)
    for reported, counted in both if witness.any() else ():
        beyond = reported - readings.forest.subtree_sum(counted)
        result += np.where(witness, np.maximum(beyond, 0), 0)
    return result


def _outermost(held: Ints) -> Ints:
    """For each span the last one on the way from holder to holder; itself where nothing holds."""
    top = np.where(held >= 0, held, np.arange(len(held)))
    while not np.array_equal(further := top[top], top):
        top = further
    return top


def _witnesses(readings: Readings, rule: Ints) -> Mask:
    """Outermost roll-ups of calls of which some report nothing."""
    silent = readings.is_kind(Kind.LLM, Kind.EMBEDDINGS) & ~readings.usage.reported
    rollup = rule == _REPEATING
    if not silent.any() or not rollup.any():
        return np.zeros(len(silent), dtype=bool)
    over = rollup & (readings.forest.subtree_sum(silent.astype(np.int64)) > 0)
    outer: Mask = over & (readings.forest.nearest(over, inclusive=False) < 0)
    return outer


_WHOLES = ("input", "output")

_Class = tuple[Mask, Ints]
"""Spans that count by one rule, and for each span the one of them that it is nested in, or -1."""


def _own(usage: Usage, counting: tuple[_Class, ...]) -> tuple[dict[str, Ints], Mask]:
    """Own tokens by name, and which calls have more nested in them than they report."""
    own: dict[str, Ints] = {}
    over = np.zeros(len(usage.reported), dtype=bool)
    for name in ("input", "output", "cache_read", "cache_write", "reasoning"):
        counted = [_less_nested(getattr(usage, name), *each) for each in counting]
        own[name] = np.select([mask for mask, _ in counting], [rest for rest, _ in counted], 0)
        if name in _WHOLES:
            over |= counted[0][1]
    own["cache_read"] = np.minimum(own["cache_read"], own["input"])
    own["cache_write"] = np.minimum(own["cache_write"], own["input"] - own["cache_read"])
    own["reasoning"] = np.minimum(own["reasoning"], own["output"])
    return own, over


def _nested_in(readings: Readings, outer: Mask) -> Ints:
    """For each span the row of `outer` it is nested in, -1 where a tool or agent is between."""
    border = readings.is_kind(Kind.TOOL, Kind.AGENT) & ~outer
    above = readings.forest.nearest(outer | border, inclusive=False)
    return np.where((above >= 0) & outer[np.maximum(above, 0)], above, -1)


def _rolled_up_in(readings: Readings, rollup: Mask) -> Ints:
    """For each roll-up the one that repeats it: no agent sums up another agent's calls."""
    above = _nested_in(readings, rollup)
    agent = readings.is_kind(Kind.AGENT)
    return np.where(agent & (above >= 0) & agent[np.maximum(above, 0)], -1, above)


def _less_nested(reported: Ints, counted: Mask, inside: Ints) -> tuple[Ints, Mask]:
    nested = counted & (inside >= 0)
    below = np.zeros(len(reported), dtype=np.int64)
    np.add.at(below, inside[nested], reported[nested])
    rest = reported - below
    return np.maximum(rest, 0), counted & (rest < 0)


def calls_shown(readings: Readings) -> Mask:
    """Spans of traces that show model calls with usage: what rolls up there repeats them."""
    call = readings.is_kind(Kind.LLM, Kind.EMBEDDINGS) & readings.usage.reported
    trace, _ = codes(whole(readings.spans.column("trace_id")))
    return np.isin(trace, np.unique(trace[call]))


def _speaking(readings: Readings, call: Mask) -> Mask:
    """Records of spending that nobody shows: in the tool call beside them no model is called.

    Beside a record is the tool call of the same parent that ended nearest to it in time.
    """
    record = readings.is_kind(Kind.SPENDING) & readings.usage.reported
    speaking = record.copy()
    parent = readings.forest.parent
    rows = np.flatnonzero(record & (parent >= 0))
    tools = np.flatnonzero(readings.is_kind(Kind.TOOL) & (parent >= 0))
    if not len(rows) or not len(tools):
        return speaking
    times = np.concatenate([readings.end[tools], readings.start[rows]])
    distinct, rank = np.unique(times, return_inverse=True)
    key = parent[tools] * len(distinct) + rank[: len(tools)]
    order = np.argsort(key, kind="stable")
    asked = parent[rows] * len(distinct) + rank[len(tools) :]
    place = np.searchsorted(key[order], asked, side="right")
    tools = tools[order]
    near = np.full(len(rows), -1, dtype=np.int64)
    least = np.full(len(rows), np.iinfo(np.int64).max)
    for side in (place - 1, place):
        other = tools[np.clip(side, 0, len(tools) - 1)]
        apart = np.abs(readings.end[other] - readings.start[rows])
        closer = (side >= 0) & (side < len(tools)) & (parent[other] == parent[rows])
        closer &= apart < least
        near, least = np.where(closer, other, near), np.where(closer, apart, least)
    shown = readings.forest.subtree_sum((call | record).astype(np.int64)) > 0
    speaking[rows] = (near < 0) | ~shown[near]
    return speaking


def _telling(readings: Readings, session: Ints, message: Mask, call: Mask) -> Mask:
    """Messages that are the first to tell what a call spent that the session does not show."""
    telling = np.zeros(len(call), dtype=bool)
    rows = np.flatnonzero(message & ~np.isin(session, np.unique(session[call])))
    if len(rows):
        told, _ = codes(readings.concept("message_id").take(pa.array(rows)))
        key = session[rows] * (int(told.max(initial=0)) + 1) + told
        telling[rows[np.unique(key, return_index=True)[1]]] = True
    return telling


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
