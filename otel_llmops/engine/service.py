"""From traces that grew to whole sessions, analysed and stored.

Strategy: a session is found through everything that leads to it: the traces themselves, their
conversation ids, the traces they link to. Whatever session the store knows under one of these is
part of the same one, and is analysed again whole with it.
"""

from collections.abc import Collection, Sequence

import pyarrow as pa

from otel_llmops.analysis.derive import Derived, analyse
from otel_llmops.analysis.sessions import conversation_ids, linked_traces
from otel_llmops.engine.recent import Recent
from otel_llmops.model.schemas import DERIVED
from otel_llmops.storage.seams import Exporter

__all__ = ["AgentIntelligenceService"]

_ROUNDS_MAX = 64
"""A session that keeps leading to further ones after so many rounds is cut there."""


class AgentIntelligenceService:
    """Runs the whole analysis for the sessions that some traces belong to."""

    def __init__(self, exporter: Exporter, recent: Recent) -> None:
        self._exporter = exporter
        self._recent = recent

    def analyze_traces(self, trace_ids: Sequence[str], *, still_open: Collection[str]) -> int:
        """Analyse and store the sessions of these traces; how many sessions there were.

        `still_open` are traces that may grow: their sessions are stored as not final.
        Raises: RetryableExport, PermanentExport, as the exporter.
        """
        spans, before = self._whole_sessions(trace_ids)
        tables = analyse(spans, open_traces=pa.array(sorted(still_open), type=pa.string()))
        return self._store(tables, before)

    def analyze_session(self, session_id: str) -> int:
        """Analyse one stored session again, by any id it is known under; 0 where there is none.

        Raises: RetryableExport, PermanentExport, as the exporter.
        """
        keys = self._exporter.session_keys([session_id])
        known = {session_id, *keys.column("session_id").to_pylist()}
        traces = self._exporter.trace_ids(sorted(known))
        return self.analyze_traces(traces, still_open=()) if traces else 0

    def _whole_sessions(self, trace_ids: Sequence[str]) -> tuple[pa.Table, set[str]]:
        """Spans of the sessions of these traces, and the ids they are stored under by now."""
        traces = set(trace_ids)
        asked: set[str] = set()
        sessions: set[str] = set()
        stored: set[str] = set()
        spans = self._recent.spans(traces, stored=stored)
        for _ in range(_ROUNDS_MAX):
            fresh = (traces | _leads(spans)) - asked
            if not fresh:
                break
            asked |= fresh
            keys = self._exporter.session_keys(sorted(fresh))
            found = set(keys.column("session_id").to_pylist()) - sessions
            if not found:
                break
            sessions |= found
            stored |= set(self._exporter.trace_ids(sorted(found)))
            traces |= stored
            spans = self._recent.spans(traces, stored=stored)
        self._recent.mark_whole(traces)
        return spans, sessions

    def _store(self, tables: Derived, before: set[str]) -> int:
        now = tables["sessions"].column("session_id").to_pylist()
        self._exporter.replace_sessions(sorted(before.union(now)), {n: tables[n] for n in DERIVED})
        return len(now)


def _leads(spans: pa.Table) -> set[str]:
    """Conversation ids and linked traces: other keys to the same session."""
    keys = [*conversation_ids(spans).to_pylist(), *linked_traces(spans).to_pylist()]
    return set(keys)
