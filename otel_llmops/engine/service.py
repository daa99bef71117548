"""From traces that grew to whole sessions, analysed and stored.

Strategy: a session is found through everything that leads to it: the traces themselves, their
conversation ids, the traces they link to. Whatever session the store knows under one of these is
part of the same one, and is analysed again whole with it.
"""

import time
from collections.abc import Callable, Collection, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.derive import Derived, analyse
from otel_llmops.analysis.sessions import conversation_ids, linked_traces
from otel_llmops.engine.recent import Recent
from otel_llmops.model.schemas import DERIVED, SESSION_KEYS
from otel_llmops.storage.seams import Exporter

__all__ = ["AgentIntelligenceService", "Analysis"]

Analysis = Callable[..., Derived]
"""`analysis.derive.analyse`, or what stands in for it."""

_ALONE_BYTES_MAX = 512 * 2**20
"""Of spans in memory, where nobody lends a `Recent`."""
_ROUNDS_MAX = 64
"""A session that keeps leading to further ones after so many rounds is cut there."""


class AgentIntelligenceService:
    """Runs the whole analysis for the sessions that some traces belong to.

    One call after the other, from one thread at a time: every call reads spans from the store,
    analyses them (agents, handoffs, drift, coordination graph, bottlenecks, coalitions) and makes
    the results all that is stored of these sessions. It is incremental by what it is given: nothing
    is analysed but the sessions asked for, and no answer over many sessions is stored that would
    have to follow. Times are in s, of any one clock; without them the service has its own.
    """

    def __init__(
        self,
        exporter: Exporter,
        recent: Recent | None = None,
        *,
        analysis: Analysis = analyse,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._exporter = exporter
        self._recent = recent or Recent(exporter, keep_s=0.0, bytes_max=_ALONE_BYTES_MAX)
        self._is_alone = recent is None
        self._analysis = analysis
        self._clock = clock

    def analyze_traces(
        self,
        trace_ids: Sequence[str],
        *,
        still_open: Collection[str] = (),
        now: float | None = None,
    ) -> int:
        """Analyse and store the sessions of these traces; how many sessions there were.

        `still_open` are traces that may grow: their sessions are stored as not final. `now` is of
        the clock of `Recent`.
        Raises: RetryableExport, PermanentExport, as the exporter.
        """
        now = self._clock() if now is None else now
        spans, before = self._whole_sessions(trace_ids, now)
        if not spans.num_rows:
            return 0
        made = self._analysis(spans, open_traces=pa.array(sorted(still_open), type=pa.string()))
        tables = {name: made[name] for name in DERIVED}
        tables["session_keys"] = _with_link_keys(tables, spans)
        self._exporter.replace_sessions(_replaced(made, before), tables)
        if self._is_alone:
            self._recent.let_go((), now=now)
        count: int = tables["sessions"].num_rows
        return count

    def analyze_session(self, session_id: str, *, now: float | None = None) -> int:
        """Analyse one stored session again, by any id it is known under; 0 where there is none.

        Raises: RetryableExport, PermanentExport, as the exporter.
        """
        keys = self._exporter.session_keys([session_id])
        known = sorted({session_id, *keys.column("session_id").to_pylist()})
        return self.analyze_sessions(known, now=now)

    def analyze_sessions(
        self,
        session_ids: Sequence[str],
        *,
        still_open: Collection[str] = (),
        now: float | None = None,
    ) -> int:
        """Analyse sessions that are stored under these ids again; how many there were.

        Raises: RetryableExport, PermanentExport, as the exporter.
        """
        traces = self._exporter.trace_ids(session_ids)
        return self.analyze_traces(traces, still_open=still_open, now=now) if traces else 0

    def _whole_sessions(self, trace_ids: Sequence[str], now: float) -> tuple[pa.Table, set[str]]:
        """Spans of the sessions of these traces, and the ids they are stored under by now."""
        traces, sessions = set(trace_ids), set[str]()
        self._recent.fill(traces, stored=False, now=now)
        spans = self._recent.spans(traces)
        leads, asked = traces | _leads(spans), set[str]()
        for _ in range(_ROUNDS_MAX):
            keys = self._exporter.session_keys(sorted(leads - asked))
            asked |= leads
            found = set(keys.column("session_id").to_pylist()) - sessions
            if not found:
                break
            sessions |= found
            stored = self._exporter.trace_ids(sorted(found))
            self._recent.fill(stored, stored=True, now=now)
            traces.update(stored)
            spans = self._recent.spans(traces)
            leads = traces | _leads(spans)
        self._recent.mark_whole(traces)
        return spans, sessions


def _leads(spans: pa.Table) -> set[str]:
    """Conversation ids and linked traces: other keys to the same session."""
    keys = [*conversation_ids(spans).to_pylist(), *linked_traces(spans).to_pylist()]
    return {key for key in keys if key}


def _replaced(tables: Derived, before: set[str]) -> list[str]:
    """Every id under which anything of these sessions may be stored.

    Not only what the store's keys tell: a call that was cut off in the middle may have taken keys
    away before the rows they led to. A session is always named by one of its keys.
    """
    return sorted(before.union(tables["session_keys"].column("key").to_pylist()))


def _with_link_keys(tables: Derived, spans: pa.Table) -> pa.Table:
    """SESSION_KEYS, and a row for each trace that a session links to and that is not here yet.

    When that trace comes, it finds through this key the session it belongs to.
    """
    keys = tables["session_keys"]
    links = spans.column("links").combine_chunks()
    if not len(links.flatten()):
        return keys
    owner = spans.column("trace_id").combine_chunks().take(pc.list_parent_indices(links))
    pairs = pa.table({"owner": owner, "key": links.flatten().field("trace_id")})
    pairs = pairs.group_by(["owner", "key"], use_threads=False).aggregate([])
    traces = keys.filter(pc.equal(keys.column("kind"), "trace"))
    known = traces.column("key").combine_chunks()
    pairs = pairs.filter(pc.invert(pc.is_in(pairs.column("key"), value_set=known)))
    place = pc.index_in(pairs.column("owner").combine_chunks(), value_set=known)
    leading = traces.take(place).set_column(0, "key", pairs.column("key"))
    leading = leading.set_column(1, "kind", pa.array(np.full(len(place), "link"), pa.string()))
    leading = leading.cast(SESSION_KEYS)
    leading = leading.group_by(SESSION_KEYS.names, use_threads=False).aggregate([])
    return pa.concat_tables([keys, leading.cast(SESSION_KEYS)])
