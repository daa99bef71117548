"""A session as it ran: whose span lay where, and which part of it decided when the trace ended."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.agents import activations
from otel_llmops.analysis.code import code_of
from otel_llmops.analysis.columns import whole
from otel_llmops.analysis.critical_path import critical_path
from otel_llmops.analysis.derive import once
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.kinds import KINDS
from otel_llmops.analysis.messages import BITS, messages_of
from otel_llmops.analysis.names import first_filled
from otel_llmops.analysis.pieces import pieces_of
from otel_llmops.analysis.readings import Readings, read
from otel_llmops.analysis.sessions import sessions
from otel_llmops.model.schemas import SPANS, require
from otel_llmops.semconv import Kind, Side

__all__ = ["Said", "Stretch", "said", "timeline"]

_NS_PER_MS = 1e6
_FLAT = ("trace_id", "span_id", "parent_span_id", "name")
_TEXTS_MAX = 100
_CHARS_MAX = 20_000
_FAILURE_CHARS_MAX = 2_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """One span, times without the skew of clocks; `critical_ms` of it are on the critical path.

    What went wrong, '' where nothing did: the class of the error, and what it says, cut if long.
    """

    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    kind: str
    agent: str
    model: str
    tool: str
    started_at: datetime
    duration_ms: float
    critical_ms: float
    error: bool
    error_type: str
    error_message: str
    function: str
    file: str
    line: int | None


@dataclass(frozen=True, slots=True)
class Said:
    """One text of a span's messages; `received` tells what came in from what was answered."""

    speaker: str
    received: bool
    text: str
    cut: bool


def timeline(spans: pa.Table) -> list[Stretch]:
    """What ran when.

    In:     SPANS, all spans of one session, in any order.
    Out:    a Stretch for each span that came, by start. The critical path is its own time: that in
            which nothing that it waits for runs.
    Raises: SchemaError, if a column of SPANS is missing or mistyped.
    Cost:   O(n log n).
    """
    spans = once(require(spans, SPANS))
    if not spans.num_rows:
        return []
    readings = read(spans)
    path = critical_path(pieces_of(readings))
    own = np.zeros(len(readings.start), dtype=np.int64)
    held = (path.pieces.row >= 0) & path.on
    np.add.at(own, path.pieces.row[held], path.own[held])
    head, agent = _agents(readings)
    code = code_of(readings)
    kind = pa.array([str(each) for each in KINDS]).take(pa.array(readings.kind))
    columns = {
        **{name: readings.spans.column(name) for name in _FLAT},
        "kind": pc.if_else(pa.array(head), str(Kind.AGENT), kind),
        "agent": agent,
        "model": readings.concept("model"),
        "tool": readings.tool,
        "error_type": readings.error_type,
        "error_message": _messages(readings),
        "function": code.function,
        "file": code.file,
    }
    rows = np.flatnonzero(~readings.placeholder)
    texts = pa.table(columns).take(pa.array(rows))
    started = pa.array(readings.start[rows] // 1000).cast(pa.timestamp("us", tz="UTC")).to_pylist()
    return [
        Stretch(
            **{name: text or "" for name, text in row.items()},
            started_at=at,
            duration_ms=max(0, int(readings.end[place] - readings.start[place])) / _NS_PER_MS,
            critical_ms=int(own[place]) / _NS_PER_MS,
            error=bool(readings.failed[place]),
            line=int(code.line[place]) or None,
        )
        for row, at, place in zip(texts.to_pylist(), started, rows.tolist(), strict=True)
    ]


def said(spans: pa.Table, span_id: str) -> list[Said]:
    """What went into a span and came out of it, as far as it was captured.

    In:     SPANS, of one trace; the id of one of them.
    Out:    texts in their order, what came in first; none where nothing was captured.
    Edge:   A long text is cut, and says so.
    Cost:   O(bytes of the span's messages), and O(n) to find it.
    """
    spans = spans.filter(pc.equal(spans.column("span_id"), span_id))
    if not spans.num_rows:
        return []
    readings = read(once(spans))
    rows: Ints = np.flatnonzero(~readings.placeholder)
    found = messages_of(readings.attributes).read(dict.fromkeys(Side, rows))
    return [
        Said(
            speaker=next((str(who) for who, bit in BITS.items() if each.said & bit), ""),
            received=each.side is Side.RECEIVED,
            text=each.text[:_CHARS_MAX],
            cut=len(each.text) > _CHARS_MAX,
        )
        for each in found[:_TEXTS_MAX]
    ]


def _messages(readings: Readings) -> pa.Array:
    """What each failure says: that of an exception is more than the status has."""
    told = first_filled(
        readings.concept("error_message"), whole(readings.spans.column("status_message"))
    )
    told = pc.if_else(pa.array(readings.failed), told, "")
    return pc.utf8_slice_codeunits(told, 0, _FAILURE_CHARS_MAX)


def _agents(readings: Readings) -> tuple[Mask, pa.Array]:
    """Whether each row is the head of an activation, and whose work it is ('': nobody's)."""
    acts = activations(readings, sessions(readings).session)
    head = np.zeros(len(readings.start), dtype=bool)
    head[acts.head] = True
    agent = acts.agent[np.maximum(acts.owner, 0)] if acts.count else acts.owner
    names = acts.names.take(pa.array(agent, mask=acts.owner < 0))
    return head, pc.fill_null(names, "")
