"""What holds a session up: which agent, with which calls, why, and what could be saved."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.blame import (
    BY_ITSELF,
    Groups,
    Moments,
    Work,
    groups_of,
    models_of,
    moments_of,
    work_of,
)
from otel_llmops.analysis.causes import causes_of, usual_inputs
from otel_llmops.analysis.columns import whole
from otel_llmops.analysis.critical_path import CriticalPath, critical_path, limits
from otel_llmops.analysis.findings import Findings
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.judgement import Counts, Weighed, weigh
from otel_llmops.analysis.kinds import KINDS
from otel_llmops.analysis.pieces import one_by_one, pieces_of
from otel_llmops.analysis.serial_calls import serial_calls
from otel_llmops.model.latency import bucket
from otel_llmops.model.schemas import BOTTLENECKS, TIME, empty
from otel_llmops.model.severity import severity
from otel_llmops.semconv import Kind

__all__ = ["bottlenecks", "savings"]

_ROWS_MAX = 5
"""Of a session so many bottlenecks are told: those of the most impact."""

_PPM = 1_000_000


def bottlenecks(found: Findings) -> pa.Table:
    """Find what holds each session up.

    In:   Findings, n spans of any number of sessions.
    Out:  BOTTLENECKS rows, in the order of the sessions, most impact first; of most sessions few,
          of those in which nothing stands out none.
    Cost: O(n log n).
    """
    work = work_of(found)
    path = critical_path(one_by_one(pieces_of(found.readings)))
    moments = moments_of(found, work, path)
    groups = groups_of(found, work, path, moments)
    counts = _counts(found, work, path, moments, groups)
    nobody = groups.actor >= work.agents
    weighed = weigh(groups, counts, nobody=nobody)
    rows = _told(counts.session, weighed, nobody, len(found.sessions.ids))
    if not len(rows):
        return empty(BOTTLENECKS)
    saved = _savings_of(found, path, moments, groups, rows)
    return _table(found, (work, path, moments, groups), counts, weighed, (rows, saved))


def savings(limit: Ints, ns: Ints, heap: Ints) -> tuple[Ints, Ints]:
    """How much sooner traces end if parts of their critical paths take so much less: bounds.

    In:     Of k parts the limit (critical_path.limits), how much less it takes, ns, and the number
            of the heap (those of one trace that get faster together) that it is in.
    Out:    For each heap number up to the largest the least and the most that is saved, ns.
    Edge:   The most is what the path gets shorter by. The least takes only parts whose limit is
            high: for any limit, those at least as high save what they add up to, or that limit.
    Cost:   O(k log k).
    """
    heaps = int(heap.max(initial=-1)) + 1
    low, high = (np.zeros(heaps, dtype=np.int64) for _ in range(2))
    np.add.at(high, heap, ns)
    order = np.lexsort((-limit, heap))
    together, of = np.cumsum(ns[order]), heap[order]
    begins = np.append(True, of[1:] != of[:-1])[: len(of)]
    before = np.maximum.accumulate(np.where(begins, together - ns[order], 0))
    np.maximum.at(low, of, np.minimum(together - before, limit[order]))
    return low, high


def _counts(
    found: Findings, work: Work, path: CriticalPath, moments: Moments, groups: Groups
) -> Counts:
    sessions = len(found.sessions.ids)
    pieces, acts, ledger = path.pieces, found.acts, found.ledger
    of_trace = np.zeros(pieces.traces, dtype=np.int64)
    spans = len(found.readings.start)
    of_trace[pieces.trace[:spans]] = found.sessions.session
    session_ns = np.zeros(sessions, dtype=np.int64)
    np.add.at(session_ns, of_trace, pieces.length[pieces.row < 0])
    home = np.concatenate([acts.home, np.arange(sessions)])
    session = home[groups.actor]
    grouped = np.flatnonzero(groups.of_span >= 0)
    failed = np.flatnonzero(found.failure & (groups.of_span >= 0))

    def added(rows: Ints, values: Ints) -> Ints:
        total = np.zeros(groups.count, dtype=np.int64)
        np.add.at(total, groups.of_span[rows], values[rows])
        return total

    serial = serial_calls(found, work, path, session_ns)
    ones = np.ones(spans, dtype=np.int64)
    return Counts(
        session=session,
        session_ns=session_ns[session],
        errors=added(failed, ones),
        again=added(failed[work.tried.again[failed] >= 0], ones),
        limited=added(failed[work.tried.limited[failed]], ones),
        failed_ns=_failed_ns(found, work, moments, path, groups),
        serial_ns=added(np.flatnonzero((serial > 0) & (groups.of_span >= 0)), serial),
        input_tokens=added(grouped, ledger.input),
        output_tokens=added(grouped, ledger.output),
    )


def _failed_ns(
    found: Findings, work: Work, moments: Moments, path: CriticalPath, groups: Groups
) -> Ints:
    """What failed calls took of the path, and the waits after them for the next try."""
    total = np.zeros(groups.count, dtype=np.int64)
    if not found.failure.any():
        return total
    row = path.pieces.row[moments.piece]
    call = np.where(moments.waits, -1, work.holder[row])
    spent = (call >= 0) & found.failure[np.maximum(call, 0)]
    waited = moments.waits & moments.opens & (moments.label != BY_ITSELF)
    kept = np.flatnonzero(spent | waited)
    np.add.at(total, groups.of_moment[kept], moments.ns[kept])
    return total


def _told(session: Ints, weighed: Weighed, nobody: Mask, sessions: int) -> Ints:
    """Groups worth a word, by session: what agents do first, most impact first, of each a few."""
    rows = np.flatnonzero(weighed.told)
    keys = (-weighed.share, -weighed.impact, -weighed.agent_impact, nobody, session)
    rows = rows[np.lexsort((rows, *(key[rows] for key in keys)))]
    first = np.searchsorted(session[rows], np.arange(sessions))
    return rows[np.arange(len(rows)) - first[session[rows]] < _ROWS_MAX]


def _savings_of(
    found: Findings, path: CriticalPath, moments: Moments, groups: Groups, rows: Ints
) -> tuple[Ints, Ints]:
    """What each of these groups saves at the least and at the most if it is twice as fast, ns."""
    pieces = path.pieces
    place = np.full(groups.count, -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    of_row = place[groups.of_moment]
    kept = np.flatnonzero(of_row >= 0)
    piece = moments.piece[kept]
    heaps, heap = np.unique(of_row[kept] * pieces.traces + pieces.trace[piece], return_inverse=True)
    bounds = savings(limits(path)[piece], moments.ns[kept] // 2, heap)
    low, high = (np.zeros(len(rows), dtype=np.int64) for _ in range(2))
    for total, bound in zip((low, high), bounds, strict=True):
        np.add.at(total, heaps // pieces.traces, bound)
    return low, high


def _worst(moments: Moments, groups: Groups, rows: Ints, path: CriticalPath) -> Ints:
    """For each of these groups the span where it takes the most time in one piece."""
    place = np.full(groups.count, -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    kept = np.flatnonzero(place[groups.of_moment] >= 0)
    of = place[groups.of_moment[kept]]
    order = np.lexsort((-moments.piece[kept], moments.ns[kept], of))
    last = np.append(of[order][1:] != of[order][:-1], True)[: len(of)]
    worst = np.full(len(rows), -1, dtype=np.int64)
    worst[of[order][last]] = path.pieces.row[moments.piece[kept[order][last]]]
    spans = np.flatnonzero(groups.of_span >= 0)
    spans = spans[place[groups.of_span[spans]] >= 0]
    first = np.full(len(rows), len(groups.of_span), dtype=np.int64)
    np.minimum.at(first, place[groups.of_span[spans]], spans)
    return np.where(worst >= 0, worst, first)


def _table(
    found: Findings,
    made: tuple[Work, CriticalPath, Moments, Groups],
    counts: Counts,
    weighed: Weighed,
    told: tuple[Ints, tuple[Ints, Ints]],
) -> pa.Table:
    work, path, moments, groups = made
    rows, (low, high) = told
    readings = found.readings
    row = _worst(moments, groups, rows, path)
    session = counts.session[rows]
    by_itself = groups.label[rows] == BY_ITSELF
    call = pa.array(np.where(work.holder[row] >= 0, work.holder[row], row))
    kind = pc.if_else(
        pa.array(by_itself), "", pa.array(map(str, KINDS)).take(pa.array(readings.kind)).take(call)
    )
    tool = pc.if_else(pa.array(by_itself), "", readings.tool.take(call))
    model = pc.if_else(pa.array(by_itself), "", models_of(found).take(call))
    name = whole(readings.spans.column("name")).take(call)
    actor = groups.actor[rows]
    agent = found.acts.names.take(pa.array(actor, mask=actor >= work.agents))
    spent = groups.self_ns[rows] + groups.wait_ns[rows]
    tokens = np.zeros(len(found.sessions.ids), dtype=np.int64)
    np.add.at(tokens, found.sessions.session, found.ledger.input + found.ledger.output)
    usual_input = usual_inputs(found, counts, groups, rows)
    causes = causes_of(groups, counts, weighed, rows, usual_input)
    place = pa.array(row)
    return pa.table(
        {
            "session_id": found.sessions.ids.take(pa.array(session)),
            "trace_id": readings.spans.column("trace_id").take(place),
            "span_id": readings.spans.column("span_id").take(place),
            "agent": pc.fill_null(agent, ""),
            "operation": _operations(kind, model, tool, name),
            "kind": kind,
            "model": model,
            "tool": tool,
            "cause": list(map(str, causes)),
            "severity": [severity(each) for each in weighed.impact[rows].tolist()],
            "impact_ppm": np.rint(weighed.impact[rows] * _PPM).astype(np.int64),
            "agent_impact_ppm": np.rint(weighed.agent_impact[rows] * _PPM).astype(np.int64),
            "critical_path_share": weighed.share[rows],
            "session_ns": counts.session_ns[rows],
            "self_time_ns": groups.self_ns[rows],
            "wait_ns": groups.wait_ns[rows],
            "latency_bucket": bucket(spent),
            "calls": groups.calls[rows].astype(np.int64),
            "path_calls": groups.on_path[rows].astype(np.int64),
            "errors": counts.errors[rows],
            "retries": counts.again[rows],
            "usual_ns": weighed.usual_ns[rows].astype(np.int64),
            "input_tokens": counts.input_tokens[rows],
            "output_tokens": counts.output_tokens[rows],
            "session_tokens": tokens[session],
            "usual_input_tokens": usual_input,
            "saving_ns_low": low,
            "saving_ns_high": high,
            "serial_ns": counts.serial_ns[rows],
            "started_at": readings.spans.column("start_time").take(place).cast(TIME),
            "final": found.final[session],
        }
    )


_VERBS = {Kind.LLM: "chat", Kind.EMBEDDINGS: "embeddings", Kind.TOOL: "execute_tool"}


def _operations(kind: pa.Array, model: pa.Array, tool: pa.Array, name: pa.Array) -> pa.Array:
    """What is called, as OTel GenAI names it; a span's name where it has no such name."""
    made = pc.if_else(pc.equal(kind, ""), "", name)
    for each, verb in _VERBS.items():
        what = tool if each is Kind.TOOL else model
        named = pc.and_(pc.equal(kind, str(each)), pc.not_equal(what, ""))
        made = pc.if_else(named, pc.binary_join_element_wise(verb, what, " "), made)
    return made
